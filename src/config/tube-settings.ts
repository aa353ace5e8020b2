/**
 * From configuration to the settings of one tube, each stronger than the one before: default, profile, recovery policy and keys of the service;
 * then profile, recovery policy and keys that the call names. Also holds the order that some numbers must keep: one that was not asked for
 * follows the one that was.
 */
import { z } from 'zod';
import type { TubeSettings } from '../../machines/settings.js';
import { check, keyMeta, onTheWire, unknownKeys, type Checked } from './key-types.js';
import { wireNameOf } from './names.js';
import { profileNames, profiles, type ProfileName } from './profiles.js';
import { recoveryPolicies, recoveryPolicyNames, type RecoveryPolicyName } from './recovery-policies.js';
import { tubeShape, type TubeDefaults } from './tube-keys.js';

export type TubeOverrides = { readonly [K in keyof TubeDefaults]?: TubeDefaults[K] };

type NumberKey = { [K in keyof TubeDefaults]: TubeDefaults[K] extends number ? K : never }[keyof TubeDefaults];

/** `low` never above `high`. `lowFor` and `highFor` give the one that fits the other. */
interface OrderedPair {
  readonly low: NumberKey;
  readonly high: NumberKey;
  readonly lowFor: (high: number) => number;
  readonly highFor: (low: number) => number;
}

const same = (value: number): number => value;
const notAbove = (low: NumberKey, high: NumberKey): OrderedPair => ({ low, high, lowFor: same, highFor: same });

const orderedPairs: readonly OrderedPair[] = [
  notAbove('suspectPingIntervalMs', 'pingIntervalMs'),
  notAbove('degradedHealthCheckIntervalMs', 'healthCheckIntervalMs'),
  notAbove('missedPingsToDegrade', 'missedPingsToRestart'),
  notAbove('maxMessageBytes', 'replayBufferBytes'),
  {
    low: 'sessionWarningMs',
    high: 'sessionTimeoutMs',
    // The proportion of the contract: a warning after 19 of 60 minutes.
    lowFor: (timeout) => Math.floor((timeout * 19) / 60),
    highFor: (warning) => Math.ceil((warning * 60) / 19),
  },
];

export interface PairConflict {
  readonly low: NumberKey;
  readonly high: NumberKey;
}

/** Pairs that were both asked for and contradict each other. */
export function conflictsOf(values: TubeOverrides): PairConflict[] {
  return orderedPairs.filter(({ low, high }) => (values[low] ?? -Infinity) > (values[high] ?? Infinity));
}

/** Makes the numbers that were not asked for fit those that were (`asked`). */
export function follow(values: TubeDefaults, asked: ReadonlySet<string>): TubeDefaults {
  const next: Record<NumberKey, number> & TubeDefaults = { ...values };
  for (const { low, high, lowFor, highFor } of orderedPairs) {
    if (next[low] <= next[high]) continue;
    if (asked.has(low)) next[high] = highFor(next[low]);
    else next[low] = lowFor(next[high]);
  }
  return next;
}

const builtIn: TubeDefaults = z.object(tubeShape).parse({});

/** Settings of a tube of a service with that profile, recovery policy and explicit keys. */
export function tubeDefaultsOf(
  profile: ProfileName,
  policy: RecoveryPolicyName,
  explicit: TubeOverrides,
): TubeDefaults {
  const values = { ...builtIn, ...profiles[profile].tube, ...recoveryPolicies[policy], ...explicit };
  return follow(values, new Set(Object.keys(explicit)));
}

const policyRule = `must be one of ${recoveryPolicyNames.join(', ')}`;

/** Part of the contract's `settings` (section 8) beside the numbers: the only kind of tube there is so far, and the name of a policy. */
const namesShape = {
  conversationType: z
    .literal('message', { error: 'must be message: there are no other kinds of tubes here' })
    .optional(),
  recovery_policy: z.enum(recoveryPolicyNames, { error: policyRule }).optional(),
};

/** Optional, without default: what is not in a call comes from the service. */
function overridesShape(): z.ZodRawShape {
  const numbers = Object.fromEntries(
    Object.entries(tubeShape).map(([key, schema]) => {
      const description = keyMeta.get(schema)?.description ?? '';
      return [wireNameOf(key), onTheWire(schema, schema.unwrap()).optional().describe(description)];
    }),
  );
  return { ...namesShape, ...numbers };
}

const overrideKeys = Object.keys(tubeShape);
const wireNames = [...Object.keys(namesShape), ...overrideKeys.map(wireNameOf)];

function toOverrides(wire: Readonly<Record<string, unknown>>): TubeOverrides {
  const given = overrideKeys.filter((key) => wire[wireNameOf(key)] !== undefined);
  // Every value was checked under its wire name by the schema of the same key.
  return Object.fromEntries(given.map((key) => [key, wire[wireNameOf(key)]]));
}

/** What a call asks for: the name of a recovery policy, if any, and numbers and choices in code names. */
export interface AskedSettings {
  readonly policy: RecoveryPolicyName | undefined;
  readonly overrides: TubeOverrides;
}

/** The `settings` object of `create_tube`, in wire names, strict. */
const tubeSettingsSchema = z
  .strictObject(overridesShape(), { error: unknownKeys(wireNames, 'must be an object of settings') })
  .transform((wire, context): AskedSettings => {
    const overrides = toOverrides(wire);
    for (const { low, high } of conflictsOf(overrides)) {
      const message = `must not be above ${wireNameOf(high)}`;
      context.issues.push({ code: 'custom', path: [wireNameOf(low)], message, input: wire });
    }
    // Checked by the schema above; its shape is not known to the compiler.
    const policy = wire['recovery_policy'] as RecoveryPolicyName | undefined;
    return { policy, overrides };
  });

/** Checks the `settings` of a call; on failure one sentence per problem. */
export function parseTubeSettings(input: unknown): Checked<AskedSettings> {
  return check(tubeSettingsSchema, input);
}

/** The profile that a call names; null when there is no such profile. */
export function profileNamed(name: string): ProfileName | null {
  return profileNames.find((known) => known === name) ?? null;
}

/** The recovery policy of that name; null when there is none. */
export function policyNamed(name: string): RecoveryPolicyName | null {
  return recoveryPolicyNames.find((known) => known === name) ?? null;
}

/** What a service gives to its tubes. */
export interface TubeDefaultsSource {
  readonly profile: ProfileName;
  readonly recoveryPolicy: RecoveryPolicyName;
  /** @param policy in place of that of the service */
  tubeDefaults(policy?: RecoveryPolicyName): TubeDefaults;
}

/** The settings a tube runs by. Never fails: what is asked for comes from `parseTubeSettings`. */
export function resolveTubeSettings(
  service: TubeDefaultsSource,
  profile: ProfileName | null | undefined,
  { policy, overrides }: AskedSettings,
  trickleIce: boolean,
): TubeSettings {
  const numbersOfPolicy = policy === undefined ? {} : recoveryPolicies[policy];
  const values = {
    ...service.tubeDefaults(policy),
    ...numbersOfProfile(profile ?? null, policy ?? service.recoveryPolicy),
    ...numbersOfPolicy,
    ...overrides,
  };
  return {
    ...follow(values, new Set(Object.keys(overrides))),
    trickleIce,
    profile: profile ?? service.profile,
    recoveryPolicy: policy ?? service.recoveryPolicy,
  };
}

/** A profile says nothing of what the policy says, whoever named either: there it is as the service has it, or as the call says. */
function numbersOfProfile(profile: ProfileName | null, policy: RecoveryPolicyName): TubeOverrides {
  const numbers = profile === null ? {} : profiles[profile].tube;
  return Object.fromEntries(Object.entries(numbers).filter(([key]) => !(key in recoveryPolicies[policy])));
}

/** In the names of docs/configuration.md as calls and files have them. */
export const settingsToWire = (settings: Partial<TubeSettings>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(settings).map(([key, value]) => [wireNameOf(key), value as unknown]));
