import { describe, expect, test } from '@jest/globals';
import { backoffMs } from '../../machines/policies/backoff.js';
import {
  afterFailure,
  afterOpenWait,
  afterSuccess,
  closedBreaker,
  type BreakerState,
} from '../../machines/policies/breaker.js';
import { lossFromPeer, lossToPeer, provenLossRatio, worseLoss } from '../../machines/policies/loss.js';
import { pingTimeoutMs, updateRtt } from '../../machines/policies/ping-timeout.js';
import { qualityScore, qualityVerdict } from '../../machines/policies/quality.js';
import { drawRandom } from '../../machines/policies/random.js';
import { admitRestart } from '../../machines/policies/restart-intensity.js';
import { Random } from '../support/random.js';
import { defaultSettings } from '../support/settings.js';

describe('backoff', () => {
  const table = [5_000, 10_000, 20_000, 60_000];
  test.each([
    [0, 0.99, 0],
    [1, 0, 2_500],
    [1, 0.999999, 5_000],
    [2, 0.999999, 10_000],
    [3, 0, 10_000],
    [4, 0.5, 45_000],
    [9, 0.999999, 60_000],
  ])('after %i attempts with random %d waits %i ms', (attempts, random, expected) => {
    expect(backoffMs(table, attempts, random)).toBe(expected);
  });
});

describe('breaker', () => {
  test('opens at the fifth failure in a row, half-opens, closes after three successes', () => {
    let state: BreakerState = closedBreaker;
    for (let n = 1; n <= 4; n += 1) state = afterFailure(state, 5);
    expect(state).toEqual({ kind: 'closed', failures: 4 });
    state = afterFailure(state, 5);
    expect(state).toEqual({ kind: 'open' });
    state = afterOpenWait(state);
    expect(state).toEqual({ kind: 'half_open', successes: 0 });
    state = afterSuccess(state, 3);
    state = afterSuccess(state, 3);
    expect(state).toEqual({ kind: 'half_open', successes: 2 });
    expect(afterSuccess(state, 3)).toEqual(closedBreaker);
  });
  test('a success clears the failures of a closed breaker', () => {
    expect(afterSuccess({ kind: 'closed', failures: 4 }, 3)).toEqual(closedBreaker);
  });
  test('one failure opens a half-open breaker again', () => {
    expect(afterFailure({ kind: 'half_open', successes: 2 }, 5)).toEqual({ kind: 'open' });
  });
});

describe('quality', () => {
  test.each([
    [0, 100, 1],
    [0, 200, 1],
    [0, 700, 0.5],
    [0, 5_000, 0.5],
    [0.1, 100, 0.8],
    [0.5, 2_000, 0],
    [null, null, 1],
  ])('loss %p and rtt %p score %d', (ratio, rttMs, expected) => {
    const loss = ratio === null ? null : { lost: ratio * 1000, sent: 1000 };
    expect(qualityScore({ loss, rttMs })).toBeCloseTo(expected, 10);
  });
  test.each([
    [0.03, 300, 'good'],
    [0.031, 100, 'warning'],
    [0, 301, 'warning'],
    [0.05, 100, 'warning'],
    [0.0502, 100, 'poor'],
    [0, 500, 'warning'],
    [0, 501, 'poor'],
    [0, 801, 'poor'],
  ])('loss %d, known for sure, and rtt %d are %s', (ratio, rttMs, verdict) => {
    const sent = 100_000_000;
    expect(qualityVerdict({ loss: { lost: ratio * sent, sent }, rttMs }, defaultSettings)).toBe(verdict);
  });
  test.each([
    [1, 10, 20, 'warning'],
    [11, 100, 20, 'warning'],
    [12, 100, 20, 'poor'],
    [10, 100, 400, 'warning'],
    [60, 1000, 20, 'warning'],
    [75, 1000, 20, 'poor'],
    [4, 100, 470, 'warning'],
    [100, 1000, 440, 'poor'],
  ])('%d of %d lost at %d ms are %s: a sample proves only so much', (lost, sent, rttMs, verdict) => {
    expect(qualityVerdict({ loss: { lost, sent }, rttMs }, defaultSettings)).toBe(verdict);
  });
});

describe('loss', () => {
  test.each([
    [0, 100, 0],
    [12, 100, 0.0529],
    [25, 100, 0.1445],
    [0, 0, 0],
    [7, 7, 0.4375],
  ])('%d of %d lost prove %d', (lost, sent, expected) => {
    expect(provenLossRatio({ lost, sent })).toBeCloseTo(expected, 3);
  });
  test('of 25 % is poor in three bursts in a row, and of 5 % each way next to never', () => {
    const random = new Random(3);
    const burst = (loss: number): boolean => {
      const survivors = (of: number): number => {
        let left = 0;
        for (let n = 0; n < of; n += 1) left += Number(!random.chance(loss));
        return left;
      };
      const arrived = survivors(100);
      const sample = { loss: worseLoss({ sent: 100, arrived, echoed: survivors(arrived) }), rttMs: 300 };
      return qualityVerdict(sample, defaultSettings) === 'poor';
    };
    const count = (runs: number, what: () => boolean): number =>
      Array.from({ length: runs }, what).filter(Boolean).length;
    expect(count(1_000, () => burst(0.25) && burst(0.25) && burst(0.25))).toBeGreaterThan(990);
    expect(count(20_000, () => burst(0.05))).toBeLessThan(300);
  });
  test('is told of each direction, and the worse one counts', () => {
    const probes = { sent: 100, arrived: 90, echoed: 72 };
    expect(lossToPeer(probes)).toEqual({ lost: 10, sent: 100 });
    expect(lossFromPeer(probes)).toEqual({ lost: 18, sent: 90 });
    expect(worseLoss(probes)).toEqual({ lost: 18, sent: 90 });
    expect(worseLoss({ sent: 100, arrived: 80, echoed: 80 })).toEqual({ lost: 20, sent: 100 });
    expect(worseLoss({ sent: 100, arrived: 0, echoed: 0 })).toEqual({ lost: 100, sent: 100 });
  });
});

describe('ping timeout', () => {
  test('waits the whole pause while no RTT is known', () => {
    expect(pingTimeoutMs(null, 5_000)).toBe(5_000);
  });
  test('follows RFC 6298 with a floor of one second, or half the pause', () => {
    const estimate = updateRtt(null, 40);
    expect(estimate).toEqual({ smoothedMs: 40, variationMs: 20 });
    expect(pingTimeoutMs(estimate, 5_000)).toBe(1_000);
    expect(pingTimeoutMs(estimate, 1_000)).toBe(500);
    const slow = updateRtt(null, 600);
    expect(pingTimeoutMs(slow, 5_000)).toBe(1_800);
    expect(updateRtt(slow, 600)).toEqual({ smoothedMs: 600, variationMs: 225 });
  });
  test.each([
    [20, 1_000, 500],
    [300, 1_000, 500],
    [20, 5_000, 1_000],
    [600, 5_000, 1_000],
    [20, 2_000, 1_000],
    [1_500, 1_000, 2_250],
    [1_500, 5_000, 2_250],
    [2_200, 1_000, 3_300],
    [3_300, 3_000, 4_950],
    [9_000, 5_000, 10_000],
  ])('of a steady %i ms with pings each %i ms is %i ms', (rttMs, intervalMs, expected) => {
    expect(pingTimeoutMs({ smoothedMs: rttMs, variationMs: 0 }, intervalMs)).toBe(expected);
  });
  test('exceeds the pause only where the way does: variation alone makes nobody wait longer', () => {
    expect(pingTimeoutMs({ smoothedMs: 300, variationMs: 400 }, 1_000)).toBe(1_000);
    expect(pingTimeoutMs({ smoothedMs: 1_500, variationMs: 750 }, 1_000)).toBe(3_000);
  });
});

describe('restart intensity', () => {
  test('allows five restarts within thirty seconds and refuses the sixth', () => {
    let recent: readonly number[] = [];
    for (let n = 0; n < 5; n += 1) {
      const next = admitRestart(recent, n * 1_000, 5, 30_000);
      expect(next.allowed).toBe(true);
      recent = next.recentMs;
    }
    expect(admitRestart(recent, 29_999, 5, 30_000).allowed).toBe(false);
    expect(admitRestart(recent, 30_000, 5, 30_000)).toEqual({
      allowed: true,
      recentMs: [1_000, 2_000, 3_000, 4_000, 30_000],
    });
  });
});

describe('random', () => {
  test('is the same for the same state and spreads over [0, 1)', () => {
    let state = 42;
    const values = Array.from({ length: 1_000 }, () => {
      const draw = drawRandom(state);
      state = draw.state;
      return draw.value;
    });
    expect(drawRandom(42).value).toBe(values[0]);
    expect(Math.min(...values)).toBeLessThan(0.01);
    expect(Math.max(...values)).toBeGreaterThan(0.99);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  });
});
