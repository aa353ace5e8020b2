/**
 * The one configuration schema: every key of the service with default, unit, range and description. Flags, environment names, YAML keys,
 * `--help` and docs/configuration.md are made from it (names.ts, docs.ts). It is strict: an unknown key is an error.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import {
  bytes,
  choice,
  duration,
  integer,
  keyMeta,
  onOff,
  onTheWire,
  optionalText,
  ratio,
  secretText,
  text,
  type KeyMeta,
} from './key-types.js';
import { logLevels } from './log-targets.js';
import { profileNames } from './profiles.js';
import { recoveryPolicyNames } from './recovery-policies.js';
import {
  controlJwt,
  iceServers,
  isPeerTokenSecret,
  levelsPerTarget,
  peerTokenSecretRule,
  tenants,
  tokens,
  turnUrls,
} from './structured-keys.js';
import {
  breakerKeys,
  channelKeys,
  connectKeys,
  healthKeys,
  livenessKeys,
  restartKeys,
  tubeShape,
} from './tube-keys.js';

const KiB = 1024;
const MiB = 1024 * KiB;

const listenerKeys = {
  host: text(
    '127.0.0.1',
    'an address or host name',
    'Address to listen on. Without a token or JWT it must be a loopback address.',
  ),
  port: integer(8080, { min: 0, max: 65_535 }, 'TCP port for socket.io and HTTP; 0 takes any free one.'),
  console: onOff(true, 'Whether the web console is served at /console/.'),
  statelyInspector: onOff(
    false,
    'Whether /console/stately.html may show the charts of a tube in the inspector of stately.ai, a page of others in the internet. Contexts are sanitised.',
  ),
  tubeMetrics: onOff(
    false,
    'Whether measurements of single tubes are served at /metrics/tubes, to those with a control token or JWT.',
  ),
  profile: choice('production', profileNames, 'Numbers that suit a kind of network; see the table of profiles.'),
  recoveryPolicy: choice(
    'standard',
    recoveryPolicyNames,
    'How hard tubes try before they give up; see the table of recovery policies.',
  ),
} as const;

const accessKeys = {
  operatorTenants: tenants(
    ['default'],
    'Tenants whose tokens may change what concerns all: resource limits and log levels; only they are told the addresses of this host.',
  ),
  controlTokens: tokens('Tokens of controllers: token (tenant "default") or tenant=token.'),
  controlTokensFile: optionalText(
    'a file path',
    'File with more tokens, one per line; lines that start with # are skipped.',
  ),
  controlJwt: controlJwt('Accepts JWTs of controllers. Algorithms, issuer and audience must be named.'),
  peerTokenSecret: secretText(
    peerTokenSecretRule,
    'What tokens of peers are made with. Unset: drawn at random, and kept in dataDir where there is one.',
    isPeerTokenSecret,
  ),
  peerTokenSecretFile: optionalText('a file path', 'File with that secret, in place of peerTokenSecret.'),
} as const;

const storeKeys = {
  dataDir: optionalText(
    'a folder',
    'Folder where tubes outlive the process: made when it is not there, for one process at a time. Unset: they end with it.',
  ),
} as const;

const webrtcKeys = {
  iceServers: iceServers('STUN and TURN servers of both ends of each tube; those with TLS or TCP are for peers only.'),
  turnUrls: turnUrls('TURN servers that take credentials made with turnSecret; see docs/turn.md.'),
  turnSecret: secretText('a text', "The secret that they share with this service: coturn's static-auth-secret."),
  turnSecretFile: optionalText('a file path', 'File with that secret, in place of turnSecret.'),
  bindAddress: optionalText(
    'an IP address',
    'Local address of WebRTC sockets; unset: all.',
    (value) => isIP(value) !== 0,
  ),
  udpPortBegin: integer(0, { min: 0, max: 65_535 }, 'First UDP port of WebRTC sockets; 0: any port.'),
  udpPortEnd: integer(0, { min: 0, max: 65_535 }, 'Last UDP port of WebRTC sockets; 0: any port.'),
} as const;

const logKeys = {
  logLevel: choice('info', logLevels, 'Level of every log target that has none of its own.'),
  logLevels: levelsPerTarget('Levels of single log targets.'),
  logPretty: choice(
    'auto',
    ['auto', 'on', 'off'],
    'Log lines for people instead of JSON; auto: when the output is a terminal.',
  ),
} as const;

const limitKeys = {
  maxConcurrentSockets: integer(2000, { min: 0, max: 1_000_000 }, 'Open TCP sockets of tunnels.'),
  maxConcurrentIceAgents: integer(1000, { min: 0, max: 100_000 }, 'Live generations (native peer connections).'),
  maxConcurrentCreates: integer(100, { min: 0, max: 10_000 }, 'Tubes that are being created at the same time.'),
  maxSubscriptionsPerSocket: integer(10_000, { min: 1, max: 1_000_000 }, 'Subscriptions of one controller socket.'),
  maxFrameBytes: bytes(
    256 * KiB,
    { min: 16 * KiB, max: 16 * MiB },
    'Largest socket.io frame from a client. A base64 message needs 4/3 of its size.',
  ),
  maxSocketBufferBytes: bytes(
    16 * MiB,
    { min: 64 * KiB, max: 1024 * MiB },
    'A client that reads so slowly that more than this waits for it is disconnected.',
  ),
  controlCallsPerSecond: integer(
    200,
    { min: 1, max: 1_000_000 },
    'Calls of one control socket in a second; every item of an array counts.',
  ),
  peerCallsPerSecond: integer(100, { min: 1, max: 1_000_000 }, 'Frames of one peer socket in a second.'),
  connectionsPer10s: integer(
    500,
    { min: 1, max: 1_000_000 },
    'New socket.io connections of one remote address in ten seconds.',
  ),
  trustForwardedFor: onOff(
    false,
    'Takes the address of a client from the last entry of X-Forwarded-For: only behind a proxy that sets it.',
  ),
} as const;

const stormKeys = {
  restartsPerSecond: integer(
    50,
    { min: 1, max: 10_000 },
    'Restarts that this node begins in a second when many tubes want one: after a change of its own network, or in a storm.',
  ),
  restartBurst: integer(20, { min: 1, max: 10_000 }, 'Restarts that it begins at once before that.'),
  stormShare: ratio(0.3, 'Of the live tubes: more that turn suspect together are a storm, a fault of this node.'),
  stormWindowMs: duration(2000, { min: 100, max: 60_000 }, 'Tubes that turn suspect within this are counted together.'),
  stormMinTubes: integer(10, { min: 1, max: 1_000_000 }, 'Fewer tubes than this are no storm.'),
  stormPauseMs: duration(1000, { min: 10, max: 60_000 }, 'Wait from the beginning of a storm to its first restarts.'),
} as const;

const lifecycleKeys = {
  signalReplayWindowMs: duration(
    120_000,
    { min: 0, max: 3_600_000 },
    'How long signals are kept for a controller that comes back.',
  ),
  signalReplayMaxBytes: bytes(
    64 * MiB,
    { min: 0, max: 4096 * MiB },
    'Bytes kept for that, for all controllers together.',
  ),
  signalReplayMaxSignals: integer(
    100_000,
    { min: 0, max: 10_000_000 },
    'Signals kept for that, for all controllers together.',
  ),
  socketPingIntervalMs: duration(10_000, { min: 100, max: 600_000 }, 'How often a socket.io connection is pinged.'),
  socketPingTimeoutMs: duration(
    10_000,
    { min: 100, max: 600_000 },
    'How long its pong may take before the connection is closed.',
  ),
  crashRestarts: integer(
    5,
    { min: 0, max: 1000 },
    'Crashes of one tube within crashWindowMs that are answered with a restart.',
  ),
  crashWindowMs: duration(30_000, { min: 10, max: 3_600_000 }, 'Window in which the crashes of one tube are counted.'),
  flightRecorderEntries: integer(
    200,
    { min: 0, max: 10_000 },
    'Entries kept of what happened to one tube (history of get_tube), and as many inputs (export_history); the oldest go first.',
  ),
  flightRecorderMaxBytes: bytes(
    64 * MiB,
    { min: 0, max: 4096 * MiB },
    'Memory for that, for all tubes together; the tubes that were quiet longest lose theirs first.',
  ),
  flightRecorderClosedTubes: integer(
    200,
    { min: 0, max: 100_000 },
    'Closed tubes that are remembered, with what happened to them, within that memory.',
  ),
  faultInjection: onOff(
    false,
    'For development only: controllers may break the paths of their tubes on purpose (inject_fault).',
  ),
  drainDelayMs: duration(1000, { min: 0, max: 600_000 }, 'Time between "not ready" and refusing creates at shutdown.'),
  shutdownTimeoutMs: duration(
    30_000,
    { min: 100, max: 3_600_000 },
    'Longest shutdown; after it the process exits with 75.',
  ),
} as const;

const serviceShape = {
  ...listenerKeys,
  ...accessKeys,
  ...storeKeys,
  ...webrtcKeys,
  ...logKeys,
  ...limitKeys,
  ...stormKeys,
  ...lifecycleKeys,
} as const;

const configShape = { ...serviceShape, ...tubeShape } as const;
type ConfigKey = keyof typeof configShape;

type NumberKey = {
  [K in ConfigKey]: (typeof configShape)[K] extends z.ZodDefault<z.ZodNumber> ? K : never;
}[ConfigKey];

export const configSchema = z.strictObject(configShape);
export type ConfigValues = Readonly<z.output<typeof configSchema>>;
export type ServiceValues = Pick<ConfigValues, keyof typeof serviceShape>;

export const configKeys: readonly string[] = Object.keys(configShape);
const isConfigKey = (key: string): key is ConfigKey => Object.hasOwn(configShape, key);

/** The type of a number's values in a call, without its default. */
export function configKeyType(key: NumberKey): z.ZodType<number> {
  return onTheWire(configShape[key], configShape[key].unwrap());
}

/** Keys by topic, in the order of the documentation. */
export const keyGroups: readonly { readonly title: string; readonly keys: readonly string[] }[] = [
  { title: 'Listening', keys: Object.keys(listenerKeys) },
  { title: 'Access', keys: Object.keys(accessKeys) },
  { title: 'Records of tubes', keys: Object.keys(storeKeys) },
  { title: 'WebRTC', keys: Object.keys(webrtcKeys) },
  { title: 'Logging', keys: Object.keys(logKeys) },
  { title: 'Limits', keys: Object.keys(limitKeys) },
  { title: 'Storm governor', keys: Object.keys(stormKeys) },
  { title: 'Recovery, signals and shutdown', keys: Object.keys(lifecycleKeys) },
  { title: 'Tube: connecting', keys: Object.keys(connectKeys) },
  { title: 'Tube: ICE restart', keys: Object.keys(restartKeys) },
  { title: 'Tube: circuit breaker', keys: Object.keys(breakerKeys) },
  { title: 'Tube: liveness and session', keys: Object.keys(livenessKeys) },
  { title: 'Tube: health', keys: Object.keys(healthKeys) },
  { title: 'Tube: channels', keys: Object.keys(channelKeys) },
];

/** Description, rule and kind of a key; null when there is no such key. */
export function metaOf(key: string): KeyMeta | null {
  if (!isConfigKey(key)) return null;
  const meta = keyMeta.get(configShape[key]);
  if (meta === undefined) throw new Error(`configuration key ${key} has no description`);
  return meta;
}
