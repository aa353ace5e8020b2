/**
 * Everything that one scenario plays on: the network, the service in it, a controller, and peers. It can do things and knows nothing of targets;
 * scenarios drive it, runs clean it up.
 */
import type { Browser } from 'playwright-core';
import { Controller } from '../../support/service.js';
import type { UdpRelayStats } from '../../../src/demo/udp-relay.js';
import type { Conditions } from '../../../src/demo/impairment.js';
import { LibraryPeers } from './library-peers.js';
import type { Peer } from './peer.port.js';
import { PlainPeer } from './plain-peer.js';
import type { RelayProcess } from './relay-process.js';
import type { PeerKind, Scenario } from './scenario.js';
import { controlToken, ServiceProcess } from './service-process.js';
import type { Topology } from './topology.js';
import { Track } from './track.js';

export interface StageOptions {
  readonly topology: Topology;
  readonly scenario: Scenario;
  readonly profile: string;
  readonly kind: PeerKind;
  readonly relay: RelayProcess | null;
  readonly browser: Browser | null;
  /** In [0, 1), seeded. */
  readonly random: () => number;
}

/** When something was done to the network: it counts from the first moment, and surely after the second. */
export interface Happening {
  readonly beganAtMs: number;
  readonly doneAtMs: number;
}

const usualFlags = ['--log-level', 'info'];

export class Stage {
  readonly topology: Topology;
  readonly kind: PeerKind;
  readonly relay: RelayProcess | null;
  readonly random: () => number;
  tracks: Track[] = [];
  peers: Peer[] = [];

  private constructor(
    private readonly options: StageOptions,
    readonly service: ServiceProcess,
    readonly control: Controller,
  ) {
    ({ topology: this.topology, kind: this.kind, relay: this.relay, random: this.random } = options);
  }

  static async set(options: StageOptions): Promise<Stage> {
    const { topology, scenario } = options;
    await topology.reset();
    const service = await ServiceProcess.start(topology.service, [...usualFlags, ...(scenario.flags ?? [])]);
    try {
      return new Stage(options, service, await Controller.connect(service.url, controlToken));
    } catch (error) {
      await service.end('SIGKILL');
      throw error;
    }
  }

  /** Opens the scenario's tubes and connects their peers. */
  async open(): Promise<void> {
    const { scenario } = this.options;
    await this.#prepareNetwork();
    this.tracks = await Promise.all(Array.from({ length: scenario.tubes ?? 1 }, (_, n) => this.#create(n)));
    this.peers = await this.#openPeers();
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

  async heal(): Promise<void> {
    if (this.relay === null) await this.topology.firewall.heal();
    else await this.relay.impair({ blackHole: false, lossRatio: 0 });
  }

  async #prepareNetwork(): Promise<void> {
    const { scenario, topology } = this.options;
    await topology.reset();
    if (scenario.nat === true) await topology.firewall.natForPeer();
    if (this.relay === null) return;
    await topology.firewall.forbidDirect();
    await this.relay.impair({
      blackHole: false,
      lossRatio: 0,
      delayMs: 0,
      jitterMs: 0,
      reorderRatio: 0,
      rateBytesPerSecond: null,
    });
    await this.conditions(scenario.path ?? {});
  }

  async #create(n: number): Promise<Track> {
    const { scenario, profile } = this.options;
    const created = await this.control.ok('create_tube', {
      conversation_id: `${scenario.name} ${String(n)}`,
      profile,
      settings: scenario.settings ?? {},
      trickle_ice: true,
    });
    const offer = { sdp: String(created['offer']), generation: Number(created['generation']) };
    return new Track(this.control, this.service, String(created['tube_id']), String(created['peer_token']), offer);
  }

  async #openPeers(): Promise<Peer[]> {
    const { scenario, topology, kind, browser } = this.options;
    if (kind === 'chromium') {
      if (browser === null) throw new Error('there is no browser');
      const { control, relay, service } = this;
      return Promise.all(
        this.tracks.map((track) =>
          PlainPeer.open({ browser, control, track, relay, origin: service.url, fallbackAfterMs: null }),
        ),
      );
    }
    const perProcess = Math.ceil(this.tracks.length / (scenario.processes ?? 1));
    const groups: Track[][] = [];
    for (let from = 0; from < this.tracks.length; from += perProcess)
      groups.push(this.tracks.slice(from, from + perProcess));
    return Promise.all(
      groups.map((tracks) =>
        LibraryPeers.open({
          host: topology.peer,
          url: this.service.url,
          tracks,
          watchesNetwork: scenario.unreported !== true,
          relay: this.relay,
        }),
      ),
    );
  }
}
