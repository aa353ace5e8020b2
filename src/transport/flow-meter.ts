/**
 * What flows over all paths of a tube together. How long it was really silent: the time from the last frame of its peer to the next is what the application
 * saw of an outage, whatever the chart thought meanwhile. And how many bytes there were. Told of every frame, so it does next to nothing then. Owned by
 * tube-entry.ts, read by the metrics and for the plots of operators.
 */

/** The longest silence is kept of this time and of as much before. */
const windowMs = 5000;
/** A silence is no outage before it is this much longer than the longest of late: pings and timers come a little early or late. */
const slack = 1.5;

interface Watch {
  /** A silence up to this is nothing new. */
  readonly ordinaryMs: number;
  /** Longer ones, together. */
  silentMs: number;
}

export class FlowMeter {
  /** How many came so far: one more than before, and data flows again. */
  frames = 0;
  /** Of application messages, since the tube is in this process. */
  bytesIn = 0;
  bytesOut = 0;
  private lastMs: number;
  private windowSinceMs: number;
  private longestMs = 0;
  /** In its first window nothing is known of a tube's habits. */
  private longestBeforeMs = Infinity;
  private watching: Watch | null = null;

  /** @param monotonicMs a clock that never goes back */
  constructor(private readonly monotonicMs: () => number) {
    this.lastMs = this.windowSinceMs = monotonicMs();
  }

  /**
   * Something came: data, an acknowledgement, a ping or a pong.
   * @param nowMs monotonic
   */
  heard(nowMs = this.monotonicMs()): void {
    const silentMs = nowMs - this.lastMs;
    this.lastMs = nowMs;
    this.frames += 1;
    if (this.watching !== null) this.count(this.watching, silentMs);
    else this.learn(nowMs, silentMs);
  }

  carried(direction: 'in' | 'out', bytes: number): void {
    if (direction === 'in') this.bytesIn += bytes;
    else this.bytesOut += bytes;
  }

  /** Trouble began: from the last frame before it on, silences that are longer than they were count. Idempotent. */
  watch(): void {
    const ordinaryMs = Math.max(this.longestMs, this.longestBeforeMs) * slack;
    this.watching ??= { ordinaryMs, silentMs: 0 };
  }

  /**
   * Trouble is over.
   * @param untilNow with the silence that goes on
   * @returns milliseconds without a sound since `watch`; 0 when no silence was longer than this tube's silences are, or when they are not known
   */
  end(untilNow: boolean): number {
    const { watching } = this;
    if (watching === null) return 0;
    this.watching = null;
    if (untilNow) this.count(watching, this.monotonicMs() - this.lastMs);
    return watching.silentMs;
  }

  private count(watch: Watch, silentMs: number): void {
    if (silentMs > watch.ordinaryMs) watch.silentMs += silentMs;
  }

  private learn(nowMs: number, silentMs: number): void {
    if (nowMs - this.windowSinceMs >= windowMs) {
      this.windowSinceMs = nowMs;
      this.longestBeforeMs = this.longestMs;
      this.longestMs = 0;
    }
    if (silentMs > this.longestMs) this.longestMs = silentMs;
  }
}
