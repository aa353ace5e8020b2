/**
 * Pings of one generation: what was sent, what came back and how fast; and the answers to the peer's own pings. It decides nothing
 * (machines/keepalive.machine.ts does) and owns no channel; generation.ts drives it.
 */
import type { Channel } from '../channels/connection.port.js';
import { encodeControl } from '../channels/wire.js';

/** Pings that may wait for their pong; older ones count as lost. */
const maxOutstanding = 64;
/** Pongs are not sent on top of this: a peer that floods us with pings and does not read waits for itself. */
const maxBufferedBytes = 64 * 1024;

export type Pong = { readonly seq: number | null; readonly rttMs: number | null };

export class PingMeter {
  sent = 0;
  received = 0;
  /** Of the last measured pong, milliseconds. */
  rttMs: number | null = null;
  private readonly outstanding = new Map<number, number>();

  /** @param monotonicMs a clock that never goes back */
  constructor(private readonly monotonicMs: () => number) {}

  /**
   * A plain peer gets the bare bytes that it may compare whole; our own kind the sequence number too. On every one of `channels`, and counted once:
   * one packet that is lost, or one channel that is held up by it, neither loses nor delays a ping.
   */
  ping(channels: readonly Channel[], seq: number, numbered: boolean): void {
    const bytes = encodeControl({ kind: 'ping', seq: numbered ? seq : null });
    const taken = channels.filter((channel) => channel.send(bytes));
    if (taken.length === 0) return;
    this.sent += 1;
    this.outstanding.set(seq, this.monotonicMs());
    const oldest = this.outstanding.keys().next();
    if (this.outstanding.size > maxOutstanding && oldest.done === false) this.outstanding.delete(oldest.value);
  }

  /** The peer pings. */
  answer(channel: Channel, seq: number | null): void {
    if (channel.bufferedBytes() < maxBufferedBytes) channel.send(encodeControl({ kind: 'pong', seq }));
  }

  /** @returns null for a number that nobody waits for: the ping went out on two channels, and this is the second pong */
  pong(seq: number | null): Pong | null {
    // The control channel is ordered, so a bare pong belongs to the oldest ping that waits.
    const asked = seq ?? this.outstanding.keys().next().value;
    const sentAtMs = asked === undefined ? undefined : this.outstanding.get(asked);
    // Unasked pongs are a sign of life, but neither a measurement nor an answer.
    if (asked === undefined || sentAtMs === undefined) return seq === null ? { seq, rttMs: null } : null;
    this.outstanding.delete(asked);
    this.received += 1;
    this.rttMs = this.monotonicMs() - sentAtMs;
    return { seq, rttMs: this.rttMs };
  }

  /** Unanswered pings among all but the last, which may be on its way; null when the peer never answered one. */
  lossRatio(): number | null {
    if (this.received === 0) return null;
    const due = this.outstanding.size > 0 ? this.sent - 1 : this.sent;
    return due <= 0 ? 0 : Math.max(0, (due - this.received) / due);
  }
}
