/**
 * A way out that can be held: what is put into it waits as long as anybody holds it, and follows in order when the last holder lets go. So
 * nothing overtakes the acknowledgement that says what it belongs to. Bounded: beyond its caps the oldest goes out early, nothing is lost.
 */
import { estimateBytes } from './replay-adapter.js';

/** The call that is held for takes milliseconds, in which a tube says some dozens of things. */
const maxWaiting = 512;
const maxWaitingBytes = 4 * 1024 * 1024;

interface Waiting<Item> {
  readonly item: Item;
  readonly bytes: number;
}

export class Outlet<Item> {
  readonly #out: (item: Item) => void;
  readonly #waiting: Waiting<Item>[] = [];
  #bytes = 0;
  #holds = 0;

  constructor(out: (item: Item) => void) {
    this.#out = out;
  }

  get isHeld(): boolean {
    return this.#holds > 0;
  }

  isWaiting(item: Item): boolean {
    return this.#waiting.some((waiting) => waiting.item === item);
  }

  /** The result lets go; only its first call counts. */
  hold(): () => void {
    this.#holds += 1;
    let isHolding = true;
    return () => {
      if (!isHolding) return;
      isHolding = false;
      this.#holds -= 1;
      if (!this.isHeld) this.#flush(0, 0);
    };
  }

  put(item: Item): void {
    if (!this.isHeld) {
      this.#out(item);
      return;
    }
    const bytes = estimateBytes(item);
    this.#waiting.push({ item, bytes });
    this.#bytes += bytes;
    this.#flush(maxWaiting, maxWaitingBytes);
  }

  #flush(most: number, mostBytes: number): void {
    while (this.#waiting.length > most || this.#bytes > mostBytes) {
      const oldest = this.#waiting.shift();
      if (oldest === undefined) return;
      this.#bytes -= oldest.bytes;
      this.#out(oldest.item);
    }
  }
}
