import { describe, expect, test } from '@jest/globals';
import type { RestartDecision } from '../../machines/events.js';
import { closedBreaker, type BreakerState } from '../../machines/policies/breaker.js';
import type { RestartEvent, RestartInput } from '../../machines/restart.context.js';
import { restartMachine } from '../../machines/restart.machine.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { Evidence, RestartTrigger } from '../../machines/policies/recovery.js';
import { runChild, type Told } from '../support/child-harness.js';
import { evidenceOf } from '../support/evidence.js';
import { defaultSettings } from '../support/settings.js';

type Options = Partial<Omit<RestartInput, 'settings' | 'evidence'>> & {
  readonly settings?: Partial<TubeSettings>;
  readonly evidence?: Partial<Evidence>;
};

function run({ settings, evidence, ...input }: Options = {}) {
  let known = evidenceOf(evidence);
  const base = { breaker: closedBreaker, evidence: known, seed: 42, ...input };
  const harness = runChild(restartMachine, { ...base, settings: { ...defaultSettings, ...settings } });
  const { child, clock, told } = harness;
  const trigger = (name: RestartTrigger, requestId: string | null = null, fresh = false): void => {
    known = { ...known, trigger: name };
    child.send({ type: 'restart.trigger', trigger: name, fresh, requestId, evidence: known, atMs: clock.nowMs });
  };
  /** The tube learns something that a waiting restart must know; later triggers carry it too. */
  const learn = (patch: Partial<Evidence>): void => {
    known = { ...known, ...patch };
    child.send({ type: 'restart.evidence', patch });
  };
  const send = (type: 'generation.described' | 'generation.failed'): void => {
    child.send({ type });
  };
  const answered = (channelsLost = false, rttMs: number | null = null): void => {
    child.send({ type: 'generation.answered', channelsLost, rttMs });
  };
  const up = (): void => {
    child.send({ type: 'generation.up', atMs: clock.nowMs });
  };
  return {
    ...harness,
    trigger,
    send,
    learn,
    known: () => known,
    answered: (rttMs: number | null = null): void => answered(false, rttMs),
    answeredAnew: (): void => answered(true),
    up,
    described: (): void => send('generation.described'),
    failed: (): void => send('generation.failed'),
    standDown: (): void => {
      child.send({ type: 'restart.standDown', atMs: clock.nowMs });
    },
    adopt: (): void => {
      child.send({ type: 'restart.adopted', trigger: 'peer_offer', rttMs: null });
    },
    state: (): unknown => child.getSnapshot().value,
    context: () => child.getSnapshot().context,
    breaker: (): BreakerState => child.getSnapshot().context.breaker,
    begins: (): Told[] => told.filter(({ type }) => type === 'restart.begin'),
    beginTimes: (): number[] => told.filter(({ type }) => type === 'restart.begin').map(({ atMs }) => atMs),
    abandons: () => told.filter(({ type }) => type === 'restart.abandon'),
    lastDecision: () => {
      const last = told.filter(({ type }) => type === 'restart.decided').at(-1);
      return { ...(last?.['decision'] as RestartDecision), requestId: last?.['requestId'] };
    },
    giveUps: () => told.filter(({ type }) => type === 'restart.giveUp').map(({ reason, close }) => ({ reason, close })),
  };
}

type Run = ReturnType<typeof run>;

/** Lets time pass until the next attempt has begun. */
function awaitBegin(it: Run): void {
  const count = it.begins().length;
  while (it.begins().length === count) it.clock.advance(1);
}

/** Fails `count` attempts, the first of which has begun, the moment they begin. */
function failAttempts(it: Run, count: number): void {
  for (let n = 0; n < count; n += 1) {
    if (n > 0) awaitBegin(it);
    it.failed();
  }
}

describe('the first attempt', () => {
  test.each(['missed_pings', 'transport_failure', 'manual', 'peer_request', 'poor_quality', 'crash'] as const)(
    'for %s is made at once',
    (name) => {
      const it = run();
      it.trigger(name, null, true);
      expect(it.take()).toMatchObject([
        {
          type: 'restart.decided',
          decision: { action: 'do', code: null, verdict: 'restart_now', trigger: name, attempt: 1, delayMs: 0 },
          requestId: null,
          atMs: 0,
        },
        { type: 'restart.begin', attempt: 1, trigger: name, fresh: true, atMs: 0 },
      ]);
    },
  );

  test.each(['interface_change', 'ip_change'] as const)('for %s waits 250 ms for the network to settle', (name) => {
    const it = run();
    it.trigger(name);
    it.clock.advance(249);
    expect(it.begins()).toEqual([]);
    it.clock.advance(1);
    expect(it.beginTimes()).toEqual([250]);
    expect(it.lastDecision()).toMatchObject({ action: 'do', verdict: 'restart_now', attempt: 1 });
  });

  test('is made once for a burst of network changes, 250 ms after the last', () => {
    const it = run();
    for (let n = 0; n < 5; n += 1) {
      it.trigger('interface_change');
      it.clock.advance(200);
    }
    expect(it.begins()).toEqual([]);
    it.clock.advance(50);
    expect(it.beginTimes()).toEqual([1_050]);
    expect(it.context().attempts).toBe(1);
  });

  test.each(['missed_pings', 'transport_failure', 'poor_quality', 'unhealthy'] as const)(
    'for a network change is not held up by %s while it settles, which is skipped',
    (name) => {
      const it = run();
      it.trigger('manual');
      it.up();
      it.clock.advance(1_000);
      it.trigger('interface_change');
      it.clock.advance(100);
      it.trigger(name, 'call-1');
      expect(it.lastDecision()).toMatchObject({
        action: 'skip',
        trigger: name,
        requestId: 'call-1',
        code: 'restart_in_progress',
      });
      it.clock.advance(150);
      expect(it.begins().at(-1)).toMatchObject({ trigger: 'interface_change', atMs: 1_250 });
    },
  );
});

describe('backoff', () => {
  test('is 5, 10, 20, 60, 60 s, each times its jitter, for seed 42', () => {
    const it = run({ settings: { breakerFailureThreshold: 100 } });
    const waits: number[] = [];
    it.trigger('missed_pings');
    for (let n = 1; n <= 7; n += 1) {
      it.failed();
      const decision = it.lastDecision();
      expect(decision).toMatchObject({ action: 'wait', why: 'backoff', attempt: n });
      waits.push(decision.delayMs);
      it.clock.advance(decision.delayMs - 1);
      expect(it.begins()).toHaveLength(n);
      it.clock.advance(1);
      expect(it.begins()).toHaveLength(n + 1);
    }
    expect(waits).toEqual([3_621, 9_262, 16_697, 35_244, 45_798, 38_197, 48_742]);
  });

  test('stays within half and the whole of the table for any seed', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const it = run({ seed, settings: { breakerFailureThreshold: 100 } });
      it.trigger('missed_pings');
      for (const base of [5_000, 10_000, 20_000, 60_000, 60_000]) {
        it.failed();
        const { delayMs } = it.context();
        expect(delayMs).toBeGreaterThanOrEqual(base / 2);
        expect(delayMs).toBeLessThanOrEqual(base);
        it.clock.advance(delayMs);
      }
    }
  });

  test.each(['manual', 'peer_request', 'turn_expiry'] as const)('is passed over by %s', (name) => {
    const it = run();
    it.trigger('missed_pings');
    it.failed();
    it.clock.advance(100);
    it.trigger(name, 'call-1');
    expect(it.begins().at(-1)).toEqual({ type: 'restart.begin', attempt: 2, trigger: name, fresh: false, atMs: 100 });
    expect(it.lastDecision()).toMatchObject({ action: 'do', requestId: 'call-1', code: null });
  });

  test('is passed over by a network change, which settles first', () => {
    const it = run();
    it.trigger('missed_pings');
    it.failed();
    it.clock.advance(100);
    it.trigger('ip_change');
    it.clock.advance(250);
    expect(it.beginTimes()).toEqual([0, 350]);
  });

  test.each(['missed_pings', 'transport_failure', 'poor_quality', 'unhealthy'] as const)(
    'is not shortened by %s, which is skipped',
    (name) => {
      const it = run();
      it.trigger('missed_pings');
      it.failed();
      it.clock.advance(1_000);
      it.trigger(name, 'call-1');
      expect(it.lastDecision()).toMatchObject({
        action: 'skip',
        why: 'backoff',
        trigger: name,
        requestId: 'call-1',
        code: 'restart_in_progress',
      });
      it.clock.advance(2_620);
      expect(it.begins()).toHaveLength(1);
      it.clock.advance(1);
      expect(it.begins()).toHaveLength(2);
    },
  );
});

describe('an attempt to better a path that works', () => {
  test.each([{}, { answerTimeoutAction: 'close' as const }, { breakerAction: 'close' as const }])(
    'ends nothing when it fails, however often (%j)',
    (settings) => {
      const it = run({ settings: { ...settings, breakerFailureThreshold: 1, maxRestartAttempts: 1 } });
      for (let n = 1; n <= 20; n += 1) {
        it.trigger('poor_quality');
        if (n > 1) awaitBegin(it);
        it.described();
        it.clock.advance(15_000);
        expect(it.abandons()).toHaveLength(n);
        expect(it.state()).toBe('backoff');
        it.standDown();
      }
      expect(it.giveUps()).toEqual([]);
      expect(it.breaker()).toEqual({ kind: 'closed', failures: 0 });
    },
  );

  test('counts like any other once the path is gone', () => {
    const it = run();
    it.trigger('poor_quality');
    it.learn({ path: 'none' });
    it.failed();
    expect(it.context().failures).toBe(1);
    expect(it.breaker()).toEqual({ kind: 'closed', failures: 1 });
  });
});

describe('answer timeout', () => {
  test('at exactly 15 s from the offer counts as one failed attempt', () => {
    const it = run();
    it.trigger('missed_pings');
    it.clock.advance(40);
    it.described();
    it.clock.advance(14_999);
    expect(it.abandons()).toEqual([]);
    it.clock.advance(1);
    expect(it.abandons()).toEqual([
      {
        type: 'restart.abandon',
        failure: { code: 'transport_answer_timeout', detail: '' },
        afterMs: 15_000,
        atMs: 15_040,
      },
    ]);
    expect(it.state()).toBe('backoff');
    expect(it.breaker()).toEqual({ kind: 'closed', failures: 1 });
    expect(it.context().attempts).toBe(1);
    it.clock.advance(3_621);
    expect(it.beginTimes()).toEqual([0, 15_040 + 3_621]);
  });

  test('gives up and closes where answerTimeoutAction is close', () => {
    const it = run({ settings: { answerTimeoutAction: 'close' } });
    it.trigger('manual', 'call-1');
    it.described();
    it.clock.advance(15_000);
    expect(it.giveUps()).toEqual([{ reason: 'answer_timeout', close: true }]);
    expect(it.lastDecision()).toMatchObject({
      action: 'give_up',
      requestId: 'call-1',
      code: 'transport_answer_timeout',
    });
    expect(it.child.getSnapshot().status).toBe('done');
    it.clock.advance(600_000);
    expect(it.begins()).toHaveLength(1);
  });

  test('does not come when the answer came', () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.clock.advance(14_999);
    it.answered();
    it.clock.advance(5_000);
    expect(it.abandons()).toEqual([]);
    it.clock.advance(1);
    expect(it.abandons()).toHaveLength(1);
  });
});

describe('an attempt', () => {
  test('fails after 20 s, answered or not described at all', () => {
    for (const prepare of [
      (): void => undefined,
      (it: Run): void => {
        it.described();
        it.answered();
      },
    ]) {
      const it = run();
      it.trigger('missed_pings');
      prepare(it);
      it.clock.advance(19_999);
      expect(it.abandons()).toEqual([]);
      it.clock.advance(1);
      expect(it.abandons()).toMatchObject([{ failure: { code: 'transport_timeout' }, afterMs: 20_000 }]);
      expect(it.state()).toBe('backoff');
    }
  });

  test('that a peer answered but did not bring up in 4 s is made again with another generation', () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.clock.advance(100);
    it.answered();
    it.clock.advance(3_999);
    expect(it.begins()).toHaveLength(1);
    it.clock.advance(1);
    expect(it.begins()).toMatchObject([{ attempt: 1 }, { attempt: 1, atMs: 4_100 }]);
    expect(it.context()).toMatchObject({ attempts: 1, replacements: 1 });
    expect(it.abandons()).toEqual([]);
    expect(it.breaker()).toEqual({ kind: 'closed', failures: 0 });
  });

  /** Begins an attempt and answers every generation of it at once; none comes up. Where it began each, since the attempt did. */
  const attempted = (it: Run, rttMs: number | null): number[] => {
    if (it.begins().length === 0) it.trigger('missed_pings');
    else awaitBegin(it);
    const sinceMs = it.elapsedMs();
    const before = it.begins().length - 1;
    const ended = it.abandons().length;
    for (let answered = before; it.abandons().length === ended; it.clock.advance(1)) {
      if (it.begins().length === answered) continue;
      answered = it.begins().length;
      it.described();
      it.answered(rttMs);
    }
    return it
      .beginTimes()
      .slice(before)
      .map((atMs) => atMs - sinceMs);
  };

  test('gives each generation twice as long as the one before, and fails 20 s after it began', () => {
    const it = run();
    expect(attempted(it, 50)).toEqual([0, 4_000, 12_000]);
    expect(it.abandons()).toMatchObject([{ failure: { code: 'transport_timeout' }, afterMs: 20_000, atMs: 20_000 }]);
    expect(it.context().attempts).toBe(1);
  });

  test('after one that was too short goes on where that one ended, until a generation has all of its time', () => {
    const it = run();
    attempted(it, null);
    expect(attempted(it, null)).toEqual([0, 16_000]);
    expect(attempted(it, null)).toEqual([0]);
  });

  test.each(['up', 'ip_change'] as const)('is as impatient as ever after %s', (what) => {
    const it = run();
    attempted(it, null);
    if (what === 'up') {
      awaitBegin(it);
      it.up();
    }
    it.trigger('ip_change');
    it.clock.advance(250);
    const before = it.begins().length;
    it.described();
    it.answered();
    it.clock.advance(4_000);
    expect(it.begins()).toHaveLength(before + 1);
  });

  test.each([
    [50, [0, 4_000, 12_000]],
    [500, [0, 4_000, 12_000]],
    [1_200, [0, 9_600]],
    [2_000, [0, 16_000]],
    [3_000, [0]],
  ])('over a round trip of %i ms gives a generation eight of them', (rttMs, begins) => {
    expect(attempted(run(), rttMs)).toEqual(begins);
  });

  test('whose handshake fails after the answer is replaced at once, four times', () => {
    const it = run();
    it.trigger('missed_pings');
    for (let n = 0; n < 5; n += 1) {
      expect(it.begins()).toHaveLength(n + 1);
      it.described();
      it.answered();
      it.failed();
    }
    expect(it.context().attempts).toBe(1);
    expect(it.begins()).toHaveLength(5);
    expect(it.abandons()).toMatchObject([{ failure: { code: 'transport_down' }, afterMs: null }]);
    expect(it.state()).toBe('backoff');
  });

  test('answered by a peer that has lost its channels is made again, fresh, within the same attempt', () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.answeredAnew();
    expect(it.begins()).toMatchObject([
      { attempt: 1, fresh: false },
      { attempt: 1, fresh: true },
    ]);
    for (let n = 0; n < 4; n += 1) {
      it.described();
      it.answeredAnew();
    }
    expect(it.begins()).toHaveLength(5);
    expect(flat(it.state())).toBe('attempting.verifying');
  });

  test('whose generation fails before the answer has failed', () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.failed();
    expect(it.abandons()).toMatchObject([{ failure: { code: 'transport_down' } }]);
    expect(it.state()).toBe('backoff');
  });

  test.each(['manual', 'missed_pings', 'peer_request', 'poor_quality'] as const)(
    'is not joined by another: %s is skipped while it is made, offered or verified',
    (name) => {
      const it = run();
      it.trigger('missed_pings');
      for (const step of [it.described, () => it.answered(), (): void => undefined]) {
        it.trigger(name, 'call-2');
        expect(it.lastDecision()).toMatchObject({
          action: 'skip',
          verdict: null,
          evidence: { trigger: name },
          why: 'ICE restart already in progress',
          trigger: name,
          attempt: 1,
          delayMs: 0,
          requestId: 'call-2',
          code: 'restart_in_progress',
        });
        step();
      }
      expect(it.begins()).toHaveLength(1);
    },
  );

  test.each(['before it is described', 'while its answer is awaited'])(
    'is superseded by a newer network change %s, and not counted',
    (when) => {
      const it = run();
      it.trigger('interface_change');
      it.clock.advance(250);
      if (when === 'while its answer is awaited') it.described();
      it.clock.advance(1_000);
      it.trigger('ip_change');
      expect(it.abandons()).toMatchObject([{ failure: { code: 'restart_in_progress' }, afterMs: null, atMs: 1_250 }]);
      expect(it.context()).toMatchObject({ attempts: 0, trigger: 'ip_change' });
      it.clock.advance(250);
      expect(it.begins()).toMatchObject([
        { attempt: 1, trigger: 'interface_change', atMs: 250 },
        { attempt: 1, trigger: 'ip_change', atMs: 1_500 },
      ]);
      expect(it.breaker()).toEqual(closedBreaker);
    },
  );

  test.each(['awaitingAnswer', 'verifying'])(
    'who asks for fresh channels supersedes an attempt that offers others (%s), and it is not counted',
    (phase) => {
      const it = run();
      it.trigger('missed_pings');
      it.described();
      if (phase === 'verifying') it.answered();
      it.trigger('manual', 'fresh please', true);
      expect(it.abandons()).toMatchObject([{ failure: { code: 'restart_in_progress' }, afterMs: null }]);
      expect(it.begins()).toMatchObject([
        { attempt: 1, fresh: false },
        { attempt: 1, trigger: 'manual', fresh: true },
      ]);
      it.trigger('manual', 'once more', true);
      expect(it.lastDecision()).toMatchObject({ action: 'skip', code: 'restart_in_progress', requestId: 'once more' });
    },
  );
});

describe('a peer that is away', () => {
  test('is waited for without burning attempts, and restarted when it is back', () => {
    const it = run({ evidence: { signalling: 'offline' } });
    it.trigger('missed_pings', 'call-1');
    expect(it.lastDecision()).toMatchObject({ action: 'wait', code: 'restart_peer_away', requestId: 'call-1' });
    it.clock.advance(500_000);
    expect(it.begins()).toEqual([]);
    expect(it.context().attempts).toBe(0);
    it.learn({ signalling: 'online' });
    expect(it.begins()).toMatchObject([{ attempt: 1, atMs: 500_000 }]);
  });

  test('has every other trigger skipped meanwhile', () => {
    const it = run({ evidence: { signalling: 'offline' } });
    it.trigger('missed_pings');
    it.trigger('manual', 'call-2');
    expect(it.lastDecision()).toMatchObject({ action: 'skip', code: 'restart_peer_away', requestId: 'call-2' });
  });

  test('that left during the backoff is waited for after it', () => {
    const it = run();
    it.trigger('missed_pings');
    it.failed();
    it.learn({ signalling: 'offline' });
    it.clock.advance(3_621);
    expect(it.state()).toBe('waitingForPeer');
    it.learn({ signalling: 'online' });
    expect(it.begins()).toHaveLength(2);
  });

  test('that came back during the backoff changes nothing', () => {
    const it = run();
    it.trigger('missed_pings');
    it.failed();
    it.learn({ signalling: 'offline' });
    it.learn({ signalling: 'online' });
    it.clock.advance(3_620);
    expect(it.begins()).toHaveLength(1);
    it.clock.advance(1);
    expect(it.begins()).toHaveLength(2);
  });

  test('when the answer times out is not charged with the attempt', () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.learn({ signalling: 'offline' });
    it.clock.advance(15_000);
    expect(it.abandons()).toMatchObject([{ failure: { code: 'restart_peer_away' }, afterMs: 15_000 }]);
    expect(it.lastDecision()).toMatchObject({ action: 'wait' });
    expect(it.state()).toBe('waitingForPeer');
    expect(it.context().attempts).toBe(0);
    expect(it.breaker()).toEqual(closedBreaker);
    it.learn({ signalling: 'online' });
    expect(it.begins()).toMatchObject([{ attempt: 1 }, { attempt: 1, atMs: 15_000 }]);
  });

  test('is not closed for its silence even where answerTimeoutAction is close', () => {
    const it = run({ settings: { answerTimeoutAction: 'close' } });
    it.trigger('missed_pings');
    it.described();
    it.learn({ signalling: 'offline' });
    it.clock.advance(15_000);
    expect(it.giveUps()).toEqual([]);
    expect(it.state()).toBe('waitingForPeer');
  });

  test('and back in time is charged as any other', () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.learn({ signalling: 'offline' });
    it.learn({ signalling: 'online' });
    it.clock.advance(15_000);
    expect(it.state()).toBe('backoff');
    expect(it.context().attempts).toBe(1);
  });
});

describe('the circuit breaker', () => {
  function opened(settings: Partial<TubeSettings> = {}): Run {
    const it = run({ settings });
    it.trigger('missed_pings');
    failAttempts(it, 5);
    return it;
  }

  test('opens at the fifth failure in a row, not at the fourth', () => {
    const it = run();
    it.trigger('missed_pings');
    failAttempts(it, 4);
    expect(it.breaker()).toEqual({ kind: 'closed', failures: 4 });
    expect(it.state()).toBe('backoff');
    awaitBegin(it);
    it.failed();
    expect(it.breaker()).toEqual({ kind: 'open' });
    expect(it.state()).toBe('breakerOpen');
    expect(it.lastDecision()).toMatchObject({ action: 'wait', code: 'restart_breaker_open' });
    expect(it.told.filter(({ type }) => type === 'restart.breakerChanged').at(-1)).toMatchObject({
      breaker: { kind: 'open' },
    });
  });

  test('is not opened by failures with a success between them', () => {
    const it = run({ settings: { maxRestartAttempts: 100 } });
    it.trigger('missed_pings');
    failAttempts(it, 4);
    awaitBegin(it);
    it.up();
    it.trigger('manual');
    failAttempts(it, 1);
    expect(it.breaker()).toEqual({ kind: 'closed', failures: 1 });
  });

  test('holds for 30 s with nothing sent, whatever is asked', () => {
    const it = opened();
    const sent = it.begins().length;
    const atMs = it.elapsedMs();
    for (const name of ['manual', 'peer_request', 'interface_change', 'missed_pings'] as const) {
      it.trigger(name, 'call-2');
      expect(it.lastDecision()).toMatchObject({
        action: 'skip',
        code: 'restart_breaker_open',
        trigger: name,
        requestId: 'call-2',
      });
    }
    it.clock.advance(29_999);
    expect(it.begins()).toHaveLength(sent);
    it.clock.advance(1);
    expect(it.beginTimes().at(-1)).toBe(atMs + 30_000);
    expect(it.breaker()).toEqual({ kind: 'half_open', successes: 0 });
  });

  test('opens again when the one trial fails', () => {
    const it = opened();
    it.clock.advance(30_000);
    it.failed();
    expect(it.breaker()).toEqual({ kind: 'open' });
    expect(it.state()).toBe('breakerOpen');
    it.clock.advance(29_999);
    expect(it.begins()).toHaveLength(6);
    it.clock.advance(1);
    expect(it.begins()).toHaveLength(7);
  });

  test('closes after three successes', () => {
    const it = opened();
    it.clock.advance(30_000);
    it.up();
    expect(it.breaker()).toEqual({ kind: 'half_open', successes: 1 });
    it.trigger('manual');
    it.up();
    expect(it.breaker()).toEqual({ kind: 'half_open', successes: 2 });
    it.trigger('manual');
    it.up();
    expect(it.breaker()).toEqual(closedBreaker);
  });

  test('gives up and closes where breakerAction is close', () => {
    const it = opened({ breakerAction: 'close' });
    expect(it.giveUps()).toEqual([{ reason: 'breaker_open', close: true }]);
    expect(it.lastDecision()).toMatchObject({ action: 'give_up', code: 'restart_breaker_open' });
    expect(it.child.getSnapshot().status).toBe('done');
  });

  test('that an earlier incident left open holds 30 s as well', () => {
    const it = run({ breaker: { kind: 'open' } });
    it.trigger('missed_pings');
    expect(it.state()).toBe('breakerOpen');
    it.clock.advance(30_000);
    expect(it.beginTimes()).toEqual([30_000]);
  });

  test('half-opens after 30 s also when the restart was called off meanwhile', () => {
    const it = opened();
    it.standDown();
    it.clock.advance(29_999);
    expect(it.breaker()).toEqual({ kind: 'open' });
    it.clock.advance(1);
    expect(it.breaker()).toEqual({ kind: 'half_open', successes: 0 });
    expect(it.begins()).toHaveLength(5);
    expect(it.told.at(-1)).toMatchObject({ type: 'restart.breakerChanged', breaker: { kind: 'half_open' } });
    it.trigger('manual');
    expect(it.begins()).toHaveLength(6);
  });

  test('of an earlier incident keeps its count of failures', () => {
    const it = run({ breaker: { kind: 'closed', failures: 4 } });
    it.trigger('missed_pings');
    it.failed();
    expect(it.breaker()).toEqual({ kind: 'open' });
  });
});

describe('the end', () => {
  test('comes after ten attempts: restart_exhausted, without closing', () => {
    const it = run({ settings: { breakerFailureThreshold: 100 } });
    it.trigger('missed_pings');
    failAttempts(it, 9);
    expect(it.giveUps()).toEqual([]);
    awaitBegin(it);
    expect(it.begins()).toHaveLength(10);
    it.failed();
    expect(it.giveUps()).toEqual([{ reason: 'restart_exhausted', close: false }]);
    expect(it.lastDecision()).toMatchObject({ action: 'give_up', code: 'restart_exhausted', attempt: 10 });
    expect(it.child.getSnapshot().status).toBe('done');
    expect(it.clock.pending).toBe(0);
  });

  test('comes after ten attempts also with an open breaker', () => {
    const it = run();
    it.trigger('missed_pings');
    failAttempts(it, 10);
    expect(it.giveUps()).toEqual([{ reason: 'restart_exhausted', close: false }]);
  });

  test('is told to the caller who asked when all attempts were used', () => {
    const it = run({ settings: { maxRestartAttempts: 0 } });
    it.trigger('peer_request', 'call-2');
    expect(it.lastDecision()).toMatchObject({ action: 'give_up', requestId: 'call-2', code: 'restart_exhausted' });
  });

  test('does not come for a person who asks again: that is one more attempt', () => {
    const it = run({ settings: { maxRestartAttempts: 1 } });
    it.trigger('missed_pings');
    it.up();
    it.trigger('manual', 'call-2');
    expect(it.begins()).toHaveLength(2);
    it.failed();
    expect(it.giveUps()).toEqual([{ reason: 'restart_exhausted', close: false }]);
  });
});

describe('after a success', () => {
  test('it rests, and the next trouble waits the backoff less the time passed since', () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.answered();
    it.clock.advance(500);
    it.up();
    expect(it.state()).toBe('resting');
    it.clock.advance(1_000);
    it.trigger('missed_pings');
    // Seed 42: 5,000 times (0.5 + 0.4483 / 2), less the second that has passed.
    expect(it.lastDecision()).toMatchObject({ action: 'wait', why: 'backoff', delayMs: 2_621 });
    it.clock.advance(2_620);
    expect(it.begins()).toHaveLength(1);
    it.clock.advance(1);
    expect(it.begins()).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
  });

  test('the next trouble does not wait when the backoff has long passed', () => {
    const it = run();
    it.trigger('missed_pings');
    it.up();
    it.clock.advance(5_000);
    it.trigger('missed_pings');
    expect(it.beginTimes()).toEqual([0, 5_000]);
  });

  test('many successes wait no longer than one', () => {
    const it = run();
    for (let round = 1; round <= 6; round += 1) {
      it.trigger('missed_pings');
      it.clock.advance(5_000);
      expect(it.begins()).toHaveLength(round);
      it.up();
      it.clock.advance(1);
    }
    expect(it.context()).toMatchObject({ attempts: 6, failures: 0 });
  });

  test('a network change goes ahead', () => {
    const it = run();
    it.trigger('missed_pings');
    it.up();
    it.trigger('interface_change');
    it.clock.advance(250);
    expect(it.begins()).toHaveLength(2);
  });
});

/** How to bring the machine into each of its states. */
const ways: Record<string, () => Run> = {
  resting: () => run(),
  settling: () => {
    const it = run();
    it.trigger('interface_change');
    return it;
  },
  backoff: () => {
    const it = run();
    it.trigger('missed_pings');
    it.failed();
    return it;
  },
  waitingForPeer: () => {
    const it = run({ evidence: { signalling: 'offline' } });
    it.trigger('missed_pings');
    return it;
  },
  breakerOpen: () => {
    const it = run({ breaker: { kind: 'open' } });
    it.trigger('missed_pings');
    return it;
  },
  'attempting.offering': () => {
    const it = run();
    it.trigger('missed_pings');
    return it;
  },
  'attempting.awaitingAnswer': () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    return it;
  },
  'attempting.verifying': () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.answered();
    return it;
  },
  waitingForNetwork: () => {
    const it = run({ evidence: { route: 'none' } });
    it.trigger('missed_pings');
    return it;
  },
  exhausted: () => {
    const it = run({ settings: { maxRestartAttempts: 0 } });
    it.trigger('missed_pings');
    return it;
  },
};

const flat = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value as object)
        .flat()
        .map(String)
        .join('.');

describe('the network of this node', () => {
  test('that has no way to the peer is waited for without burning an attempt, and its return is the first attempt', () => {
    const it = run({ evidence: { route: 'none', source: 'host' } });
    it.trigger('interface_change');
    expect(it.lastDecision()).toMatchObject({
      action: 'wait',
      verdict: 'wait_for_network',
      code: 'restart_no_network',
      attempt: 0,
    });
    it.clock.advance(120_000);
    expect(it.begins()).toEqual([]);
    it.learn({ route: 'moved' });
    it.clock.advance(250);
    expect(it.begins()).toMatchObject([{ attempt: 1, trigger: 'interface_change' }]);
  });

  test('that held restarts in a storm lets each go when it is let go itself', () => {
    const it = run({ evidence: { held: true, suspectShare: 0.4 } });
    it.trigger('missed_pings');
    expect(it.state()).toBe('waitingForNetwork');
    it.learn({ suspectShare: 0.5 });
    expect(it.begins()).toEqual([]);
    it.learn({ held: false });
    expect(it.begins()).toHaveLength(1);
  });

  test('is one thing, and a controller that does not follow yet another: a storm on top of that is told', () => {
    const it = run({ evidence: { held: true } });
    it.trigger('service_restart');
    expect(it.lastDecision()).toMatchObject({ action: 'wait', verdict: 'wait_for_controller', attempt: 0 });
    it.learn({ suspectShare: 0.5 });
    expect(it.lastDecision()).toMatchObject({ action: 'wait', verdict: 'wait_for_network', attempt: 0 });
    expect(it.state()).toBe('waitingForNetwork');
    it.learn({ held: false });
    expect(it.begins()).toMatchObject([{ attempt: 1, trigger: 'service_restart' }]);
  });

  test('does not hold up who asks for a restart', () => {
    const it = run({ evidence: { route: 'none', held: true } });
    it.trigger('missed_pings');
    it.trigger('manual', 'call-1');
    expect(it.begins()).toMatchObject([{ trigger: 'manual' }]);
  });

  test('and then the peer, one after the other', () => {
    const it = run({ evidence: { route: 'none' } });
    it.trigger('missed_pings');
    it.learn({ signalling: 'offline' });
    expect(it.state()).toBe('waitingForPeer');
    it.learn({ signalling: 'online' });
    expect(it.state()).toBe('waitingForNetwork');
    it.learn({ route: 'same' });
    expect(it.begins()).toHaveLength(1);
  });

  test('when it changes after the answer, voids the generation that is coming up: another one in the same attempt', () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.answered();
    it.learn({ source: 'host', route: 'moved' });
    it.trigger('ip_change');
    expect(it.abandons()).toHaveLength(1);
    it.clock.advance(250);
    expect(it.begins()).toMatchObject([{ attempt: 1 }, { attempt: 1, trigger: 'ip_change' }]);
  });

  test("or when the peer's does, again: a phone without a network answered before it had the next one", () => {
    const it = run();
    it.learn({ source: 'peer' });
    it.trigger('interface_change');
    it.clock.advance(250);
    it.described();
    it.answered();
    it.trigger('interface_change');
    expect(it.abandons()).toHaveLength(1);
    it.clock.advance(250);
    expect(it.begins()).toMatchObject([{ attempt: 1 }, { attempt: 1 }]);
  });

  test('but not when this host says that its way is as it was', () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.answered();
    it.learn({ source: 'host', route: 'same', path: 'doubted' });
    it.trigger('interface_change');
    expect(it.abandons()).toEqual([]);
    expect(it.lastDecision()).toMatchObject({ action: 'skip', code: 'restart_in_progress' });
  });
});

describe('the offer of the peer', () => {
  test.each(Object.keys(ways).filter((name) => name !== 'exhausted'))('is taken up as an attempt from %s', (name) => {
    const it = ways[name]!();
    const { attempts } = it.context();
    it.take();
    it.adopt();
    expect(flat(it.state())).toBe('attempting.verifying');
    expect(it.context()).toMatchObject({ attempts: attempts + 1, replacements: 0, trigger: 'peer_offer' });
    expect(it.take()).toMatchObject([
      { type: 'restart.decided', decision: { action: 'do', why: 'the peer offers', trigger: 'peer_offer' } },
    ]);
    it.up();
    expect(it.state()).toBe('resting');
  });

  test('has 20 s of its own', () => {
    const it = run();
    it.trigger('missed_pings');
    it.described();
    it.clock.advance(10_000);
    it.adopt();
    it.answered();
    it.clock.advance(19_999);
    expect(it.abandons()).toEqual([]);
    it.clock.advance(1);
    expect(it.abandons()).toHaveLength(1);
  });

  test('that fails is replaced by an offer of ours', () => {
    const it = run();
    it.adopt();
    it.answered();
    it.failed();
    expect(it.begins()).toMatchObject([{ attempt: 1, trigger: 'peer_offer' }]);
  });
});

describe('standing down', () => {
  test.each(Object.keys(ways).filter((name) => name !== 'exhausted'))('leads to rest from %s', (name) => {
    const it = ways[name]!();
    it.standDown();
    expect(it.state()).toBe('resting');
    it.take();
    it.clock.advance(600_000);
    expect(it.take().filter(({ type }) => type !== 'restart.breakerChanged')).toEqual([]);
  });

  test('keeps what was counted', () => {
    const it = run();
    it.trigger('missed_pings');
    it.failed();
    it.standDown();
    it.trigger('missed_pings');
    expect(it.lastDecision()).toMatchObject({ action: 'wait', why: 'backoff', attempt: 1 });
  });
});

describe('every event in every state', () => {
  const evidence = evidenceOf();
  const triggered = { type: 'restart.trigger', requestId: 'call-9', evidence, atMs: 1_000_000 } as const;
  const events: readonly RestartEvent[] = [
    { ...triggered, trigger: 'missed_pings', fresh: false },
    { ...triggered, trigger: 'manual', fresh: true },
    { ...triggered, trigger: 'ip_change', fresh: false, requestId: null, atMs: 0 },
    { ...triggered, trigger: 'ip_change', fresh: false, evidence: { ...evidence, source: 'host', route: 'none' } },
    { type: 'restart.adopted', trigger: 'peer_offer', rttMs: null },
    { type: 'generation.described' },
    { type: 'generation.answered', channelsLost: false, rttMs: null },
    { type: 'generation.answered', channelsLost: true, rttMs: 20 },
    { type: 'generation.up', atMs: 1_000_000 },
    { type: 'generation.failed' },
    { type: 'restart.standDown', atMs: 1_000_000 },
    { type: 'restart.evidence', patch: { signalling: 'online' } },
    { type: 'restart.evidence', patch: { route: 'none', held: true } },
  ];
  /** Late events: what each state does not react to. */
  const ignored: Record<string, readonly RestartEvent['type'][]> = {
    resting: ['generation.described', 'generation.answered', 'generation.up', 'generation.failed'],
    settling: ['generation.described', 'generation.answered', 'generation.up', 'generation.failed'],
    backoff: ['generation.described', 'generation.answered', 'generation.up', 'generation.failed'],
    waitingForPeer: ['generation.described', 'generation.answered', 'generation.up', 'generation.failed'],
    waitingForNetwork: ['generation.described', 'generation.answered', 'generation.up', 'generation.failed'],
    breakerOpen: ['generation.described', 'generation.answered', 'generation.up', 'generation.failed'],
    'attempting.offering': ['generation.answered'],
    'attempting.awaitingAnswer': ['generation.described'],
    'attempting.verifying': ['generation.described'],
    exhausted: events.map(({ type }) => type),
  };

  describe.each(Object.keys(ways))('%s', (name) => {
    test.each(events.map((event) => [JSON.stringify(event), event] as const))('%s is harmless', (_, event) => {
      const it = ways[name]!();
      expect(flat(it.state())).toBe(name);
      it.take();
      const before = JSON.stringify(it.context());
      it.child.send(event);
      expect(Object.keys(ways)).toContain(flat(it.state()));
      expect(it.child.getSnapshot().status).not.toBe('error');
      expect(JSON.parse(JSON.stringify(it.context()))).toStrictEqual(it.context());
      if (!ignored[name]!.includes(event.type)) return;
      expect(flat(it.state())).toBe(name);
      expect(it.take()).toEqual([]);
      if (event.type !== 'generation.answered') expect(JSON.stringify(it.context())).toBe(before);
    });
  });
});

describe('stopping', () => {
  test.each(Object.keys(ways))('from %s leaves no timer behind', (name) => {
    const it = ways[name]!();
    it.child.send({ type: 'xstate.stop' } as never);
    expect(it.clock.pending).toBe(0);
  });
});
