/** A command of the real table in this process: with a fake terminal, and an environment and files of its own. */
import { readFileSync } from 'node:fs';
import { runCommandLine } from '../../src/cli/dispatch.js';
import { commandEnvironment } from '../../src/config/environment.js';
import { fakeTerminal } from './fake-terminal.js';

export interface Ran {
  readonly code: number | null;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly err: string;
  readonly json: () => unknown;
}

export interface World {
  readonly env?: Readonly<Record<string, string>>;
  /** In place of real ones. */
  readonly files?: Readonly<Record<string, string>>;
  readonly answer?: boolean;
}

export async function run(argv: readonly string[], { env = {}, files = {}, answer }: World = {}): Promise<Ran> {
  const terminal = fakeTerminal(answer === undefined ? {} : { answer });
  const readFile = (path: string): string => files[path] ?? readFileSync(path, 'utf8');
  const code = await runCommandLine(argv, {
    terminal,
    environment: commandEnvironment(env),
    sourcesOf: (flags) => ({ argv: flags, env, readFile }),
  });
  const out = terminal.printed.join('\n');
  return { code, out, err: terminal.told.join('\n'), json: () => JSON.parse(out) as unknown };
}
