/**
 * A clock for machines that are played again: time passes only when it is told to, and timers fire one by one in the order of their times, also those
 * set meanwhile. Timers that are known to have fired in another place wait until they are told to (`place`).
 */
import type { Pause } from './flight-file.js';
import type { TimerInput } from './flight-inputs.js';

interface Timer {
  readonly id: number;
  /** When it was to fire, and when it does: where the process was late, so is it. */
  readonly wantedMs: number;
  readonly dueMs: number;
  readonly key: string;
  readonly fire: () => void;
}

export type Placed = Pick<TimerInput, 'name' | 'due_ms' | 'at_ms' | 'fired'>;

export interface SimClockOptions {
  /** Of files that do not place timers. */
  readonly pauses?: readonly Pause[];
  /** All that will be given to `place`. */
  readonly placed?: readonly Placed[];
}

const keyOf = (name: string, dueMs: number): string => `${name} ${String(dueMs)}`;

const isBefore = (one: Timer, other: Timer): boolean =>
  (one.dueMs - other.dueMs || one.wantedMs - other.wantedMs || one.id - other.id) < 0;

export class SimClock {
  nowMs: number;
  readonly #pauses: readonly Pause[];
  /** Of timers that wait to be placed, how often each. */
  readonly #waiting = new Map<string, number>();
  readonly #timers = new Map<number, Timer>();
  #ids = 0;

  constructor(nowMs: number, { pauses = [], placed = [] }: SimClockOptions = {}) {
    this.nowMs = nowMs;
    this.#pauses = pauses;
    for (const { name, due_ms: dueMs } of placed) this.#waits(keyOf(name, dueMs), 1);
  }

  readonly now = (): number => this.nowMs;

  readonly setTimeout = (fire: () => void, delayMs: number, _source?: unknown, name = ''): number => {
    const id = (this.#ids += 1);
    const wantedMs = this.nowMs + Math.max(0, delayMs);
    const key = keyOf(name, wantedMs);
    this.#timers.set(id, { id, wantedMs, dueMs: this.#delayed(wantedMs), key, fire });
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

  /** Here a timer fired, where it is there. One that was cancelled instead goes on waiting for that. */
  place({ name, due_ms: dueMs, at_ms: atMs, fired }: Placed): void {
    if (!fired) return;
    this.advanceTo(atMs);
    const key = keyOf(name, dueMs);
    this.#waits(key, -1);
    const timer = [...this.#timers.values()].find((other) => other.key === key);
    if (timer !== undefined) this.#fire(timer);
  }

  #waits(key: string, more: number): void {
    const times = (this.#waiting.get(key) ?? 0) + more;
    if (times > 0) this.#waiting.set(key, times);
    else this.#waiting.delete(key);
  }

  #fire({ id, dueMs, fire }: Timer): void {
    this.nowMs = Math.max(this.nowMs, dueMs);
    this.#timers.delete(id);
    fire();
  }

  #next(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (timer.dueMs >= endMs || this.#waiting.has(timer.key)) continue;
      if (next === undefined || isBefore(timer, next)) next = timer;
    }
    return next;
  }

  #delayed(dueMs: number): number {
    const pause = this.#pauses.find(({ due_ms: fromMs, fired_ms: toMs }) => fromMs <= dueMs && dueMs < toMs);
    return pause?.fired_ms ?? dueMs;
  }
}
