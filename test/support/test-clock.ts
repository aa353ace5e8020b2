/** A clock for machines: time passes only by `advance`, and timers fire one by one in the order of their times (also those set meanwhile). */

interface Timer {
  readonly id: number;
  readonly dueMs: number;
  readonly fire: () => void;
}

export class TestClock {
  nowMs = 1_000_000;
  readonly #timers = new Map<number, Timer>();
  #ids = 0;

  readonly setTimeout = (fire: () => void, delayMs: number): number => {
    const id = (this.#ids += 1);
    this.#timers.set(id, { id, dueMs: this.nowMs + Math.max(0, delayMs), fire });
    return id;
  };

  readonly clearTimeout = (id: unknown): void => {
    this.#timers.delete(id as number);
  };

  readonly now = (): number => this.nowMs;

  get pending(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      this.#timers.delete(next.id);
      next.fire();
    }
    this.nowMs = endMs;
  }

  /** Nothing runs for so long: what was due meanwhile fires late. */
  stall(ms: number): void {
    this.nowMs += ms;
    this.advance(0);
  }

  #next(endMs: number): Timer | undefined {
    return [...this.#timers.values()]
      .filter(({ dueMs }) => dueMs <= endMs)
      .sort((a, b) => a.dueMs - b.dueMs || a.id - b.id)[0];
  }
}
