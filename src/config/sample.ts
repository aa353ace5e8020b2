/**
 * A commented YAML file with every key, and the same list for programs; both made from the schema. `holdfast config default` prints it: a line of prose
 * begins with `# `, a key with `#`, so that taking that away sets the key to what it is anyway.
 */
import { stringify } from 'yaml';
import { environmentNameOf, flagOf } from './names.js';
import { formatBytes, formatDuration, type KeyKind } from './quantities.js';
import { configKeys, configSchema, keyGroups, metaOf } from './schema.js';
import { tubeShape } from './tube-keys.js';

const defaults: Readonly<Record<string, unknown>> = configSchema.parse({});

/** What a key without a default may look like; YAML. A test checks that each is valid. */
export const exampleValues: Readonly<Record<string, unknown>> = {
  controlTokens: ['team-a=change-me', 'team-b=change-me-too'],
  controlTokensFile: '/run/secrets/holdfast-tokens',
  controlJwt: {
    publicKeyFile: '/etc/holdfast/jwt.pem',
    algorithms: ['EdDSA'],
    issuer: 'https://login.example',
    audience: 'holdfast',
    tenantClaim: 'tenant',
  },
  peerTokenSecret: 'at least thirty-two characters of it',
  peerTokenSecretFile: '/run/secrets/holdfast-peers',
  dataDir: '/var/lib/holdfast',
  iceServers: [
    { urls: ['stun:stun.example:3478'] },
    { urls: ['turn:turn.example:3478'], username: 'holdfast', credentialFile: '/run/secrets/turn-password' },
  ],
  turnUrls: ['turn:turn.example:3478', 'turns:turn.example:443'],
  turnSecret: 'what coturn has as static-auth-secret',
  turnSecretFile: '/run/secrets/turn',
  bindAddress: '192.0.2.10',
  logLevels: { webrtc_ice: 'debug', signalling: 'warn' },
};

const isEmpty = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);

const readable: Partial<Record<KeyKind, (value: never) => unknown>> = {
  duration: (value: number) => formatDuration(value),
  bytes: (value: number) => formatBytes(value),
  durations: (value: readonly number[]) => value.map(formatDuration),
  switch: (value: boolean) => (value ? 'on' : 'off'),
  channels: (value: readonly { label: string; class: string }[]) => value.map((one) => `${one.label}:${one.class}`),
};

/** The default as one would write it, or an example where there is none. */
function writtenValue(key: string): unknown {
  const value = defaults[key];
  if (isEmpty(value)) return exampleValues[key] ?? value;
  const write = readable[metaOf(key)?.kind ?? 'text'] as ((value: unknown) => unknown) | undefined;
  return write === undefined ? value : write(value);
}

const lineWidth = 100;

function comment(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line.length + word.length + 3 > lineWidth) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => `# ${line}`);
}

function keyLines(key: string): string[] {
  const meta = metaOf(key);
  const note = isEmpty(defaults[key]) ? ' Not set by default; for example:' : '';
  // One line for each key, so that it is set by taking one character away.
  const yaml = stringify(writtenValue(key), { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
  return ['', ...comment(`${meta?.description ?? ''} Must be ${meta?.rule ?? ''}.${note}`), `#${key}: ${yaml}`];
}

/** The text of a configuration file in which nothing is set. */
export function sampleYaml(): string {
  return [
    ...comment(
      'Configuration of Holdfast: holdfast serve --config THIS_FILE. Every key is here with its default, commented out; take away the # before a key to set it.',
    ),
    ...comment(
      'Times are milliseconds, or text like 15s, 5m; sizes are bytes, or text like 64KiB. Check it with: holdfast config check THIS_FILE',
    ),
    ...keyGroups.flatMap(({ title, keys }) => [
      '',
      `# ${`---- ${title} `.padEnd(lineWidth - 2, '-')}`,
      ...keys.flatMap(keyLines),
    ]),
    '',
  ].join('\n');
}

export interface KeyDescription {
  readonly key: string;
  readonly flag: string;
  readonly variable: string;
  readonly group: string;
  /** Of a tube: a call may set it for one of them. */
  readonly tube: boolean;
  readonly kind: KeyKind;
  readonly description: string;
  readonly rule: string;
  readonly secret: boolean;
  readonly default: unknown;
}

/** Every key, for programs. */
export function keyDescriptions(): KeyDescription[] {
  return configKeys.flatMap((key) => {
    const meta = metaOf(key);
    if (meta === null) return [];
    const group = keyGroups.find(({ keys }) => keys.includes(key))?.title ?? '';
    const names = {
      key,
      flag: flagOf(key),
      variable: environmentNameOf(key),
      group,
      tube: Object.hasOwn(tubeShape, key),
    };
    return [{ ...names, ...meta, default: defaults[key] ?? null }];
  });
}
