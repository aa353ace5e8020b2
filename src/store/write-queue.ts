/**
 * Writing behind: of each key the newest value waits, one batch is on its way at a time, and a batch that fails is repeated with growing pauses. So
 * memory is bounded by the number of keys, however slow the disk is, and nobody waits who does not ask to. It knows neither files nor records.
 */

/** Made when it is written: what is superseded costs nothing. Null: the key is deleted. */
export type Change = (() => string) | null;

export interface WriteQueueOptions {
  /** Rejects when nothing, or not all, was kept. */
  write(batch: ReadonlyMap<string, Change>): Promise<void>;
  /** Runs `fn` once after `delayMs`; the returned function cancels. */
  schedule(fn: () => void, delayMs: number): () => void;
  /** Writes fail from now on; they succeed again. Neither may throw. */
  failing(error: unknown): void;
  recovered(): void;
  /** A delete that was too many to be kept waiting; may not throw. */
  forgotten(count: number): void;
}

/** Encoding a batch takes a millisecond or two. */
const maxBatch = 200;
/** Deletes are the only changes that are not bounded by what lives. */
const maxDeletes = 50_000;
const firstRetryMs = 100;
const lastRetryMs = 5000;

interface Entry {
  /** Where its key stands in the queue: a newer value takes the place of the older. */
  readonly seq: number;
  readonly change: Change;
}

interface Waiter {
  readonly seq: number;
  readonly settle: (kept: boolean) => void;
}

export class WriteQueue {
  readonly #options: WriteQueueOptions;
  readonly #waiters = new Set<Waiter>();
  /** In the order of their numbers. */
  #waiting = new Map<string, Entry>();
  #writing = new Map<string, Entry>();
  #seq = 0;
  #deletes = 0;
  #retryMs = firstRetryMs;
  #cancelRetry: (() => void) | null = null;
  #isArmed = false;
  #isFailing = false;
  #stopped = false;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  /** Keys whose newest value is not kept yet. */
  get size(): number {
    return this.#waiting.size + this.#writing.size;
  }

  set(key: string, change: Change): void {
    if (this.#stopped) return;
    const before = this.#waiting.get(key);
    if (before === undefined) this.#seq += 1;
    this.#deletes += Number(change === null) - Number(before?.change === null);
    this.#waiting.set(key, { seq: before?.seq ?? this.#seq, change });
    if (this.#deletes > maxDeletes) this.#forgetOldestDelete();
    this.#arm();
  }

  /** Resolves with true when everything set until now is kept, with false when that takes longer. */
  flush(withinMs: number): Promise<boolean> {
    if (this.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = this.#options.schedule(() => waiter.settle(false), withinMs);
      const waiter: Waiter = {
        seq: this.#seq,
        settle: (kept) => {
          cancel();
          this.#waiters.delete(waiter);
          resolve(kept);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  /** Tries at once what is left, whatever the pause; nothing is taken any more and nothing repeated after `withinMs`. */
  async stop(withinMs: number): Promise<boolean> {
    this.#stopped = true;
    this.#endPause();
    this.#arm();
    const kept = await this.flush(withinMs);
    this.#endPause();
    this.#waiting.clear();
    return kept;
  }

  #endPause(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  /** With the next microtask, so that what is set together is written together. */
  #arm(): void {
    if (this.#isArmed || this.#writing.size > 0 || this.#cancelRetry !== null || this.#waiting.size === 0) return;
    this.#isArmed = true;
    queueMicrotask(() => {
      this.#isArmed = false;
      if (this.#waiting.size > 0) void this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#take();
    try {
      await this.#options.write(new Map([...this.#writing].map(([key, { change }]) => [key, change])));
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#writing.clear();
    this.#retryMs = firstRetryMs;
    if (this.#isFailing) this.#options.recovered();
    this.#isFailing = false;
    this.#wake();
    this.#arm();
  }

  #take(): void {
    for (const [key, entry] of this.#waiting) {
      if (this.#writing.size >= maxBatch) return;
      this.#writing.set(key, entry);
      this.#waiting.delete(key);
      this.#deletes -= Number(entry.change === null);
    }
  }

  /** Back to the front of the queue, with what is newer by now. */
  #failed(error: unknown): void {
    const before = this.#waiting;
    this.#waiting = new Map(
      [...this.#writing].map(([key, entry]) => [key, { ...entry, ...changeOf(before.get(key)) }]),
    );
    for (const [key, entry] of before) if (!this.#waiting.has(key)) this.#waiting.set(key, entry);
    this.#deletes = [...this.#waiting.values()].filter(({ change }) => change === null).length;
    this.#writing.clear();
    if (!this.#isFailing) this.#options.failing(error);
    this.#isFailing = true;
    this.#cancelRetry = this.#options.schedule(() => {
      this.#cancelRetry = null;
      this.#arm();
    }, this.#retryMs);
    this.#retryMs = Math.min(lastRetryMs, this.#retryMs * 2);
  }

  #wake(): void {
    const oldest = this.#waiting.values().next().value?.seq ?? Infinity;
    for (const waiter of [...this.#waiters]) if (waiter.seq < oldest) waiter.settle(true);
  }

  #forgetOldestDelete(): void {
    for (const [key, { change }] of this.#waiting) {
      if (change !== null) continue;
      this.#waiting.delete(key);
      this.#deletes -= 1;
      this.#options.forgotten(1);
      return;
    }
  }
}

const changeOf = (entry: Entry | undefined): Partial<Entry> => (entry === undefined ? {} : { change: entry.change });
