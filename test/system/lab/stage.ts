/**
 * Everything that one scenario plays on: the network, the service in it, a controller, and peers. It can do things and knows nothing of targets;
 * scenarios drive it, runs clean it up.
 */
import type { ChildProcess } from 'node:child_process';
import type { Browser } from 'playwright-core';
import { Controller } from '../../support/service.js';
import { CpuSampler } from './cpu.js';
import { LibraryPeers } from './library-peers.js';
import type { Peer } from './peer.port.js';
import { Path } from './path.js';
import { PlainPeer } from './plain-peer.js';
import type { RelayProcess } from './relay-process.js';
import type { PeerKind, Setting } from './setting.js';
import { controlToken, ServiceProcess } from './service-process.js';
import type { Topology } from './topology.js';
import { Track } from './track.js';
import { startTurn } from './turn.js';

export interface StageOptions {
  readonly topology: Topology;
  readonly setting: Setting;
  readonly profile: string;
  readonly kind: PeerKind;
  readonly relay: RelayProcess | null;
  readonly browser: Browser | null;
  /** Of scenarios that go on for as long as one likes. */
  readonly minutes: number;
  /** In [0, 1), seeded. */
  readonly random: () => number;
}

/** When something was done to the network: it counts from the first moment, and surely after the second. */
export interface Happening {
  readonly beganAtMs: number;
  readonly doneAtMs: number;
}

/** The service's own limit is 100. */
const createsAtOnce = 50;
const usualFlags = ['--log-level', 'info'];

export class Stage {
  readonly topology: Topology;
  readonly kind: PeerKind;
  readonly path: Path;
  readonly random: () => number;
  readonly minutes: number;
  readonly cpu = new CpuSampler();
  /** What a scenario did, where that is not always the same. */
  readonly diary: string[] = [];
  tracks: Track[] = [];
  peers: Peer[] = [];
  #turn: ChildProcess | null = null;

  private constructor(
    private readonly options: StageOptions,
    readonly service: ServiceProcess,
    readonly control: Controller,
  ) {
    ({ topology: this.topology, kind: this.kind, random: this.random, minutes: this.minutes } = options);
    this.path = new Path(options.topology.firewall, options.relay);
  }

  static async set(options: StageOptions): Promise<Stage> {
    const { topology, setting } = options;
    await topology.reset();
    const service = await ServiceProcess.start(topology.service, [...usualFlags, ...(setting.flags ?? [])]);
    try {
      const control = await Controller.connect(service.url, controlToken);
      // A service that was started again lets its tubes go when somebody follows them.
      control.socket.on('connect', () => void control.call('subscribe', { all: true }).catch(() => undefined));
      const stage = new Stage(options, service, control);
      if (setting.turn === true) stage.#turn = await startTurn(topology.router);
      return stage;
    } catch (error) {
      await service.end('SIGKILL');
      throw error;
    }
  }

  /** Opens the scenario's tubes and connects their peers. */
  async open(): Promise<void> {
    const { setting } = this.options;
    await this.#prepareNetwork();
    const tubes = setting.tubes ?? 1;
    while (this.tracks.length < tubes) {
      const count = Math.min(createsAtOnce, tubes - this.tracks.length);
      const from = this.tracks.length;
      this.tracks.push(...(await Promise.all(Array.from({ length: count }, (_, n) => this.#create(from + n)))));
    }
    this.peers = await this.#openPeers();
    this.diary.length = 0;
    if (setting.watchCpu === true) this.cpu.start(this.service);
  }

  stream(everyMs: number): void {
    for (const track of this.tracks) track.stream(everyMs);
    for (const peer of this.peers) peer.stream(everyMs);
  }

  async stop(): Promise<void> {
    for (const track of this.tracks) track.stop();
    await Promise.all(this.peers.map((peer) => peer.stop()));
  }

  /** Closes tubes and peers; the network and the service stay. */
  async clear(): Promise<void> {
    const { tracks, peers } = this;
    this.tracks = [];
    this.peers = [];
    this.cpu.stop();
    for (const track of tracks) track.end();
    await this.topology.reset();
    await Promise.all(peers.map((peer) => peer.end().catch(() => peer.kill())));
    await Promise.all(
      tracks.map(({ tubeId }) => this.control.call('close_tube', { tube_id: tubeId }).catch(() => null)),
    );
  }

  async strike(): Promise<void> {
    await this.clear().catch(() => undefined);
    this.control.close();
    this.#turn?.kill('SIGKILL');
    await this.service.end('SIGKILL');
  }

  /** Does something to the network, and says when. */
  async happens(work: () => Promise<unknown>): Promise<Happening> {
    const beganAtMs = Date.now();
    await work();
    return { beganAtMs, doneAtMs: Date.now() };
  }

  /** The state of every tube, as the service tells it. */
  states(): Promise<string[]> {
    return Promise.all(
      this.tracks.map(async ({ tubeId }) => {
        const answer = await this.control.call('get_connection_state', { tube_id: tubeId }).catch(() => null);
        return answer?.ok === true ? String(answer['state']) : (answer?.error?.code ?? 'no answer');
      }),
    );
  }

  async #prepareNetwork(): Promise<void> {
    const { setting, topology } = this.options;
    await topology.reset();
    if (setting.nat === true) await topology.firewall.natForPeer();
    if (setting.turn === true) await topology.firewall.forbidDirect();
    await this.path.prepare(setting.path ?? {});
  }

  async #create(n: number): Promise<Track> {
    const { setting, profile } = this.options;
    const created = await this.control.ok('create_tube', {
      conversation_id: `${setting.name} ${String(n)}`,
      profile,
      settings: setting.settings ?? {},
      trickle_ice: true,
    });
    return new Track(this.control, this.service, created);
  }

  #openPeers(): Promise<Peer[]> {
    const { setting, topology, kind, browser, relay } = this.options;
    const { control, service, tracks } = this;
    if (kind === 'chromium') {
      if (browser === null) throw new Error('there is no browser');
      const fallbackAfterMs = setting.fallbackAfterMs ?? null;
      const common = { browser, control, relay, origin: service.url, fallbackAfterMs };
      return Promise.all(tracks.map((track) => PlainPeer.open({ ...common, track })));
    }
    const watchesNetwork = setting.unreported !== true;
    const common = { host: topology.peer, url: service.url, watchesNetwork, relay };
    const groups = split(tracks, setting.processes ?? 1);
    return Promise.all(groups.map((group) => LibraryPeers.open({ ...common, tracks: group })));
  }
}

function split<Item>(items: readonly Item[], parts: number): Item[][] {
  const each = Math.ceil(items.length / parts);
  return Array.from({ length: Math.ceil(items.length / each) }, (_, n) => items.slice(n * each, (n + 1) * each));
}
