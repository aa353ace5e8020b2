/** The last hour of a node's incidents by the minute, for "is it getting worse". Filled by incident-book.ts. */
import type { TrendMinute } from '../operator/operator.types.js';

const minuteMs = 60_000;
const keptMinutes = 60;
/** Of one minute, for its median; a storm has more. */
const maxOutages = 500;

interface Minute {
  started: number;
  recovered: number;
  lost: number;
  readonly outagesMs: number[];
  worstMs: number | null;
}

export class Trend {
  /** By number since the epoch. */
  readonly #minutes = new Map<number, Minute>();

  note(what: 'started' | 'recovered' | 'lost', atMs: number): void {
    this.#at(atMs)[what] += 1;
  }

  /** A path works again after so long. */
  outage(lengthMs: number, atMs: number): void {
    const minute = this.#at(atMs);
    minute.worstMs = Math.max(minute.worstMs ?? 0, lengthMs);
    if (minute.outagesMs.length < maxOutages) minute.outagesMs.push(lengthMs);
  }

  /** Sixty, oldest first; the last is the present one. */
  minutes(nowMs: number): TrendMinute[] {
    const present = Math.floor(nowMs / minuteMs);
    return Array.from({ length: keptMinutes }, (_, index) => {
      const number = present - keptMinutes + 1 + index;
      return toWire(number * minuteMs, this.#minutes.get(number));
    });
  }

  #at(atMs: number): Minute {
    const number = Math.floor(atMs / minuteMs);
    const known = this.#minutes.get(number);
    if (known !== undefined) return known;
    const minute: Minute = { started: 0, recovered: 0, lost: 0, outagesMs: [], worstMs: null };
    this.#minutes.set(number, minute);
    // In the order in which they were made: also when a clock was set back there are never more.
    for (const oldest of this.#minutes.keys()) {
      if (this.#minutes.size <= keptMinutes) break;
      this.#minutes.delete(oldest);
    }
    return minute;
  }
}

function toWire(atMs: number, minute: Minute | undefined): TrendMinute {
  const { started = 0, recovered = 0, lost = 0, outagesMs = [], worstMs = null } = minute ?? {};
  const sorted = outagesMs.toSorted((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)] ?? null;
  return { at_ms: atMs, started, recovered, lost, outage_median_ms: median, outage_worst_ms: worstMs };
}
