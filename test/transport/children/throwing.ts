/** Every handler and observer throws, on real connections, from the first callback to the last; then the process ends by itself. */
import type { ChannelHandlers, ConnectionHandlers } from '../../../src/channels/connection.port.js';
import { createNativeConnection } from '../../../src/transport/native-connection.js';
import { liveCounts, observeNative, shutdown } from '../../../src/transport/native-runtime.js';
import { sleep, until } from '../../support/until.js';

const bad = (what: string): never => {
  throw new Error(what);
};
observeNative({ log: () => bad('log'), threw: () => bad('threw') }, 'Debug');

const seen = new Set<string>();
const note = (what: string): never => {
  seen.add(what);
  return bad(what);
};
const channel: ChannelHandlers = {
  open: () => note('open'),
  closed: () => note('closed'),
  message: () => note('message'),
  drained: () => note('drained'),
};
function side(name: string, sdp: string[], candidates: string[]): ReturnType<typeof createNativeConnection> {
  const handlers: ConnectionHandlers = {
    localDescription: (description) => (sdp.push(description.sdp), note(`${name} description`)),
    localCandidate: (candidate) => (candidates.push(candidate), note('candidate')),
    stateChanged: (state) => note(state),
    iceConnected: () => note('ice'),
    remoteChannel: (remote) => {
      if (remote.label === 'refused by a throw') bad('remoteChannel');
      return channel;
    },
  };
  return createNativeConnection({ iceServers: [], maxMessageBytes: 65_536, bindAddress: '127.0.0.1' }, handlers);
}

const [offers, answers, ours, theirs]: string[][] = [[], [], [], []];
const a = side('a', offers!, ours!);
const b = side('b', answers!, theirs!);
const first = a.createChannel({ label: 'data', class: 'reliable', negotiatedId: null }, channel);
a.createChannel({ label: 'refused by a throw', class: 'reliable', negotiatedId: null }, channel);
await a.offer();
await until(() => offers!.length === 1);
await b.applyOffer(offers![0]!);
await until(() => answers!.length === 1);
await a.applyAnswer(answers![0]!);
for (const candidate of theirs!) await a.addCandidate(candidate, '0');
await sleep(60);
for (const candidate of ours!) await b.addCandidate(candidate, '0');
await until(() => first.isOpen());
first.setLowWaterBytes(1000);
// More than the library takes at once, or there is nothing to drain.
for (let index = 0; index < 100; index++) first.send(new Uint8Array(60_000));
await until(() => seen.has('message') && seen.has('drained'));
a.close();
await until(() => seen.has('closed') && liveCounts().peerConnections === 0);
console.log(JSON.stringify({ seen: [...seen].sort(), throws: liveCounts().throws }));
await shutdown();
