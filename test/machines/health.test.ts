import { describe, expect, test } from '@jest/globals';
import { healthMachine } from '../../machines/health.machine.js';
import type { PeerKind } from '../../machines/ports/transport.port.js';
import { runChild } from '../support/child-harness.js';
import { defaultSettings } from '../support/settings.js';

/** Pings and pongs of one generation as its transport counts them. */
class Pings {
  /** One is always on its way. */
  sent = 1;
  received = 0;

  /** Some more pings, a part of them unanswered; null: the peer never answers. */
  go(pings: number, lossRatio: number | null): this {
    this.sent += pings;
    this.received += lossRatio === null ? 0 : Math.round(pings * (1 - lossRatio));
    return this;
  }

  sample(rttMs: number | null) {
    return { pingsSent: this.sent, pongsReceived: this.received, probes: null, rttMs };
  }
}

function run(peerKind: PeerKind = 'overlap', poorRestarts = 0) {
  const pings = new Pings();
  const harness = runChild(healthMachine, { settings: defaultSettings, peerKind, poorRestarts });
  const { child, clock, told } = harness;
  return {
    ...harness,
    polls: (): number[] => told.filter(({ type }) => type === 'health.poll').map(({ atMs }) => atMs),
    advice: () => told.filter(({ type }) => type === 'health.restartAdvised'),
    verdicts: () => told.filter(({ type }) => type === 'health.verdict'),
    pings,
    /** Waits for the next poll and answers it: so many pings later, a part of them lost. */
    poll: (lossRatio: number | null, rttMs: number | null, count = 100): void => {
      clock.advance(defaultSettings.healthCheckIntervalMs);
      child.send({ type: 'health.sample', sample: pings.go(count, lossRatio).sample(rttMs) });
    },
    /** The same with a burst of a hundred probes: so many are lost on the way there, and so many of the echoes. */
    probe: (lostThere: number, lostBack: number, rttMs = 20): void => {
      clock.advance(defaultSettings.healthCheckIntervalMs);
      const arrived = 100 - lostThere;
      const probes = { sent: 100, arrived, echoed: arrived - lostBack };
      child.send({ type: 'health.sample', sample: { ...pings.go(24, 0).sample(rttMs), probes } });
    },
    pace: (degraded: boolean): void => {
      child.send({ type: 'health.pace', degraded });
    },
    heard: (): void => {
      child.send({ type: 'health.heard' });
    },
    failOperations: (count: number): void => {
      for (let n = 0; n < count; n += 1) child.send({ type: 'health.operationFailed' });
    },
    context: () => child.getSnapshot().context,
  };
}

describe('polling', () => {
  test('asks for a sample every 120 s, the first after 120 s', () => {
    const it = run();
    for (let n = 0; n < 3; n += 1) it.poll(0, 20);
    expect(it.polls()).toEqual([120_000, 240_000, 360_000]);
  });

  test('asks again when a sample never came', () => {
    const it = run();
    it.clock.advance(360_000);
    expect(it.polls()).toEqual([120_000, 240_000, 360_000]);
  });

  test('is not put off by what is heard in between', () => {
    const it = run();
    for (let second = 0; second < 240; second += 1) {
      it.clock.advance(1_000);
      it.heard();
    }
    expect(it.polls()).toEqual([120_000, 240_000]);
  });

  test('is every 5 s while degraded, from the moment it is, and slow again afterwards', () => {
    const it = run();
    it.clock.advance(50_000);
    it.pace(true);
    it.clock.advance(5_000);
    it.child.send({ type: 'health.sample', sample: it.pings.go(1, 0).sample(20) });
    it.pace(true);
    it.clock.advance(5_000);
    it.child.send({ type: 'health.sample', sample: it.pings.go(1, 0).sample(20) });
    it.pace(false);
    it.clock.advance(120_000);
    expect(it.polls()).toEqual([55_000, 60_000, 180_000]);
  });

  test('ignores a sample that nobody asked for', () => {
    const it = run();
    it.child.send({ type: 'health.sample', sample: it.pings.go(100, 1).sample(5_000) });
    expect(it.told).toEqual([]);
    expect(it.context().scores).toEqual([]);
    expect(it.context().isPolled).toBe(false);
  });
});

describe('the verdict', () => {
  test('is told when it changes, with its evidence, and not otherwise', () => {
    const it = run();
    it.poll(0, 20);
    it.poll(0, 301);
    it.poll(0, 302);
    it.poll(0.15, 20);
    it.poll(0, null);
    expect(it.verdicts()).toEqual([
      {
        type: 'health.verdict',
        verdict: 'warning',
        score: expect.closeTo(0.899, 10),
        lossRatio: 0,
        rttMs: 301,
        atMs: 240_000,
      },
      {
        type: 'health.verdict',
        verdict: 'poor',
        score: expect.closeTo(0.7, 10),
        lossRatio: 0.15,
        rttMs: 20,
        atMs: 480_000,
      },
      { type: 'health.verdict', verdict: 'good', score: 1, lossRatio: 0, rttMs: null, atMs: 600_000 },
    ]);
  });

  test('is told of each poll to those who count', () => {
    const it = run();
    for (const rttMs of [20, 301, 301]) it.poll(0, rttMs);
    expect(it.told.filter(({ type }) => type === 'health.polled')).toMatchObject([
      { verdict: 'good', score: 1, lossRatio: 0, rttMs: 20, atMs: 120_000 },
      { verdict: 'warning', rttMs: 301, atMs: 240_000 },
      { verdict: 'warning', rttMs: 301, atMs: 360_000 },
    ]);
  });

  test('keeps the last ten scores', () => {
    const it = run();
    for (let n = 1; n <= 12; n += 1) it.poll(0, 200 + n);
    expect(it.context().scores).toHaveLength(10);
    expect(it.context().samples).toHaveLength(10);
    expect(it.context().samples[9]).toEqual(it.context().sample);
    expect(it.context().scores[0]).toBeCloseTo(1 - 0.003, 10);
    expect(it.context().scores[9]).toBeCloseTo(1 - 0.012, 10);
  });
});

describe('loss', () => {
  const loss = (it: ReturnType<typeof run>): number | null => {
    const count = it.context().sample.loss;
    return count === null ? null : count.lost / count.sent;
  };

  test('is that of the pings since the last window, not since the generation was built', () => {
    const it = run();
    it.poll(0, 20, 2_000);
    it.poll(0.1, 20, 20);
    expect(loss(it)).toBe(0.1);
    it.poll(0, 20, 20);
    expect(loss(it)).toBe(0);
  });

  test('of a path that turned bad after a long good time calls for a restart at the third poll', () => {
    const it = run();
    it.poll(0, 20, 100_000);
    for (let n = 0; n < 3; n += 1) it.poll(0.25, 20, 24);
    expect(it.advice()).toHaveLength(1);
  });

  test('is not known before ten pings were sent, and then stays until ten more were', () => {
    const it = run();
    it.poll(0.5, 20, 8);
    expect(loss(it)).toBeNull();
    it.poll(0.5, 20, 2);
    expect(loss(it)).toBe(0.5);
    it.poll(0, 20, 8);
    expect(loss(it)).toBe(0.5);
    it.poll(0, 20, 2);
    expect(loss(it)).toBe(0);
  });

  test('does not count the ping that is on its way, nor forget it', () => {
    const it = run();
    const poll = (pingsSent: number, pongsReceived: number): void => {
      it.clock.advance(defaultSettings.healthCheckIntervalMs);
      it.child.send({ type: 'health.sample', sample: { pingsSent, pongsReceived, probes: null, rttMs: 20 } });
    };
    poll(11, 10);
    expect(loss(it)).toBe(0);
    // It was answered; the ping on its way is the 21st.
    poll(21, 20);
    expect(loss(it)).toBe(0);
    // The 21st never was, nor was the 22nd.
    poll(31, 28);
    expect(loss(it)).toBe(0.2);
  });

  test('is not known of a peer that has never answered, and begins with its first answers', () => {
    const it = run();
    it.poll(null, 20, 50);
    expect(loss(it)).toBeNull();
    it.poll(0.1, 20, 20);
    expect(loss(it)).toBe(0.1);
  });

  test('is that of the probes where the peer answers them, and of the worse direction', () => {
    const it = run();
    it.probe(5, 4);
    expect(loss(it)).toBe(0.05);
    it.probe(10, 18);
    expect(loss(it)).toBe(0.2);
    expect(it.context().sample.loss).toEqual({ lost: 18, sent: 90 });
    it.poll(0, 20);
    expect(loss(it)).toBe(0);
  });

  test('is never below nothing, whatever the peer sends as pongs', () => {
    const it = run();
    it.poll(-5, 20, 20);
    expect(loss(it)).toBe(0);
  });
});

describe('a restart for poor quality', () => {
  test('is advised at the third poor poll in a row, once, and the history starts anew', () => {
    const it = run();
    it.poll(0.15, 20);
    it.poll(0, 900);
    expect(it.advice()).toEqual([]);
    it.poll(0.5, 20);
    expect(it.advice()).toEqual([{ type: 'health.restartAdvised', trigger: 'poor_quality', atMs: 360_000 }]);
    expect(it.context()).toMatchObject({ scores: [], samples: [], poorPolls: 0, isPolled: true });
  });

  test('is advised again after 6, 12, 24 and then every 30 poor polls (1 h), whether the path was replaced or not', () => {
    const it = run();
    const polls: number[] = [];
    for (let n = 1; n <= 105; n += 1) {
      const before = it.advice().length;
      it.poll(0.5, 20);
      if (it.advice().length > before) polls.push(n);
    }
    expect(polls).toEqual([3, 9, 21, 45, 75, 105]);
    const told = it.told.filter(({ type }) => type === 'health.poorRestarts').map(({ count }) => count);
    expect(told).toEqual([1, 2, 3, 4, 5, 6]);
    const next = run('overlap', 2);
    for (let n = 0; n < 11; n += 1) next.poll(0.5, 20);
    expect(next.advice()).toEqual([]);
    next.poll(0.5, 20);
    expect(next.advice()).toHaveLength(1);
  });

  test('is advised as soon as ever once the path was good for ten polls', () => {
    const it = run('overlap', 5);
    for (let n = 0; n < 9; n += 1) it.poll(0, 20);
    expect(it.context().poorRestarts).toBe(5);
    it.poll(0, 20);
    expect(it.told.at(-1)).toMatchObject({ type: 'health.poorRestarts', count: 0 });
    for (let n = 0; n < 3; n += 1) it.poll(0.5, 20);
    expect(it.advice()).toHaveLength(1);
  });

  test('is advised for a long way with our library only; a plain peer would pay for it with a pause', () => {
    const [library, plain] = [run('overlap'), run('plain')];
    for (const it of [library, plain]) for (let n = 0; n < 3; n += 1) it.poll(0, 900);
    expect([library, plain].map((it) => it.advice().length)).toEqual([1, 0]);
    expect(plain.verdicts()).toMatchObject([{ verdict: 'poor' }]);
    for (let n = 0; n < 3; n += 1) plain.poll(0.5, 900);
    expect(plain.advice()).toHaveLength(1);
  });

  test('is not advised when a poll in between was not poor', () => {
    const it = run();
    for (const loss of [0.2, 0.2, 0.04, 0.2, 0.2, 0, 0.2, 0.2]) it.poll(loss, 20);
    expect(it.advice()).toEqual([]);
  });

  test('is not advised for loss that 100 probes do not prove to be above the limit', () => {
    const it = run();
    for (let n = 0; n < 20; n += 1) it.probe(11, 0);
    expect(it.advice()).toEqual([]);
    expect(it.verdicts()).toMatchObject([{ verdict: 'warning', lossRatio: 0.11 }]);
    for (let n = 0; n < 3; n += 1) it.probe(0, 12);
    expect(it.advice()).toHaveLength(1);
  });

  test('is not advised on a mere warning, however long', () => {
    const it = run();
    for (let n = 0; n < 20; n += 1) it.poll(0.04, 350);
    expect(it.advice()).toEqual([]);
  });
});

describe('a restart for a tube that is unhealthy', () => {
  test('is advised after 10 s of silence with four failed operations', () => {
    const it = run();
    it.clock.advance(5_000);
    it.heard();
    it.failOperations(4);
    it.clock.advance(9_999);
    expect(it.advice()).toEqual([]);
    it.clock.advance(1);
    expect(it.advice()).toEqual([{ type: 'health.restartAdvised', trigger: 'unhealthy', atMs: 15_000 }]);
  });

  test('is advised at the fourth failure when the silence is older', () => {
    const it = run();
    it.clock.advance(20_000);
    it.failOperations(3);
    expect(it.advice()).toEqual([]);
    it.failOperations(1);
    expect(it.advice()).toHaveLength(1);
  });

  test('is not advised for three failed operations', () => {
    const it = run();
    it.failOperations(3);
    it.clock.advance(100_000);
    expect(it.advice()).toEqual([]);
  });

  test('is not advised when something was heard in between: the failures are forgotten', () => {
    const it = run();
    it.failOperations(3);
    it.clock.advance(9_000);
    it.heard();
    it.failOperations(3);
    it.clock.advance(15_000);
    it.heard();
    it.failOperations(3);
    it.clock.advance(15_000);
    expect(it.advice()).toEqual([]);
  });

  test('begins to count anew after the advice', () => {
    const it = run();
    it.failOperations(4);
    it.clock.advance(10_000);
    expect(it.advice()).toHaveLength(1);
    it.clock.advance(60_000);
    it.failOperations(3);
    expect(it.advice()).toHaveLength(1);
  });
});

test('nothing is left behind when it is stopped', () => {
  const it = run();
  it.child.send({ type: 'xstate.stop' } as never);
  expect(it.clock.pending).toBe(0);
});
