/** A peer that sends more than the service can take: its connection goes, the memory of the service stays, and other tubes notice nothing. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createPeer } from '../../src/peer/node.js';
import { createNativeConnection } from '../../src/transport/native-connection.js';
import { Controller, startService, type Service } from '../support/service.js';
import { sleep, until } from '../support/until.js';
import { ScenePeer } from '../transport/scene.js';

/** How soon it is too much depends on what the machine has left for the sender. */
const floodMs = 20_000;
/** It comes to rest; and a scrape may be a second old. */
const afterwardsMs = 2000;

let service: Service;
let control: Controller;

const rssMb = (): number => {
  const status = readFileSync(`/proc/${service.process.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
};

beforeEach(async () => {
  service = await startService(['--bind-address', '127.0.0.1']);
  control = await Controller.connect(service.url);
});

afterEach(async () => {
  control.close();
  await service.stop();
});

async function connectedPlainPeer(): Promise<ScenePeer> {
  const created = await control.ok('create_tube', { conversation_id: 'flood', settings: {}, trickle_ice: true });
  const { tube_id } = created;
  const peer = new ScenePeer('plain', createNativeConnection);
  peer.onCandidate = (generation, candidate, sdp_mid) =>
    void control.call('add_ice_candidate', { tube_id, candidate, sdp_mid, generation });
  control.onSignal(({ kind, data, tube_id: of }) => {
    if (of !== tube_id || kind !== 'icecandidate' || typeof data !== 'string' || data === '') return;
    peer
      .of(1)
      .connection.addCandidate(data, '0')
      .catch(() => undefined);
  });
  const sdp = await peer.answer(1, Buffer.from(String(created['offer']), 'base64').toString());
  await control.ok('set_remote_description', { tube_id, sdp, is_answer: true, generation: 1 });
  await until(() => peer.generations.get(1)?.channels.get('data')?.isOpen() === true);
  return peer;
}

/** Answers what the highest RSS was while it lasted. */
async function flood(peer: ScenePeer, message: string | Uint8Array): Promise<number> {
  const channel = peer.of(1).channels.get('data')!;
  let endMs = Date.now() + floodMs;
  let highest = 0;
  while (Date.now() < endMs) {
    if (!channel.isOpen()) endMs = Math.min(endMs, Date.now() + afterwardsMs);
    for (let count = 0; count < 500 && channel.bufferedBytes() < 1 << 20; count++) channel.send(message);
    // Without a channel to fill there is no hurry.
    await (channel.isOpen() ? new Promise((resolve) => setImmediate(resolve)) : sleep(50));
    control.signals.length = 0;
    highest = Math.max(highest, rssMb());
  }
  return highest;
}

async function floods(): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  return Number(/"peer_flooded"\} (\d+)/.exec(text)?.[1] ?? 0);
}

it.each([
  ['16 bytes', 'x'.repeat(16)],
  ['no bytes', ''],
  ['bytes that are no text', new Uint8Array(16).fill(0xff)],
])(
  'a flood of messages of %s ends its connection and nothing else',
  async (_size, message) => {
    const { peer_token, tube_id } = await control.ok('create_tube', {
      conversation_id: 'other',
      trickle_ice: true,
      settings: {},
    });
    const other = createPeer({ url: service.url, token: String(peer_token) });
    await Promise.all([other.connect(), other.opened('data')]);
    const states: string[] = [];
    other.on('state', ({ state }) => states.push(state));
    const peer = await connectedPlainPeer();
    const beforeMb = rssMb();
    const highestMb = await flood(peer, message);
    expect(highestMb - beforeMb).toBeLessThan(600);
    expect(await floods()).toBe(1);
    expect(peer.of(1).channels.get('data')?.isOpen()).toBe(false);
    const heard: unknown[] = [];
    other.on('message', ({ data }) => heard.push(data));
    await control.ok('send', { tube_id, data: 'still here' });
    await until(() => heard.length === 1);
    expect(states).toEqual([]);
    other.close();
    peer.of(1).connection.close();
  },
  60_000,
);
