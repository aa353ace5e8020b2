/** Run with --expose-gc. Connections whose makers keep nothing of them: they must go on working until they are closed, and the process must live. */
import type { ChannelHandlers, Connection } from '../../../src/channels/connection.port.js';
import { createNativeConnection } from '../../../src/transport/native-connection.js';
import { liveCounts, shutdown } from '../../../src/transport/native-runtime.js';
import { sleep, until } from '../../support/until.js';

const collect = (globalThis as unknown as { gc(): void }).gc;
let received = 0;
let opened = 0;
const echo: ChannelHandlers = {
  open: () => undefined,
  closed: () => undefined,
  message: () => void (received += 1),
  drained: () => undefined,
};

/** Nothing that holds a connection or channel leaves this function; only closures that the library calls know them. */
async function forgottenPair(): Promise<void> {
  const texts = { a: '', b: '' };
  const candidates: { a: string[]; b: string[] } = { a: [], b: [] };
  const make = (name: 'a' | 'b'): Connection =>
    createNativeConnection(
      { iceServers: [], maxMessageBytes: 65_536, bindAddress: '127.0.0.1' },
      {
        localDescription: ({ sdp }) => (texts[name] = sdp),
        localCandidate: (candidate) => candidates[name].push(candidate),
        stateChanged: () => undefined,
        iceConnected: () => undefined,
        remoteChannel: () => ((opened += 1), echo),
      },
    );
  const [a, b] = [make('a'), make('b')];
  const channel = a.createChannel({ label: 'data', class: 'reliable', negotiatedId: null }, echo);
  await a.offer();
  await until(() => texts.a !== '');
  await b.applyOffer(texts.a);
  await until(() => texts.b !== '');
  await a.applyAnswer(texts.b);
  for (const candidate of candidates.b) await a.addCandidate(candidate, '0');
  await sleep(60);
  for (const candidate of candidates.a) await b.addCandidate(candidate, '0');
  await until(() => channel.isOpen());
  // In flight when everything is forgotten.
  for (let index = 0; index < 10; index++) channel.send('x');
}

const pairs = 10;
await Promise.all(Array.from({ length: pairs }, forgottenPair));
for (let round = 0; round < 20; round++) {
  collect();
  const junk = Array.from({ length: 1000 }, () => new Uint8Array(1000));
  await sleep(junk.length / 200);
}
await until(() => received === pairs * 10);
const { peerConnections, dataChannels } = liveCounts();
await shutdown();
collect();
console.log(JSON.stringify({ opened, received, peerConnections, dataChannels, after: liveCounts() }));
