/**
 * How long to wait before an attempt of an incident. The first is at once; later ones wait by a table whose last entry repeats (the cap),
 * multiplied by a random factor in [0.5, 1] ("equal jitter", Brooker, Exponential Backoff And Jitter, AWS 2015): tubes that failed
 * together do not come back together, and none comes back at once.
 */

/**
 * @param tableMs waits after the first, second, … failure in a row
 * @param step how many there were; 0 = no attempt was made yet in this incident
 * @param random in [0, 1)
 * @returns milliseconds to wait since the end of the attempt before
 */
export function backoffMs(tableMs: readonly number[], step: number, random: number): number {
  if (step <= 0 || tableMs.length === 0) return 0;
  const base = tableMs[Math.min(step, tableMs.length) - 1] ?? 0;
  return Math.round(base * (0.5 + random / 2));
}
