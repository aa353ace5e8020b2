/**
 * Builds the configuration from its sources (flag > environment > file > recovery policy > profile > default) and checks all of it, or throws one
 * ConfigError that names everything that is wrong. Pure apart from the reader of files it is given; drives nothing.
 */
import type { z } from 'zod';
import { ConfigError, showValue, type ConfigProblem } from './config-error.js';
import { profiles } from './profiles.js';
import { recoveryPolicies } from './recovery-policies.js';
import { configSchema, metaOf, type ConfigValues, type ServiceValues } from './schema.js';
import { SecretReader, type ControlJwt, type ControlToken, type IceServer } from './secrets.js';
import { gather, type Entry, type Sources } from './sources.js';
import { tubeShape, type TubeDefaults } from './tube-keys.js';
import { conflictsOf, policyNamed, profileNamed, tubeDefaultsOf, type TubeOverrides } from './tube-settings.js';

/** The whole configuration. It holds secrets: print it only through `publicConfig`. */
export interface Config extends Omit<
  ServiceValues,
  'controlTokens' | 'controlTokensFile' | 'controlJwt' | 'iceServers' | 'turnSecretFile' | 'peerTokenSecretFile'
> {
  readonly controlTokens: readonly ControlToken[];
  readonly controlJwt: ControlJwt | null;
  readonly iceServers: readonly IceServer[];
  /** Null without `turnUrls`. */
  readonly turnSecret: string | null;
  /** Settings of a tube whose creation names none. */
  readonly tube: TubeDefaults;
  /** What of them was configured explicitly. */
  readonly tubeExplicit: TubeOverrides;
}

type Entries = ReadonlyMap<string, Entry>;

/** A name that is wrong is a problem of its own. */
const profileOf = (entries: Entries) => profiles[profileNamed(String(entries.get('profile')?.value)) ?? 'production'];
const policyOf = (entries: Entries) =>
  recoveryPolicies[policyNamed(String(entries.get('recoveryPolicy')?.value)) ?? 'standard'];

function problemOf(issue: z.core.$ZodIssue, entries: Entries): ConfigProblem {
  const [key = '', ...rest] = issue.path.map(String);
  const entry = entries.get(key);
  const place = rest.length === 0 ? '' : `${rest.join('.')} `;
  return {
    key,
    source: entry?.source ?? 'default',
    rule: place + issue.message,
    value: showValue(entry?.value, metaOf(key)?.secret ?? true),
  };
}

const lineOf = ({ key, rule }: ConfigProblem): string => `${key} ${rule}`;

function unique(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...new Map(problems.map((problem) => [lineOf(problem), problem])).values()];
}

/** Checks every value; a value that does not fit is replaced by its default so that the rest can be checked as well. */
function validate(entries: Entries): { values: ConfigValues; problems: ConfigProblem[] } {
  const { tube, service } = profileOf(entries);
  const given = [...entries].map(([key, { value }]) => [key, value] as const);
  const raw: Record<string, unknown> = { ...tube, ...service, ...policyOf(entries), ...Object.fromEntries(given) };
  const parsed = configSchema.safeParse(raw);
  if (parsed.success) return { values: parsed.data, problems: [] };
  const problems = parsed.error.issues.map((issue) => problemOf(issue, entries));
  const wrong = new Set(problems.map(({ key }) => key));
  const rest = Object.fromEntries(Object.entries(raw).filter(([key]) => !wrong.has(key)));
  return { values: configSchema.parse(rest), problems: unique(problems) };
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/;

/** Rules that look at more than one key. */
function crossCheck(values: ConfigValues, asked: TubeOverrides, secured: boolean, entries: Entries): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const refuse = (key: keyof ConfigValues, rule: string): void => {
    const source = entries.get(key)?.source ?? 'default';
    problems.push({ key, source, rule, value: showValue(values[key], metaOf(key)?.secret ?? true) });
  };
  if (!secured && !loopback.test(values.host)) {
    refuse('host', 'must be a loopback address unless controlTokens, controlTokensFile or controlJwt is set');
  }
  if ((values.udpPortBegin === 0) !== (values.udpPortEnd === 0)) {
    refuse('udpPortBegin', 'must be set together with udpPortEnd');
  } else if (values.udpPortBegin > values.udpPortEnd) {
    refuse('udpPortBegin', `must not be above udpPortEnd (${values.udpPortEnd})`);
  }
  // By what was given, whatever it is worth: a value that does not fit has its own problem already.
  const isGiven = (key: string): boolean => (entries.get(key)?.value ?? null) !== null;
  const turnSecretKey = (['turnSecret', 'turnSecretFile'] as const).find(isGiven);
  if (values.turnUrls.length > 0 && turnSecretKey === undefined) {
    refuse('turnUrls', 'must be set together with turnSecret or turnSecretFile');
  } else if (turnSecretKey !== undefined && !isGiven('turnUrls')) {
    refuse(turnSecretKey, 'must be set together with turnUrls');
  }
  for (const { low, high } of conflictsOf(asked)) refuse(low, `must not be above ${high} (${values[high]})`);
  return problems;
}

function pick<T extends object>(values: T, wanted: (key: string) => boolean): Partial<T> {
  // Object.fromEntries cannot say that these are some of the entries of T.
  return Object.fromEntries(Object.entries(values).filter(([key]) => wanted(key))) as Partial<T>;
}

const isTubeKey = (key: string): boolean => Object.hasOwn(tubeShape, key);

/** Everything the process runs by. Throws ConfigError. */
export function loadConfig(sources: Sources): Config {
  const { entries, problems: nameProblems } = gather(sources);
  const { values, problems: valueProblems } = validate(entries);
  const wrong = new Set(valueProblems.map(({ key }) => key));
  const secrets = new SecretReader(sources.readFile, (key) => entries.get(key)?.source ?? 'default');
  const controlTokens = secrets.controlTokens(values.controlTokens, values.controlTokensFile);
  const controlJwt = secrets.controlJwt(values.controlJwt);
  const iceServers = secrets.iceServers(values.iceServers);
  const turnSecret = secrets.turnSecret(values.turnSecret, values.turnSecretFile);
  const peerTokenSecret = secrets.peerTokenSecret(values.peerTokenSecret, values.peerTokenSecretFile);
  // A credential that was meant but is wrong has its own problem already.
  const meant = ['controlTokens', 'controlTokensFile', 'controlJwt'].some((key) => entries.has(key));
  const asked = pick(values as TubeDefaults, (key) => isTubeKey(key) && entries.has(key) && !wrong.has(key));
  const problems = [...nameProblems, ...valueProblems, ...secrets.problems];
  const secured = controlTokens.length > 0 || controlJwt !== null || (meant && problems.length > 0);
  problems.push(...crossCheck(values, asked, secured, entries));
  if (problems.length > 0) throw new ConfigError(problems);

  const {
    controlTokensFile: _tokens,
    turnSecretFile: _turnSecret,
    peerTokenSecretFile: _peerTokenSecret,
    ...service
  } = pick(values, (key) => !isTubeKey(key)) as ServiceValues;
  const tube = tubeDefaultsOf(service.profile, service.recoveryPolicy, asked);
  return { ...service, controlTokens, controlJwt, iceServers, turnSecret, peerTokenSecret, tube, tubeExplicit: asked };
}

/** The configuration without secrets, for people and for the API. */
export function publicConfig(config: Config): Readonly<Record<string, unknown>> {
  return {
    ...config,
    controlTokens: config.controlTokens.map(({ tenant }) => ({ tenant })),
    controlJwt: config.controlJwt && { ...config.controlJwt, key: Object.keys(config.controlJwt.key)[0] },
    iceServers: config.iceServers.map(({ urls }) => ({ urls })),
    turnSecret: config.turnSecret && '(hidden)',
    peerTokenSecret: config.peerTokenSecret && '(hidden)',
  };
}
