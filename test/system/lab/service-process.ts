/**
 * The real service (dist/src/main.js: build first) in a network namespace: started, killed and started again on the same address. Keeps what its
 * log says about tubes, because a decision is told nowhere else, and can tell how much CPU it takes.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Host } from './topology.js';

export const controlToken = 'lab-token';
const port = 8080;
const startTimeoutMs = 20_000;
const maxKeptLines = 50_000;
/** Of /proc/<pid>/stat, on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** A line of the log, as far as the laboratory looks at it. */
export interface LogLine {
  readonly atMs: number;
  readonly target: string;
  readonly msg: string;
  readonly tubeId: string | null;
  readonly fields: Readonly<Record<string, unknown>>;
}

function cpuSecondsOf(file: string): number {
  // The name of the program is in parentheses and may hold anything; user and system time are the 12th and 13th field after it.
  const fields = readFileSync(file, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export class ServiceProcess {
  readonly url: string;
  /** The newest `maxKeptLines`; several starts, one log. */
  readonly log: LogLine[] = [];
  #child: ChildProcess | null = null;
  #stderr = '';

  private constructor(
    private readonly host: Host,
    private readonly flags: readonly string[],
  ) {
    this.url = `http://${host.signallingAddress}:${String(port)}`;
  }

  /** Rejects with the service's own words when it does not start. */
  static async start(host: Host, flags: readonly string[]): Promise<ServiceProcess> {
    const service = new ServiceProcess(host, flags);
    await service.start();
    return service;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  async start(): Promise<void> {
    const own = ['--host', this.host.signallingAddress, '--port', String(port), '--control-tokens', controlToken];
    // Every call and every connection of a run comes from here, and the rates are not what is tested.
    const rates = ['--control-calls-per-second', '1000000', '--connections-per10s', '1000000', '--drain-delay-ms', '0'];
    const args = [join(process.cwd(), 'dist/src/main.js'), ...own, ...rates, '--log-pretty', 'off', ...this.flags];
    const child = this.host.namespace.spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-4000)));
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the service did not start: ${this.#stderr}`)), startTimeoutMs);
      child.once('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`the service ended with ${String(code)}: ${this.#stderr}`));
      });
      if (child.stdout === null) return;
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.includes(' listens on ')) {
          clearTimeout(timer);
          resolve();
        } else this.#keep(line);
      });
    });
  }

  /** The signal that ended it, or its exit code. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<string | number | null> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return null;
    const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
    child.kill(signal);
    const [code, by] = await exited;
    this.#child = null;
    return code ?? by;
  }

  /**
   * CPU seconds since it started: of the whole process, and of the thread that runs JavaScript. Null when it is not running. Read at once, because a
   * figure is worth nothing without the moment that it belongs to.
   */
  cpuSeconds(): { readonly process: number; readonly main: number } | null {
    const { pid } = this;
    if (pid === null) return null;
    try {
      const id = String(pid);
      return { process: cpuSecondsOf(`/proc/${id}/stat`), main: cpuSecondsOf(`/proc/${id}/task/${id}/stat`) };
    } catch {
      return null;
    }
  }

  #keep(line: string): void {
    if (!line.startsWith('{')) return;
    try {
      const { time, target, msg, tube_id: tubeId, ...fields } = JSON.parse(line) as Record<string, unknown>;
      this.log.push({
        atMs: Date.parse(String(time)),
        target: String(target),
        msg: String(msg),
        tubeId: typeof tubeId === 'string' ? tubeId : null,
        fields,
      });
      // In one go, now and then: the array is long.
      if (this.log.length > maxKeptLines) this.log.splice(0, maxKeptLines / 10);
    } catch {
      // Half a line of a process that was killed.
    }
  }
}
