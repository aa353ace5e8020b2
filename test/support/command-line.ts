/** The command line as a process of its own (dist/src/main.js: build first), with what it writes and how it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const mainFile = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly process: ChildProcess;
  out(): string;
  err(): string;
  readonly ended: Promise<Ended>;
}

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; absent: none. */
  readonly input?: string;
}

/** Starts `holdfast ...args`. */
export function startCommand(args: readonly string[], { env = {}, input }: Options = {}): Running {
  const child = spawn(process.execPath, [mainFile, ...args], { env: { ...process.env, ...env }, stdio: 'pipe' });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  return { process: child, out: () => out, err: () => err, ended };
}

/** Runs `holdfast ...args` to its end. */
export const command = (args: readonly string[], options?: Options): Promise<Ended> =>
  startCommand(args, options).ended;
