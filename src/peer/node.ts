/**
 * Node's entry of the peer library, over node-datachannel: the only file of src/peer that imports the transport, and the only one that
 * knows Node. Call `shutdown` before the process ends: native threads keep it alive otherwise.
 */
import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { createNativeConnection } from '../transport/native-connection.js';
import type { PeerEnvironment } from './environment.port.js';
import { HoldfastPeer } from './peer.js';
import type { PeerOptions } from './peer.types.js';
import type { NetworkChange } from './signalling.port.js';

export * from './exports.js';
export { shutdown } from '../transport/native-runtime.js';

const networkPollMs = 2000;
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

/** Node has no event for it. Polling costs some tens of microseconds. */
function watchNodeNetwork(listener: (change: NetworkChange) => void): () => void {
  let last = addresses();
  const timer = setInterval(() => {
    const current = addresses();
    if (current === last) return;
    const type = current === '' ? 'offline' : last === '' ? 'online' : 'connection_type';
    last = current;
    listener({ type, data: current.slice(0, 256) });
  }, networkPollMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Interfaces with their addresses, sorted. Link-local ones come and go with every interface and carry nothing. */
function addresses(): string {
  return Object.entries(networkInterfaces())
    .flatMap(([name, list]) =>
      (list ?? []).filter(({ internal }) => !internal).map(({ address }) => `${name} ${address}`),
    )
    .filter((entry) => !entry.includes(' fe80:'))
    .sort()
    .join(', ');
}
