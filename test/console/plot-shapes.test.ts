// Plots tell the truth: round ticks that cover the values, gaps where nothing is known, rates only where a counter went on.
import { describe, expect, test } from '@jest/globals';
import {
  barsPath,
  dotsPath,
  linePath,
  nearest,
  ticksTo,
  timeTicks,
  type Scale,
} from '../../src/console/charts/plot-shapes.js';
import { tubeSeries, worst } from '../../src/console/charts/series.js';

const x: Scale = { from: 0, to: 100, fromPx: 0, toPx: 100 };
const y: Scale = { from: 0, to: 10, fromPx: 100, toPx: 0 };

describe('ticks', () => {
  test.each([
    [10, [0, 2.5, 5, 7.5, 10]],
    [132, [0, 50, 100, 150]],
    [1, [0, 0.25, 0.5, 0.75, 1]],
    [0.076, [0, 0.02, 0.04, 0.06, 0.08]],
    [7, [0, 2, 4, 6, 8]],
  ])('to %p are %p', (top, ticks) => {
    const found = ticksTo(top, 4);
    expect(found).toHaveLength(ticks.length);
    found.forEach((tick, place) => expect(tick).toBeCloseTo(ticks[place] ?? NaN, 9));
  });

  test('of time are whole minutes, no more than wanted', () => {
    const minute = 60_000;
    expect(timeTicks(90_000, 15.5 * minute, 3)).toEqual([5 * minute, 10 * minute, 15 * minute]);
    expect(timeTicks(0, 0, 3)).toEqual([0]);
  });
});

test('a line has a gap where a value is not known, and a point alone is a dot', () => {
  expect(linePath([0, 10, 20, 30], [1, 2, null, 4], x, y)).toBe('M0 90L10 80M30 60');
  expect(dotsPath([0, 10, 20, 30], [1, 2, null, 4], x, y)).toBe('M30 60h0');
  expect(dotsPath([0, 10, 20], [null, 5, null], x, y)).toBe('M10 50h0');
  expect(dotsPath([0], [5], x, y)).toBe('M0 50h0');
});

test('bars stand on the base line; nothing is drawn for nothing', () => {
  expect(barsPath([0, 10], [0, 5], { x, y, widthPx: 4 })).toBe('M8 100V50h4V100z');
});

test('the nearest time is found from both sides', () => {
  expect([
    nearest([0, 10, 50], x, 4),
    nearest([0, 10, 50], x, 31),
    nearest([0, 10, 50], x, 99),
    nearest([], x, 5),
  ]).toEqual([0, 2, 2, null]);
});

test('throughput is a rate, and not known where a counter began again', () => {
  const sample = (atMs: number, bytes: number) => ({
    at_ms: atMs,
    rtt_ms: null,
    loss: null,
    bytes_in: bytes,
    bytes_out: 0,
  });
  const { inPerSecond } = tubeSeries([sample(0, 100), sample(2000, 4100), sample(4000, 50), sample(4000, 60)]);
  expect(inPerSecond).toEqual([null, 2000, null, null]);
});

test('the worst of nothing is nothing', () => {
  expect([worst([]), worst([null]), worst([1, null, 3])]).toEqual([null, null, 3]);
});
