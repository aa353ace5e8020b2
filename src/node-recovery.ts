/**
 * What this node as a whole does for the recovery of its tubes: watches the network of its host, tells the tubes that a change concerns, and keeps them
 * from restarting all at once. Composition only: the watcher is src/network's, the judging src/registry's, and each tube decides for itself.
 */
import type { TubeEvent, TubeState } from '../machines/events.js';
import type { BucketLimits } from '../machines/policies/storm.js';
import { NetworkWatcher, type NetworkChange } from './network/network-watcher.js';
import { sourceAddressesTo } from './network/route-source.js';
import { turnServerAddresses } from './network/turn-server-addresses.js';
import { interfacesOf } from './network/network-snapshot.js';
import type { Log } from './observability/logger.js';
import { hostChangeLine } from './observability/tube-log.js';
import type { NodeView } from './operator/operator.types.js';
import { HostNetwork, type HostNetworkChange, type RouteCounts } from './registry/host-network.js';
import type { TubeNotice } from './registry/notice.js';
import { RestartPacer } from './registry/restart-pacer.js';
import { StormGovernor, type StormGovernorLimits, type StormNews } from './registry/storm-governor.js';
import type { TubeRegistry } from './registry/tube-registry.js';

export interface NodeRecoveryLimits extends StormGovernorLimits {
  readonly restartsPerSecond: number;
  readonly restartBurst: number;
}

export interface NodeRecoveryOptions {
  readonly registry: TubeRegistry;
  readonly limits: NodeRecoveryLimits;
  /** Of the ICE servers that our own end uses now. */
  readonly iceUrls: () => readonly string[];
  readonly log: Log;
  readonly stormActive: (active: boolean) => void;
}

const clock = {
  now: () => performance.now(),
  schedule: (fn: () => void, delayMs: number) => {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
};

export class NodeRecovery {
  /** Reports of peers and controllers about many tubes; apart, so that they hold up nothing that this node does by itself. */
  readonly reports: RestartPacer;
  readonly #pacer: RestartPacer;
  readonly #options: NodeRecoveryOptions;
  readonly #host: HostNetwork;
  readonly #governor: StormGovernor;
  readonly #watcher: NetworkWatcher;
  /** Tubes that have a path, or had one and want it back. */
  readonly #live = new Set<string>();
  #stormSinceMs: number | null = null;
  #lastChange: NodeView['network']['last_change'] = null;

  constructor(options: NodeRecoveryOptions) {
    this.#options = options;
    const { registry, limits, log } = options;
    const bucket: BucketLimits = { perSecond: limits.restartsPerSecond, burst: limits.restartBurst };
    const pacer = (): RestartPacer => new RestartPacer({ limits: () => bucket, clock, random: Math.random });
    this.#pacer = pacer();
    this.reports = pacer();
    const deliver = (tubeId: string, event: TubeEvent): void => void registry.deliver(tubeId, event);
    this.#host = new HostNetwork({
      sourcesTo: sourceAddressesTo,
      relaysOf: (relayed) => turnServerAddresses(relayed, options.iceUrls()),
      pacer: this.#pacer,
      clock,
      nowMs: () => Date.now(),
      deliver,
      judged: (change, counts) => this.#judged(change, counts),
    });
    this.#governor = new StormGovernor({
      limits: () => limits,
      pacer: this.#pacer,
      clock,
      liveTubes: () => this.#live,
      inTrouble: (tubeId) => registry.entries.get(tubeId)?.state === 'degraded',
      tell: (tubeId, node) => deliver(tubeId, { type: 'tube.nodeChanged', node, atMs: Date.now() }),
      lookAtNetwork: () => this.#lookAtNetwork(),
      changed: (news) => this.#stormChanged(news),
    });
    this.#watcher = new NetworkWatcher({
      onChange: (change) => this.#networkChanged(change),
      onTrouble: (detail) => log.warn({ detail }, 'the network of this host is hard to watch'),
    });
    registry.onNotice((notice) => this.#notice(notice));
  }

  start(): void {
    this.#watcher.start();
  }

  /** Idempotent. */
  stop(): void {
    this.#watcher.stop();
    this.#governor.stop();
    this.#host.stop();
    this.#pacer.stop();
    this.reports.stop();
  }

  get storm(): NodeView['storm'] {
    return { active: this.#governor.active, since_ms: this.#stormSinceMs, held: this.#governor.held };
  }

  get network(): NodeView['network'] {
    const { snapshot, isTold } = this.#watcher;
    const interfaces = [...new Set(interfacesOf(snapshot))].map((name) => ({
      name,
      addresses: snapshot.filter((entry) => entry.startsWith(`${name} `)).map((entry) => entry.slice(name.length + 1)),
    }));
    return { watching: isTold ? 'events' : 'polling', interfaces, last_change: this.#lastChange };
  }

  #notice({ identity: { tubeId }, emission }: TubeNotice): void {
    if (emission.type === 'selectedPair') this.#host.pathFound(tubeId, emission.pair);
    else if (emission.type === 'state') this.#stateChanged(tubeId, emission.state, emission.reason);
    else if (emission.type === 'closed') {
      this.#host.forget(tubeId);
      this.#governor.forget(tubeId);
      this.reports.forget(tubeId);
    }
  }

  #stateChanged(tubeId: string, state: TubeState, reason: string): void {
    if (state === 'connected' || state === 'degraded') this.#live.add(tubeId);
    else this.#live.delete(tubeId);
    // What it did itself, and changes of a network that are known, are no suspicion.
    if (state === 'degraded' && (reason === 'missed_pings' || reason === 'transport_failure'))
      this.#governor.suspect(tubeId);
  }

  #networkChanged(change: NetworkChange): void {
    this.#lastChange = { at_ms: change.atMs, type: change.type, detail: change.detail };
    void this.#host.changed(change);
  }

  #judged(change: HostNetworkChange, counts: RouteCounts): void {
    if (change.cause === 'again') return;
    const { level, fields, msg } = hostChangeLine(change, counts);
    this.#options.log[level](fields, msg);
  }

  #lookAtNetwork(): void {
    this.#watcher.refresh();
    void this.#host.changed({ type: 'interface_change', detail: 'many tubes turned suspect at once', cause: 'again' });
  }

  #stormChanged({ active, suspectShare, suspects }: StormNews): void {
    this.#options.stormActive(active);
    this.#stormSinceMs = active ? Date.now() : null;
    const fields = { suspects, suspect_share: suspectShare };
    if (active) this.#options.log.warn(fields, 'storm: many tubes turned suspect at once, restarts are held');
    else this.#options.log.info(fields, 'storm is over');
  }
}
