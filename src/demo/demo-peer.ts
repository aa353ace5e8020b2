/**
 * The demo's peer: a process of its own with our peer library on real WebRTC. It answers every message, and breaks its own network when it is
 * told to. Started by demo/main.ts, which it tells what it sees.
 */
import { createPeer, shutdown } from '../peer/node.js';
import { SocketSignalling } from '../peer/signalling.js';
import { LinkedSignalling } from './linked-signalling.js';
import { UdpRelay } from './udp-relay.js';

export type PeerReport =
  | { readonly kind: 'state'; readonly state: string }
  | { readonly kind: 'restart'; readonly phase: string; readonly generation: number; readonly durationMs: number }
  | { readonly kind: 'received'; readonly count: number; readonly outOfOrder: number }
  | { readonly kind: 'cut' };

const [url = '', token = ''] = process.argv.slice(2);
const relay = new UdpRelay();
const schedule = (fn: () => void, delayMs: number): (() => void) => {
  const timer = setTimeout(fn, delayMs);
  return () => {
    clearTimeout(timer);
  };
};
const signalling = new LinkedSignalling(new SocketSignalling({ url, token, schedule }), async (host, port) => ({
  host: '127.0.0.1',
  port: await relay.portTo(host, port),
}));
const peer = createPeer({ signalling });
const report = (message: PeerReport): void => {
  process.send?.(message);
};

let count = 0;
let outOfOrder = 0;
peer.on('state', ({ state }) => {
  report({ kind: 'state', state });
});
peer.on('restart', ({ phase, generation, durationMs }) => {
  report({ kind: 'restart', phase, generation, durationMs });
});
peer.on('message', ({ channel, data }) => {
  count += 1;
  if (Number(String(data)) !== count) outOfOrder += 1;
  peer.send(channel, `echo ${String(data)}`);
});
process.on('message', (command) => {
  if (command === 'cut') {
    relay.forget();
    report({ kind: 'cut' });
  } else if (command === 'count') report({ kind: 'received', count, outOfOrder });
  else if (command === 'stop') void stop();
});
process.on('disconnect', () => {
  void stop();
});

async function stop(): Promise<void> {
  peer.close();
  relay.close();
  await shutdown();
  process.exit(0);
}

await peer.connect();
