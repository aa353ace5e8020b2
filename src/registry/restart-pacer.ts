/**
 * Lets things that make tubes restart happen a few at a time: at once while the token bucket lasts, then one by one in random order. One entry
 * per tube and purpose, the newest; so it is bounded by the number of tubes. It does not know what it lets go.
 */
import { takeToken, type Bucket, type BucketLimits } from '../../machines/policies/storm.js';

/** What waits; a newer thing of one purpose replaces the older one of the same tube, not those of another. */
export type Purpose = 'route' | 'storm' | 'report';
const purposes: readonly Purpose[] = ['route', 'storm', 'report'];

export interface PacerClock {
  /** Milliseconds; only differences count. */
  now(): number;
  schedule(fn: () => void, delayMs: number): () => void;
}

export interface RestartPacerOptions {
  readonly limits: () => BucketLimits;
  readonly clock: PacerClock;
  /** In [0, 1). */
  readonly random: () => number;
}

export class RestartPacer {
  readonly #options: RestartPacerOptions;
  readonly #waiting = new Map<string, () => void>();
  #bucket: Bucket;
  #cancel: (() => void) | null = null;

  constructor(options: RestartPacerOptions) {
    this.#options = options;
    this.#bucket = { tokens: options.limits().burst, atMs: options.clock.now() };
  }

  /** Things that wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** `release` must not throw. A tube that waits already keeps its place and gets this release instead. */
  run(purpose: Purpose, tubeId: string, release: () => void): void {
    if (this.#waiting.size === 0 && this.#take() === 0) return release();
    this.#waiting.set(`${purpose} ${tubeId}`, release);
    this.#arm();
  }

  /** The tube is gone. */
  forget(tubeId: string): void {
    for (const purpose of purposes) this.#waiting.delete(`${purpose} ${tubeId}`);
  }

  stop(): void {
    this.#waiting.clear();
    this.#cancel?.();
    this.#cancel = null;
  }

  #take(): number {
    const { limits, clock } = this.#options;
    const { bucket, waitMs } = takeToken(this.#bucket, clock.now(), limits());
    this.#bucket = bucket;
    return waitMs;
  }

  /** Jittered in [1, 1.5] of what the bucket asks for, so that several nodes do not beat together. */
  #arm(waitMs = 1000 / this.#options.limits().perSecond): void {
    this.#cancel ??= this.#options.clock.schedule(
      () => {
        this.#cancel = null;
        this.#next();
      },
      waitMs * (1 + this.#options.random() / 2),
    );
  }

  #next(): void {
    while (this.#waiting.size > 0) {
      const waitMs = this.#take();
      if (waitMs > 0) return this.#arm(waitMs);
      const [key, release] = this.#any();
      this.#waiting.delete(key);
      release();
    }
  }

  #any(): readonly [string, () => void] {
    const entries = [...this.#waiting];
    const entry = entries[Math.floor(this.#options.random() * entries.length)];
    if (entry === undefined) throw new Error('nothing waits');
    return entry;
  }
}
