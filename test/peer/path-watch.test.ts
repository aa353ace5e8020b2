import { beforeEach, describe, expect, test } from '@jest/globals';
import { PathWatch } from '../../src/peer/path-watch.js';
import { FakeClock } from './fake-clock.js';

describe('the path of a peer that sends', () => {
  let clock: FakeClock;
  let watch: PathWatch;
  let told: string[];
  beforeEach(() => {
    clock = new FakeClock();
    told = [];
    const at = (what: string) => () => void told.push(`${what}@${String(clock.now())}`);
    watch = new PathWatch({ schedule: clock.schedule, ping: at('ping'), silent: at('silent') });
  });

  test('is asked after 1.1 s of silence and given up 2 s later', async () => {
    watch.sent();
    await clock.advance(10_000);
    expect(told).toEqual(['ping@1100', 'ping@2100', 'silent@3100']);
    expect(clock.pendingTimers).toBe(0);
  });

  test('is not asked while something comes back', async () => {
    for (let n = 0; n < 1000; n += 1) {
      watch.sent();
      await clock.advance(10);
      if (n % 50 === 0) watch.heard();
    }
    expect(told).toEqual([]);
  });

  test('is sound again with the pong', async () => {
    watch.sent();
    await clock.advance(1500);
    watch.heard();
    await clock.advance(10_000);
    expect(told).toEqual(['ping@1100']);
  });

  test('is told of once, however much is sent, and again after it was heard', async () => {
    for (let n = 0; n < 100; n += 1) {
      watch.sent();
      await clock.advance(100);
    }
    expect(told.filter((what) => what.startsWith('silent'))).toHaveLength(1);
    watch.heard();
    watch.sent();
    await clock.advance(5000);
    expect(told.filter((what) => what.startsWith('silent'))).toHaveLength(2);
  });

  test('is not watched while nothing is sent, nor once it is another path', async () => {
    await clock.advance(60_000);
    watch.sent();
    watch.reset();
    await clock.advance(60_000);
    expect(told).toEqual([]);
  });
});
