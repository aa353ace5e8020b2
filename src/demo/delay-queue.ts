/** Things that are due at some time, in the order in which they are due; equal times keep the order of arrival. Bounded, one timer. */
interface Entry {
  readonly dueMs: number;
  readonly fn: () => void;
}

export class DelayQueue {
  readonly #entries: Entry[] = [];
  #timer: NodeJS.Timeout | null = null;

  /** @param now the clock of `dueMs` */
  constructor(
    private readonly maxEntries: number,
    private readonly now: () => number,
  ) {}

  get size(): number {
    return this.#entries.length;
  }

  /** At once, in this call, when it is due and nothing is before it. False: the queue is full, and it is not taken. */
  add(dueMs: number, fn: () => void): boolean {
    if (dueMs <= this.now() && this.#entries.length === 0) {
      fn();
      return true;
    }
    if (this.#entries.length >= this.maxEntries) return false;
    let at = this.#entries.length;
    // Nearly always the last place is the right one.
    while (at > 0 && (this.#entries[at - 1]?.dueMs ?? 0) > dueMs) at -= 1;
    this.#entries.splice(at, 0, { dueMs, fn });
    if (at === 0) this.#wait();
    return true;
  }

  clear(): void {
    this.#entries.length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #wait(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const first = this.#entries[0];
    // setTimeout may be a millisecond early or late; a packet does not mind.
    this.#timer = first === undefined ? null : setTimeout(() => this.#run(), Math.max(0, first.dueMs - this.now()));
  }

  #run(): void {
    const nowMs = this.now();
    let due = 0;
    while (due < this.#entries.length && (this.#entries[due]?.dueMs ?? Infinity) <= nowMs) due += 1;
    for (const { fn } of this.#entries.splice(0, due)) fn();
    this.#wait();
  }
}
