/**
 * What a change of this host's network means to each tube. RouteWatch (src/network) knows which paths it concerns; only tubes whose packets would now
 * leave from elsewhere, or not at all, are told at once, paced where a restart follows.
 * It restarts nothing: tubes decide by the table (machines/policies/recovery.ts). app.ts connects it to the network watcher.
 */
import type { TubeEvent } from '../../machines/events.js';
import type { NetworkChangeType, Route } from '../../machines/policies/recovery.js';
import type { SelectedPair } from '../../machines/ports/transport.port.js';
import { RouteWatch, type RouteChange, type WayNews } from '../network/route-watch.js';
import type { PacerClock, RestartPacer } from './restart-pacer.js';

export interface HostNetworkChange extends RouteChange {
  readonly type: Extract<NetworkChangeType, 'interface_change' | 'ip_change'>;
  /** For people. */
  readonly detail: string;
}

/** How many tubes a change concerned. */
export type RouteCounts = Readonly<Record<Route, number>>;

export interface HostNetworkOptions {
  /** The local address that packets to each of these would leave from now; null = no way. Never rejects. */
  readonly sourcesTo: (remotes: Iterable<string>) => Promise<ReadonlyMap<string, string | null>>;
  /** Where packets go first that leave through a relay with this relayed address. Never rejects. */
  readonly relaysOf: (relayed: string) => Promise<readonly string[]>;
  readonly pacer: RestartPacer;
  readonly clock: PacerClock;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: () => number;
  readonly deliver: (tubeId: string, event: TubeEvent) => void;
  readonly judged: (change: HostNetworkChange, counts: RouteCounts) => void;
}

export class HostNetwork {
  readonly #options: HostNetworkOptions;
  readonly #watch: RouteWatch<string, HostNetworkChange>;

  constructor(options: HostNetworkOptions) {
    const { sourcesTo, clock, deliver, nowMs, judged } = options;
    this.#options = options;
    this.#watch = new RouteWatch({
      sourcesTo,
      schedule: (fn, delayMs) => clock.schedule(fn, delayMs),
      measured: (tubeId) => deliver(tubeId, { type: 'tube.nodeChanged', node: { route: 'same' }, atMs: nowMs() }),
      concerns: (tubeId, news) => this.#tell(tubeId, news),
      judged,
    });
  }

  /** A generation is up, or uses another pair: from here its way is measured. */
  pathFound(tubeId: string, { local, remote }: SelectedPair): void {
    const isRelayed = local.type === 'relay';
    this.#watch.pathFound(tubeId, isRelayed ? this.#options.relaysOf(local.address) : [remote.address]);
  }

  /** The tube is gone. */
  forget(tubeId: string): void {
    this.#watch.forget(tubeId);
  }

  stop(): void {
    this.#watch.stop();
  }

  /** One change is judged at a time; of those that come meanwhile the last counts. Resolves when all are told. */
  changed(change: HostNetworkChange): Promise<void> {
    return this.#watch.changed(change);
  }

  #tell(tubeId: string, { way, change, isNews, isCurrent }: WayNews<HostNetworkChange>): void {
    const deliver = (): void => {
      // It has waited: meanwhile the tube may have another path, or another change may have come.
      if (!isCurrent()) return;
      this.#options.deliver(tubeId, {
        type: 'tube.networkChanged',
        change: change.type,
        source: 'host',
        detail: change.detail,
        route: way,
        atMs: this.#options.nowMs(),
      });
    };
    // Nothing is restarted without a way, nor where nothing changed.
    if (way === 'none' || !isNews) deliver();
    else this.#options.pacer.run('route', tubeId, deliver);
  }
}
