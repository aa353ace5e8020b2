/**
 * Ends connections of clients that read slower than they are told: what waits for them would grow without bound. A controller that comes
 * back in time recovers what it missed, within the caps of the replay.
 */
import type { GatewayNamespace, GatewaySocket } from './sockets.js';
import type { Log } from './observer.port.js';

/** The parts of an engine.io connection that its types hide. */
interface RawConnection {
  readonly writeBuffer: readonly { readonly data?: unknown }[];
  readonly transport: { readonly socket?: { readonly bufferedAmount?: number } };
  close(discard: boolean): void;
  on(event: 'drain' | 'close', listener: () => void): void;
  off(event: 'drain' | 'close', listener: () => void): void;
}

/** Resolves when what was written to the connection is on its way, or when it is closed; never before the event loop has turned. */
export function whenDrained({ conn }: GatewaySocket): Promise<void> {
  const raw = conn as unknown as RawConnection;
  return new Promise((resolve) => {
    const done = (): void => {
      raw.off('drain', look);
      raw.off('close', done);
      resolve();
    };
    const look = (): void => {
      if (raw.writeBuffer.length === 0) done();
    };
    raw.on('drain', look);
    raw.on('close', done);
    setImmediate(look);
  });
}

const sweepIntervalMs = 1000;
/** Between two sweeps by the clock, this much traffic calls for one as well. */
const sweepEveryBytes = 1024 * 1024;

export class SlowClients {
  readonly #namespaces: readonly GatewayNamespace[];
  readonly #maxBytes: number;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #sinceSweep = 0;

  constructor(namespaces: readonly GatewayNamespace[], maxBytes: number, log: Log) {
    this.#namespaces = namespaces;
    this.#maxBytes = maxBytes;
    this.#log = log;
    this.#timer = setInterval(() => this.sweep(), sweepIntervalMs);
    this.#timer.unref();
  }

  /** So many bytes were handed to sockets. */
  note(bytes: number): void {
    this.#sinceSweep += bytes;
    if (this.#sinceSweep >= sweepEveryBytes) this.sweep();
  }

  sweep(): void {
    this.#sinceSweep = 0;
    for (const namespace of this.#namespaces) {
      for (const socket of [...namespace.sockets.values()]) this.#check(socket, namespace.name);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(socket: GatewaySocket, namespace: string): void {
    const connection = socket.conn as unknown as RawConnection;
    const bytes = waitingBytes(connection);
    if (bytes <= this.#maxBytes) return;
    this.#log.warn({ event: namespace, bytes }, 'a client that reads too slowly was disconnected');
    connection.close(true);
  }
}

function waitingBytes({ writeBuffer, transport }: RawConnection): number {
  let bytes = transport.socket?.bufferedAmount ?? 0;
  for (const { data } of writeBuffer) bytes += typeof data === 'string' ? data.length : 0;
  return bytes;
}
