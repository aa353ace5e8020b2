/**
 * What a change of this host's network means to each tube. Kept per tube: the address from which packets to its peer left when its path came up. After
 * a change the routing of the host is asked again; only tubes whose packets would now leave from elsewhere, or not at all, are told at once.
 * It restarts nothing: tubes decide by the table (machines/policies/recovery.ts). app.ts connects it to src/network.
 */
import type { TubeEvent } from '../../machines/events.js';
import type { NetworkChangeType, Route } from '../../machines/policies/recovery.js';
import type { SelectedPair } from '../../machines/ports/transport.port.js';
import type { PacerClock, RestartPacer } from './restart-pacer.js';

export interface HostNetworkChange {
  readonly type: Extract<NetworkChangeType, 'interface_change' | 'ip_change'>;
  /** For people. */
  readonly detail: string;
  /** `wake`: the host slept, and whatever it remembers of its network may be old. `again`: nothing new is known. */
  readonly cause: 'addresses' | 'routes' | 'wake' | 'again';
}

/** How many tubes a change concerned. */
export type RouteCounts = Readonly<Record<Route, number>>;

export interface HostNetworkOptions {
  /** The local address that packets to each of these would leave from now; null = no way. Never rejects. */
  readonly sourcesTo: (remotes: Iterable<string>) => Promise<ReadonlyMap<string, string | null>>;
  readonly pacer: RestartPacer;
  readonly clock: PacerClock;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: () => number;
  readonly deliver: (tubeId: string, event: TubeEvent) => void;
  readonly judged: (change: HostNetworkChange, counts: RouteCounts) => void;
}

interface Way {
  /** Null: through a relay; which way that takes is not known here. */
  readonly remote: string | null;
  /** When the path came up; undefined until it is known. */
  first: string | null | undefined;
  /** As the tube was told last. */
  told: string | null | undefined;
}

/** While a tube has no way to its peer the routes are looked at this often: a route may come back without a word. */
const lookAgainMs = 2000;

export class HostNetwork {
  readonly #options: HostNetworkOptions;
  readonly #ways = new Map<string, Way>();
  #judging: Promise<void> | null = null;
  #next: HostNetworkChange | null = null;
  #cancel: (() => void) | null = null;

  constructor(options: HostNetworkOptions) {
    this.#options = options;
  }

  /** A generation is up, or uses another pair: from here its way is measured. */
  pathFound(tubeId: string, { local, remote }: SelectedPair): void {
    const way: Way = { remote: local.type === 'relay' ? null : remote.address, first: undefined, told: undefined };
    this.#ways.set(tubeId, way);
    if (way.remote !== null) void this.#measure(tubeId, way, way.remote);
  }

  /** The tube is gone. */
  forget(tubeId: string): void {
    this.#ways.delete(tubeId);
  }

  stop(): void {
    this.#ways.clear();
    this.#next = null;
    this.#cancel?.();
    this.#cancel = null;
  }

  /** One change is judged at a time; of those that come meanwhile the last counts. Resolves when all are told. */
  async changed(change: HostNetworkChange): Promise<void> {
    this.#next = change;
    this.#judging ??= this.#judgeAll().finally(() => {
      this.#judging = null;
    });
    return this.#judging;
  }

  async #judgeAll(): Promise<void> {
    for (let change = this.#next; change !== null; change = this.#next) {
      this.#next = null;
      await this.#judge(change);
    }
  }

  /** The tube knows it from then on: until a change says otherwise, trouble with this path is not this host's routing. */
  async #measure(tubeId: string, way: Way, remote: string): Promise<void> {
    const source = (await this.#options.sourcesTo([remote])).get(remote);
    way.first ??= source;
    way.told ??= source;
    const { deliver, nowMs } = this.#options;
    if (this.#ways.get(tubeId) !== way || routeOf(way, way.told) !== 'same') return;
    deliver(tubeId, { type: 'tube.nodeChanged', node: { route: 'same' }, atMs: nowMs() });
  }

  async #judge(change: HostNetworkChange): Promise<void> {
    const remotes = new Set([...this.#ways.values()].flatMap(({ remote }) => remote ?? []));
    const sources = await this.#options.sourcesTo(remotes);
    const counts = { unknown: 0, same: 0, moved: 0, none: 0 };
    for (const [tubeId, way] of [...this.#ways]) {
      // Found while the routing was asked, or it could not be asked: nothing is known of it.
      if (way.remote !== null && !sources.has(way.remote)) continue;
      const source = way.remote === null ? undefined : (sources.get(way.remote) ?? null);
      const route = routeOf(way, source);
      counts[route] += 1;
      this.#tell(tubeId, way, source, route, change);
    }
    this.#options.judged(change, counts);
    if (counts.none > 0) this.#lookAgain(change);
  }

  #tell(tubeId: string, way: Way, source: string | null | undefined, route: Route, change: HostNetworkChange): void {
    const isNews = route !== 'unknown' && source !== way.told;
    // What does not concern its way is no news to a tube, not even to one in trouble: a host with containers changes all day.
    if (!isNews && (change.cause === 'again' || (route !== 'unknown' && change.cause !== 'wake'))) return;
    way.told = source;
    const deliver = (): void => {
      // It has waited: meanwhile the tube may have another path, or another change may have come.
      if (this.#ways.get(tubeId) !== way || way.told !== source) return;
      this.#options.deliver(tubeId, {
        type: 'tube.networkChanged',
        change: change.type,
        source: 'host',
        detail: change.detail,
        route,
        atMs: this.#options.nowMs(),
      });
    };
    // Nothing is restarted without a way, nor where nothing changed.
    if (route === 'none' || !isNews) deliver();
    else this.#options.pacer.run('route', tubeId, deliver);
  }

  #lookAgain(change: HostNetworkChange): void {
    this.#cancel ??= this.#options.clock.schedule(() => {
      this.#cancel = null;
      void this.changed({ ...change, cause: 'again' });
    }, lookAgainMs);
  }
}

function routeOf({ first }: Way, source: string | null | undefined): Route {
  // A peer that no route led to when its path came up is reached in some way that is not seen here.
  if (source === undefined || first === undefined || first === null) return 'unknown';
  if (source === null) return 'none';
  return source === first ? 'same' : 'moved';
}
