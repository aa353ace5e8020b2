/** Simulated hours on ways that are long and lose nothing (test/support/rough-path.ts): a long way is no fault, and nobody is to pay for it. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { profiles } from '../../src/config/profiles.js';
import { hourMs, RoughPath } from '../support/rough-path.js';

// Together the hours take long: the process is seen to be alive in between.
afterEach(() => new Promise<void>((done) => setImmediate(done)));

describe('ten hours of a long way without loss', () => {
  const cases = [600, 1200].flatMap((rttMs) =>
    (['low_latency', 'mobile', 'production'] as const).flatMap((profile) =>
      (['overlap', 'plain'] as const).map((peer) => [rttMs, profile, peer] as const),
    ),
  );

  test.each(cases)(
    'cost %i ms RTT, profile %s, peer %s a handful of restarts at most, and never the path',
    (rttMs, profile, peer) => {
      const { tube } = new RoughPath({ loss: 0, rttMs }, peer, profile, 1);
      const connectMs = 4.6 * rttMs;
      let [restarts, isUpAtMs, pathless] = [0, 0, 0];
      for (let seconds = 0; seconds < (10 * hourMs) / 1000; seconds += 1) {
        tube.advance(1000);
        const { pending, active } = tube.context;
        if (active === null) pathless += 1;
        if (pending === null) continue;
        if (!pending.described) {
          restarts += 1;
          isUpAtMs = tube.elapsedMs + connectMs;
          tube.described();
          tube.answer(peer);
        } else if (tube.elapsedMs >= isUpAtMs) tube.up();
      }
      expect(tube.of('closed')).toEqual([]);
      expect(tube.of('ping').filter(({ outcome }) => outcome === 'missed')).toEqual([]);
      expect(tube.of('attemptEnded').filter(({ outcome }) => outcome === 'failure')).toEqual([]);
      expect(pathless).toBe(0);
      expect(restarts).toBe(tube.of('attemptStarted').length);
      if (peer === 'plain') expect(restarts).toBe(0);
      else expect(restarts).toBeLessThan(15);
    },
    60_000,
  );
});

describe('an hour of a way that is longer than the pause between pings', () => {
  const cases = [1500, 2200, 3300].flatMap((rttMs) =>
    (['low_latency', 'mobile', 'production'] as const).map((profile) => [rttMs, profile] as const),
  );

  test.each(cases)('with %i ms RTT, profile %s, has no missed ping', (rttMs, profile) => {
    const { tube } = new RoughPath({ loss: 0, rttMs }, 'plain', profile, 1);
    tube.advance(hourMs);
    expect(tube.of('ping').length).toBeGreaterThan(hourMs / (profiles[profile].tube.pingIntervalMs + rttMs) - 2);
    expect(tube.of('ping').filter(({ outcome }) => outcome === 'missed')).toEqual([]);
    expect(tube.of('attemptStarted')).toEqual([]);
    expect(tube.states.filter((state) => state === 'degraded')).toEqual([]);
  });
});
