/**
 * Loss of a recent window of pings, for peers that answer no probes. A window begins at a baseline and ends with the first poll that finds at least ten pings sent since; the next
 * one begins there. The last ping of a window may still be on its way: unanswered, it is left to the next window.
 */
import type { LossCount } from './loss.js';

/** Counters of one generation since it was built. */
export interface PingCounts {
  readonly pingsSent: number;
  readonly pongsReceived: number;
}

/** Fewer pings than this say too little. */
const pingsPerWindow = 10;

export interface LossWindow {
  readonly baseline: PingCounts;
  /** Of the last window that was full; null when there was none, or the peer has never answered a ping. */
  readonly loss: LossCount | null;
}

export const firstWindow: LossWindow = { baseline: { pingsSent: 0, pongsReceived: 0 }, loss: null };

/** What is known of loss after one more poll. */
export function nextWindow({ baseline, loss }: LossWindow, counts: PingCounts): LossWindow {
  const sent = counts.pingsSent - baseline.pingsSent;
  const answered = counts.pongsReceived - baseline.pongsReceived;
  if (sent < pingsPerWindow) return { baseline, loss };
  const onItsWay = sent > answered ? 1 : 0;
  const due = sent - onItsWay;
  const next = { pingsSent: counts.pingsSent - onItsWay, pongsReceived: counts.pongsReceived };
  if (counts.pongsReceived === 0) return { baseline: next, loss: null };
  return { baseline: next, loss: { lost: Math.max(0, due - answered), sent: due } };
}
