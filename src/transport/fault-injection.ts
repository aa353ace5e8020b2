/**
 * Connections that can be broken on purpose, to try out recovery (`inject_fault`): a wrapper around the port, which exists only where faults are allowed.
 * What it breaks is data, not ICE: to the library all is well, as with a middlebox that forgets a mapping while the consent checks still pass. TransportHost
 * picks the connection; app.ts puts the wrapper in.
 */
import type {
  Channel,
  ChannelHandlers,
  ChannelInit,
  Connection,
  ConnectionFactory,
  ConnectionFault,
  ConnectionHandlers,
} from '../channels/connection.port.js';
import { byteLength } from '../channels/frame.js';

/** Of one connection while its path is a black hole; a peer that sends more loses its connection. */
const maxHeldBytes = 8 * 1024 * 1024;

/** Whether what is given to a channel, or comes out of one, has to wait. */
interface Hole {
  readonly isOpen: boolean;
  /** So many bytes more are held. */
  charge(bytes: number): void;
}

/** Connections of `create` that take `injectFault`. */
export const withFaults =
  (create: ConnectionFactory): ConnectionFactory =>
  (config, handlers) =>
    new BreakableConnection((own) => create(config, own), handlers);

class BreakableConnection implements Connection, Hole {
  isOpen = false;
  private readonly inner: Connection;
  private readonly channels = new Set<BreakableChannel>();
  private heldBytes = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(create: (handlers: ConnectionHandlers) => Connection, handlers: ConnectionHandlers) {
    this.inner = create({
      localDescription: (description) => handlers.localDescription(description),
      localCandidate: (candidate, mid) => handlers.localCandidate(candidate, mid),
      iceConnected: () => handlers.iceConnected(),
      flooded: () => handlers.flooded?.(),
      stateChanged: (state) => {
        if (state === 'closed') this.forget();
        handlers.stateChanged(state);
      },
      remoteChannel: (channel) => {
        const breakable = new BreakableChannel(this);
        breakable.inner = channel;
        const served = handlers.remoteChannel(breakable);
        return served === null ? null : this.serve(breakable, served);
      },
    });
  }

  createChannel(init: ChannelInit, handlers: ChannelHandlers): Channel {
    const breakable = new BreakableChannel(this);
    breakable.inner = this.inner.createChannel(init, this.serve(breakable, handlers));
    return breakable;
  }

  offer = (): Promise<void> => this.inner.offer();
  applyOffer = (sdp: string): Promise<void> => this.inner.applyOffer(sdp);
  applyAnswer = (sdp: string): Promise<void> => this.inner.applyAnswer(sdp);
  addCandidate = (candidate: string, mid: string): Promise<void> => this.inner.addCandidate(candidate, mid);
  localDescription = (): ReturnType<Connection['localDescription']> => this.inner.localDescription();
  state = (): ReturnType<Connection['state']> => this.inner.state();
  stats = (): ReturnType<Connection['stats']> => this.inner.stats();
  close = (): void => this.inner.close();

  injectFault(fault: ConnectionFault, durationMs: number): void {
    if (fault === 'connection_closed') return this.inner.close();
    clearTimeout(this.timer);
    this.isOpen = true;
    this.timer = setTimeout(() => this.fill(), durationMs).unref();
  }

  charge(bytes: number): void {
    this.heldBytes += bytes;
    if (this.heldBytes > maxHeldBytes) this.inner.close();
  }

  private serve(channel: BreakableChannel, handlers: ChannelHandlers): ChannelHandlers {
    this.channels.add(channel);
    return channel.serve(handlers, () => this.channels.delete(channel));
  }

  /** The path is one again: what waited goes on in its order, as SCTP repeats it after an outage. */
  private fill(): void {
    this.isOpen = false;
    this.heldBytes = 0;
    for (const channel of [...this.channels]) channel.letGo();
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.channels.clear();
  }
}

class BreakableChannel implements Channel {
  /** Set before anybody sees this channel. */
  inner!: Channel;
  private handlers: ChannelHandlers | null = null;
  private outgoing: (string | Uint8Array)[] = [];
  private incoming: (string | Uint8Array)[] = [];
  private outgoingBytes = 0;
  /** Not told yet that it drained: who waits for that sends nothing until it is. */
  private owesDrained = false;

  constructor(private readonly hole: Hole) {}

  get label(): string {
    return this.inner.label;
  }

  get class(): Channel['class'] {
    return this.inner.class;
  }

  get highWaterBytes(): number {
    return this.inner.highWaterBytes ?? 1024 * 1024;
  }

  id = (): number | null => this.inner.id();
  isOpen = (): boolean => this.inner.isOpen();
  setLowWaterBytes = (bytes: number): void => this.inner.setLowWaterBytes(bytes);
  close = (): void => this.inner.close();

  bufferedBytes(): number {
    return this.inner.bufferedBytes() + this.outgoingBytes;
  }

  send(data: string | Uint8Array): boolean {
    if (!this.hole.isOpen) return this.inner.send(data);
    if (!this.inner.isOpen()) return false;
    if (this.class === 'latest') return true;
    // Whoever sends may use its bytes again.
    this.outgoing.push(typeof data === 'string' ? data : data.slice());
    this.outgoingBytes += byteLength(data);
    this.hole.charge(byteLength(data));
    return true;
  }

  serve(handlers: ChannelHandlers, ended: () => void): ChannelHandlers {
    this.handlers = handlers;
    return {
      open: () => handlers.open(),
      drained: () => {
        if (this.hole.isOpen) this.owesDrained = true;
        else handlers.drained();
      },
      message: (data) => this.received(data, handlers),
      closed: () => {
        ended();
        handlers.closed();
      },
    };
  }

  letGo(): void {
    const { outgoing, incoming } = this;
    const owesDrained = this.owesDrained || outgoing.length > 0;
    this.owesDrained = false;
    this.outgoing = [];
    this.incoming = [];
    this.outgoingBytes = 0;
    for (const data of outgoing) this.inner.send(data);
    for (const data of incoming) this.handlers?.message(data);
    if (owesDrained) this.handlers?.drained();
  }

  private received(data: string | Uint8Array, handlers: ChannelHandlers): void {
    if (!this.hole.isOpen) return handlers.message(data);
    if (this.class === 'latest') return;
    this.incoming.push(data);
    this.hole.charge(byteLength(data));
  }
}
