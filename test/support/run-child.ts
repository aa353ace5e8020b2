/**
 * Runs a TypeScript file in a process of its own, bundled by esbuild, so that a test can watch it crash, leak or hang. The bundle lies under
 * node_modules/.cache, where the child finds its packages.
 */
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { basename, join, resolve } from 'node:path';

export interface ChildResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

const root = process.cwd();

/** @param file TypeScript, relative to the project */
export async function bundle(file: string): Promise<string> {
  const outfile = join(root, 'node_modules/.cache/holdfast-test', `${basename(file, '.ts')}-${process.pid}.mjs`);
  await build({
    entryPoints: [resolve(root, file)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'error',
  });
  return outfile;
}

export function runChild(
  script: string,
  args: readonly string[] = [],
  nodeFlags: readonly string[] = [],
  timeoutMs = 60_000,
): Promise<ChildResult> {
  const startMs = Date.now();
  return new Promise((resolvePromise) => {
    const child = spawn(process.execPath, ['--enable-source-maps', ...nodeFlags, script, ...args], {
      cwd: root,
      env: { PATH: process.env['PATH'] },
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const out = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        out[name] += text;
      });
    }
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolvePromise({ code, signal, ...out, durationMs: Date.now() - startMs });
    });
  });
}
