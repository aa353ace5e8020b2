// In which order timers and inputs came, where their times do not say it: what is told to a replay, and what it does by itself.
import { describe, expect, test } from '@jest/globals';
import { TimerOrder, type PlacedTimer } from '../../src/registry/timer-order.js';

let timers = 0;
const due = (dueMs: number, name = 'a') => ({ name, dueMs, set: (timers += 1) });
const brief = (placed: readonly PlacedTimer[]): string[] =>
  placed.map(({ name, dueMs, atMs, fired }) => `${name} ${String(dueMs)} ${fired ? `at ${String(atMs)}` : 'never'}`);

describe('a replay does by itself', () => {
  test('what is due before an input, at the moment of it, and after it', () => {
    const order = new TimerOrder(0);
    expect(brief(order.fired(due(10), 10))).toEqual([]);
    expect(brief(order.heard(11))).toEqual([]);
    expect(brief(order.fired(due(11), 11))).toEqual([]);
    expect(brief(order.fired(due(11), 11))).toEqual([]);
    expect(brief(order.heard(12))).toEqual([]);
  });

  test('timers that are a little late, as long as nothing came between', () => {
    const order = new TimerOrder(0);
    expect(brief(order.fired(due(10), 17))).toEqual([]);
    expect(brief(order.heard(17))).toEqual([]);
    // What it sets is due by the clock of the replay, in which it was not late.
    const other = new TimerOrder(0);
    other.fired(due(10), 17);
    expect(other.nowMs).toBe(10);
  });

  test('timers that are cancelled before they are due', () => {
    const order = new TimerOrder(0);
    order.heard(10);
    expect(brief(order.cancelled(due(10)))).toEqual([]);
    expect(brief(order.cancelled(due(99)))).toEqual([]);
  });
});

describe('a replay is told', () => {
  test('of a timer that fired before an input of its millisecond', () => {
    const order = new TimerOrder(0);
    order.fired(due(10), 10);
    expect(brief(order.freshAt(10))).toEqual(['a 10 at 10']);
    expect(brief(order.heard(10))).toEqual(['a 10 at 10']);
    expect(brief(order.heard(10))).toEqual([]);
  });

  test('of a timer that fired after an input that came when it was due already', () => {
    const order = new TimerOrder(0);
    order.heard(12);
    expect(brief(order.fired(due(10), 13))).toEqual(['a 10 at 13']);
    expect(order.nowMs).toBe(13);
  });

  test('of a timer that was due, and that an input cancelled', () => {
    const order = new TimerOrder(0);
    order.heard(12);
    expect(brief(order.cancelled(due(10)))).toEqual(['a 10 never']);
  });

  test('of timers that fired in another order than they were due', () => {
    const order = new TimerOrder(0);
    const [first, second] = [due(10, 'first'), due(11, 'second')];
    expect(brief(order.fired(second, 11))).toEqual([]);
    expect(brief(order.fired(first, 11))).toEqual(['second 11 at 11', 'first 10 at 11']);
  });

  test('of a timer that was cancelled by one that was due after it, or set after it', () => {
    const order = new TimerOrder(0);
    const [first, second, third] = [due(10, 'first'), due(11, 'second'), due(11, 'third')];
    order.fired(third, 12);
    expect(brief(order.cancelled(first))).toEqual(['first 10 never']);
    expect(brief(order.cancelled(second))).toEqual(['second 11 never']);
  });

  test('of a timer that was so late that it shows', () => {
    const order = new TimerOrder(0);
    expect(brief(order.fired(due(1000), 1100))).toEqual([]);
    expect(brief(order.fired(due(2000), 2101))).toEqual(['a 2000 at 2101']);
  });

  test('of a timer that fired early: its clock is another', () => {
    const order = new TimerOrder(0);
    order.fired(due(10), 9);
    expect(brief(order.heard(9))).toEqual(['a 10 at 10']);
    expect(brief(order.fired(due(9.5), 11))).toEqual(['a 9.5 at 11']);
  });
});
