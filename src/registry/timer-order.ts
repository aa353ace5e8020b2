/**
 * In which order the inputs and the timers of one tube came, as far as it is not what their times say. A replay (src/replay/sim-clock.ts) fires a timer
 * when it is due, and plays an input before the timers that are due in its millisecond; real timers are late, and events share a millisecond. This keeps
 * the clock that the replay will have and names the timers that it must be told of. Pure; driven by input-recorder.ts.
 */
export interface TimerOfTube {
  /** As the chart names it. */
  readonly name: string;
  /** By the clock of the replay: it may be some milliseconds behind. */
  readonly dueMs: number;
  /** Timers that are due together fire in the order in which they were set. */
  readonly set: number;
}

/** A timer that a replay fires here, or (`fired`: false) never: whatever came first cancelled it. */
export interface PlacedTimer {
  readonly name: string;
  readonly dueMs: number;
  readonly atMs: number;
  readonly fired: boolean;
}

/** A timer that was later than this is placed whatever came before it. */
const lateMs = 100;
const none: readonly PlacedTimer[] = [];
// One for all: most tubes have just these.
const noTimers: readonly TimerOfTube[] = [];
const nothing = { dueMs: -Infinity, set: 0 };

export class TimerOrder {
  /** Of the replay. */
  #nowMs: number;
  /** What was due before this has fired in the replay. */
  #playedMs: number;
  /** The last that fired when the replay fires it. */
  #last: Pick<TimerOfTube, 'dueMs' | 'set'> = nothing;
  /** Of the last millisecond: an input that comes in it would be played before them. */
  #fresh = noTimers;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
    this.#playedMs = nowMs;
  }

  /** What the clock of a replay shows now: timers that are set are due so much later. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** An input comes. Returns the timers that must be placed before it. */
  heard(atMs: number): readonly PlacedTimer[] {
    const placed = this.freshAt(atMs);
    this.#fresh = noTimers;
    this.#nowMs = Math.max(this.#nowMs, atMs);
    this.#playedMs = this.#nowMs;
    return placed;
  }

  /** What must be placed before something that comes at this moment; by default before the end of a replay, which is now. */
  freshAt(atMs = this.#nowMs): readonly PlacedTimer[] {
    if (this.#fresh.length === 0) return none;
    return this.#fresh
      .filter(({ dueMs }) => dueMs >= atMs)
      .map(({ name, dueMs }) => ({ name, dueMs, atMs: dueMs, fired: true }));
  }

  /** A timer fires. Returns what must be placed: nothing where the replay does the same by itself. */
  fired(timer: TimerOfTube, atMs: number): readonly PlacedTimer[] {
    const { name, dueMs } = timer;
    if (!this.#isOvertaken(timer) && atMs - dueMs <= lateMs) {
      this.#nowMs = Math.max(this.#nowMs, dueMs);
      this.#last = timer;
      this.#fresh = [...this.#fresh.filter((fresh) => fresh.dueMs >= dueMs), timer];
      return none;
    }
    return [...this.heard(atMs), { name, dueMs, atMs: this.#nowMs, fired: true }];
  }

  /** A timer is cancelled. Returns what must be placed. */
  cancelled(timer: TimerOfTube): readonly PlacedTimer[] {
    const { name, dueMs } = timer;
    return this.#isOvertaken(timer) ? [{ name, dueMs, atMs: this.#nowMs, fired: false }] : none;
  }

  /** The replay would have fired it before something that has come already. */
  #isOvertaken({ dueMs, set }: TimerOfTube): boolean {
    const { dueMs: lastMs, set: lastSet } = this.#last;
    return dueMs < this.#playedMs || dueMs < lastMs || (dueMs === lastMs && set < lastSet);
  }
}
