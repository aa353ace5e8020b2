/** The UDP relay with real sockets on loopback: a peer that asks, a target that answers, and what lies between them. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { UdpRelay } from '../../src/demo/udp-relay.js';
import { sleep, until } from '../support/until.js';

const loopback = '127.0.0.1';
const endings: (() => void)[] = [];
let relay: UdpRelay;

async function open(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, loopback);
  await once(socket, 'listening');
  endings.push(() => socket.close());
  return socket;
}

/** Echoes, and notes the ports that it was spoken to from. */
class Target {
  readonly ports: number[] = [];
  readonly heard: string[] = [];

  constructor(readonly socket: Socket) {
    socket.on('message', (packet, from) => {
      this.ports.push(from.port);
      this.heard.push(String(packet));
      socket.send(packet, from.port, loopback);
    });
  }

  get port(): number {
    return this.socket.address().port;
  }
}

class Peer {
  readonly heard: string[] = [];

  constructor(
    private readonly socket: Socket,
    private readonly port: number,
  ) {
    socket.on('message', (packet) => this.heard.push(String(packet)));
  }

  send(text: string): void {
    this.socket.send(text, this.port, loopback);
  }

  async asks(text: string): Promise<void> {
    this.send(text);
    await until(() => this.heard.includes(text), 2000, `the echo of ${text}`);
  }
}

async function pair(): Promise<{ peer: Peer; target: Target }> {
  const target = new Target(await open());
  return { target, peer: new Peer(await open(), await relay.portTo(loopback, target.port)) };
}

beforeEach(() => {
  relay = new UdpRelay({ seed: 3, maxMappings: 4 });
});
afterEach(() => {
  relay.close();
  for (const end of endings.splice(0)) end();
});

it('carries packets both ways, and keeps one port per peer', async () => {
  const { peer, target } = await pair();
  await peer.asks('one');
  await peer.asks('two');
  expect(new Set(target.ports).size).toBe(1);
  expect(await relay.portTo(loopback, target.port)).toBe(await relay.portTo(loopback, target.port));
  expect(relay.stats()).toMatchObject({ carried: 4, mappings: 1, flows: 1, pending: 0 });
});

it('delays each way by itself', async () => {
  const { peer } = await pair();
  relay.impair({ delayMs: 80 }, 'to-target');
  relay.impair({ delayMs: 40 }, 'to-peer');
  const startedAtMs = performance.now();
  await peer.asks('late');
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(115);
});

it('takes a new port at a rebinding, and nothing comes by the old one', async () => {
  const { peer, target } = await pair();
  await peer.asks('before');
  relay.rebind();
  const [oldPort = 0] = target.ports;
  target.socket.send('by the old port', oldPort, loopback);
  await peer.asks('after');
  await sleep(50);
  expect(target.ports[1]).not.toBe(oldPort);
  expect(peer.heard).toEqual(['before', 'after']);
});

it('forgets mappings for good, while new ones pass', async () => {
  const { peer, target } = await pair();
  await peer.asks('before');
  relay.forget();
  peer.send('into the dark');
  await until(() => relay.stats().dropped.forgotten === 1);
  const again = new Peer(await open(), await relay.portTo(loopback, target.port));
  await again.asks('by the new mapping');
  expect(target.heard).toEqual(['before', 'by the new mapping']);
});

it('is a black hole for everybody until it is restored, also for what is on its way', async () => {
  const { peer, target } = await pair();
  relay.impair({ delayMs: 30 });
  peer.send('on its way');
  await until(() => relay.stats().pending === 1);
  relay.impair({ blackHole: true, delayMs: 0 });
  peer.send('dropped at once');
  await until(() => relay.stats().dropped.blackHole === 1 && relay.stats().pending === 0);
  relay.impair({ blackHole: false });
  await peer.asks('after');
  expect(target.heard).toEqual(['after']);
});

it('makes room for a new target by letting go of the one that was silent longest', async () => {
  const pairs = [await pair(), await pair(), await pair(), await pair()];
  for (const { peer } of [...pairs].reverse()) await peer.asks('hello');
  const newest = await pair();
  await newest.peer.asks('hello');
  expect(relay.stats().mappings).toBe(4);
  pairs[3]?.peer.send('again');
  await pairs[0]?.peer.asks('still here');
  expect(pairs[3]?.target.heard).toEqual(['hello']);
});

it('answers nobody when it is closed', async () => {
  const { peer, target } = await pair();
  relay.close();
  peer.send('nobody home');
  await sleep(30);
  expect(target.heard).toEqual([]);
  await expect(relay.portTo(loopback, 1)).rejects.toThrow('closed');
});
