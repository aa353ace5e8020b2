import { describe, expect, test } from '@jest/globals';
import type { NodeFacts } from '../../machines/events.js';
import { drawRandom } from '../../machines/policies/random.js';
import { isStorm, takeToken } from '../../machines/policies/storm.js';
import { RestartPacer } from '../../src/registry/restart-pacer.js';
import { StormGovernor, type StormNews } from '../../src/registry/storm-governor.js';
import { TestClock } from '../support/test-clock.js';

const limits = { stormShare: 0.3, stormMinTubes: 10, stormWindowMs: 2000, stormPauseMs: 1000 };

function scene(tubes: number, perSecond = 50, burst = 20) {
  const test = new TestClock();
  let seed = 1;
  const random = (): number => {
    const { value, state } = drawRandom(seed);
    seed = state;
    return value;
  };
  const clock = {
    now: () => test.nowMs,
    schedule: (fn: () => void, delayMs: number) => {
      const timer = test.setTimeout(fn, delayMs);
      return () => test.clearTimeout(timer);
    },
  };
  const pacer = new RestartPacer({ limits: () => ({ perSecond, burst }), clock, random });
  const live = Array.from({ length: tubes }, (_, index) => `tube-${String(index)}`);
  const told: { tubeId: string; node: Partial<NodeFacts>; atMs: number }[] = [];
  const news: StormNews[] = [];
  const trouble = new Set<string>();
  const network = { looks: 0 };
  const governor = new StormGovernor({
    limits: () => limits,
    pacer,
    clock,
    liveTubes: () => new Set(live),
    inTrouble: (tubeId) => trouble.has(tubeId),
    tell: (tubeId, node) => void told.push({ tubeId, node, atMs: test.nowMs }),
    lookAtNetwork: () => {
      network.looks += 1;
    },
    changed: (fact) => void news.push(fact),
  });
  const heldNow = (): number => {
    const held = new Map<string, boolean>();
    for (const { tubeId, node } of told) if (node.held !== undefined) held.set(tubeId, node.held);
    return [...held.values()].filter(Boolean).length;
  };
  const suspect = (tubeId: string): void => {
    trouble.add(tubeId);
    governor.suspect(tubeId);
  };
  return { suspect, trouble, clock: test, pacer, live, told, news, network, governor, heldNow };
}

describe('a storm', () => {
  test.each([
    [9, 10, false],
    [10, 10, true],
    [10, 33, true],
    [10, 34, false],
    [30, 100, false],
    [31, 100, true],
    [0, 0, false],
  ])('is %d suspects of %d tubes: %s', (suspects, live, expected) => {
    expect(isStorm(suspects, live, limits)).toBe(expected);
  });

  test('holds every tube the moment that it is one, and says so', () => {
    const { suspect, live, told, news, network } = scene(100);
    for (const tubeId of live.slice(0, 30)) suspect(tubeId);
    expect(told.map(({ node }) => node.suspectShare)).toEqual(Array.from({ length: 30 }, (_, n) => (n + 1) / 100));
    expect(told.some(({ node }) => 'held' in node)).toBe(false);
    told.length = 0;
    suspect(live[30]!);
    expect(told).toHaveLength(100);
    expect(told.every(({ node }) => node.held === true && node.suspectShare === 0.31)).toBe(true);
    expect(news).toEqual([{ active: true, suspectShare: 0.31, suspects: 31 }]);
    expect(network.looks).toBe(1);
  });

  test('is not made of suspects that come one after the other, nor of one tube again and again', () => {
    const { suspect, live, clock, told } = scene(100);
    for (const tubeId of live) {
      suspect(tubeId);
      clock.advance(70);
    }
    for (let round = 0; round < 100; round += 1) suspect(live[0]!);
    expect(told.some(({ node }) => 'held' in node)).toBe(false);
  });

  test('lets the tubes in trouble go in waves after the pause, and ends when all are gone', () => {
    const { governor, suspect, live, clock, told, news } = scene(200);
    for (const tubeId of live) suspect(tubeId);
    told.length = 0;
    clock.advance(999);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toHaveLength(20);
    clock.advance(1000);
    const inFirstSecond = told.length - 20;
    expect(inFirstSecond).toBeGreaterThan(25);
    expect(inFirstSecond).toBeLessThanOrEqual(50);
    clock.advance(6000);
    expect(new Set(told.map(({ tubeId }) => tubeId)).size).toBe(200);
    const order = told.slice(0, 200).map(({ tubeId }) => tubeId);
    expect(order).not.toEqual(live);
    expect(news.at(-1)).toMatchObject({ active: false });
    expect(governor.active).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test('lets late suspects go in the waves too', () => {
    const { suspect, live, clock, heldNow, told } = scene(200, 10, 1);
    for (const tubeId of live.slice(0, 100)) suspect(tubeId);
    clock.advance(2000);
    told.length = 0;
    suspect('tube-150');
    expect(told).toEqual([]);
    clock.advance(60_000);
    expect(told.some(({ tubeId }) => tubeId === 'tube-150')).toBe(true);
    expect(heldNow()).toBe(0);
  });

  test('lets those go too that failed meanwhile, and waits for no reports of others', () => {
    const { suspect, live, clock, heldNow, pacer, governor } = scene(100, 10, 1);
    for (const tubeId of live.slice(0, 50)) suspect(tubeId);
    live.splice(0, 10);
    for (let second = 0; second < 20; second += 1) {
      for (let n = 0; n < 5; n += 1) pacer.run('route', `other-${String(n)}`, () => undefined);
      clock.advance(1000);
    }
    expect(heldNow()).toBe(0);
    expect(governor.active).toBe(false);
  });

  test('lets a tube in trouble of another kind go in the waves, not at the end', () => {
    const { suspect, trouble, live, clock, told } = scene(200, 10, 1);
    trouble.add('tube-199');
    for (const tubeId of live.slice(0, 100)) suspect(tubeId);
    told.length = 0;
    clock.advance(11_500);
    expect(told.some(({ tubeId }) => tubeId === 'tube-199') || told.length < 101).toBe(true);
    clock.advance(10_000);
    expect(told.filter(({ tubeId }) => tubeId === 'tube-199')).toHaveLength(1);
  });

  test('leaves no timer when it is stopped', () => {
    const { governor, suspect, pacer, live, clock } = scene(50);
    for (const tubeId of live) suspect(tubeId);
    governor.stop();
    pacer.stop();
    expect(clock.pending).toBe(0);
  });
});

describe('the pacer', () => {
  test('lets a few go at once and the rest at its rate', () => {
    const { pacer, clock } = scene(0, 50, 20);
    const atMs: number[] = [];
    for (let index = 0; index < 120; index += 1) pacer.run('report', String(index), () => void atMs.push(clock.nowMs));
    const startMs = atMs[0]!;
    expect(atMs).toHaveLength(20);
    clock.advance(10_000);
    expect(atMs).toHaveLength(120);
    const tookMs = atMs.at(-1)! - startMs;
    expect(tookMs).toBeGreaterThanOrEqual(1990);
    expect(tookMs).toBeLessThan(3100);
  });

  test('keeps one place per tube, with the newest thing to do', () => {
    const { pacer, clock } = scene(0, 1, 1);
    const done: string[] = [];
    pacer.run('route', 'a', () => void done.push('a1'));
    pacer.run('route', 'b', () => void done.push('b1'));
    pacer.run('route', 'b', () => void done.push('b2'));
    pacer.forget('a');
    expect(pacer.size).toBe(1);
    clock.advance(5000);
    expect(done).toEqual(['a1', 'b2']);
  });

  test('a bucket is never fuller than its burst, and a clock that goes back takes nothing', () => {
    const first = takeToken({ tokens: 0, atMs: 0 }, 3_600_000, { perSecond: 10, burst: 5 });
    expect(first).toEqual({ bucket: { tokens: 4, atMs: 3_600_000 }, waitMs: 0 });
    expect(takeToken({ tokens: 0.5, atMs: 1000 }, 0, { perSecond: 10, burst: 5 }).waitMs).toBe(50);
  });
});
