/**
 * What a running service takes from a configuration that was read again (SIGHUP), and what has to wait for a restart. Pure; app.ts applies it.
 */
import { isDeepStrictEqual } from 'node:util';
import { nodeLimitKeys } from './limits.js';
import type { Config } from './load.js';

const takenKeys = [
  'logLevel',
  'logLevels',
  'controlTokens',
  'iceServers',
  'turnUrls',
  'turnSecret',
  ...nodeLimitKeys,
] as const;

/** Files whose content becomes the value of another key. */
const fileOf: Partial<Record<string, string>> = { controlTokens: 'controlTokensFile', turnSecret: 'turnSecretFile' };

/** The same for people. */
export const reloadedKeys: readonly string[] = takenKeys.flatMap((key) => [key, fileOf[key] ?? []].flat());

interface ReloadPlan {
  /** The configuration from now on: the present one with what is taken of the next. */
  readonly config: Config;
  /** Names only: some values are secrets. */
  readonly changed: readonly string[];
  readonly ignored: readonly string[];
}

const flat = ({ tube, tubeExplicit: _part, ...service }: Config): Readonly<Record<string, unknown>> => ({
  ...service,
  ...tube,
});

export function planReload(present: Config, next: Config): ReloadPlan {
  const before = flat(present);
  const after = flat(next);
  const different = Object.keys(after).filter((key) => !isDeepStrictEqual(before[key], after[key]));
  const isTaken = (key: string): boolean => takenKeys.some((taken) => taken === key);
  const taken: Partial<Config> = Object.fromEntries(takenKeys.map((key) => [key, next[key]]));
  return {
    config: { ...present, ...taken },
    changed: different.filter(isTaken),
    ignored: different.filter((key) => !isTaken(key)),
  };
}
