/**
 * When this process was late: timers that fired well after they were due, because the event loop was busy, the host slept or its clock was set. Kept
 * for flight files, for a tube that was not asked in time looks like one that did not answer. Bounded; it changes nothing.
 */
import type { Clock } from './indexed-scheduler.js';

export interface LateTimer {
  readonly dueMs: number;
  readonly firedMs: number;
}

/** Less is how timers are. */
const lateMs = 20;
const kept = 512;

export class LateTimers {
  readonly #ring: LateTimer[] = [];
  readonly #now: () => number;
  #next = 0;

  /** @param now wall clock, milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The same clock, watched. */
  watch(clock: Clock): Clock {
    return {
      setTimeout: (fn, delayMs) => {
        const dueMs = this.#now() + delayMs;
        return clock.setTimeout(() => {
          const firedMs = this.#now();
          if (firedMs - dueMs > lateMs) this.#note(dueMs, firedMs);
          fn();
        }, delayMs);
      },
      clearTimeout: (handle) => clock.clearTimeout(handle),
    };
  }

  /** Those that fired after `fromMs`, oldest first. */
  since(fromMs: number): LateTimer[] {
    const oldestFirst = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
    return oldestFirst.filter(({ firedMs }) => firedMs > fromMs);
  }

  #note(dueMs: number, firedMs: number): void {
    const last = this.#ring[(this.#next + kept - 1) % kept];
    // Many timers are late together.
    if (last !== undefined && dueMs >= last.dueMs && firedMs - last.firedMs < lateMs) return;
    this.#ring[this.#next] = { dueMs, firedMs };
    this.#next = (this.#next + 1) % kept;
  }
}
