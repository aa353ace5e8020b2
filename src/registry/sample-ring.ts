/**
 * The last 15 minutes of a tube's measurements, for plots: sparse while nobody looks and nothing is wrong, so that an idle tube costs about a kilobyte.
 * Numbers in one flat list. Filled by tube-story.ts.
 */
import type { SamplePoint } from '../operator/operator.types.js';

/** Of the messages of a tube since it is in this process, over all its paths. */
export interface Carried {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What is known of a path at one moment. */
export interface Measured {
  readonly rttMs: number | null;
  readonly loss: number | null;
  readonly carried: Carried;
}

const keptMs = 15 * 60_000;
const maxPoints = 240;
/** From one point to the next; what comes between is left out, for a point has what was so at its moment. */
const sparseMs = 30_000;
const denseMs = 3_750;
const width = 5;

const toNumber = (value: number | null): number => value ?? Number.NaN;
const toValue = (number: number | undefined): number | null =>
  number === undefined || Number.isNaN(number) ? null : number;

export class SampleRing {
  /** `width` numbers per point, oldest first; NaN where nothing is known. */
  readonly #values: number[] = [];

  add(atMs: number, { rttMs, loss, carried }: Measured, isDense: boolean): void {
    const values = this.#values;
    const last = values.length - width;
    const sinceMs = last < 0 ? Infinity : atMs - (values[last] ?? 0);
    // A clock that was set back: what is here cannot be shown in order any more.
    if (sinceMs < 0) values.length = 0;
    if (sinceMs >= 0 && sinceMs < (isDense ? denseMs : sparseMs)) return;
    values.push(atMs, toNumber(rttMs), toNumber(loss), carried.bytesIn, carried.bytesOut);
    while (values.length > maxPoints * width || (values[0] ?? atMs) < atMs - keptMs) values.splice(0, width);
  }

  /** Oldest first. */
  points(nowMs: number): SamplePoint[] {
    const points: SamplePoint[] = [];
    for (let at = 0; at < this.#values.length; at += width) {
      const [atMs = 0, rttMs, loss, bytesIn = 0, bytesOut = 0] = this.#values.slice(at, at + width);
      if (atMs < nowMs - keptMs) continue;
      points.push({ at_ms: atMs, rtt_ms: toValue(rttMs), loss: toValue(loss), bytes_in: bytesIn, bytes_out: bytesOut });
    }
    return points;
  }
}
