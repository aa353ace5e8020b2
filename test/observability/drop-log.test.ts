// Lines about drops: at once, then every 5 s while it goes on, and nothing that ticks when it is quiet.
import { describe, expect, test } from '@jest/globals';
import { DropLog } from '../../src/observability/drop-log.js';
import { TestClock } from '../support/test-clock.js';

function run() {
  const clock = new TestClock();
  const lines: [object, string][] = [];
  const log = { warn: (fields: object, msg: string) => void lines.push([fields, msg]) };
  const drops = new DropLog({ log, schedule: (fn, delayMs) => void clock.setTimeout(fn, delayMs) });
  return { clock, drops, lines, counts: () => lines.map(([fields]) => (fields as { dropped: number }).dropped) };
}

describe('drops of a channel', () => {
  test('are told at once, then summed up every 5 s while they go on', () => {
    const { clock, drops, lines, counts } = run();
    drops.dropped('t', 'pose', 'overflow', 1);
    const msg = 'messages of a channel were dropped';
    expect(lines).toEqual([[{ tube_id: 't', label: 'pose', dropped: 1, cause: 'overflow' }, msg]]);
    for (let n = 0; n < 99; n += 1) {
      clock.advance(100);
      drops.dropped('t', 'pose', 'overflow', 2);
    }
    expect(counts()).toEqual([1, 98]);
    clock.advance(5000);
    expect(counts()).toEqual([1, 98, 100]);
  });

  test('leave no timer when they stop, and are told at once when they begin again', () => {
    const { clock, drops, counts } = run();
    drops.dropped('t', 'pose', 'overflow', 3);
    expect(clock.pending).toBe(1);
    clock.advance(5000);
    expect([clock.pending, counts()]).toEqual([0, [3]]);
    drops.dropped('t', 'pose', 'overflow', 4);
    expect(counts()).toEqual([3, 4]);
  });

  test('are counted for each channel of each tube, with all their causes', () => {
    const { clock, drops, lines } = run();
    drops.dropped('t', 'pose', 'overflow', 1);
    drops.dropped('t', 'video', 'overflow', 1);
    drops.dropped('u', 'pose', 'overflow', 1);
    drops.dropped('t', 'pose', 'overflow', 1);
    drops.dropped('t', 'pose', 'too_large', 1);
    expect(lines).toHaveLength(3);
    clock.advance(5000);
    expect(lines.slice(3).map(([fields]) => fields)).toEqual([
      { tube_id: 't', label: 'pose', dropped: 2, cause: 'overflow,too_large' },
    ]);
  });

  test('of too many channels are not all watched', () => {
    const { clock, drops, lines } = run();
    for (let n = 0; n < 11_000; n += 1) drops.dropped(`t${String(n)}`, 'pose', 'overflow', 1);
    expect([lines.length, clock.pending]).toEqual([10_000, 10_000]);
  });
});
