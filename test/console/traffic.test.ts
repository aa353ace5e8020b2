// A count of losses that never shows one proves nothing: here are losses.
import { describe, expect, test } from '@jest/globals';
import { DirectionMeter } from '../../src/console/try/traffic.js';

function meterAfter(numbers: readonly number[], sent = Math.max(...numbers)): DirectionMeter {
  const meter = new DirectionMeter();
  meter.sent = sent;
  numbers.forEach((number, index) => meter.noteArrived(number, index * 100));
  return meter;
}

describe('a meter of numbered messages', () => {
  test.each([
    { numbers: [1, 2, 3], sent: 3, lost: 0, outOfOrder: 0, onTheWay: 0, what: 'all of them' },
    { numbers: [1, 2, 3], sent: 5, lost: 0, outOfOrder: 0, onTheWay: 2, what: 'the first three of five' },
    { numbers: [1, 2, 5], sent: 5, lost: 2, outOfOrder: 0, onTheWay: 0, what: 'two skipped' },
    { numbers: [3], sent: 3, lost: 2, outOfOrder: 0, onTheWay: 0, what: 'only the third' },
    { numbers: [1, 3, 2], sent: 3, lost: 0, outOfOrder: 1, onTheWay: 0, what: 'two in the wrong order' },
    { numbers: [1, 2, 2], sent: 2, lost: 0, outOfOrder: 1, onTheWay: 0, what: 'one twice' },
  ])('sees $what', ({ numbers, sent, ...expected }) => {
    const { lost, outOfOrder, onTheWay } = meterAfter(numbers, sent);
    expect({ lost, outOfOrder, onTheWay }).toEqual({
      lost: expected.lost,
      outOfOrder: expected.outOfOrder,
      onTheWay: expected.onTheWay,
    });
  });

  test('tells the longest silence, the present one included, and none that was wanted', () => {
    const meter = meterAfter([1, 2, 3]);
    expect(meter.longestGapMs(250)).toBe(100);
    expect(meter.longestGapMs(900)).toBe(700);
    meter.pause(500);
    expect(meter.longestGapMs(90_000)).toBe(300);
    meter.noteArrived(4, 90_000);
    expect(meter.longestGapMs(90_050)).toBe(300);
  });
});
