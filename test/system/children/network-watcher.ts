/**
 * Watches the network of the namespace that it runs in, and prints what it sees as lines of JSON. Started by test/system/network-watcher.test.ts with
 * one argument: `monitor` or `poll` (a NetworkWatcher), `peer` (what a peer of our library says to the service), `idle` (a NetworkWatcher
 * and nothing else to do). Every line of its input is a remote address: it prints the local address towards it.
 */
import { createInterface } from 'node:readline';
import { NetworkWatcher } from '../../../src/network/network-watcher.js';
import { sourceAddressTo } from '../../../src/network/route-source.js';
import { createPeer } from '../../../src/peer/node.js';

const mode = process.argv[2];
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

if (mode === 'peer') {
  const peer = createPeer({
    signalling: {
      start: () => undefined,
      stop: () => undefined,
      send: ({ event, data }) => print({ seen: { event, ...data, atMs: Date.now() } }),
    },
  });
  peer.connect().catch(() => undefined);
} else {
  const watcher = new NetworkWatcher({
    onChange: (change) => print({ seen: change }),
    onTrouble: (detail) => print({ trouble: detail }),
    ...(mode === 'poll' ? { monitorCommand: null } : {}),
  });
  watcher.start();
  print({ snapshot: watcher.snapshot });
}

if (mode !== 'idle') {
  createInterface({ input: process.stdin }).on('line', (remote) => {
    void sourceAddressTo(remote).then((source) => print({ remote, source }));
  });
}
