/**
 * Random numbers as state: a machine keeps the state (a number, so it is stored and replayed with everything else) and gets the next number and
 * the next state. Mulberry32; for jitter, not for secrets.
 */
export interface Draw {
  /** In [0, 1). */
  readonly value: number;
  readonly state: number;
}

export function drawRandom(state: number): Draw {
  const next = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(next ^ (next >>> 15), next | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return { value: ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296, state: next };
}
