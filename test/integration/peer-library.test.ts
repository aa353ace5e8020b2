/** The peer library in Node with real packets and a real socket.io server: first connection, restarts under load, loss of signalling. */
import { afterAll, afterEach, beforeEach, expect, it } from '@jest/globals';
import { createPeer, shutdown, type HoldfastPeer, type PeerError } from '../../src/peer/node.js';
import { createNativeConnection } from '../../src/transport/native-connection.js';
import { MiniService } from '../support/mini-service.js';
import { sleep, until } from '../support/until.js';

let service: MiniService;
let peer: HoldfastPeer;
let errors: PeerError[];

const schedule = (fn: () => void, delayMs: number): (() => void) => {
  const timer = setTimeout(fn, delayMs);
  return () => clearTimeout(timer);
};

beforeEach(async () => {
  service = new MiniService(createNativeConnection, schedule, 300);
  await service.start();
  peer = createPeer({ url: service.url, token: service.token, generationLingerMs: 300 });
  errors = [];
  peer.on('error', (error) => errors.push(error));
});

afterEach(async () => {
  peer.close();
  await service.stop();
});

afterAll(shutdown);

async function connected(): Promise<void> {
  const connecting = peer.connect();
  await Promise.all([service.restart(), connecting, peer.opened('data')]);
}

it('connects, answers pings and carries text and bytes both ways', async () => {
  const seen: (string | Uint8Array)[] = [];
  peer.on('message', ({ data }) => seen.push(data));
  await connected();
  peer.send('data', 'text');
  peer.send('data', Uint8Array.of(1, 2, 3));
  service.send('back');
  service.ping(42);
  await until(() => service.received.length === 2 && seen.length === 1 && service.pongs.length === 1);
  expect(service.received).toEqual(['text', Uint8Array.of(1, 2, 3)]);
  expect(seen).toEqual(['back']);
  expect(service.pongs).toEqual([42]);
  expect(service.hellos[0]).toEqual({ instance: peer.instance, generation: 0, library: 'holdfast-peer/0.1.0' });
  expect((await peer.stats()).selectedPair?.local.type).toBeTruthy();
});

it('loses, repeats and reorders nothing in five restarts under load', async () => {
  const seen: string[] = [];
  peer.on('message', ({ data }) => seen.push(String(data)));
  await connected();
  let count = 0;
  const load = setInterval(() => {
    peer.send('data', `p${count}`);
    service.send(`s${count++}`);
  }, 2);
  for (let round = 0; round < 5; round++) {
    await service.restart();
    await sleep(50);
  }
  clearInterval(load);
  await until(() => service.received.length >= count && seen.length >= count);
  const numbers = Array.from({ length: count }, (_, index) => index);
  expect(service.received).toEqual(numbers.map((index) => `p${index}`));
  expect(seen).toEqual(numbers.map((index) => `s${index}`));
  expect(await peer.stats()).toMatchObject({ generation: 6, restarts: 5, state: 'connected' });
  expect(errors).toEqual([]);
});

it('comes back to the signalling a second after it was cut, and a restart meanwhile waits for it', async () => {
  const statuses: string[] = [];
  peer.on('signalling', ({ status, delayMs }) => statuses.push(`${status} ${delayMs ?? ''}`.trim()));
  await connected();
  service.dropSocket();
  await until(() => statuses.includes('reconnecting 1000'));
  await service.restart();
  expect(statuses).toEqual(['online', 'offline', 'reconnecting 1000', 'online']);
  expect(service.hellos.at(-1)).toMatchObject({ instance: peer.instance, generation: 1 });
  await until(() => peer.state === 'connected');
});

it('asks for a restart when the connection ends, and keeps messages until it has come', async () => {
  await connected();
  service.closeGeneration(1);
  await until(() => peer.state === 'disconnected');
  peer.send('data', 'kept');
  await until(() => service.requests.length > 0);
  expect(service.requests[0]).toContain('restart_request');
  await service.restart();
  await until(() => service.received.length === 1);
  expect(service.received).toEqual(['kept']);
});

it('closes for good when the token is refused', async () => {
  peer.close();
  peer = createPeer({ url: service.url, token: 'wrong' });
  await expect(peer.connect()).rejects.toMatchObject({ code: 'auth_invalid' });
  expect(peer.state).toBe('closed');
});
