/**
 * How long to wait for a pong: the retransmission timeout of RFC 6298 §2 (smoothed RTT plus four times its variation), floored so that one late
 * scheduler tick is no loss, and never longer than the pause between pings.
 */
export interface RttEstimate {
  readonly smoothedMs: number;
  readonly variationMs: number;
}

export function updateRtt(estimate: RttEstimate | null, rttMs: number): RttEstimate {
  if (estimate === null) return { smoothedMs: rttMs, variationMs: rttMs / 2 };
  return {
    variationMs: 0.75 * estimate.variationMs + 0.25 * Math.abs(estimate.smoothedMs - rttMs),
    smoothedMs: 0.875 * estimate.smoothedMs + 0.125 * rttMs,
  };
}

/** RFC 6298 §2.4 sets the floor to 1 s. */
const floorMs = 1000;

/** @param intervalMs pause until the next ping. With no RTT known the whole pause is waited. */
export function pingTimeoutMs(estimate: RttEstimate | null, intervalMs: number): number {
  if (estimate === null) return intervalMs;
  const floor = Math.min(floorMs, intervalMs / 2);
  return Math.round(Math.min(intervalMs, Math.max(floor, estimate.smoothedMs + 4 * estimate.variationMs)));
}
