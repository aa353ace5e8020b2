/** Peers with our library in one process of the peer host (test/system/children/lab-peer.ts): one tube or many. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { bundle } from '../../support/run-child.js';
import type { Peer } from './peer.port.js';
import type { PeerCommand, PeerReport } from './peer-wire.js';
import type { RelayProcess } from './relay-process.js';
import type { Host } from './topology.js';
import type { Track } from './track.js';

export interface LibraryPeersOptions {
  readonly host: Host;
  readonly url: string;
  readonly tracks: readonly Track[];
  readonly watchesNetwork: boolean;
  readonly relay: RelayProcess | null;
}

const openTimeoutMs = 60_000;

export class LibraryPeers implements Peer {
  readonly #byId: ReadonlyMap<string, Track>;
  readonly #opened = new Set<string>();
  readonly #waiting = new Set<() => void>();
  /** What earlier processes of this peer had sent, by tube. */
  readonly #sentBefore = new Map<string, number>();
  #child: ChildProcess | null = null;
  #stopped = false;

  private constructor(private readonly options: LibraryPeersOptions) {
    this.#byId = new Map(options.tracks.map((track) => [track.tubeId, track]));
  }

  /** Resolves when every tube has its channel. */
  static async open(options: LibraryPeersOptions): Promise<LibraryPeers> {
    const peers = new LibraryPeers(options);
    try {
      await peers.start();
    } catch (error) {
      await peers.kill();
      throw error;
    }
    return peers;
  }

  /** Also after `kill`: a new process with the same tokens. */
  async start(): Promise<void> {
    const file = await bundle('test/system/children/lab-peer.ts');
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
    const child = this.options.host.namespace.spawn(process.execPath, [file], { stdio: [...stdio] });
    this.#child = child;
    this.#opened.clear();
    child.on('message', (report: PeerReport) => this.#hear(report));
    await once(child, 'message');
    const { url, tracks, watchesNetwork, relay } = this.options;
    this.#tell({
      kind: 'open',
      tubes: tracks.map(({ tubeId, token }) => ({
        tubeId,
        token,
        url,
        watchesNetwork,
        relayed: relay !== null,
        sentBefore: this.#sentBefore.get(tubeId) ?? 0,
      })),
    });
    await this.#until(() => this.#opened.size === tracks.length, openTimeoutMs, 'every peer is connected');
  }

  stream(everyMs: number): void {
    this.#tell({ kind: 'stream', everyMs });
  }

  async stop(): Promise<void> {
    this.#stopped = false;
    this.#tell({ kind: 'stop' });
    await this.#until(() => this.#stopped || this.#child === null, 5000, 'the peers stop');
  }

  /** As a crash ends it: without a word. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    this.#tell({ kind: 'end' });
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await exited;
    clearTimeout(timer);
    this.#child = null;
  }

  #tell(command: PeerCommand): void {
    const child = this.#child;
    if (child?.connected === true) child.send(command, () => undefined);
  }

  #hear(report: PeerReport): void {
    if (report.kind === 'ask') void this.#answer(report.ask, report.host, report.port);
    else if (report.kind === 'stopped') this.#stopped = true;
    else if (report.kind !== 'ready') this.#note(report);
    for (const look of [...this.#waiting]) look();
  }

  #note(report: Extract<PeerReport, { tubeId: string }>): void {
    const track = this.#byId.get(report.tubeId);
    if (track === undefined) return;
    if (report.kind === 'opened') this.#opened.add(report.tubeId);
    else if (report.kind === 'error') track.errors.push(report.text);
    else if (report.kind === 'state' && report.state === 'closed') track.errors.push(`closed: ${report.reason ?? ''}`);
    else if (report.kind === 'traffic') {
      track.up.sent = report.sent;
      this.#sentBefore.set(report.tubeId, report.sent);
      for (const arrival of report.arrivals) track.down.take(arrival);
    }
  }

  async #answer(ask: number, host: string, port: number): Promise<void> {
    const to = await this.options.relay?.redirect(host, port).catch(() => null);
    if (to !== undefined && to !== null) this.#tell({ kind: 'answer', ask, ...to });
  }

  #until(condition: () => boolean, withinMs: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        const said = this.options.tracks.flatMap(({ errors }) => errors).slice(0, 3);
        reject(new Error(`not within ${String(withinMs)} ms: ${what}; ${said.join('; ')}`));
      }, withinMs);
      this.#waiting.add(look);
      look();
    });
  }
}
