/**
 * The peer's own doubt about its path: who sends and hears nothing back asks by pings, and says so when they stay unanswered too. The service does the
 * same, but it cannot notice at once that a peer has moved: what the peer sends still arrives for a while. It watches only while data goes out, and
 * decides nothing; peer.ts asks the service for a restart.
 */
import type { Schedule } from './environment.port.js';

/** An application that gets its acknowledgements hears something far more often. */
const quietMs = 1100;
/** As long as the service waits for a pong at least (RFC 6298 §2.4). */
const pongTimeoutMs = 1000;
const pingsToAsk = 2;

export interface PathWatchOptions {
  readonly schedule: Schedule;
  readonly ping: () => void;
  /** Once per silence. */
  readonly silent: () => void;
}

export class PathWatch {
  readonly #options: PathWatchOptions;
  /** Since the message that is watched for. */
  #heard = false;
  #pings = 0;
  #told = false;
  #cancel: (() => void) | null = null;

  constructor(options: PathWatchOptions) {
    this.#options = options;
  }

  /** A message went out. */
  sent(): void {
    if (this.#cancel !== null || this.#told) return;
    this.#heard = false;
    this.#pings = 0;
    this.#checkAfter(quietMs);
  }

  /** Something came over the path that carries data. */
  heard(): void {
    this.#heard = true;
    this.#told = false;
  }

  /** Another path, or none: what is known is of no use. */
  reset(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#told = false;
  }

  #checkAfter(delayMs: number): void {
    this.#cancel = this.#options.schedule(() => {
      this.#cancel = null;
      this.#check();
    }, delayMs);
  }

  #check(): void {
    if (this.#heard) return;
    if (this.#pings === pingsToAsk) {
      this.#told = true;
      return this.#options.silent();
    }
    this.#pings += 1;
    this.#options.ping();
    this.#checkAfter(pongTimeoutMs);
  }
}
