/**
 * Loss of a recent window of pings. A window begins at a baseline and ends with the first poll that finds at least ten pings sent since; the next
 * one begins there. The last ping of a window may still be on its way: unanswered, it is left to the next window.
 */

/** Counters of one generation since it was built. */
export interface PingCounts {
  readonly pingsSent: number;
  readonly pongsReceived: number;
}

/** Fewer pings than this say too little. */
const pingsPerWindow = 10;

export interface LossWindow {
  readonly baseline: PingCounts;
  /** Of the last window that was full, in [0, 1]; null when there was none, or the peer has never answered a ping. */
  readonly lossRatio: number | null;
}

export const firstWindow: LossWindow = { baseline: { pingsSent: 0, pongsReceived: 0 }, lossRatio: null };

/** What is known of loss after one more poll. */
export function nextWindow({ baseline, lossRatio }: LossWindow, counts: PingCounts): LossWindow {
  const sent = counts.pingsSent - baseline.pingsSent;
  const answered = counts.pongsReceived - baseline.pongsReceived;
  if (sent < pingsPerWindow) return { baseline, lossRatio };
  const onItsWay = sent > answered ? 1 : 0;
  const due = sent - onItsWay;
  const next = { pingsSent: counts.pingsSent - onItsWay, pongsReceived: counts.pongsReceived };
  if (counts.pongsReceived === 0) return { baseline: next, lossRatio: null };
  return { baseline: next, lossRatio: Math.max(0, due - answered) / due };
}
