/**
 * Configuration keys that are not a single number or word: ICE servers, the JWT check of `/control`, log levels, channels, waits.
 * Messages name the field and its rule and never repeat a value, because some values are secrets.
 */
import { z } from 'zod';
import type { ChannelClass } from '../../machines/settings.js';
import { controlLabel, isOwnLabel, probeLabel } from '../channels/wire.js';
import { mustBe, unknownKeys, withMeta } from './key-types.js';
import { logLevels, logTargets, type LogLevel, type LogTarget } from './log-targets.js';
import { formatDuration } from './quantities.js';

/** A strict object whose unknown keys are refused with the nearest name. */
function strict<S extends z.ZodRawShape>(shape: S, rule: string) {
  return z.strictObject(shape, { error: unknownKeys(Object.keys(shape), mustBe(rule)) });
}

const nonEmpty = z.string({ error: mustBe('a text') }).min(1, { error: 'must not be empty' });

/** RFC 7064, RFC 7065. Peers get all of them; the service itself uses those that its ICE agent can (src/transport/ice-servers.ts). */
const host = String.raw`(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(:\d{1,5})?`;
const stunPattern = new RegExp(`^stuns?:${host}$`);
const turnPattern = new RegExp(String.raw`^turns?:${host}(\?transport=(udp|tcp))?$`);

const iceUrl = z.string({ error: mustBe('a text') }).refine((url) => stunPattern.test(url) || turnPattern.test(url), {
  error: mustBe('like stun:host:port, turn:host:port?transport=udp or turns:host:port'),
});

const iceServer = strict(
  {
    urls: z.preprocess(
      (urls) => (typeof urls === 'string' ? [urls] : urls),
      z.array(iceUrl, { error: mustBe('a list of URLs') }).min(1, { error: 'must name a URL' }),
    ),
    username: nonEmpty.optional(),
    credential: nonEmpty.optional(),
    credentialFile: nonEmpty.optional(),
  },
  'an object with urls, username, credential or credentialFile',
).superRefine((server, context) => {
  const given = [server.credential, server.credentialFile].filter((value) => value !== undefined).length;
  if (given > 1) context.addIssue({ code: 'custom', message: 'has both credential and credentialFile' });
  // webrtc-pc §4.4.1.6: a TURN server without both is an InvalidAccessError in every browser.
  const turn = server.urls.some((url) => url.startsWith('turn'));
  if (turn && (server.username === undefined || given === 0)) {
    context.addIssue({ code: 'custom', message: 'a TURN server needs username and credential (or credentialFile)' });
  }
});

export function iceServers(description: string) {
  const rule = 'a list of at most 16 servers {urls, username, credential} or a list of STUN URLs';
  const error = mustBe(rule);
  const schema = z
    .array(iceServer, { error })
    .max(16, { error })
    .default(() => []);
  return withMeta(schema, 'iceServers', rule, description, true);
}

export function turnUrls(description: string) {
  const rule = 'at most 16 URLs like turn:host:port, turn:host:port?transport=tcp or turns:host:port';
  const error = mustBe(rule);
  const schema = z
    .array(z.string({ error }).regex(turnPattern, { error }), { error })
    .max(16, { error })
    .default(() => []);
  return withMeta(schema, 'texts', rule, description);
}

export function tenants(initial: readonly string[], description: string) {
  const rule = 'a list of tenants';
  const error = mustBe(rule);
  const schema = z
    .array(z.string({ error }).min(1, { error }).max(128, { error }), { error })
    .max(1000, { error })
    .default(() => [...initial]);
  return withMeta(schema, 'texts', rule, description);
}

const secretAlgorithms = ['HS256', 'HS384', 'HS512'];
const publicKeyAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const jwtAlgorithms = [...secretAlgorithms, ...publicKeyAlgorithms];
const jwtRule = 'an object with secretFile, publicKeyFile or jwksUrl, algorithms, issuer and audience';

const jwt = strict(
  {
    secretFile: nonEmpty.optional(),
    publicKeyFile: nonEmpty.optional(),
    jwksUrl: z.url({ protocol: /^https?$/, error: mustBe('an http or https URL') }).optional(),
    algorithms: z
      .array(z.enum(jwtAlgorithms, { error: mustBe(`one of ${jwtAlgorithms.join(', ')}`) }), {
        error: mustBe('a list of algorithms'),
      })
      .min(1, { error: 'must name an algorithm' }),
    issuer: nonEmpty,
    audience: nonEmpty,
    tenantClaim: nonEmpty.default('tenant'),
  },
  jwtRule,
).superRefine((value, context) => {
  const keys = [value.secretFile, value.publicKeyFile, value.jwksUrl].filter((key) => key !== undefined);
  if (keys.length !== 1) {
    context.addIssue({ code: 'custom', message: 'must have exactly one of secretFile, publicKeyFile and jwksUrl' });
    return;
  }
  // A public key must never be accepted as the secret of an HMAC (RFC 8725 §2.1).
  const fitting = value.secretFile === undefined ? publicKeyAlgorithms : secretAlgorithms;
  const wrong = value.algorithms.filter((algorithm) => !fitting.includes(algorithm));
  if (wrong.length > 0) {
    const key = value.secretFile === undefined ? 'a public key' : 'secretFile';
    context.addIssue({ code: 'custom', path: ['algorithms'], message: `${wrong.join(', ')} does not go with ${key}` });
  }
});

export const controlJwt = (description: string) =>
  withMeta(jwt.nullable().default(null), 'object', `${jwtRule}, as YAML or JSON`, description);

export function levelsPerTarget(description: string) {
  const rule = `a level (${logLevels.join(', ')}) per target, like webrtc_ice=debug,signalling=warn`;
  const level = z.enum(logLevels, { error: mustBe(`one of ${logLevels.join(', ')}`) }).optional();
  const shape = Object.fromEntries(logTargets.map((target) => [target, level]));
  const schema: z.ZodType<Partial<Record<LogTarget, LogLevel>>> = strict(shape, rule);
  return withMeta(
    schema.default(() => ({})),
    'levels',
    rule,
    description,
  );
}

export function tokens(description: string) {
  const rule = 'a list of token or tenant=token';
  const schema = z.array(z.string({ error: mustBe(rule) }), { error: mustBe(rule) }).default(() => []);
  return withMeta(schema, 'texts', rule, description, true);
}

const waitRange = { min: 0, max: 600_000 };

export function waits(initial: readonly number[], description: string) {
  const rule = `1 to 20 times from 0ms to ${formatDuration(waitRange.max)}, as milliseconds or like 5s,10s`;
  const error = mustBe(rule);
  const wait = z.number({ error }).int({ error }).min(waitRange.min, { error }).max(waitRange.max, { error });
  const schema = z.array(wait, { error }).min(1, { error }).max(20, { error });
  return withMeta(
    schema.default(() => [...initial]),
    'durations',
    rule,
    description,
  );
}

const channelRule = 'an object with label (1 to 64 characters, not "control") and class (reliable or latest)';
const channelSpec = strict(
  {
    label: z
      .string({ error: mustBe('a text of 1 to 64 characters') })
      .min(1, { error: mustBe('a text of 1 to 64 characters') })
      .max(64, { error: mustBe('a text of 1 to 64 characters') })
      .refine((label) => !isOwnLabel(label), {
        error: `must not be ${controlLabel} or ${probeLabel}: the service has these channels`,
      }),
    class: z.enum(['reliable', 'latest'], { error: mustBe('reliable or latest') }).default('reliable'),
  },
  channelRule,
);

export function channelList(description: string) {
  const rule = 'at most 16 channels with different labels, like data or data:reliable,video:latest';
  const error = mustBe(rule);
  const schema = z
    .array(channelSpec, { error })
    .max(16, { error })
    .refine((channels) => new Set(channels.map(({ label }) => label)).size === channels.length, { error });
  const initial: { label: string; class: ChannelClass }[] = [{ label: 'data', class: 'reliable' }];
  return withMeta(
    schema.default(() => initial),
    'channels',
    rule,
    description,
  );
}

/** Who guesses it makes tokens of peers by himself. */
export const peerTokenSecretRule = 'a text of at least 32 characters';
export const isPeerTokenSecret = (text: string): boolean => text.length >= 32;
