/** A network namespace of a test's own, and a program in it. Names start with `hf-`. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Runs `ip` with these words and waits for it. */
export function ip(words: string): string {
  return execFileSync('ip', words.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export class Namespace {
  readonly name: string;
  readonly #children: ChildProcess[] = [];

  constructor(suffix: string) {
    this.name = `hf-${process.pid}-${suffix}`;
    ip(`netns add ${this.name}`);
    this.ip('link set lo up');
  }

  ip(words: string): string {
    return ip(`-n ${this.name} ${words}`);
  }

  /** Runs a bundled script; `line` is called with every line that it prints. */
  run(script: string, args: readonly string[], line: (text: string) => void): ChildProcess {
    const command = ['netns', 'exec', this.name, process.execPath, '--enable-source-maps', script, ...args];
    const child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', line);
    this.#children.push(child);
    return child;
  }

  async remove(): Promise<void> {
    const running = this.#children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    await Promise.all(
      running.map((child) => {
        child.kill('SIGKILL');
        return once(child, 'exit');
      }),
    );
    ip(`netns delete ${this.name}`);
  }
}
