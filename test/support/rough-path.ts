/**
 * The tube chart with its children on a transport that models one path: pings on a reliable channel whose lost packets are repeated, in order, and (with
 * our library) on one that repeats nothing; polls with a burst of probes. What the transport reports beside pongs and samples is left out, so the
 * charts see less of the path than in life.
 */
import type { PeerKind, TransportCommand } from '../../machines/ports/transport.port.js';
import { profiles, type ProfileName } from '../../src/config/profiles.js';
import { Random } from './random.js';
import { TubeHarness } from './tube-harness.js';

export const hourMs = 3_600_000;
/** SCTP's retransmission timer as libdatachannel sets it: 200 ms, doubled at every further loss. */
const firstRepeatMs = 200;
const burstMs = 2000;
const probes = 100;

export interface Path {
  /** Of packets, in each direction. */
  readonly loss: number;
  /** From the peer, where it is another than to it. */
  readonly lossBack?: number;
  readonly rttMs: number;
  /** Share of pings whose packets are lost, on every channel, once. */
  readonly lostPings?: number;
}

type Way = 'there' | 'back';

/** A tube, connected over such a path. */
export class RoughPath {
  readonly tube: TubeHarness;
  private readonly random: Random;
  private readonly answered = new Set<number>();
  /** When the reliable channel is through with what was sent before, in each direction. */
  private readonly heldUntilMs = { there: 0, back: 0 };
  private pings = 0;
  pongs = 0;

  constructor(
    private readonly path: Path,
    private readonly peer: PeerKind,
    profile: ProfileName,
    seed: number,
  ) {
    this.random = new Random(seed);
    const settings = { ...profiles[profile].tube, sessionTimeoutMs: 1000 * hourMs, sessionWarningMs: 999 * hourMs };
    this.tube = new TubeHarness({ settings });
    this.tube.ponging = false;
    this.tube.commanded = (generation, command) => this.take(generation, command);
    this.tube.begin();
    this.tube.described();
    this.tube.answer(peer);
    this.tube.up();
  }

  private take(generation: number, command: TransportCommand): void {
    if (command.type === 'transport.ping') this.ping(generation, command.seq);
    if (command.type === 'transport.sample') this.sample(generation);
  }

  private ping(generation: number, seq: number): void {
    const sentAtMs = this.tube.clock.nowMs;
    const isLost = this.random.chance(this.path.lostPings ?? 0);
    this.pings += 1;
    const arrives = this.reliably('there', sentAtMs, isLost);
    this.pong(generation, seq, sentAtMs, this.reliably('back', arrives, false));
    if (this.peer === 'plain' || isLost) return;
    if (this.survives('there') && this.survives('back'))
      this.pong(generation, seq, sentAtMs, sentAtMs + this.path.rttMs);
  }

  /** When a packet of an ordered channel that repeats what is lost arrives. */
  private reliably(way: Way, sentAtMs: number, firstIsLost: boolean): number {
    let [leaves, repeatMs] = [sentAtMs, firstRepeatMs];
    for (let isLost = firstIsLost || !this.survives(way); isLost; isLost = !this.survives(way)) {
      leaves += repeatMs;
      repeatMs *= 2;
    }
    return (this.heldUntilMs[way] = Math.max(this.heldUntilMs[way], leaves + this.path.rttMs / 2));
  }

  private pong(generation: number, seq: number, sentAtMs: number, atMs: number): void {
    const { clock } = this.tube;
    clock.setTimeout(() => {
      if (this.answered.has(seq)) return;
      this.answered.add(seq);
      this.pongs += 1;
      const shown = this.peer === 'plain' ? null : seq;
      this.tube.report(generation, { type: 'transport.pong', seq: shown, rttMs: clock.nowMs - sentAtMs });
    }, atMs - clock.nowMs);
  }

  private sample(generation: number): void {
    const survivors = (of: number, way: Way): number =>
      Array.from({ length: of }, () => this.survives(way)).filter(Boolean).length;
    const arrived = survivors(probes, 'there');
    const isProbed = this.peer === 'overlap';
    this.tube.clock.setTimeout(
      () =>
        this.tube.report(generation, {
          type: 'transport.sampled',
          sample: {
            bytesSent: 0,
            bytesReceived: 0,
            bufferedBytes: 0,
            pingsSent: this.pings,
            pongsReceived: this.pongs,
            probes: isProbed ? { sent: probes, arrived, echoed: survivors(arrived, 'back') } : null,
            rttMs: this.path.rttMs,
            selectedPair: null,
          },
        }),
      isProbed ? burstMs + 2 * this.path.rttMs : 0,
    );
  }

  private survives(way: Way): boolean {
    const { loss, lossBack = loss } = this.path;
    return !this.random.chance(way === 'there' ? loss : lossBack);
  }
}
