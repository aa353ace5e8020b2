/**
 * From configuration to the settings of one tube: default or service value < profile named by the call < overrides of the call. Also
 * holds the order that some numbers must keep: one that was not asked for follows the one that was.
 */
import { z } from 'zod';
import type { TubeSettings } from '../../machines/settings.js';
import { check, keyMeta, onTheWire, unknownKeys, type Checked } from './key-types.js';
import { wireNameOf } from './names.js';
import { profileNames, profiles, type ProfileName } from './profiles.js';
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

/** Part of the contract's `settings` (section 8), and the only kind of tube there is so far. */
const kindShape = {
  conversationType: z
    .literal('message', { error: 'must be message: there are no other kinds of tubes here' })
    .optional(),
};

/** Optional, without default: what is not in a call comes from the service. */
function overridesShape(): z.ZodRawShape {
  const numbers = Object.fromEntries(
    Object.entries(tubeShape).map(([key, schema]) => {
      const description = keyMeta.get(schema)?.description ?? '';
      return [wireNameOf(key), onTheWire(schema, schema.unwrap()).optional().describe(description)];
    }),
  );
  return { ...kindShape, ...numbers };
}

const overrideKeys = Object.keys(tubeShape);
const wireNames = [...Object.keys(kindShape), ...overrideKeys.map(wireNameOf)];

function toOverrides(wire: Readonly<Record<string, unknown>>): TubeOverrides {
  const given = overrideKeys.filter((key) => wire[wireNameOf(key)] !== undefined);
  // Every value was checked under its wire name by the schema of the same key.
  return Object.fromEntries(given.map((key) => [key, wire[wireNameOf(key)]]));
}

/** The `settings` object of `create_tube`, in wire names, strict. What comes out are the numbers and choices in code names. */
const tubeOverridesSchema = z
  .strictObject(overridesShape(), { error: unknownKeys(wireNames, 'must be an object of settings') })
  .transform((wire, context) => {
    const overrides = toOverrides(wire);
    for (const { low, high } of conflictsOf(overrides)) {
      const message = `must not be above ${wireNameOf(high)}`;
      context.issues.push({ code: 'custom', path: [wireNameOf(low)], message, input: wire });
    }
    return overrides;
  });

/** Checks the `settings` of a call; on failure one sentence per problem. */
export function parseTubeOverrides(input: unknown): Checked<TubeOverrides> {
  return check(tubeOverridesSchema, input);
}

/** The profile that a call names; null when there is no such profile. */
export function profileNamed(name: string): ProfileName | null {
  return profileNames.find((known) => known === name) ?? null;
}

/** The settings a tube runs by. Never fails: `overrides` come from `parseTubeOverrides`. */
export function resolveTubeSettings(
  service: { readonly tube: TubeDefaults },
  profile: ProfileName | null | undefined,
  overrides: TubeOverrides,
  trickleIce: boolean,
): TubeSettings {
  const chosen = profile === null || profile === undefined ? {} : profiles[profile].tube;
  const values = follow({ ...service.tube, ...chosen, ...overrides }, new Set(Object.keys(overrides)));
  return { ...values, trickleIce };
}
