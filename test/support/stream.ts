/** What came of a numbered stream: order, losses, and the longest silence. */
export class StreamCheck {
  received = 0;
  outOfOrder = 0;
  longestGapMs = 0;
  #last = 0;
  #lastAtMs: number | null = null;

  take(number: number): void {
    const nowMs = performance.now();
    if (this.#lastAtMs !== null) this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastAtMs);
    this.#lastAtMs = nowMs;
    this.received += 1;
    if (number !== this.#last + 1) this.outOfOrder += 1;
    this.#last = number;
  }
}
