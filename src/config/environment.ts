/**
 * The only reader of process.env. What is in it is checked by load.ts; the command line has a few variables of its own.
 */
import { readFileSync } from 'node:fs';
import type { Sources } from './sources.js';

/** Flags, environment and files of this process. */
export function processSources(argv: readonly string[] = process.argv.slice(2)): Sources {
  return { argv, env: process.env, readFile: (path) => readFileSync(path, 'utf8') };
}

/** What commands that talk to a running service may be told by the environment; null: not set, or empty. */
export interface CommandEnvironment {
  readonly url: string | null;
  readonly token: string | null;
  readonly tokenFile: string | null;
  /** https://no-color.org */
  readonly noColour: boolean;
}

/** HOLDFAST_URL, HOLDFAST_TOKEN, HOLDFAST_TOKEN_FILE, NO_COLOR. The service takes no notice of them. */
export function commandEnvironment(env: Sources['env'] = process.env): CommandEnvironment {
  const given = (name: string): string | null => env[name] || null;
  return {
    url: given('HOLDFAST_URL'),
    token: given('HOLDFAST_TOKEN'),
    tokenFile: given('HOLDFAST_TOKEN_FILE'),
    noColour: given('NO_COLOR') !== null || env['TERM'] === 'dumb',
  };
}
