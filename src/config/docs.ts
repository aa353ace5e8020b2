/**
 * Text made from the schema: what `serve --help` lists, and docs/configuration.md (written by scripts/config-docs.mjs, compared by a test).
 */
import { environmentNameOf, flagOf } from './names.js';
import { profileNames, profiles } from './profiles.js';
import { recoveryPolicies, recoveryPolicyNames } from './recovery-policies.js';
import { formatBytes, formatDuration, type KeyKind } from './quantities.js';
import { reloadedKeys } from './reload.js';
import { configKeys, configSchema, keyGroups, metaOf } from './schema.js';

const defaults: Readonly<Record<string, unknown>> = configSchema.parse({});

const isNumber = (value: unknown): value is number => typeof value === 'number';

function plainText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value);
}

const formats: Partial<Record<KeyKind, (value: unknown) => string>> = {
  duration: (value) => (isNumber(value) ? formatDuration(value) : ''),
  bytes: (value) => (isNumber(value) ? formatBytes(value) : ''),
  durations: (value) => (Array.isArray(value) ? value.filter(isNumber).map(formatDuration).join(',') : ''),
  switch: (value) => (value === true ? 'on' : 'off'),
  channels: () => 'data:reliable',
};

function shown(key: string, value: unknown): string {
  const meta = metaOf(key);
  const empty = value === null || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
  if (meta === null || empty) return 'none';
  return (formats[meta.kind] ?? plainText)(value);
}

const helpHead = `A key is taken from its flag, else from the environment (HOLDFAST_PORT for --port), else from the YAML file named by --config
or HOLDFAST_CONFIG (port), else from the recovery policy, else from the profile, else from its default.

  --config FILE
      YAML file with configuration keys.
`;

/** Every flag of the configuration, for `holdfast serve --help`. */
export function helpText(): string {
  const groups = keyGroups.map(({ title, keys }) => {
    const lines = keys.map((key) => {
      const meta = metaOf(key);
      return `  ${flagOf(key)} (${shown(key, defaults[key])})\n      ${meta?.description ?? ''}`;
    });
    return `${title}:\n${lines.join('\n')}\n`;
  });
  return [helpHead, ...groups].join('\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

type Values = Readonly<Record<string, unknown>>;

/** One column per name, one row per key that any of them has; `missing` where one has none. */
function tableOf(names: readonly string[], valuesOf: (name: string) => Values, missing: string): string[] {
  const columns = names.map(valuesOf);
  const rows = configKeys
    .filter((key) => columns.some((values) => key in values))
    .map((key) => {
      const cells = columns.map((values) => (key in values ? shown(key, values[key]) : missing));
      return `| \`${key}\` | ${cells.join(' | ')} |`;
    });
  return [`| key | ${names.join(' | ')} |`, `| --- |${' --- |'.repeat(names.length)}`, ...rows];
}

const numbersOfProfiles: Readonly<Record<string, Values>> = Object.fromEntries(
  profileNames.map((name) => [name, { ...profiles[name].tube, ...profiles[name].service }]),
);
const numbersOfPolicies: Readonly<Record<string, Values>> = recoveryPolicies;

const profilePart = [
  '',
  '## Profiles',
  '',
  'Of the service (`profile`) or of one tube (`profile` of `create_tube`).',
  '',
  ...tableOf(profileNames, (name) => numbersOfProfiles[name] ?? {}, ''),
];

const policyPart = [
  '',
  '## Recovery policies',
  '',
  'Of the service (`recoveryPolicy`) or of one tube (`recovery_policy` in the `settings` of `create_tube`). `standard` is the contract, `strict` the',
  'guide (no answer, or an open breaker, closes the tube), `server` the recovering server, `suite` the test suite.',
  '',
  ...tableOf(recoveryPolicyNames, (name) => numbersOfPolicies[name] ?? {}, 'of the profile'),
  '',
  'A policy goes over the profile, that of the service also over a profile that a call names; an explicit key goes over both. Else what a call names',
  '(profile, then recovery policy, then keys) goes over all that the service has; a tube that names a policy has nothing of that of the service.',
];

const documentHead = `# Configuration

Generated from \`src/config/schema.ts\` by \`scripts/config-docs.mjs\`; do not edit.

A key is taken from its flag, else from the environment, else from the YAML file (\`--config FILE\` or \`HOLDFAST_CONFIG\`), else from the
recovery policy, else from the profile, else from its default. \`answerTimeoutMs\` is the flag \`--answer-timeout-ms\`, the variable
\`HOLDFAST_ANSWER_TIMEOUT_MS\` and the YAML key \`answerTimeoutMs\`; in the \`settings\` of \`create_tube\` it is \`answer_timeout_ms\` (tube keys only).

- Times are milliseconds, or text like \`15s\`, \`5m\`, \`1h\`. Sizes are bytes, or text like \`64KiB\`, \`4MiB\`.
- Lists in flags and variables are separated by commas, or JSON. A variable that is empty counts as not set.
- An unknown flag, \`HOLDFAST_\` variable or YAML key is an error, and so is a key that is given twice as a flag. All errors are reported at
  once, without secrets, and the process exits with 78. (\`HOLDFAST_TEST_*\` variables belong to the tests.)
- Without any control token or JWT the service listens on a loopback address only.
- A number that is said to be never above (or below) another follows it, unless both are set: then it is an error.

## Reading it again: SIGHUP

On \`SIGHUP\` the service reads its configuration again from the same sources. With an error in it nothing changes; the error is logged under
\`service\`. Otherwise these keys count at once:

${reloadedKeys.map((key) => `\`${key}\``).join(', ')}.

- Tokens are checked when a controller connects: who is connected stays. A token that was made for this run stays while none is configured.
- ICE servers, and the secret that makes TURN credentials, are those of new generations and new offers. A limit replaces what \`set_resource_limits\` has set, and refuses newcomers only.
- Every other key needs a restart: the names of those that differ are in a log line under \`service\`.`;

/** The text of docs/configuration.md. */
export function configurationMarkdown(): string {
  const groups = keyGroups.flatMap(({ title, keys }) => {
    const rows = keys.map((key) => {
      const meta = metaOf(key);
      const about = `${meta?.description ?? ''} Must be ${meta?.rule ?? ''}.${meta?.secret === true ? ' Secret.' : ''}`;
      return `| \`${key}\` | \`${environmentNameOf(key)}\` | \`${shown(key, defaults[key])}\` | ${cell(about)} |`;
    });
    return ['', `## ${title}`, '', '| key | variable | default | meaning |', '| --- | --- | --- | --- |', ...rows];
  });
  return `${[documentHead, ...groups, ...profilePart, ...policyPart].join('\n')}\n`;
}
