/** The meter of the laboratory's numbered stream: what it calls lost, twice, out of order and silent. */
import { describe, expect, it } from '@jest/globals';
import { StreamMeter } from '../system/lab/stream.js';

function meterOf(arrivals: readonly (readonly [number: number, sentAtMs: number, atMs: number])[]): StreamMeter {
  const meter = new StreamMeter();
  for (const [number, sentAtMs, atMs] of arrivals) meter.take({ number, sentAtMs, atMs });
  return meter;
}

describe('the meter of a stream', () => {
  it('counts what was sent, was not refused and did not arrive', () => {
    const meter = meterOf([
      [1, 0, 5],
      [2, 20, 25],
      [5, 80, 85],
    ]);
    meter.sent = 6;
    expect(meter.lost).toBe(3);
    meter.refused = 1;
    expect(meter.lost).toBe(2);
  });

  it('counts a message that comes twice once, and notes one that was overtaken', () => {
    const meter = meterOf([
      [1, 0, 5],
      [3, 40, 45],
      [2, 20, 46],
      [3, 40, 47],
    ]);
    meter.sent = 3;
    expect([meter.lost, meter.duplicates, meter.outOfOrder]).toEqual([0, 1, 1]);
  });

  it('knows when the first message arrived that was sent after some moment, not before', () => {
    const meter = meterOf([
      [1, 100, 105],
      [2, 120, 900],
      [3, 140, 901],
    ]);
    expect(meter.firstSentSince(121)).toBe(901);
    expect(meter.firstSentSince(120)).toBe(900);
    expect(meter.firstSentSince(141)).toBeNull();
  });

  it('finds the longest silence within a span, also one that has not ended', () => {
    const meter = meterOf([
      [1, 0, 0],
      [2, 0, 1000],
      [3, 0, 1100],
      [4, 0, 1500],
    ]);
    expect(meter.longestSilenceMs(1050, 1600)).toBe(400);
    expect(meter.longestSilenceMs(900, 1600)).toBe(1000);
    expect(meter.longestSilenceMs(1050, 3000)).toBe(1500);
    expect(new StreamMeter().longestSilenceMs(10, 50)).toBe(40);
  });
});
