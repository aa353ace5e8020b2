/**
 * The only reader of process.env. What is in it is checked by load.ts.
 */
import { readFileSync } from 'node:fs';
import type { Sources } from './sources.js';

/** Flags, environment and files of this process. */
export function processSources(): Sources {
  return { argv: process.argv.slice(2), env: process.env, readFile: (path) => readFileSync(path, 'utf8') };
}
