/**
 * Signalling over the service's `/peer` namespace: connects, says hello, keeps what could not be sent, and reconnects after 1, 2, 4, 8,
 * 10, 10 … s without jitter (the service's own rate limits and the peers' different moments of loss spread them), or at once when a network
 * change shows the socket to be dead. It knows nothing of generations beyond their numbers. Driven by HoldfastPeer; stopped for good by
 * `stop` or a fatal refusal.
 */
import { Outbox, type OutboxEntry } from './outbox.js';
import { PeerError, type PeerErrorCode } from './peer-error.js';
import { isRecord, type OutgoingMessage, type Signalling, type SignallingHandlers } from './signalling.port.js';
import { openSocket, type OpenSocket, type RawSocket } from './socket.js';
import type { Schedule } from './environment.port.js';

/** Waits before the reconnections after a success; the last one repeats. */
const reconnectDelaysMs = [1000, 2000, 4000, 8000, 10_000] as const;

/** TCP, WebSocket, namespace and hello together. */
const attemptTimeoutMs = 10_000;
/** A message without acknowledgement for this long means that the socket is dead although nobody said so. */
const ackTimeoutMs = 10_000;
/**
 * A network change is the moment at which sockets die silently, so its message doubles as a probe, and a new socket is tried at once. Only the first
 * time: on a network with such a round-trip time no socket would ever do. Nor when there is no network: a short gap does a socket no harm.
 */
const probeTimeoutMs = 1000;
/** How often a message that was refused as retryable is sent again. */
const maxRefusals = 3;
const defaultRetryDelayMs = 1000;

/** Refusals after which another attempt with the same token is pointless. */
const fatalCodes = new Set(['auth_missing', 'auth_invalid', 'tube_unknown', 'tube_closed']);
/** Refusals that only say that a repeated or late message was not needed. */
const quietCodes = new Set(['signalling_stale_generation', 'signalling_unexpected_answer', 'restart_in_progress']);

interface Refusal {
  readonly code: PeerErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
  readonly delayMs: number;
}

export interface SocketSignallingOptions {
  /** Of the service, without `/peer`: `https://holdfast.example`. */
  readonly url: string;
  readonly token: string;
  readonly schedule: Schedule;
  /** Replaced by tests. */
  readonly openSocket?: OpenSocket;
}

type Phase = 'idle' | 'opening' | 'online' | 'waiting' | 'stopped';

export class SocketSignalling implements Signalling {
  readonly #options: SocketSignallingOptions;
  readonly #outbox = new Outbox();
  readonly #timers = new Set<() => void>();
  #handlers: SignallingHandlers | null = null;
  #phase: Phase = 'idle';
  #socket: RawSocket | null = null;
  /** Attempts that failed since the last hello that was accepted. */
  #failures = 0;

  constructor(options: SocketSignallingOptions) {
    this.#options = options;
  }

  start(handlers: SignallingHandlers): void {
    if (this.#phase !== 'idle') return;
    this.#handlers = handlers;
    this.#open();
  }

  send(message: OutgoingMessage): void {
    if (this.#phase === 'stopped') return;
    if (message.event === 'bye') return this.#sayBye(message.data);
    this.#outbox.add(message);
    this.#flush();
  }

  networkBack(): void {
    if (this.#phase !== 'waiting' && this.#phase !== 'opening') return;
    // A new network voids old failures. An attempt that began on the old one may hang until its timeout: it is started anew as well.
    this.#failures = 0;
    this.#open();
  }

  stop(): void {
    if (this.#phase === 'stopped') return;
    this.#phase = 'stopped';
    this.#dropSocket();
    this.#outbox.clear();
  }

  #open(): void {
    this.#dropSocket();
    this.#phase = 'opening';
    this.#after(attemptTimeoutMs, () => this.#lost(null, 'no connection in time'));
    const { url, token } = this.#options;
    this.#socket = (this.#options.openSocket ?? openSocket)(url, token, {
      connected: () => this.#sayHello(),
      lost: (code, detail) => this.#lost(code, detail),
      frame: (event, data) => this.#receive(event, data),
    });
  }

  #sayHello(): void {
    if (this.#handlers === null) return;
    this.#socket?.emit('hello', this.#handlers.hello(), (reply) => {
      const refusal = readRefusal(reply);
      if (refusal !== null) return this.#lost(refusal.code, refusal.detail);
      this.#cancelTimers();
      this.#failures = 0;
      this.#phase = 'online';
      this.#handlers?.status({ status: 'online' });
      this.#flush();
    });
  }

  /** Now or never: by the time of a reconnection we are gone, and the service has found out by its pings. */
  #sayBye(data: object): void {
    if (this.#phase === 'online') this.#socket?.emit('bye', data, () => undefined);
  }

  #receive(event: string, data: unknown): void {
    const isOffer = event === 'offer' || event === 'ice_restart_offer';
    if (isOffer && isRecord(data) && Number.isSafeInteger(data.generation)) {
      this.#outbox.offerArrived(Number(data.generation));
    }
    this.#handlers?.receive(event, data);
  }

  #lost(code: string | null, detail: string, delayMs = this.#nextDelayMs()): void {
    const wasOnline = this.#phase === 'online';
    this.#dropSocket();
    if (code !== null && fatalCodes.has(code)) {
      this.#phase = 'stopped';
      this.#handlers?.fatal(new PeerError(code as PeerErrorCode, detail));
      return;
    }
    if (wasOnline) this.#handlers?.status({ status: 'offline' });
    // A handler of `offline` may have stopped us.
    if (this.#phase !== 'stopped') this.#wait(delayMs);
  }

  #nextDelayMs(): number {
    return reconnectDelaysMs[Math.min(this.#failures, reconnectDelaysMs.length - 1)] ?? 0;
  }

  #wait(delayMs: number): void {
    this.#failures += 1;
    this.#phase = 'waiting';
    this.#after(delayMs, () => this.#open());
    this.#handlers?.status({ status: 'reconnecting', attempt: this.#failures, delayMs });
  }

  #flush(): void {
    if (this.#phase !== 'online') return;
    for (const entry of this.#outbox.waiting()) this.#transmit(entry);
  }

  #transmit(entry: OutboxEntry): void {
    const { event, data } = entry.message;
    const isProbe = event === 'network_change' && data.type !== 'offline' && !entry.wasSent;
    entry.busy = true;
    entry.wasSent = true;
    const cancelTimeout = this.#after(isProbe ? probeTimeoutMs : ackTimeoutMs, () =>
      this.#lost(null, `no acknowledgement of ${event}`, isProbe ? 0 : undefined),
    );
    this.#socket?.emit(event, data, (reply) => {
      cancelTimeout();
      this.#acknowledged(entry, readRefusal(reply));
    });
  }

  #acknowledged(entry: OutboxEntry, refusal: Refusal | null): void {
    if (
      refusal !== null &&
      entry.refusals < maxRefusals &&
      this.#outbox.has(entry) &&
      isWorthRepeating(entry, refusal)
    ) {
      entry.refusals += 1;
      this.#after(refusal.delayMs, () => {
        entry.busy = false;
        this.#flush();
      });
      return;
    }
    this.#outbox.done(entry);
    if (refusal === null || quietCodes.has(refusal.code)) return;
    this.#handlers?.error(new PeerError(refusal.code, `${entry.message.event} was refused. ${refusal.detail}`));
  }

  #dropSocket(): void {
    this.#cancelTimers();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#outbox.release();
  }

  #after(delayMs: number, fn: () => void): () => void {
    const cancel = this.#options.schedule(() => {
      this.#timers.delete(cancel);
      fn();
    }, delayMs);
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }

  #cancelTimers(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}

/** A request for a restart is about the moment: one that was turned down is not repeated, only one that was not even read. */
function isWorthRepeating({ message }: OutboxEntry, { code, retryable }: Refusal): boolean {
  return retryable && (message.event !== 'restart_request' || code === 'rate_exceeded');
}

/** Null when the reply is `{ok: true}`. */
function readRefusal(reply: unknown): Refusal | null {
  if (isRecord(reply) && reply.ok === true) return null;
  const error = isRecord(reply) && isRecord(reply.error) ? reply.error : {};
  return {
    code: typeof error.code === 'string' ? (error.code as PeerErrorCode) : 'signalling_malformed',
    detail: typeof error.message === 'string' ? error.message : 'The acknowledgement has no error.',
    retryable: error.retryable === true,
    delayMs: typeof error.suggested_delay_ms === 'number' ? error.suggested_delay_ms : defaultRetryDelayMs,
  };
}
