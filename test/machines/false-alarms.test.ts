/** Ten simulated hours on paths that are not good and not dead (test/support/rough-path.ts): nobody may be restarted for them. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { profiles } from '../../src/config/profiles.js';
import { hourMs, RoughPath, type Path } from '../support/rough-path.js';

// Together the hours take long: the process is seen to be alive in between.
afterEach(() => new Promise<void>((done) => setImmediate(done)));

describe('in ten hours', () => {
  const paths: readonly (readonly [string, Path])[] = [
    ['a healthy path with a lost ping now and then', { loss: 0, rttMs: 20, lostPings: 0.02 }],
    ['5 % loss to the peer', { loss: 0.05, lossBack: 0, rttMs: 20 }],
    ['300 ms RTT', { loss: 0, rttMs: 300 }],
    ['5 % loss to the peer at 300 ms RTT', { loss: 0.05, lossBack: 0, rttMs: 300 }],
  ];
  /** Twice as much as asked for; a plain peer with a ping each second is restarted about once in that time then. */
  const worse: Path = { loss: 0.05, rttMs: 20 };
  const peers = [
    ['overlap', 'production'],
    ['overlap', 'low_latency'],
    ['plain', 'production'],
    ['plain', 'low_latency'],
  ] as const;
  const cases = [
    ...paths.flatMap(([name, path]) => peers.map(([peer, profile]) => [name, peer, profile, path] as const)),
    ...peers.slice(0, 3).map(([peer, profile]) => ['5 % loss each way', peer, profile, worse] as const),
  ];

  test.each(cases)(
    '%s restarts nobody: peer %s, profile %s',
    (_name, peer, profile, path) => {
      const rough = new RoughPath(path, peer, profile, 1);
      rough.tube.advance(10 * hourMs);
      expect(rough.pongs).toBeGreaterThan((10 * hourMs) / profiles[profile].tube.pingIntervalMs / 2);
      expect(rough.tube.of('sampled').length).toBeGreaterThan(290);
      expect(rough.tube.of('attemptStarted')).toEqual([]);
      expect(rough.tube.of('decision')).toEqual([]);
      expect(rough.tube.state).toBe('connected');
    },
    60_000,
  );
});

describe('25 % loss each way', () => {
  test.each([1, 2, 3, 4, 5])('is found poor at the first poll and restarts within three (seed %i)', (seed) => {
    const rough = new RoughPath({ loss: 0.25, rttMs: 40 }, 'overlap', 'production', seed);
    rough.tube.advance(125_000);
    expect(rough.tube.of('quality')).toMatchObject([{ verdict: 'poor' }]);
    rough.tube.advance(250_000);
    expect(rough.tube.of('attemptStarted')[0]).toMatchObject({ generation: 2, trigger: 'poor_quality' });
  });
});
