/**
 * How a generation says that its peer was heard without flooding the chart: at once, and then once per second at most, each time with the moment
 * of the last sound. So the chart knows to the millisecond since when a path is silent, and hears of it a second late at most.
 */
import type { Clock } from './generation.types.js';

const everyMs = 1000;

interface Kind {
  /** Monotonic; of the last report. */
  reportedMs: number;
  /** Wall clock; of the last sound. */
  heardAtMs: number;
  waiting: boolean;
}

const silent = (): Kind => ({ reportedMs: -Infinity, heardAtMs: 0, waiting: false });

export class HeardReports {
  private readonly data = silent();
  private readonly other = silent();

  constructor(
    private readonly clock: Clock,
    private readonly report: (data: boolean, atMs: number) => void,
  ) {}

  /**
   * @param isData application data; anything else shows the peer too, and is not worth a report beside one of data
   * @param nowMs monotonic
   */
  heard(isData: boolean, nowMs = this.clock.monotonicMs()): void {
    const kind = isData ? this.data : this.other;
    kind.heardAtMs = this.clock.now();
    const last = isData ? kind.reportedMs : Math.max(kind.reportedMs, this.data.reportedMs);
    const sinceMs = nowMs - last;
    if (sinceMs >= everyMs) this.tell(kind, isData);
    else if (isData && !kind.waiting) {
      kind.waiting = true;
      this.clock.schedule(() => {
        kind.waiting = false;
        this.tell(kind, isData);
      }, everyMs - sinceMs);
    }
  }

  private tell(kind: Kind, isData: boolean): void {
    kind.reportedMs = this.clock.monotonicMs();
    this.report(isData, kind.heardAtMs);
  }
}
