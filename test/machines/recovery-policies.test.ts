// What the named recovery policies make of a tube whose restarts fail.
import { describe, expect, test } from '@jest/globals';
import { recoveryPolicies, type RecoveryPolicyName } from '../../src/config/recovery-policies.js';
import { TubeHarness } from '../support/tube-harness.js';

/** A connected tube under a policy. */
const tubeUnder = (policy: RecoveryPolicyName): TubeHarness =>
  TubeHarness.connected('plain', { settings: recoveryPolicies[policy] });

/** The path is gone, and every offer stays without an answer. Returns the attempts made until the tube is `failed` or `closed`. */
function starve(tube: TubeHarness, forMs: number): number {
  tube.down(1);
  for (let passedMs = 0; passedMs < forMs && ['degraded', 'connected'].includes(tube.state); passedMs += 250) {
    describePending(tube);
    tube.advance(250);
  }
  return tube.of('attemptStarted').length;
}

function describePending(tube: TubeHarness): void {
  const { pending } = tube.context;
  if (pending !== null && !pending.described) tube.described();
}

describe('strict', () => {
  test('closes the tube when the answer to its first offer does not come in 15 s', () => {
    const tube = tubeUnder('strict');
    expect(starve(tube, 60_000)).toBe(1);
    expect([tube.state, tube.last('closed')?.reason]).toEqual(['closed', 'answer_timeout']);
    expect(tube.elapsedMs).toBeGreaterThanOrEqual(15_000);
    expect(tube.elapsedMs).toBeLessThanOrEqual(15_500);
    expect(tube.last('attemptEnded')?.failure?.code).toBe('transport_answer_timeout');
  });

  test('closes the tube when five attempts in a row failed', () => {
    const tube = tubeUnder('strict');
    tube.down(1);
    for (let steps = 0; steps < 10_000 && tube.state !== 'closed'; steps += 1) {
      const { pending } = tube.context;
      // The transport cannot be built: nothing waits for an answer.
      if (pending !== null)
        tube.report(pending.generation, { type: 'transport.failed', failure: { code: 'transport_init', detail: '' } });
      tube.advance(250);
    }
    expect(tube.of('attemptEnded').map(({ outcome }) => outcome)).toEqual(Array(5).fill('failure'));
    expect(tube.last('closed')?.reason).toBe('breaker_open');
  });
});

describe('standard', () => {
  test('holds on where strict closes', () => {
    const tube = tubeUnder('standard');
    expect(starve(tube, 200_000)).toBeGreaterThan(4);
    expect(tube.state).toBe('degraded');
  });
});

describe('server', () => {
  test('gives up after three attempts', () => {
    const tube = tubeUnder('server');
    expect(starve(tube, 600_000)).toBe(3);
    expect(tube.state).toBe('failed');
    expect(tube.last('decision')?.decision).toMatchObject({ action: 'give_up', code: 'restart_exhausted', attempt: 3 });
    tube.advance(120_000);
    expect(tube.last('closed')?.reason).toBe('restart_exhausted');
  });

  test('finds a tube unhealthy whose peer answers no pings, after 10 s of silence and more than 3 failures', () => {
    const tube = new TubeHarness({ settings: recoveryPolicies.server });
    tube.ponging = false;
    tube.begin();
    tube.described();
    tube.answer();
    tube.up();
    const fail = (times: number): void => {
      for (let count = 0; count < times; count += 1)
        tube.send({ type: 'tube.operationFailed', atMs: tube.clock.nowMs });
    };
    const advised = (): string[] => tube.of('networkChange').map(({ evidence }) => evidence.trigger);
    fail(3);
    tube.advance(10_500);
    expect(advised()).toEqual([]);
    fail(1);
    expect(advised()).toEqual(['unhealthy']);
  });
});

describe('suite', () => {
  test('fails after 30 s', () => {
    const tube = tubeUnder('suite');
    expect(starve(tube, 60_000)).toBeLessThanOrEqual(3);
    expect(tube.state).toBe('failed');
    expect(tube.elapsedMs).toBeGreaterThanOrEqual(30_000);
    expect(tube.elapsedMs).toBeLessThanOrEqual(30_500);
  });

  test('or after three attempts that fail sooner', () => {
    const tube = TubeHarness.connected('plain', {
      settings: { ...recoveryPolicies.suite, restartBackoffMs: [1000], answerTimeoutMs: 2000 },
    });
    expect(starve(tube, 60_000)).toBe(3);
    expect(tube.state).toBe('failed');
    expect(tube.elapsedMs).toBeLessThan(12_000);
  });
});
