/**
 * The numbers and choices of one tube (machines/settings.ts): default, range and description of each. Numbers come from
 * contract sections 3 to 8. The same definitions check the service configuration and the `settings` of `create_tube`.
 */
import type { z } from 'zod';
import type { TubeSettings } from '../../machines/settings.js';
import { bytes, choice, duration, integer, ratio } from './key-types.js';
import { channelList, waits } from './structured-keys.js';

/** What is no key of its own: whether candidates trickle is said by each call, and names only say where numbers came from. */
type Unconfigured = 'trickleIce' | 'profile' | 'recoveryPolicy';

/** Everything of a tube that can be configured. */
export type TubeDefaults = Omit<TubeSettings, Unconfigured>;

/** No timer of Node may be longer than 2^31 - 1 ms; a week is below. */
const upTo = (max: number, min = 10) => ({ min, max });
const minute = 60_000;
const hour = 60 * minute;
const week = 168 * hour;
const KiB = 1024;
const MiB = 1024 * KiB;
/** libdatachannel's 256 KiB less 16 bytes of framing. */
const largestMessageBytes = 256 * KiB - 16;

export const connectKeys = {
  connectTimeoutMs: duration(30_000, upTo(10 * minute), 'A new tube that is not connected after this has failed.'),
  iceGatherTimeoutMs: duration(
    30_000,
    upTo(5 * minute),
    'Longest gathering of candidates; without trickle the tube fails after it.',
  ),
  generationTimeoutMs: duration(
    20_000,
    upTo(5 * minute),
    'A generation of a restart that is not up after this is dropped.',
  ),
  generationLingerMs: duration(3000, upTo(minute, 0), 'How long the old generation lives on after the cut-over.'),
  answeredConnectTimeoutMs: duration(
    4000,
    upTo(minute),
    'A peer that answered but is not connected after this is offered another generation. Eight round trips where that is more, and twice as long after each that was too short.',
  ),
} as const;

export const restartKeys = {
  answerTimeoutMs: duration(15_000, upTo(5 * minute), 'Wait for the answer to an ICE restart offer.'),
  answerTimeoutAction: choice(
    'retry',
    ['retry', 'close'],
    'What an answer timeout does: count as a failed attempt, or close the tube.',
  ),
  networkSettleMs: duration(250, upTo(10_000, 0), 'Wait after an interface change before the first attempt.'),
  restartBackoffMs: waits(
    [5000, 10_000, 20_000, 60_000],
    'Waits between the attempts of one incident; the last one repeats.',
  ),
  maxRestartAttempts: integer(10, { min: 1, max: 1000 }, 'Attempts of one incident before the tube has failed.'),
  incidentResetMs: duration(
    minute,
    upTo(hour),
    'Time without trouble after which an incident is over and its counters restart.',
  ),
  incidentDeadlineMs: duration(10 * minute, upTo(24 * hour), 'Longest incident; the tube has failed after it.'),
  failedRetentionMs: duration(
    2 * minute,
    upTo(24 * hour, 0),
    'How long a failed tube is kept for a manual restart or the return of its peer.',
  ),
} as const;

export const breakerKeys = {
  breakerFailureThreshold: integer(5, { min: 1, max: 100 }, 'Failed attempts in a row that open the circuit breaker.'),
  breakerOpenMs: duration(30_000, upTo(hour), 'How long the breaker stays open before one trial.'),
  breakerSuccessThreshold: integer(3, { min: 1, max: 100 }, 'Successes that close the breaker again.'),
  breakerAction: choice('hold', ['hold', 'close'], 'What an open breaker does: hold attempts back, or close the tube.'),
} as const;

export const livenessKeys = {
  pingIntervalMs: duration(5000, upTo(10 * minute), 'Interval of liveness pings on the control channel.'),
  suspectPingIntervalMs: duration(
    2000,
    upTo(10 * minute),
    'The same while pings are missing. Never above pingIntervalMs.',
  ),
  missedPingsToDegrade: integer(
    2,
    { min: 1, max: 100 },
    'Missed pings in a row that make a tube degraded. Never above missedPingsToRestart.',
  ),
  missedPingsToRestart: integer(3, { min: 1, max: 100 }, 'Missed pings in a row that start a restart.'),
  keepaliveSignalIntervalMs: duration(
    5 * minute,
    upTo(24 * hour),
    'Interval of the keepalive signal to the controller.',
  ),
  sessionTimeoutMs: duration(hour, upTo(week), 'A tube without application data for this long is closed.'),
  sessionWarningMs: duration(
    19 * minute,
    upTo(week),
    'Time without application data until the warning. Below sessionTimeoutMs.',
  ),
  turnCredentialTtlMs: duration(
    hour,
    upTo(week, 0),
    'Life of the TURN credentials made with turnSecret. A relayed tube gets new ones, by a restart, after half of it; 0: never, and they live a week.',
  ),
} as const;

export const healthKeys = {
  healthCheckIntervalMs: duration(2 * minute, upTo(hour), 'Interval of health polls.'),
  degradedHealthCheckIntervalMs: duration(
    5000,
    upTo(hour),
    'The same while degraded. Never above healthCheckIntervalMs.',
  ),
  poorScore: ratio(0.7, 'A quality score below this is poor.'),
  poorLossRatio: ratio(0.05, 'Loss above this is poor.'),
  poorRttMs: duration(800, upTo(minute, 1), 'A round trip above this is poor.'),
  poorPollsToRestart: integer(3, { min: 1, max: 100 }, 'Poor polls in a row that start a restart.'),
  warnLossRatio: ratio(0.03, 'Loss above this is a warning.'),
  warnRttMs: duration(300, upTo(minute, 1), 'A round trip above this is a warning.'),
  unhealthyInactivityMs: duration(10_000, upTo(hour), 'Silence after which failed operations make a tube unhealthy.'),
  unhealthyFailedOperations: integer(
    3,
    { min: 0, max: 1000 },
    'More failed operations than this, with silence, are unhealthy.',
  ),
} as const;

export const channelKeys = {
  channels: channelList('Application channels of a tube, opened by the service.'),
  replayBufferBytes: bytes(
    4 * MiB,
    { min: 1024, max: 64 * MiB },
    'Messages kept for replay per reliable channel; full, it pushes back.',
  ),
  dropAboveBufferedBytes: bytes(
    4 * MiB,
    { min: 1024, max: 64 * MiB },
    'A latest channel drops its oldest frames above this.',
  ),
  maxMessageBytes: bytes(
    128 * KiB,
    { min: 1024, max: largestMessageBytes },
    'Largest message. Never above replayBufferBytes.',
  ),
} as const;

export const tubeShape = {
  ...connectKeys,
  ...restartKeys,
  ...breakerKeys,
  ...livenessKeys,
  ...healthKeys,
  ...channelKeys,
} as const satisfies { readonly [K in keyof TubeDefaults]: z.ZodDefault<z.ZodType<TubeDefaults[K]>> };
