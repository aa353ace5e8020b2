/**
 * Limits that may change while the service runs (`set_resource_limits`): what a node admits, and the profile numbers that new tubes start
 * with. Unknown keys are refused; lowering a limit changes what is admitted from now on and never touches a live tube.
 */
import { z } from 'zod';
import { check, unknownKeys, type Checked } from './key-types.js';
import type { Config } from './load.js';
import { wireNameOf } from './names.js';
import { configKeyType } from './schema.js';
import type { ProfileName } from './profiles.js';
import type { TubeDefaults } from './tube-keys.js';
import type { RecoveryPolicyName } from './recovery-policies.js';
import { follow, tubeDefaultsOf } from './tube-settings.js';

export const nodeLimitKeys = ['maxConcurrentSockets', 'maxConcurrentIceAgents', 'maxConcurrentCreates'] as const;
const tubeLimitKeys = [
  'keepaliveSignalIntervalMs',
  'sessionTimeoutMs',
  'healthCheckIntervalMs',
  'iceGatherTimeoutMs',
  'pingIntervalMs',
] as const;
const limitKeys = [...nodeLimitKeys, ...tubeLimitKeys];
type LimitKey = (typeof limitKeys)[number];

export type LimitsPatch = { readonly [K in LimitKey]?: number };
export type Limits = Readonly<Record<LimitKey, number>>;

const wireNames = limitKeys.map(wireNameOf);

/** The argument of `set_resource_limits`, in wire names; what comes out has code names. */
const limitsPatchSchema = z
  .strictObject(Object.fromEntries(limitKeys.map((key) => [wireNameOf(key), configKeyType(key).optional()])), {
    error: unknownKeys(wireNames, 'must be an object of limits'),
  })
  .transform((wire): LimitsPatch => {
    const given = limitKeys.filter((key) => wire[wireNameOf(key)] !== undefined);
    return Object.fromEntries(given.map((key) => [key, wire[wireNameOf(key)]]));
  });

/** Checks a patch from the wire; on failure one sentence per problem. */
export function parseLimitsPatch(input: unknown): Checked<LimitsPatch> {
  return check(limitsPatchSchema, input);
}

type NodeLimits = Pick<Config, (typeof nodeLimitKeys)[number]>;

export const nodeLimitsOf = ({
  maxConcurrentSockets,
  maxConcurrentIceAgents,
  maxConcurrentCreates,
}: NodeLimits): NodeLimits => ({ maxConcurrentSockets, maxConcurrentIceAgents, maxConcurrentCreates });

type TubeConfig = Pick<Config, 'profile' | 'recoveryPolicy' | 'tube' | 'tubeExplicit'>;

/** The limits of one running service. */
export class ResourceLimits {
  readonly #config: TubeConfig;
  /** Limits of tubes that were changed: they go over the configuration. */
  readonly #changed = new Set<string>();
  #limits: Limits;

  constructor(config: NodeLimits & TubeConfig) {
    this.#config = config;
    const node = nodeLimitKeys.map((key) => [key, config[key]] as const);
    const tube = tubeLimitKeys.map((key) => [key, config.tube[key]] as const);
    // Both lists together are all keys of Limits.
    this.#limits = Object.fromEntries([...node, ...tube]) as Record<LimitKey, number>;
  }

  current(): Limits {
    return this.#limits;
  }

  /** The limits in wire names, as `get_resource_limits` answers. */
  toWire(): Readonly<Record<string, number>> {
    return Object.fromEntries(limitKeys.map((key) => [wireNameOf(key), this.#limits[key]]));
  }

  apply(patch: LimitsPatch): Limits {
    Object.keys(patch).forEach((key) => this.#changed.add(key));
    this.#limits = { ...this.#limits, ...patch };
    return this.#limits;
  }

  get profile(): ProfileName {
    return this.#config.profile;
  }

  get recoveryPolicy(): RecoveryPolicyName {
    return this.#config.recoveryPolicy;
  }

  /** What new tubes start with, for `resolveTubeSettings`. `policy`: in place of that of the service. */
  tubeDefaults(policy: RecoveryPolicyName = this.#config.recoveryPolicy): TubeDefaults {
    const { profile, tubeExplicit } = this.#config;
    const changed: LimitsPatch = Object.fromEntries(
      tubeLimitKeys.filter((key) => this.#changed.has(key)).map((key) => [key, this.#limits[key]]),
    );
    return follow({ ...tubeDefaultsOf(profile, policy, tubeExplicit), ...changed }, this.#changed);
  }
}
