/**
 * Watches this host's network: its addresses, its routes (Linux), and whether it slept. Where the system tells (monitor-process.ts) a change is
 * reported within some 60 ms, at most 150 ms while the telling goes on; everywhere within 2 s by polling. It decides nothing and knows
 * nobody: its owner starts it, is called with every change, and stops it. It keeps no process alive.
 */
import { defaultMonitorCommand, launchProcess, MonitorProcess, type Launch, type Schedule } from './monitor-process.js';
import { diff, differences, type AddressChange, type Snapshot } from './network-snapshot.js';
import { readNetworkState, type NetworkState } from './network-state.js';

export interface NetworkChange extends AddressChange {
  /**
   * - `addresses`: `added` and `removed` say which.
   * - `routes`: the addresses are the same, but another way may lead to a destination. `added` and `removed` are empty.
   * - `wake`: for more than 5 s nothing ran here, or the wall clock was put forward, which looks the same. No reason to restart anything:
   *   ask at once whether the connections still live. A clock that was put back is not reported.
   */
  readonly cause: 'addresses' | 'routes' | 'wake';
  /** For people: what changed, at most 512 characters. */
  readonly detail: string;
  /** Wall clock. */
  readonly atMs: number;
}

export interface WatcherClock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Never goes back; stands still or goes on while the host sleeps, as the system likes. */
  monotonicMs(): number;
  /** Must not keep the process alive. */
  readonly schedule: Schedule;
}

export interface NetworkWatcherOptions {
  /** Called from timers and from `refresh`. What it throws goes to `onTrouble`. */
  onChange(change: NetworkChange): void;
  /** Something went wrong that watching survives: no monitor (polling goes on), the system did not say its addresses. At most once per attempt. */
  readonly onTrouble?: (detail: string) => void;
  /** Prints at every change. Null: polling only. Default: what the system has. */
  readonly monitorCommand?: readonly string[] | null;
  /** Replaced by tests. */
  readonly read?: () => NetworkState;
  readonly launch?: Launch;
  readonly clock?: WatcherClock;
}

const pollMs = 2000;
/** A change comes as many lines: address, link, routes. It is looked at when they pause, or when they do not. */
const quietMs = 50;
const maxQuietMs = 150;
const minSleepMs = 5000;
const maxDetailLength = 512;

const realClock: WatcherClock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (fn, delayMs) => {
    const timer = setTimeout(fn, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

export class NetworkWatcher {
  readonly #options: NetworkWatcherOptions;
  readonly #clock: WatcherClock;
  readonly #monitor: MonitorProcess | null;
  #isRunning = false;
  /** Null until the system has said something. */
  #state: NetworkState | null = null;
  #lookedAt = { wallMs: 0, monotonicMs: 0 };
  #cancelPoll: (() => void) | null = null;
  /** The monitor said something that has not been looked at yet. */
  #heard: { readonly sinceMs: number; readonly cancel: () => void } | null = null;

  constructor(options: NetworkWatcherOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    const command = options.monitorCommand === undefined ? defaultMonitorCommand() : options.monitorCommand;
    this.#monitor = command === null ? null : this.#makeMonitor(command);
  }

  /** Addresses at the last look, sorted, as `eth0 192.0.2.1`; empty before `start`. */
  get snapshot(): Snapshot {
    return this.#state?.addresses ?? [];
  }

  /** The system tells of changes; else they are found by polling alone. */
  get isTold(): boolean {
    return this.#monitor?.isTelling ?? false;
  }

  /** What is there now is where changes are counted from. Idempotent. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#state = this.#read();
    this.#lookedAt = this.#readClocks();
    this.#monitor?.start();
    this.#poll();
  }

  /** No call follows. Idempotent; may be started again. */
  stop(): void {
    this.#isRunning = false;
    this.#monitor?.stop();
    this.#cancelPoll?.();
    this.#forgetHeard();
  }

  /** Looks now: `snapshot` is up to date afterwards, and a change has been reported. Does nothing while not started. */
  refresh(): void {
    if (!this.#isRunning) return;
    this.#forgetHeard();
    this.#lookForSleep();
    // Whoever was told may have stopped us.
    if (this.#isRunning) this.#lookForChange();
  }

  #makeMonitor(command: readonly string[]): MonitorProcess {
    return new MonitorProcess({
      command,
      launch: this.#options.launch ?? launchProcess,
      schedule: this.#clock.schedule,
      nowMs: () => this.#clock.monotonicMs(),
      heard: () => this.#monitorSpoke(),
      ended: (reason) => this.#trouble(`The monitor "${command.join(' ')}" is not there: ${reason}.`),
    });
  }

  #poll(): void {
    this.#cancelPoll = this.#clock.schedule(() => {
      this.#poll();
      // What is being told is half done: it is looked at in a moment.
      if (this.#heard === null) this.refresh();
    }, pollMs);
  }

  #monitorSpoke(): void {
    const nowMs = this.#clock.monotonicMs();
    const sinceMs = this.#heard?.sinceMs ?? nowMs;
    this.#forgetHeard();
    const delayMs = Math.max(0, Math.min(quietMs, sinceMs + maxQuietMs - nowMs));
    this.#heard = { sinceMs, cancel: this.#clock.schedule(() => this.refresh(), delayMs) };
  }

  #forgetHeard(): void {
    this.#heard?.cancel();
    this.#heard = null;
  }

  /** Looks are 2 s apart at most, on both clocks. */
  #lookForSleep(): void {
    const before = this.#lookedAt;
    const now = this.#readClocks();
    this.#lookedAt = now;
    const monotonicMs = now.monotonicMs - before.monotonicMs;
    const sleptMs = Math.max(now.wallMs - before.wallMs - monotonicMs, monotonicMs - pollMs);
    if (sleptMs <= minSleepMs) return;
    const detail = `${Math.round(sleptMs / 1000)} s passed in which nothing ran`;
    this.#report({ type: 'interface_change', added: [], removed: [] }, 'wake', detail);
  }

  #lookForChange(): void {
    const before = this.#state;
    const after = this.#read();
    if (after === null) return;
    this.#state = after;
    if (before === null) return;
    const change = diff(before.addresses, after.addresses);
    if (change !== null) return this.#report(change, 'addresses', inWords(change));
    const routes = differences(before.routes, after.routes);
    if (routes.added.length === 0 && routes.removed.length === 0) return;
    this.#report({ type: 'interface_change', added: [], removed: [] }, 'routes', inWords(routes));
  }

  #read(): NetworkState | null {
    try {
      return (this.#options.read ?? readNetworkState)();
    } catch (error) {
      this.#trouble(`The system does not say its addresses: ${String(error)}`);
      return null;
    }
  }

  #readClocks(): { wallMs: number; monotonicMs: number } {
    return { wallMs: this.#clock.now(), monotonicMs: this.#clock.monotonicMs() };
  }

  #report(change: AddressChange, cause: NetworkChange['cause'], detail: string): void {
    try {
      this.#options.onChange({
        ...change,
        cause,
        detail: detail.slice(0, maxDetailLength),
        atMs: this.#clock.now(),
      });
    } catch (error) {
      this.#trouble(`A listener failed: ${String(error)}`);
    }
  }

  #trouble(detail: string): void {
    try {
      this.#options.onTrouble?.(detail);
    } catch {
      // Nobody is left to tell.
    }
  }
}

function inWords({ added, removed }: { added: readonly string[]; removed: readonly string[] }): string {
  const parts = [
    removed.length > 0 ? `gone: ${removed.join(', ')}` : '',
    added.length > 0 ? `new: ${added.join(', ')}` : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}
