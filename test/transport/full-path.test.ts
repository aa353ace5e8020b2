/** Native connections over a link of limited rate that loses packets: what pings wait for behind bulk, what proves a full path, what probes find. */
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { createNativeConnection } from '../../src/transport/native-connection.js';
import { shutdown } from '../../src/transport/native-runtime.js';
import { RoughLink } from '../support/rough-link.js';
import { sleep, until } from '../support/until.js';
import { Scene, ScenePeer } from './scene.js';

const cleanups: (() => Promise<void> | void)[] = [];

async function connected(kind: 'plain' | 'overlap'): Promise<{ s: Scene; link: RoughLink }> {
  const link = new RoughLink();
  const s = new Scene(createNativeConnection, new ScenePeer(kind, createNativeConnection));
  s.link = link;
  s.peer.probes = kind === 'overlap';
  cleanups.push(
    () => link.close(),
    () => s.end(),
  );
  await s.restart(1);
  await until(() => s.channels.length === (kind === 'overlap' ? 3 : 2));
  return { s, link };
}

/** Keeps `data` full, in messages of that size, until it is stopped. */
function flood(s: Scene, bytes: number): () => void {
  const message = new Uint8Array(bytes);
  const timer = setInterval(() => {
    while (s.host.send('tube', 'data', message) === null);
  }, 5);
  cleanups.push(() => clearInterval(timer));
  return () => clearInterval(timer);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(shutdown);

describe('a ping behind bulk', () => {
  test.each([
    [10, 16_384, 500],
    [10, 120_000, 1000],
    [10, 1000, 500],
    [1, 16_384, 2000],
  ])(
    'of our library on a path of %d Mbit/s, in messages of %d bytes, takes less than %d ms',
    async (rate, bytes, ms) => {
      const { s, link } = await connected('overlap');
      link.toPeer.mbitPerSecond = link.toService.mbitPerSecond = rate;
      flood(s, bytes);
      await sleep(3000);
      const first = s.all('transport.pong').length;
      for (let seq = 1; seq <= 15; seq += 1) {
        s.handles.get(1)!.command({ type: 'transport.ping', seq });
        await sleep(200);
      }
      await until(() => s.all('transport.pong').length >= first + 15, 5000);
      const rtts = s.all('transport.pong').map(({ rttMs }) => rttMs ?? Infinity);
      const sorted = rtts.toSorted((a, b) => a - b);
      console.log(
        `ping behind ${bytes} B messages at ${rate} Mbit/s: median ${sorted[7]?.toFixed(0)} ms, slowest ${sorted.at(-1)?.toFixed(0)} ms`,
      );
      expect(Math.max(...rtts)).toBeLessThan(ms);
      // It was full all the time.
      expect(link.toPeer.carried).toBeGreaterThan((rate * 1e6 * 5) / 8 / 1300);
    },
    30_000,
  );
});

describe('bulk that drains', () => {
  test.each(['plain', 'overlap'] as const)(
    'is heard at least every 2 s from a %s peer on a path of 1 Mbit/s, and no more when the path is cut',
    async (kind) => {
      const { s, link } = await connected(kind);
      link.toPeer.mbitPerSecond = link.toService.mbitPerSecond = 1;
      flood(s, 16_384);
      await sleep(8000);
      const heard = s.all('transport.heard').map(({ atMs }) => atMs);
      const gaps = heard.slice(1).map((atMs, index) => atMs - heard[index]!);
      console.log(`bulk to a ${kind} peer: heard ${heard.length} times, longest gap ${Math.max(...gaps)} ms`);
      expect(s.all('transport.heard').every(({ data }) => !data)).toBe(true);
      expect(heard.length).toBeGreaterThanOrEqual(4);
      expect(Math.max(...gaps)).toBeLessThan(2000);
      link.toPeer.loss = link.toService.loss = 1;
      // What is on its way arrives.
      await sleep(1200);
      const before = s.all('transport.heard').length;
      await sleep(4000);
      expect(s.all('transport.heard')).toHaveLength(before);
      expect(s.has('transport.down', 1)).toBe(false);
    },
    20_000,
  );
});

describe('probes', () => {
  test('find what the network loses, each way, although nothing is missing on the channels', async () => {
    const { s, link } = await connected('overlap');
    link.toPeer.loss = 0.2;
    link.toService.loss = 0.04;
    const sum = { sent: 0, arrived: 0, echoed: 0 };
    for (let n = 1; n <= 3; n += 1) {
      s.command(1, 'transport.sample');
      for (let message = 0; message < 50; message += 1) {
        s.host.send('tube', 'data', `${n}.${message}`);
        await sleep(20);
      }
      await until(() => s.all('transport.sampled').length === n, 8000);
      const { probes } = s.all('transport.sampled').at(-1)!.sample;
      for (const key of ['sent', 'arrived', 'echoed'] as const) sum[key] += probes![key];
    }
    console.log(`probes at 20 % there and 4 % back: ${JSON.stringify(sum)}`);
    expect(sum.sent).toBe(300);
    expect(1 - sum.arrived / sum.sent).toBeGreaterThan(0.12);
    expect(1 - sum.arrived / sum.sent).toBeLessThan(0.28);
    expect(1 - sum.echoed / sum.arrived).toBeLessThan(0.1);
    await until(() => s.peer.received.length === 150, 10_000);
  }, 40_000);

  test('count nothing as lost behind bulk on a full path', async () => {
    const { s, link } = await connected('overlap');
    link.toPeer.mbitPerSecond = link.toService.mbitPerSecond = 2;
    flood(s, 16_384);
    await sleep(2000);
    s.command(1, 'transport.sample');
    const { sample } = await s.event('transport.sampled', 1);
    console.log(`probes behind bulk: ${JSON.stringify(sample.probes)}; the link dropped ${link.toPeer.dropped}`);
    const { sent, arrived, echoed } = sample.probes!;
    expect(sent).toBeGreaterThan(5);
    expect(sent - echoed).toBeLessThanOrEqual(1);
    expect(arrived).toBeGreaterThanOrEqual(echoed);
    // It would be that of our own queue.
    expect(sample.rttMs).toBeNull();
  }, 20_000);
});
