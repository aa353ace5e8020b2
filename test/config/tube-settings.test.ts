// What one tube runs by, and the limits that change at run time.
import { describe, expect, test } from '@jest/globals';
import { ResourceLimits, parseLimitsPatch } from '../../src/config/limits.js';
import { loadConfig } from '../../src/config/load.js';
import {
  parseTubeSettings,
  resolveTubeSettings,
  type AskedSettings,
  type TubeOverrides,
} from '../../src/config/tube-settings.js';

const serviceOf = (config: ReturnType<typeof configOf>): ResourceLimits => new ResourceLimits(config);
const configOf = (...argv: string[]) => loadConfig({ argv, env: {}, readFile: () => '' });

function askedOf(input: unknown): AskedSettings {
  const checked = parseTubeSettings(input);
  if (!checked.ok) throw new Error(checked.problems.join());
  return checked.value;
}
const overridesOf = (input: unknown): TubeOverrides => askedOf(input).overrides;
const nothing = askedOf({});

describe('settings of create_tube', () => {
  test('are read in wire names and stay what they are', () => {
    expect(
      overridesOf({
        answer_timeout_ms: 500,
        breaker_action: 'close',
        channels: [{ label: 'x' }],
        restart_backoff_ms: [0],
      }),
    ).toEqual({
      answerTimeoutMs: 500,
      breakerAction: 'close',
      channels: [{ label: 'x', class: 'reliable' }],
      restartBackoffMs: [0],
    });
    expect(overridesOf({ conversationType: 'message' })).toEqual({});
  });

  test('may say times and sizes as text, and nothing else', () => {
    const input = { ping_interval_ms: '5s', replay_buffer_bytes: '1MiB', restart_backoff_ms: ['5s', 100] };
    expect(overridesOf(input)).toEqual({
      pingIntervalMs: 5000,
      replayBufferBytes: 1_048_576,
      restartBackoffMs: [5000, 100],
    });
    expect(overridesOf({ restart_backoff_ms: '1s,2s' })).toEqual({ restartBackoffMs: [1000, 2000] });
    const whole = 'max_restart_attempts must be a whole number from 1 to 1000';
    expect(parseTubeSettings({ max_restart_attempts: '5' })).toEqual({ ok: false, problems: [whole] });
  });

  test.each([
    [{ answer_timeout: 1 }, 'unknown key answer_timeout; did you mean answer_timeout_ms?'],
    [{ answerTimeoutMs: 500 }, 'unknown key answerTimeoutMs; did you mean answer_timeout_ms?'],
    [{ port: 1 }, 'unknown key port'],
    [{ trickle_ice: true }, 'unknown key trickle_ice'],
    [
      { ping_interval_ms: '5 parsecs' },
      'ping_interval_ms must be a time from 10ms to 10m, as milliseconds or like 15s, 5m',
    ],
    [
      { ping_interval_ms: Number.NaN },
      'ping_interval_ms must be a time from 10ms to 10m, as milliseconds or like 15s, 5m',
    ],
    [
      { channels: [{ label: 'control' }] },
      'channels 0 label must not be control or holdfast-probe: the service has these channels',
    ],
    [{ channels: [{ label: 'a', clas: 'latest' }] }, 'channels 0 unknown key clas; did you mean class?'],
    [
      { missed_pings_to_degrade: 4, missed_pings_to_restart: 3 },
      'missed_pings_to_degrade must not be above missed_pings_to_restart',
    ],
    [{ recovery_policy: 'heroic' }, 'recovery_policy must be one of standard, strict, server, suite'],
    [{ conversationType: 'tunnel' }, 'conversationType must be message: there are no other kinds of tubes here'],
    ['fast', 'must be an object of settings'],
    [null, 'must be an object of settings'],
  ])('refuse %j', (input, message) => {
    expect(parseTubeSettings(input)).toEqual({ ok: false, problems: [message] });
  });
});

describe('resolveTubeSettings', () => {
  test('a tube that asks for nothing has the numbers of the service', () => {
    const config = configOf('--answer-timeout-ms', '9s');
    expect(resolveTubeSettings(serviceOf(config), null, nothing, false)).toEqual({
      ...config.tube,
      trickleIce: false,
      profile: 'production',
      recoveryPolicy: 'standard',
    });
  });

  test('its profile stands above the service, its overrides above the profile', () => {
    const config = configOf('--ping-interval-ms', '7s', '--answer-timeout-ms', '9s');
    const settings = resolveTubeSettings(serviceOf(config), 'mobile', askedOf({ session_timeout_ms: 60_000 }), true);
    expect(settings).toMatchObject({
      trickleIce: true,
      profile: 'mobile',
      pingIntervalMs: 3000,
      sessionTimeoutMs: 60_000,
      sessionWarningMs: 19_000,
      answerTimeoutMs: 9000,
    });
  });

  test('numbers that were not asked for follow those that were', () => {
    const config = configOf('--suspect-ping-interval-ms', '2s');
    expect(resolveTubeSettings(serviceOf(config), 'low_latency', nothing, true).suspectPingIntervalMs).toBe(1000);
    expect(
      resolveTubeSettings(serviceOf(config), null, askedOf({ health_check_interval_ms: 100 }), true),
    ).toMatchObject({
      healthCheckIntervalMs: 100,
      degradedHealthCheckIntervalMs: 100,
    });
    expect(resolveTubeSettings(serviceOf(config), null, askedOf({ replay_buffer_bytes: 4096 }), true)).toMatchObject({
      replayBufferBytes: 4096,
      maxMessageBytes: 4096,
    });
  });
});

describe('resource limits', () => {
  test('start with the configuration and change by patch', () => {
    const limits = new ResourceLimits(configOf('--max-concurrent-ice-agents', '5'));
    expect(limits.current()).toMatchObject({ maxConcurrentIceAgents: 5, maxConcurrentSockets: 2000 });
    const parsed = parseLimitsPatch({ max_concurrent_ice_agents: 0, ping_interval_ms: 1000 });
    if (!parsed.ok) throw new Error('refused');
    limits.apply(parsed.value);
    expect(limits.toWire()).toMatchObject({ max_concurrent_ice_agents: 0, max_concurrent_creates: 100 });
    expect(resolveTubeSettings(limits, null, nothing, true)).toMatchObject({
      pingIntervalMs: 1000,
      suspectPingIntervalMs: 1000,
      answerTimeoutMs: 15_000,
    });
  });

  test.each([
    [{ max_concurent_sockets: 1 }, 'unknown key max_concurent_sockets; did you mean max_concurrent_sockets?'],
    [{ max_concurrent_sockets: -1 }, 'max_concurrent_sockets must be a whole number from 0 to 1000000'],
    [{ maxConcurrentSockets: 1 }, 'unknown key maxConcurrentSockets; did you mean max_concurrent_sockets?'],
    [[], 'must be an object of limits'],
  ])('refuse %j', (input, problem) => {
    expect(parseLimitsPatch(input)).toEqual({ ok: false, problems: [problem] });
  });
});
