/**
 * The network of this host, for the peers of a Node process: one watcher for all of them while there are any, for it has a child process, and what a
 * change means to the path of each. A sleep counts as `online`, as in a browser: the service should find out at once what is left.
 * It sends nothing; each peer does, by what it hears here.
 */
import type { IceServer } from '../channels/connection.port.js';
import type { SelectedPair } from '../../machines/ports/transport.port.js';
import type { NetworkChange as HostChange, NetworkWatcher, NetworkWatcherOptions } from '../network/network-watcher.js';
import { RouteWatch, type RouteChange, type RouteWatchOptions } from '../network/route-watch.js';
import { turnServerAddresses } from '../network/turn-server-addresses.js';
import type { NetworkListener, NetworkWatch } from './environment.port.js';
import type { NetworkChange } from './signalling.port.js';

export interface NodeNetworkOptions {
  readonly watcher: (
    options: Pick<NetworkWatcherOptions, 'onChange'>,
  ) => Pick<NetworkWatcher, 'start' | 'stop' | 'snapshot'>;
  readonly sourcesTo: RouteWatchOptions<unknown, RouteChange>['sourcesTo'];
  /** Must not keep the process alive. */
  readonly schedule: RouteWatchOptions<unknown, RouteChange>['schedule'];
}

type Change = NetworkChange & RouteChange;

const maxDataLength = 256;

export class NodeNetwork {
  readonly #watcher: ReturnType<NodeNetworkOptions['watcher']>;
  readonly #routes: RouteWatch<NetworkListener, Change>;
  readonly #listeners = new Set<NetworkListener>();
  /** Who was told that the change which is being judged concerns its path. */
  #concerned = new Set<NetworkListener>();
  #wasOnline = false;

  constructor({ watcher, sourcesTo, schedule }: NodeNetworkOptions) {
    this.#watcher = watcher({ onChange: (change) => this.#changed(change) });
    this.#routes = new RouteWatch({
      sourcesTo,
      schedule,
      measured: () => undefined,
      concerns: (listener, { change }) => this.#concerns(listener, change),
      judged: (change) => this.#tellTheOthers(change),
    });
  }

  /** A listener per peer. It is called later, never from in here. */
  watch(listener: NetworkListener): NetworkWatch {
    this.#listeners.add(listener);
    this.#watcher.start();
    if (this.#listeners.size === 1) this.#wasOnline = this.#watcher.snapshot.length > 0;
    return {
      pathFound: (pair, iceServers) => this.#routes.pathFound(listener, firstHops(pair, iceServers)),
      stop: () => this.#stop(listener),
    };
  }

  #stop(listener: NetworkListener): void {
    this.#routes.forget(listener);
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    this.#watcher.stop();
    this.#routes.stop();
  }

  #changed({ type, cause, detail }: HostChange): void {
    const isOnline = this.#watcher.snapshot.length > 0;
    const isBack = isOnline && (!this.#wasOnline || cause === 'wake');
    const isNews = isOnline || this.#wasOnline;
    this.#wasOnline = isOnline;
    if (!isNews) return;
    const reported = type === 'ip_change' ? 'ip_change' : 'connection_type';
    const change = { type: isBack ? 'online' : isOnline ? reported : 'offline', cause } as const;
    void this.#routes.changed({ ...change, data: detail.slice(0, maxDataLength) });
  }

  #concerns(listener: NetworkListener, { type, cause, data }: Change): void {
    this.#concerned.add(listener);
    // A way that is back without a word of the system is what it is, whatever took it.
    listener({ type: cause === 'again' ? 'online' : type, data }, true);
  }

  /** Nobody knows what it means to a peer without a path. Another peer's path that is as it was is no reason to restart it. */
  #tellTheOthers({ type, cause, data }: Change): void {
    const concerned = this.#concerned;
    this.#concerned = new Set();
    if (cause === 'again') return;
    for (const listener of [...this.#listeners]) {
      if (!concerned.has(listener)) listener({ type, data }, !this.#routes.knows(listener));
    }
  }
}

function firstHops({ local, remote }: SelectedPair, iceServers: readonly IceServer[]) {
  if (local.type !== 'relay') return [remote.address];
  return turnServerAddresses(
    local.address,
    iceServers.flatMap(({ urls }) => urls),
  );
}
