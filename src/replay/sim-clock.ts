/**
 * A clock for machines that are played again: time passes only when it is told to, and timers fire one by one in the order of their times, also those
 * set meanwhile. Where the process was late, so are they.
 */
import type { Pause } from './flight-file.js';

interface Timer {
  readonly id: number;
  readonly dueMs: number;
  readonly fire: () => void;
}

export class SimClock {
  nowMs: number;
  readonly #pauses: readonly Pause[];
  readonly #timers = new Map<number, Timer>();
  #ids = 0;

  constructor(nowMs: number, pauses: readonly Pause[] = []) {
    this.nowMs = nowMs;
    this.#pauses = pauses;
  }

  readonly now = (): number => this.nowMs;

  readonly setTimeout = (fire: () => void, delayMs: number): number => {
    const id = (this.#ids += 1);
    this.#timers.set(id, { id, dueMs: this.#delayed(this.nowMs + Math.max(0, delayMs)), fire });
    return id;
  };

  readonly clearTimeout = (id: unknown): void => {
    this.#timers.delete(id as number);
  };

  /** Up to a moment, without the timers that are due then: a real timer is late, so what came in that millisecond came first. Never back. */
  advanceTo(endMs: number): void {
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) this.#fire(next);
    this.nowMs = Math.max(this.nowMs, endMs);
  }

  /** The next timer, when it is due before `endMs`. False when there is none. */
  fireNext(endMs: number): boolean {
    const next = this.#next(endMs);
    if (next === undefined) return false;
    this.#fire(next);
    return true;
  }

  #fire({ id, dueMs, fire }: Timer): void {
    this.nowMs = Math.max(this.nowMs, dueMs);
    this.#timers.delete(id);
    fire();
  }

  #next(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (timer.dueMs >= endMs) continue;
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.id < next.id))
        next = timer;
    }
    return next;
  }

  #delayed(dueMs: number): number {
    const pause = this.#pauses.find(({ due_ms: fromMs, fired_ms: toMs }) => fromMs <= dueMs && dueMs < toMs);
    return pause?.fired_ms ?? dueMs;
  }
}
