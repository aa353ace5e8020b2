/**
 * OTP's restart intensity (supervisor behaviour, "maximum restart intensity"): at most `limit` restarts within a sliding window; one more
 * and the child is given up.
 */
export interface Intensity {
  readonly allowed: boolean;
  /** Times of the restarts that still count, this one included if allowed; milliseconds since the epoch. */
  readonly recentMs: readonly number[];
}

export function admitRestart(recentMs: readonly number[], nowMs: number, limit: number, windowMs: number): Intensity {
  const recent = recentMs.filter((atMs) => nowMs - atMs < windowMs);
  return recent.length >= limit
    ? { allowed: false, recentMs: recent }
    : { allowed: true, recentMs: [...recent, nowMs] };
}
