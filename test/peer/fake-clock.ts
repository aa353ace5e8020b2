/** Time as tests want it: it moves when `advance` is called, in order, and promises settle between two timers. */
import type { Schedule } from '../../src/peer/environment.port.js';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
}

export class FakeClock {
  #nowMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  readonly now = (): number => this.#nowMs;

  readonly schedule: Schedule = (fn, delayMs) => {
    const timer = { atMs: this.#nowMs + delayMs, order: this.#order++, fn };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  };

  get pendingTimers(): number {
    return this.#timers.size;
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#timers.delete(next);
      this.#nowMs = next.atMs;
      next.fn();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): Timer | undefined {
    return [...this.#timers]
      .filter((timer) => timer.atMs <= untilMs)
      .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
  }
}

/** Lets what is waiting on promises go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}
