/**
 * A network that can break, inside this tab: wraps the browser's connections so that those which exist at the moment of `breakAll` lose everything
 * in both directions and nobody is told, like a NAT that forgot its mappings. Connections made later work. It only knows the connection port.
 */
import type {
  Channel,
  ChannelHandlers,
  Connection,
  ConnectionFactory,
  ConnectionHandlers,
} from '../../channels/connection.port.js';

interface Path {
  broken: boolean;
  /** We closed it ourselves: that is heard, broken or not. */
  closing: boolean;
}

export class BreakablePaths {
  readonly #create: ConnectionFactory;
  readonly #paths = new Set<Path>();

  constructor(create: ConnectionFactory) {
    this.#create = create;
  }

  readonly createConnection: ConnectionFactory = (config, handlers) => {
    const path: Path = { broken: false, closing: false };
    const inner = this.#create(config, breakableHandlers(path, handlers));
    this.#paths.add(path);
    return breakableConnection(path, inner, () => this.#paths.delete(path));
  };

  /** There is a connection, and one that is not broken. */
  get isWhole(): boolean {
    return [...this.#paths].some((path) => !path.broken);
  }

  breakAll(): void {
    for (const path of this.#paths) path.broken = true;
  }
}

function breakableHandlers(path: Path, handlers: ConnectionHandlers): ConnectionHandlers {
  return {
    localDescription: (description) => handlers.localDescription(description),
    localCandidate: (candidate, mid) => handlers.localCandidate(candidate, mid),
    iceConnected: () => handlers.iceConnected(),
    // Of a black hole the browser would hear nothing either, not even that the other side closed.
    stateChanged: (state) => {
      if (!path.broken || path.closing) handlers.stateChanged(state);
    },
    remoteChannel: (channel) => {
      const served = handlers.remoteChannel(new BreakableChannel(path, channel));
      return served === null ? null : breakableChannelHandlers(path, served);
    },
  };
}

function breakableChannelHandlers(path: Path, handlers: ChannelHandlers): ChannelHandlers {
  return {
    open: () => handlers.open(),
    closed: () => {
      if (!path.broken || path.closing) handlers.closed();
    },
    message: (data) => {
      if (!path.broken) handlers.message(data);
    },
    drained: () => handlers.drained(),
  };
}

function breakableConnection(path: Path, inner: Connection, forget: () => void): Connection {
  return {
    createChannel: (init, handlers) =>
      new BreakableChannel(path, inner.createChannel(init, breakableChannelHandlers(path, handlers))),
    offer: () => inner.offer(),
    applyOffer: (sdp) => inner.applyOffer(sdp),
    applyAnswer: (sdp) => inner.applyAnswer(sdp),
    addCandidate: (candidate, mid) => inner.addCandidate(candidate, mid),
    localDescription: () => inner.localDescription(),
    state: () => inner.state(),
    stats: () => inner.stats(),
    close: () => {
      path.closing = true;
      forget();
      inner.close();
    },
  };
}

class BreakableChannel implements Channel {
  readonly #path: Path;
  readonly #inner: Channel;

  constructor(path: Path, inner: Channel) {
    this.#path = path;
    this.#inner = inner;
  }

  get label(): string {
    return this.#inner.label;
  }

  get class(): 'reliable' | 'latest' {
    return this.#inner.class;
  }

  id(): number | null {
    return this.#inner.id();
  }

  isOpen(): boolean {
    return this.#inner.isOpen();
  }

  /** Into a black hole everything goes willingly. */
  send(data: string | Uint8Array): boolean {
    return this.#path.broken ? this.#inner.isOpen() : this.#inner.send(data);
  }

  bufferedBytes(): number {
    return this.#inner.bufferedBytes();
  }

  setLowWaterBytes(bytes: number): void {
    this.#inner.setLowWaterBytes(bytes);
  }

  close(): void {
    this.#inner.close();
  }
}
