import { describe, expect, test } from '@jest/globals';
import { HeardReports } from '../../src/transport/heard-reports.js';
import { TestClock } from '../support/test-clock.js';

function run() {
  const clock = new TestClock();
  const startMs = clock.nowMs;
  const reports: [data: boolean, atMs: number, saidMs: number][] = [];
  const heard = new HeardReports(
    {
      now: clock.now,
      monotonicMs: clock.now,
      schedule: (fn, delayMs) => {
        const timer = clock.setTimeout(fn, delayMs);
        return () => clock.clearTimeout(timer);
      },
    },
    (data, atMs) => reports.push([data, atMs - startMs, clock.nowMs - startMs]),
  );
  return { clock, heard, reports };
}

describe('reports of what is heard', () => {
  test('come at once, then once per second, with the moment of the last sound', () => {
    const { clock, heard, reports } = run();
    for (let n = 0; n < 15; n += 1) {
      heard.heard(true);
      clock.advance(100);
    }
    clock.advance(10_000);
    expect(reports).toEqual([
      [true, 0, 0],
      [true, 900, 1_000],
      [true, 1_400, 2_000],
    ]);
    expect(clock.pending).toBe(0);
  });

  test('data apart, and nothing else beside data', () => {
    const { clock, heard, reports } = run();
    heard.heard(false);
    heard.heard(true);
    clock.advance(500);
    heard.heard(false);
    clock.advance(600);
    heard.heard(false);
    expect(reports).toEqual([
      [false, 0, 0],
      [true, 0, 0],
      [false, 1_100, 1_100],
    ]);
  });
});
