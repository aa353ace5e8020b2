/** The browser's entry of the peer library; bundled to dist/public/holdfast-peer.js (scripts/build-browser.mjs). */
import { createBrowserConnection } from './browser-connection.js';
import { watchBrowserNetwork } from './browser-network.js';
import type { PeerEnvironment } from './environment.port.js';
import { HoldfastPeer } from './peer.js';
import type { PeerOptions } from './peer.types.js';

export * from './exports.js';

/** A peer for this page. `url` defaults to where the page came from. Throws `PeerError` `input_schema`; see `HoldfastPeer`. */
export function createPeer(options: PeerOptions): HoldfastPeer {
  return new HoldfastPeer({ url: location.origin, ...options }, environment);
}

const environment: PeerEnvironment = {
  createConnection: createBrowserConnection,
  schedule: (fn, delayMs) => {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
  now: () => performance.now(),
  random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
  watchNetwork: watchBrowserNetwork,
};
