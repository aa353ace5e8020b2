/**
 * Reports of network changes, spaced: each may cost a native connection, and whoever sends them in a loop must not make a storm of his tube. What
 * comes within a moment of the first passes, for one change is often reported in several ways and the tube settles before it acts; what comes
 * later within the spacing waits for its end, the last in place of those before. Nothing that is reported last is ever lost.
 */
import type { Clock } from './indexed-scheduler.js';

/** The default of networkSettleMs: reports this near to each other are one change to a tube. */
const momentMs = 250;
const spacingMs = 1000;

interface Window {
  readonly openedAtMs: number;
  waiting: (() => void) | null;
}

export class ReportGate {
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, now: () => number) {
    this.#clock = clock;
    this.#now = now;
  }

  /** Runs `deliver` now, or at the end of the spacing unless another one of the same key comes until then. It must not throw. */
  pass(key: string, deliver: () => void): void {
    const window = this.#windows.get(key);
    if (window !== undefined && this.#now() - window.openedAtMs >= momentMs) {
      window.waiting = deliver;
      return;
    }
    if (window === undefined) this.#open(key);
    deliver();
  }

  /** Keys with a spacing that runs. */
  get size(): number {
    return this.#windows.size;
  }

  #open(key: string): void {
    const window: Window = { openedAtMs: this.#now(), waiting: null };
    this.#windows.set(key, window);
    this.#clock.setTimeout(() => {
      this.#windows.delete(key);
      if (window.waiting !== null) this.pass(key, window.waiting);
    }, spacingMs);
  }
}
