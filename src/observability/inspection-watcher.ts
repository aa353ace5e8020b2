/**
 * One watcher of a tube: collects its messages and hands them on in batches. Bounded: what is too much between two batches is left out and counted,
 * and then the batch ends with everything as it is now. Driven by inspection.ts.
 */
import type { InspectMessage } from '../operator/inspection.types.js';

/** Between two batches, milliseconds. */
const batchIntervalMs = 50;
/** Twenty times per second: 2,000 messages, some MB. */
const maxBatchMessages = 100;

export interface InspectBatch {
  readonly messages: readonly InspectMessage[];
  readonly skipped: number;
  readonly ended: boolean;
}

export interface WatcherParts {
  /** Never throws. */
  send(batch: InspectBatch): void;
  schedule(work: () => void, delayMs: number): void;
  /** Everything as it is now. */
  present(): InspectMessage[];
  /** The tube is gone. */
  isOver(): boolean;
  /** Called once, after the last batch. */
  ended(): void;
}

export class Watcher {
  readonly #parts: WatcherParts;
  #waiting: InspectMessage[] = [];
  #skipped = 0;
  #isScheduled = false;
  #isStopped = false;

  constructor(parts: WatcherParts) {
    this.#parts = parts;
    this.#waiting = parts.present();
    this.#schedule();
  }

  push(message: InspectMessage): void {
    if (this.#isStopped) return;
    if (this.#waiting.length < maxBatchMessages) this.#waiting.push(message);
    else this.#skipped += 1;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#parts.schedule(() => this.#flush(), batchIntervalMs);
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#isStopped) return;
    const ended = this.#parts.isOver();
    const messages = this.#skipped > 0 ? [...this.#waiting, ...this.#parts.present()] : this.#waiting;
    const skipped = this.#skipped;
    this.#waiting = [];
    this.#skipped = 0;
    this.#parts.send({ messages, skipped, ended });
    if (!ended) return;
    this.#isStopped = true;
    this.#parts.ended();
  }
}
