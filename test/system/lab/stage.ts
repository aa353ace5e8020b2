/**
 * Everything that one scenario plays on: the network, the service in it, a controller, and peers. It can do things and knows nothing of targets;
 * scenarios drive it, runs clean it up.
 */
import type { ChildProcess } from 'node:child_process';
import type { Browser } from 'playwright-core';
import { Controller } from '../../support/service.js';
import type { UdpRelayStats } from '../../../src/demo/udp-relay.js';
import type { Conditions } from '../../../src/demo/impairment.js';
import { CpuSampler } from './cpu.js';
import { LibraryPeers } from './library-peers.js';
import type { Peer } from './peer.port.js';
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
  readonly relay: RelayProcess | null;
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
    ({ topology: this.topology, kind: this.kind, relay: this.relay, random: this.random } = options);
    this.minutes = options.minutes;
  }

  static async set(options: StageOptions): Promise<Stage> {
    const { topology, setting } = options;
    await topology.reset();
    const service = await ServiceProcess.start(topology.service, [...usualFlags, ...(setting.flags ?? [])]);
    try {
      const stage = new Stage(options, service, await Controller.connect(service.url, controlToken));
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

  async relayStats(): Promise<UdpRelayStats | null> {
    return (await this.relay?.stats()) ?? null;
  }

  /** No UDP passes, new connections included. */
  async blackHole(): Promise<void> {
    if (this.relay === null) await this.topology.firewall.blackHole();
    else await this.relay.impair({ blackHole: true });
  }

  async loss(lossRatio: number): Promise<void> {
    if (this.relay === null) await this.topology.firewall.loss(lossRatio);
    else await this.relay.impair({ lossRatio });
  }

  /** Delay, jitter and reordering; needs a relay. */
  async conditions(conditions: Partial<Conditions>): Promise<void> {
    if (this.relay === null) throw new Error('this scenario has no relay');
    await this.relay.impair(conditions);
  }

  /** What passes now passes no more; new connections do. */
  async killFlows(): Promise<void> {
    if (this.relay === null) await this.topology.firewall.killFlows();
    else await this.relay.forget();
  }

  /** The NAT between the two takes new ports. */
  async rebindNat(): Promise<void> {
    if (this.relay === null) await this.topology.firewall.rebindNat();
    else await this.relay.rebind();
  }

  async heal(): Promise<void> {
    if (this.relay === null) await this.topology.firewall.heal();
    else await this.relay.impair({ blackHole: false, lossRatio: 0 });
  }

  async #prepareNetwork(): Promise<void> {
    const { setting, topology } = this.options;
    await topology.reset();
    if (setting.nat === true) await topology.firewall.natForPeer();
    if (this.relay !== null || setting.turn === true) await topology.firewall.forbidDirect();
    if (this.relay === null) return;
    await this.relay.impair({
      blackHole: false,
      lossRatio: 0,
      delayMs: 0,
      jitterMs: 0,
      reorderRatio: 0,
      rateBytesPerSecond: null,
    });
    await this.conditions(setting.path ?? {});
  }

  async #create(n: number): Promise<Track> {
    const { setting, profile } = this.options;
    const created = await this.control.ok('create_tube', {
      conversation_id: `${setting.name} ${String(n)}`,
      profile,
      settings: setting.settings ?? {},
      trickle_ice: true,
    });
    const offer = { sdp: String(created['offer']), generation: Number(created['generation']) };
    return new Track(this.control, this.service, String(created['tube_id']), String(created['peer_token']), offer);
  }

  async #openPeers(): Promise<Peer[]> {
    const { setting, topology, kind, browser } = this.options;
    if (kind === 'chromium') {
      if (browser === null) throw new Error('there is no browser');
      const { control, relay, service } = this;
      return Promise.all(
        this.tracks.map((track) =>
          PlainPeer.open({
            browser,
            control,
            track,
            relay,
            origin: service.url,
            fallbackAfterMs: setting.fallbackAfterMs ?? null,
          }),
        ),
      );
    }
    const perProcess = Math.ceil(this.tracks.length / (setting.processes ?? 1));
    const groups: Track[][] = [];
    for (let from = 0; from < this.tracks.length; from += perProcess)
      groups.push(this.tracks.slice(from, from + perProcess));
    return Promise.all(
      groups.map((tracks) =>
        LibraryPeers.open({
          host: topology.peer,
          url: this.service.url,
          tracks,
          watchesNetwork: setting.unreported !== true,
          relay: this.relay,
        }),
      ),
    );
  }
}
