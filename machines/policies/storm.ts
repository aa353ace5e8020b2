/**
 * When trouble of many tubes is trouble of this node (contract section 4, storm governor), and the token bucket that lets their restarts go in waves.
 * Pure: counts and times in, verdicts out; src/registry/storm-governor.ts acts on them.
 */

export interface StormLimits {
  /** Of the live tubes, in [0, 1]: more suspects than this are a storm. */
  readonly stormShare: number;
  /** Fewer suspects than this are none: of two tubes one is half. */
  readonly stormMinTubes: number;
}

export function isStorm(suspects: number, liveTubes: number, limits: StormLimits): boolean {
  return suspects >= limits.stormMinTubes && suspects > liveTubes * limits.stormShare;
}

export interface BucketLimits {
  readonly perSecond: number;
  /** Tokens that may lie in it; it starts full. */
  readonly burst: number;
}

export interface Bucket {
  readonly tokens: number;
  /** When `tokens` was right, milliseconds. */
  readonly atMs: number;
}

/** A token bucket after one request: what is left, or how long until the next token. */
export function takeToken(
  { tokens, atMs }: Bucket,
  nowMs: number,
  { perSecond, burst }: BucketLimits,
): { readonly bucket: Bucket; readonly waitMs: number } {
  const filled = Math.min(burst, tokens + (Math.max(0, nowMs - atMs) * perSecond) / 1000);
  if (filled >= 1) return { bucket: { tokens: filled - 1, atMs: nowMs }, waitMs: 0 };
  return { bucket: { tokens: filled, atMs: nowMs }, waitMs: Math.ceil(((1 - filled) * 1000) / perSecond) };
}
