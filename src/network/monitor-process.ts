/**
 * A child process that prints something whenever the operating system's network changes, kept running: what ends is started again after 1, 2, 4 …
 * 60 s. What it prints is not read, only that it prints; so half lines and floods need no care. Driven by NetworkWatcher.
 * It keeps no process alive and ends with ours.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { platform } from 'node:os';

/** Calls `fn` once after `delayMs`; the result cancels it. */
export type Schedule = (fn: () => void, delayMs: number) => () => void;

/**
 * Starts the command. `heard` is called at every output, `ended` with the reason when it could not be started or is over, neither before this
 * has returned. The result ends it. Never throws.
 */
export type Launch = (command: readonly string[], heard: () => void, ended: (reason: string) => void) => () => void;

export interface MonitorOptions {
  readonly command: readonly string[];
  readonly launch: Launch;
  readonly schedule: Schedule;
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly heard: () => void;
  readonly ended: (reason: string) => void;
}

const firstDelayMs = 1000;
const maxDelayMs = 60_000;

/** The one that tells of this system's changes, null when there is none. It needs no privileges. */
export function defaultMonitorCommand(): readonly string[] | null {
  switch (platform()) {
    case 'linux':
      return ['ip', '-o', 'monitor', 'address', 'link', 'route'];
    case 'darwin':
      return ['route', '-n', 'monitor'];
    default:
      return null;
  }
}

export class MonitorProcess {
  readonly #options: MonitorOptions;
  #cancel: (() => void) | null = null;
  #delayMs = firstDelayMs;
  #isTelling = false;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** It runs, and was not seen to end. */
  get isTelling(): boolean {
    return this.#isTelling;
  }

  start(): void {
    if (this.#cancel === null) this.#launch();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#isTelling = false;
    this.#delayMs = firstDelayMs;
  }

  #launch(): void {
    const { command, launch, nowMs, heard } = this.#options;
    const startedAtMs = nowMs();
    let isOver = false;
    this.#isTelling = true;
    const kill = launch(
      command,
      () => {
        if (!isOver) heard();
      },
      (reason) => {
        if (isOver) return;
        isOver = true;
        this.#isTelling = false;
        if (nowMs() - startedAtMs > maxDelayMs) this.#delayMs = firstDelayMs;
        this.#wait(reason);
      },
    );
    this.#cancel = () => {
      isOver = true;
      kill();
    };
  }

  #wait(reason: string): void {
    const { schedule, ended } = this.#options;
    this.#cancel = schedule(() => this.#launch(), this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, maxDelayMs);
    ended(reason);
  }
}

/** A fixed environment: the child needs no secret of ours, and the folders of system programs are not in everybody's PATH. */
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin' };

/**
 * A shell that ends the command when its input ends, and its input ends with our process, whatever ends that. Nothing may outlive us: a child has copies
 * of UDP sockets of the native library, which are not close-on-exec, and a port that stays open looks to a peer like a path that may come back.
 */
const leash = '"$@" & exec >/dev/null; read -r _; kill $!; wait $!';

/** With a real process. */
export const launchProcess: Launch = (command, heard, ended) => {
  let child: ChildProcess;
  try {
    child = spawn('sh', ['-c', leash, 'sh', ...command], { stdio: ['pipe', 'pipe', 'ignore'], env: environment });
  } catch (error) {
    const immediate = setImmediate(() => ended(String(error)));
    return () => clearImmediate(immediate);
  }
  // Without file descriptors there are no streams, whatever the types say.
  const input = child.stdin as Socket | null | undefined;
  const output = child.stdout as Socket | null | undefined;
  const release = (): void => {
    input?.destroy();
    output?.destroy();
  };
  child.on('error', (error) => ended(error.message));
  child.once('exit', (code, signal) => {
    release();
    ended(`it ended with ${signal ?? code}`);
  });
  output?.on('data', heard).once('end', release);
  for (const part of [input, output]) part?.on('error', () => undefined).unref();
  child.unref();
  return release;
};
