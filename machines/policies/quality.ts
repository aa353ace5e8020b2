/**
 * The quality score of a path: 1.0 − min(2·loss, 0.5) − min((rtt − 200 ms)/1000, 0.5), and the verdict on it (contract section 6).
 */
import type { QualityVerdict } from '../events.js';

export interface QualityLimits {
  readonly poorScore: number;
  readonly poorLossRatio: number;
  readonly poorRttMs: number;
  readonly warnLossRatio: number;
  readonly warnRttMs: number;
}

/** What one poll saw; null = not known, which takes nothing off. Loss is a ratio in [0, 1]. */
export interface QualitySample {
  readonly lossRatio: number | null;
  readonly rttMs: number | null;
}

/** In [0, 1]; 1 is best. */
export function qualityScore(sample: QualitySample): number {
  const forLoss = Math.min(2 * (sample.lossRatio ?? 0), 0.5);
  const forRtt = Math.min(Math.max((sample.rttMs ?? 0) - 200, 0) / 1000, 0.5);
  return 1 - forLoss - forRtt;
}

export function qualityVerdict(sample: QualitySample, limits: QualityLimits): QualityVerdict {
  const loss = sample.lossRatio ?? 0;
  const rtt = sample.rttMs ?? 0;
  if (qualityScore(sample) < limits.poorScore || loss > limits.poorLossRatio || rtt > limits.poorRttMs) return 'poor';
  return loss > limits.warnLossRatio || rtt > limits.warnRttMs ? 'warning' : 'good';
}
