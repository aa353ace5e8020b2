/**
 * One native data channel behind the channel port. Made by native-connection.ts only, which tells it when the connection ended without a word from
 * the channel. The wrapper is registered until the library says `closed`, whatever JavaScript thinks of the channel by then.
 */
import type { DataChannel } from 'node-datachannel';
import type { Channel, ChannelHandlers } from '../channels/connection.port.js';
import { byteLength } from '../channels/frame.js';
import type { InboundBacklog } from './inbound-backlog.js';
import { guard, keepChannel, letGo } from './native-runtime.js';

/**
 * What a channel holds back waits in one queue with everything else of its connection, pings too, on top of 1 MiB that SCTP has taken already and
 * that keeps a fast path busy. (With 1 MiB here a ping took 8 s on a path of 1 Mbit/s; loopback was no faster by it.)
 */
const highWaterBytes = 32 * 1024;

/** The `closed` callback of an abandoned channel has come by then, or never will. */
const closedWithinMs = 1000;

export class NativeChannel implements Channel {
  readonly class: 'reliable' | 'latest';
  readonly highWaterBytes = highWaterBytes;
  private opened = false;
  /** Close was asked for: the wrapper throws at most questions from here on. */
  private closing = false;
  private over = false;
  private muted = false;

  constructor(
    private readonly native: DataChannel,
    readonly label: string,
    kind: 'reliable' | 'latest',
    private readonly handlers: ChannelHandlers,
    private readonly gone: () => void,
    private readonly backlog: InboundBacklog,
  ) {
    this.class = kind;
    keepChannel(native);
    // In this order: what is due together is called in the order of registration, so messages come before `closed`.
    native.onOpen(guard('open', () => this.announceOpen()));
    native.onMessage(guard('message', (data: string | Buffer | ArrayBuffer) => this.received(data)));
    native.onBufferedAmountLow(
      guard('drained', () => {
        if (this.opened && !this.over) this.handlers.drained();
      }),
    );
    native.onClosed(
      guard('channelClosed', () => {
        letGo(native);
        this.ended();
      }),
    );
  }

  id(): number | null {
    if (this.closing || this.over) return null;
    const id = this.native.getId();
    // 65535 is not a stream id (RFC 8832 §6): the library's word for "not yet".
    return id >= 0 && id < 65535 ? id : null;
  }

  isOpen(): boolean {
    return this.opened && !this.closing && !this.over;
  }

  send(data: string | Uint8Array): boolean {
    if (!this.isOpen()) return false;
    try {
      if (byteLength(data) > this.native.maxMessageSize()) return false;
      // The result only says whether it had to be buffered.
      if (typeof data === 'string') this.native.sendMessage(data);
      else this.native.sendMessageBinary(data);
      return true;
    } catch {
      return false;
    }
  }

  bufferedBytes(): number {
    return this.isOpen() ? this.native.bufferedAmount() : 0;
  }

  setLowWaterBytes(bytes: number): void {
    if (!this.closing && !this.over) this.native.setBufferedAmountLowThreshold(bytes);
  }

  close(): void {
    if (this.closing || this.over) return;
    this.closing = true;
    this.native.close();
  }

  /** What still comes is let go at once. */
  mute(): void {
    this.muted = true;
  }

  /** Once, whether the library says it or a message shows it. */
  announceOpen(): void {
    if (this.opened || this.closing || this.over) return;
    this.opened = true;
    this.handlers.open();
  }

  /**
   * No word of the library may be waited for: the connection ended (a channel that never opened hears nothing of that until it is closed
   * itself), or the peer closed the channel before JavaScript heard of it (then `closed` never comes).
   */
  abandon(): void {
    if (!this.over && !this.closing) this.native.close();
    this.ended();
    setTimeout(() => letGo(this.native), closedWithinMs).unref();
  }

  private ended(): void {
    if (this.over) return;
    this.over = true;
    this.gone();
    this.handlers.closed();
  }

  private received(data: string | Buffer | ArrayBuffer): void {
    this.backlog.handled(data);
    if (this.closing || this.over || this.muted) return;
    this.announceOpen();
    if (typeof data === 'string') this.handlers.message(data);
    // A view: the library made these bytes for us alone.
    else if (data instanceof ArrayBuffer) this.handlers.message(new Uint8Array(data));
    else this.handlers.message(new Uint8Array(data.buffer, data.byteOffset, data.length));
  }
}
