// The named recovery policies: their numbers, and what goes over what.
import { describe, expect, test } from '@jest/globals';
import { ResourceLimits, parseLimitsPatch } from '../../src/config/limits.js';
import { loadConfig } from '../../src/config/load.js';
import { recoveryPolicies, recoveryPolicyNames } from '../../src/config/recovery-policies.js';
import { parseTubeSettings, resolveTubeSettings, profileNamed } from '../../src/config/tube-settings.js';
import type { TubeSettings } from '../../machines/settings.js';

const limitsOf = (...argv: string[]): ResourceLimits =>
  new ResourceLimits(loadConfig({ argv, env: {}, readFile: () => '' }));

/** The settings of a tube as app.ts resolves them. */
function settingsOf(limits: ResourceLimits, settings: object = {}, profile: string | null = null): TubeSettings {
  const asked = parseTubeSettings(settings);
  if (!asked.ok) throw new Error(asked.problems.join());
  const named = profile === null ? null : profileNamed(profile);
  return resolveTubeSettings(limits, named, asked.value, true);
}

const standard = {
  answerTimeoutAction: 'retry',
  breakerAction: 'hold',
  maxRestartAttempts: 10,
  incidentDeadlineMs: 600_000,
  unhealthyInactivityMs: 10_000,
  unhealthyFailedOperations: 3,
  healthCheckIntervalMs: 120_000,
} as const;
const numbers = {
  standard,
  strict: { ...standard, answerTimeoutAction: 'close', breakerAction: 'close' },
  server: { ...standard, maxRestartAttempts: 3, healthCheckIntervalMs: 5000 },
  suite: { ...standard, maxRestartAttempts: 3, incidentDeadlineMs: 30_000 },
} as const;

describe.each(recoveryPolicyNames)('policy %s', (name) => {
  test('has its numbers, of the service and of one tube alike', () => {
    expect(settingsOf(limitsOf('--recovery-policy', name))).toMatchObject(numbers[name]);
    expect(settingsOf(limitsOf(), { recovery_policy: name })).toMatchObject(numbers[name]);
    expect(settingsOf(limitsOf(), { recovery_policy: name }).recoveryPolicy).toBe(name);
  });

  test.each(recoveryPolicyNames)('of a tube leaves nothing of the policy %s of its service', (service) => {
    expect(settingsOf(limitsOf('--recovery-policy', service), { recovery_policy: name })).toEqual(
      settingsOf(limitsOf('--recovery-policy', name)),
    );
  });

  test('of a tube goes over what is explicit in the service, and under what the call says', () => {
    const limits = limitsOf('--max-restart-attempts', '7', '--answer-timeout-action', 'close');
    const { maxRestartAttempts, answerTimeoutAction } = numbers[name];
    expect(settingsOf(limits)).toMatchObject({ maxRestartAttempts: 7, answerTimeoutAction: 'close' });
    expect(settingsOf(limits, { recovery_policy: name })).toMatchObject({ maxRestartAttempts, answerTimeoutAction });
    const asked = { recovery_policy: name, max_restart_attempts: 9 };
    expect(settingsOf(limits, asked)).toMatchObject({ maxRestartAttempts: 9, answerTimeoutAction });
  });
});

test('the policy that is there by default changes no default', () => {
  const { healthCheckIntervalMs: _ofTheProfile, ...rest } = numbers.standard;
  expect(recoveryPolicies.standard).toEqual(rest);
  expect(settingsOf(limitsOf())).toEqual(settingsOf(limitsOf('--recovery-policy', 'standard')));
});

describe('of the service', () => {
  test('it goes over the profile, and an explicit key over it', () => {
    const both = ['--profile', 'low_latency', '--recovery-policy', 'server'];
    expect(settingsOf(limitsOf(...both))).toMatchObject({ healthCheckIntervalMs: 5000, pingIntervalMs: 1000 });
    const explicit = limitsOf(...both, '--health-check-interval-ms', '9s', '--max-restart-attempts', '4');
    expect(settingsOf(explicit)).toMatchObject({ healthCheckIntervalMs: 9000, maxRestartAttempts: 4 });
  });

  test('it goes over a profile that a call names', () => {
    expect(settingsOf(limitsOf('--recovery-policy', 'server'), {}, 'mobile')).toMatchObject({
      healthCheckIntervalMs: 5000,
      pingIntervalMs: 3000,
      maxRestartAttempts: 3,
    });
    expect(settingsOf(limitsOf('--recovery-policy', 'server'), {}, 'production').healthCheckIntervalMs).toBe(5000);
    const explicit = limitsOf('--recovery-policy', 'server', '--health-check-interval-ms', '9s');
    expect(settingsOf(explicit, {}, 'production').healthCheckIntervalMs).toBe(9000);
    const other = { recovery_policy: 'strict' };
    expect(settingsOf(limitsOf('--recovery-policy', 'server'), other, 'mobile').healthCheckIntervalMs).toBe(30_000);
    const named = { recovery_policy: 'server' };
    expect(settingsOf(limitsOf(), named, 'mobile')).toMatchObject({
      healthCheckIntervalMs: 5000,
      pingIntervalMs: 3000,
    });
  });

  test('a tube that names another has the profile of its service back', () => {
    const limits = limitsOf('--profile', 'low_latency', '--recovery-policy', 'server');
    expect(settingsOf(limits, { recovery_policy: 'strict' }).healthCheckIntervalMs).toBe(15_000);
    const explicit = limitsOf('--health-check-interval-ms', '9s', '--recovery-policy', 'server');
    expect(settingsOf(explicit, { recovery_policy: 'strict' }).healthCheckIntervalMs).toBe(9000);
  });
});

test('set_resource_limits goes over the policy of the service, not over that of a tube', () => {
  const limits = limitsOf('--recovery-policy', 'server');
  const patch = parseLimitsPatch({ health_check_interval_ms: '1m', ping_interval_ms: 1000 });
  if (!patch.ok) throw new Error('refused');
  expect(limits.toWire()).toMatchObject({ health_check_interval_ms: 5000 });
  limits.apply(patch.value);
  expect(settingsOf(limits)).toMatchObject({
    healthCheckIntervalMs: 60_000,
    pingIntervalMs: 1000,
    suspectPingIntervalMs: 1000,
    maxRestartAttempts: 3,
  });
  expect(settingsOf(limits, { recovery_policy: 'server' }).healthCheckIntervalMs).toBe(5000);
  expect(settingsOf(limits, { recovery_policy: 'strict' })).toMatchObject({
    healthCheckIntervalMs: 60_000,
    pingIntervalMs: 1000,
    answerTimeoutAction: 'close',
  });
});

test('a policy that does not exist is a problem of the configuration', () => {
  expect(() => limitsOf('--recovery-policy', 'heroic')).toThrow(/recoveryPolicy.*must be one of standard, strict/);
});
