/**
 * How long to wait for a pong: the retransmission timeout of RFC 6298 §2 (smoothed RTT plus four times its variation), floored so that one late
 * scheduler tick is no loss, and no longer than the pause between pings where the way is shorter than that. On a longer way the next ping comes later.
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

/** A way so long is as good as none. */
const longestMs = 10_000;

/** @param intervalMs pause until the next ping. With no RTT known the whole pause is waited. */
export function pingTimeoutMs(estimate: RttEstimate | null, intervalMs: number): number {
  if (estimate === null) return intervalMs;
  const { smoothedMs, variationMs } = estimate;
  const floor = Math.min(floorMs, intervalMs / 2);
  // A way that never varies has its late pongs too: half a round trip is what RFC 6298 calls the granularity.
  const wantedMs = smoothedMs + Math.max(smoothedMs / 2, 4 * variationMs);
  const mostMs = Math.max(intervalMs, Math.min(longestMs, 2 * smoothedMs));
  return Math.round(Math.min(mostMs, Math.max(floor, wantedMs)));
}
