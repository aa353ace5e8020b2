/**
 * Node's entry of the peer library, over node-datachannel: the only file of src/peer that imports the transport and the network watcher, and
 * the only one that knows Node. Call `shutdown` before the process ends: native threads keep it alive otherwise.
 */
import { randomInt } from 'node:crypto';
import { NetworkWatcher } from '../network/network-watcher.js';
import { sourceAddressesTo } from '../network/route-source.js';
import { createNativeConnection } from '../transport/native-connection.js';
import type { PeerEnvironment } from './environment.port.js';
import { NodeNetwork } from './node-network.js';
import { HoldfastPeer } from './peer.js';
import type { PeerOptions } from './peer.types.js';

export * from './exports.js';
export { shutdown } from '../transport/native-runtime.js';

const randomRange = 2 ** 32;

/** A peer in this process. Throws `PeerError` `input_schema`; see `HoldfastPeer`. */
export function createPeer(options: PeerOptions): HoldfastPeer {
  return new HoldfastPeer(options, environment);
}

const network = new NodeNetwork({
  watcher: (options) => new NetworkWatcher(options),
  sourcesTo: sourceAddressesTo,
  schedule: (fn, delayMs) => {
    const timer = setTimeout(fn, delayMs).unref();
    return () => clearTimeout(timer);
  },
});

const environment: PeerEnvironment = {
  createConnection: createNativeConnection,
  schedule: (fn, delayMs) => {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
  now: () => performance.now(),
  random: () => randomInt(randomRange) / randomRange,
  watchNetwork: (listener) => network.watch(listener),
};
