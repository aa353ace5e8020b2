/**
 * The quality score of a path: 1.0 − min(2·loss, 0.5) − min((rtt − 200 ms)/1000, 0.5), and the verdict on it (contract section 6). What is told is
 * the loss as it was measured; a path is called poor only for the loss that the sample proves, for a sample of a sound path is a bad one now and then.
 */
import type { QualityVerdict } from '../events.js';
import { lossRatio, provenLossRatio, type LossCount } from './loss.js';

export interface QualityLimits {
  readonly poorScore: number;
  readonly poorLossRatio: number;
  readonly poorRttMs: number;
  readonly warnLossRatio: number;
  readonly warnRttMs: number;
}

/** What one poll saw; null = not known, which takes nothing off. */
export interface QualitySample {
  readonly loss: LossCount | null;
  readonly rttMs: number | null;
}

/** In [0, 1]; 1 is best. */
export function qualityScore({ loss, rttMs }: QualitySample): number {
  return scoreOf(loss === null ? 0 : lossRatio(loss), rttMs ?? 0);
}

export function qualityVerdict({ loss, rttMs }: QualitySample, limits: QualityLimits): QualityVerdict {
  const measured = loss === null ? 0 : lossRatio(loss);
  const proven = loss === null ? 0 : provenLossRatio(loss);
  const rtt = rttMs ?? 0;
  if (proven > limits.poorLossRatio || rtt > limits.poorRttMs || scoreOf(proven, rtt) < limits.poorScore) return 'poor';
  return measured > limits.warnLossRatio || rtt > limits.warnRttMs ? 'warning' : 'good';
}

/** Two restarts for the quality of a path that none of them bettered are at most so far apart. */
const longestPauseMs = 3_600_000;

/**
 * How often a path is polled before a restart for its quality may be advised: twice as often after each such restart in a row that did not help, up to an
 * hour's worth of polls. What makes a path poor is mostly not in our hands.
 */
export function pollsBeforeRestart(
  restarts: number,
  { poorPollsToRestart, healthCheckIntervalMs }: { poorPollsToRestart: number; healthCheckIntervalMs: number },
): number {
  const most = Math.max(poorPollsToRestart, Math.ceil(longestPauseMs / healthCheckIntervalMs));
  return restarts === 0 ? 0 : Math.min(most, poorPollsToRestart * 2 ** restarts);
}

function scoreOf(ratio: number, rttMs: number): number {
  return 1 - Math.min(2 * ratio, 0.5) - Math.min(Math.max(rttMs - 200, 0) / 1000, 0.5);
}
