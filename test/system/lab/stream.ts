/** What came of one direction of a numbered stream: losses, order, silence, and the first message from after some moment. Only counts; sends nothing. */
import type { Arrival } from './peer-wire.js';

export class StreamMeter {
  /** Numbers that were handed over, refused ones included. */
  sent = 0;
  /** Of them those that were refused, and said to be: the sender knows. */
  refused = 0;
  readonly arrivals: Arrival[] = [];
  duplicates = 0;
  outOfOrder = 0;
  readonly #seen = new Set<number>();
  #last = 0;

  take(arrival: Arrival): void {
    if (this.#seen.has(arrival.number)) {
      this.duplicates += 1;
      return;
    }
    this.#seen.add(arrival.number);
    if (arrival.number < this.#last) this.outOfOrder += 1;
    this.#last = arrival.number;
    this.arrivals.push(arrival);
  }

  get lost(): number {
    return Math.max(0, this.sent - this.refused - this.#seen.size);
  }

  /** When the first message arrived that was sent at this time or later. */
  firstSentSince(sinceMs: number): number | null {
    return this.arrivals.find(({ sentAtMs }) => sentAtMs >= sinceMs)?.atMs ?? null;
  }

  /** The longest time without an arrival that ended in this span, or had not ended with it. */
  longestSilenceMs(fromMs: number, toMs: number): number {
    const times = this.arrivals.map(({ atMs }) => atMs).filter((atMs) => atMs <= toMs);
    const last = times.at(-1) ?? fromMs;
    const gaps = times.map((atMs, index) => (atMs < fromMs ? 0 : atMs - (times[index - 1] ?? fromMs)));
    return gaps.reduce((longest, gap) => Math.max(longest, gap), toMs - last);
  }
}
