// Reports of network changes at a bounded pace: what passes at once, what waits, and that the last is never lost.
import { expect, test } from '@jest/globals';
import { ReportGate } from '../../src/registry/report-gate.js';
import { TestClock } from '../support/test-clock.js';

function run() {
  const clock = new TestClock();
  const startMs = clock.nowMs;
  const gate = new ReportGate(clock, clock.now);
  const passed: string[] = [];
  const report = (name: string, key = 'peer a'): void =>
    gate.pass(key, () => passed.push(`${name}@${String(clock.nowMs - startMs)}`));
  return { clock, gate, passed, report };
}

test('one report passes at once, and leaves nothing behind after a second', () => {
  const { clock, gate, passed, report } = run();
  report('online');
  expect(passed).toEqual(['online@0']);
  clock.advance(1000);
  expect([passed.length, gate.size, clock.pending]).toEqual([1, 0, 0]);
});

test('one change that is reported in several ways is not held up', () => {
  const { clock, passed, report } = run();
  report('online');
  clock.advance(5);
  report('connection_type');
  clock.advance(200);
  report('ip_change');
  clock.advance(10_000);
  expect(passed).toEqual(['online@0', 'connection_type@5', 'ip_change@205']);
});

test('a later one waits for the end of the second, the last in place of those before', () => {
  const { clock, passed, report } = run();
  report('first');
  clock.advance(300);
  report('second');
  clock.advance(300);
  report('third');
  clock.advance(10_000);
  expect(passed).toEqual(['first@0', 'third@1000']);
});

test('changes after 1, 1, 0.5, 1 and 2 s all come through, none more than half a second late', () => {
  const { clock, passed, report } = run();
  for (const [index, pauseMs] of [1000, 1000, 500, 1000, 2000, 0].entries()) {
    report(String(index));
    clock.advance(pauseMs);
  }
  clock.advance(10_000);
  expect(passed).toEqual(['0@0', '1@1000', '2@2000', '3@3000', '4@4000', '5@5500']);
});

test('a loop of reports for a minute comes through about once per second, the last one included', () => {
  const { clock, passed, report, gate } = run();
  for (let atMs = 0; atMs < 60_000; atMs += 10) {
    report(String(atMs));
    clock.advance(10);
  }
  clock.advance(10_000);
  // Of each second only what comes in its first quarter passes: one change to a tube that settles for as long.
  const seconds = new Set(passed.map((text) => Math.floor(Number(text.split('@')[1]) / 1000)));
  expect(seconds.size).toBeLessThanOrEqual(61);
  for (const text of passed) expect(Number(text.split('@')[1]) % 1000).toBeLessThan(250);
  expect(passed.at(-1)).toBe('59990@60000');
  expect(gate.size).toBe(0);
});

test('one tube does not hold up another, nor a peer its controller', () => {
  const { clock, passed, report } = run();
  report('first');
  clock.advance(500);
  report('of another tube', 'peer b');
  report('of the controller', 'controller a');
  expect(passed).toEqual(['first@0', 'of another tube@500', 'of the controller@500']);
});

test('a wall clock that is set back or ahead loses nothing', () => {
  const { clock, passed, gate } = run();
  let skewMs = 0;
  const skewed = new ReportGate(clock, () => clock.nowMs + skewMs);
  skewed.pass('a', () => passed.push('before'));
  clock.advance(300);
  skewMs = -3_600_000;
  skewed.pass('a', () => passed.push('set back'));
  skewMs = 3_600_000;
  skewed.pass('a', () => passed.push('set ahead'));
  clock.advance(2000);
  expect(passed).toEqual(['before', 'set back', 'set ahead']);
  expect([skewed.size, gate.size]).toEqual([0, 0]);
});
