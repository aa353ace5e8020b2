/** A peer in a process of its own, so that a test can kill it: a killed process says no `bye`. Started by test/support/peer-process.ts. */
import { createPeer } from '../../../src/peer/node.js';

const [url = '', token = ''] = process.argv.slice(2);
const peer = createPeer({ url, token });

process.on('message', (text) => {
  peer.send('data', String(text));
});
process.on('disconnect', () => {
  process.exit(0);
});
await peer.connect();
await peer.opened('data');
process.send?.('open');
