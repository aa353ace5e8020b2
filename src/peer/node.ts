/**
 * Node's entry of the peer library, over node-datachannel: the only file of src/peer that imports the transport and the network watcher, and
 * the only one that knows Node. Call `shutdown` before the process ends: native threads keep it alive otherwise.
 */
import { randomInt } from 'node:crypto';
import { NetworkWatcher } from '../network/network-watcher.js';
import { createNativeConnection } from '../transport/native-connection.js';
import type { PeerEnvironment } from './environment.port.js';
import { HoldfastPeer } from './peer.js';
import type { PeerOptions } from './peer.types.js';
import type { NetworkChange } from './signalling.port.js';

export * from './exports.js';
export { shutdown } from '../transport/native-runtime.js';

const randomRange = 2 ** 32;

/** A peer in this process. Throws `PeerError` `input_schema`; see `HoldfastPeer`. */
export function createPeer(options: PeerOptions): HoldfastPeer {
  return new HoldfastPeer(options, environment);
}

const environment: PeerEnvironment = {
  createConnection: createNativeConnection,
  schedule: (fn, delayMs) => {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
  now: () => performance.now(),
  random: () => randomInt(randomRange) / randomRange,
  watchNetwork: watchNodeNetwork,
};

/**
 * One watcher for all peers of the process, while there are any: it has a child process. A sleep counts as `online`, as in a browser:
 * the service should find out at once what is left.
 */
const networkListeners = new Set<(change: NetworkChange) => void>();
let wasOnline = false;
const watcher = new NetworkWatcher({
  onChange: ({ type, cause, detail }) => {
    const isOnline = watcher.snapshot.length > 0;
    const isBack = isOnline && (!wasOnline || cause === 'wake');
    const isNews = isOnline || wasOnline;
    wasOnline = isOnline;
    if (!isNews) return;
    const reported = type === 'ip_change' ? 'ip_change' : 'connection_type';
    const change = { type: isBack ? 'online' : isOnline ? reported : 'offline', data: detail.slice(0, 256) } as const;
    for (const listener of networkListeners) listener(change);
  },
});

function watchNodeNetwork(listener: (change: NetworkChange) => void): () => void {
  networkListeners.add(listener);
  watcher.start();
  if (networkListeners.size === 1) wasOnline = watcher.snapshot.length > 0;
  return () => {
    networkListeners.delete(listener);
    if (networkListeners.size === 0) watcher.stop();
  };
}
