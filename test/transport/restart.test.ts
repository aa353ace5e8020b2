/**
 * Restarts over the real library: a stream of messages every 10 ms both ways while generations come and go. Prints what it measured, because the
 * numbers (not only their limits) are what a change of the library would move.
 */
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { createNativeConnection } from '../../src/transport/native-connection.js';
import { liveCounts, shutdown } from '../../src/transport/native-runtime.js';
import { sleep, until } from '../support/until.js';
import { Scene, ScenePeer } from './scene.js';

let scene: Scene;

function build(kind: 'plain' | 'overlap', settings = {}, trickle = true): Scene {
  const peer = new ScenePeer(kind, createNativeConnection, 'peer-1', trickle);
  scene = new Scene(createNativeConnection, peer, { ...scene_defaults, ...settings });
  return scene;
}

const { settings: scene_defaults } = new Scene(createNativeConnection, new ScenePeer('plain', createNativeConnection));
const report: string[] = [];

afterEach(async () => {
  await scene.end();
  expect(scene.faults).toEqual([]);
  expect(scene.host.liveGenerations()).toBe(0);
});

afterAll(async () => {
  await until(() => liveCounts().peerConnections === 0 && liveCounts().dataChannels === 0);
  expect(liveCounts().throws).toBe(0);
  await shutdown();
  process.stdout.write(`${report.join('\n')}\n`);
});

interface Stream {
  sent: number;
  stop(): void;
}

/** Both ways, every 10 ms. */
function stream(): Stream {
  const state = { sent: 0, stop: () => clearInterval(timer) };
  const timer = setInterval(() => {
    expect(scene.host.send('tube', 'data', String(state.sent))).toBeNull();
    expect(scene.peer.link.send('data', String(state.sent))).toBeNull();
    state.sent += 1;
  }, 10);
  return state;
}

const maxGapMs = (received: readonly { atMs: number }[]): number =>
  received.reduce(
    (max, { atMs }, index) => (index === 0 ? 0 : Math.max(max, atMs - (received[index - 1]?.atMs ?? atMs))),
    0,
  );

async function ready(): Promise<void> {
  await scene.restart(1);
  await until(() => scene.peer.of(1).channels.get('data')?.isOpen() === true && scene.channels.length === 2);
}

async function timed(generation: number): Promise<number> {
  const startMs = performance.now();
  await scene.restart(generation);
  return Math.round(performance.now() - startMs);
}

async function expectAll(sent: number): Promise<void> {
  await until(() => scene.received.length >= sent && scene.peer.received.length >= sent);
  const expected = Array.from({ length: sent }, (_, index) => String(index));
  expect(scene.texts).toEqual(expected);
  expect(scene.peer.texts).toEqual(expected);
}

describe('with our own peer', () => {
  test('six overlapping restarts on a live path: nothing lost, in order, no gap of 100 ms', async () => {
    build('overlap');
    await ready();
    const messages = stream();
    await sleep(100);
    const upMs: number[] = [];
    for (let generation = 2; generation <= 7; generation++) {
      upMs.push(await timed(generation));
      const old = generation - 1;
      await sleep(generation % 2 === 0 ? 0 : 100);
      scene.command(old, 'transport.close');
      scene.peer.of(old).connection.close();
      await sleep(60);
    }
    messages.stop();
    await expectAll(messages.sent);
    const gaps = [maxGapMs(scene.received), maxGapMs(scene.peer.received)].map((gap) => Math.round(gap));
    report.push(
      `overlapping restarts: up after ${upMs.join(', ')} ms; ${messages.sent} messages each way, longest gap ${gaps.join(' and ')} ms`,
    );
    expect(Math.max(...gaps)).toBeLessThan(100);
  });

  test('a path that dies with messages in flight loses nothing', async () => {
    build('overlap');
    await ready();
    const messages = stream();
    await sleep(100);
    scene.peer.of(1).connection.close();
    await scene.event('transport.closed', 1);
    await sleep(100);
    const upMs = await timed(2);
    await sleep(100);
    messages.stop();
    await expectAll(messages.sent);
    report.push(`restart of a dead path: up after ${upMs} ms, ${messages.sent} messages each way complete`);
  });

  test('a restarted peer is served from its first message on', async () => {
    build('overlap');
    await ready();
    scene.host.send('tube', 'data', 'before');
    await until(() => scene.peer.texts.length === 1);
    await sleep(50);
    for (const { connection } of scene.peer.generations.values()) connection.close();
    await scene.event('transport.closed', 1);
    const successor = new ScenePeer('overlap', createNativeConnection, 'peer-2');
    successor.onCandidate = scene.peer.onCandidate;
    Object.assign(scene, { peer: successor });
    await scene.restart(2);
    await until(() => successor.link.send('data', 'hello') === null);
    scene.host.send('tube', 'data', 'after');
    await until(() => successor.texts.length === 1 && scene.texts.length === 1);
    expect([successor.texts, scene.texts]).toEqual([['after'], ['hello']]);
  });

  test('bulk both ways over a cut-over keeps memory bounded', async () => {
    build('overlap');
    await ready();
    const payload = 'x'.repeat(60_000);
    let sent = 0;
    let full = 0;
    const pour = setInterval(() => {
      for (let index = 0; index < 20; index++) {
        if (scene.host.send('tube', 'data', `${sent}:${payload}`) === null) sent += 1;
        else full += 1;
      }
    }, 1);
    await sleep(200);
    await scene.restart(2);
    scene.command(1, 'transport.close');
    await sleep(200);
    clearInterval(pour);
    const queued = (await scene.host.stats('tube'))?.channels[0]?.queuedBytes ?? 0;
    expect(queued).toBeLessThanOrEqual(scene_defaults.replayBufferBytes);
    await until(() => scene.peer.received.length === sent, 10_000);
    expect(scene.peer.texts.map((text) => Number(String(text).split(':')[0]))).toEqual(
      Array.from({ length: sent }, (_, index) => index),
    );
    report.push(`bulk over a cut-over: ${sent} messages of 60 kB, refused as full ${full} times`);
  });
});

describe('with a plain peer', () => {
  test('what waits during a re-offer arrives in order; the next generation uses the same stream ids', async () => {
    build('plain');
    await ready();
    const upMs: number[] = [];
    let sent = 0;
    for (let generation = 2; generation <= 4; generation++) {
      for (let index = 0; index < 5; index++) expect(scene.host.send('tube', 'data', String(sent++))).toBeNull();
      await until(() => scene.peer.received.length === sent);
      const startMs = performance.now();
      const handle = scene.open(generation);
      const { description } = await scene.event('transport.described', generation);
      for (let index = 0; index < 5; index++) expect(scene.host.send('tube', 'data', String(sent++))).toBeNull();
      const sdp = await scene.peer.answer(generation, description.sdp);
      handle.command({ type: 'transport.applyAnswer', requestId: 'a', sdp });
      await scene.event('transport.remoteApplied', generation);
      scene.command(generation - 1, 'transport.close');
      await scene.event('transport.up', generation);
      upMs.push(Math.round(performance.now() - startMs));
      scene.command(generation, 'transport.activate');
      await until(() => scene.peer.received.length === sent);
    }
    expect(scene.peer.texts).toEqual(Array.from({ length: sent }, (_, index) => String(index)));
    expect(scene.all('transport.remoteApplied', 4)[0]).toMatchObject({ sameConnection: true, dtlsRole: 'active' });
    expect(scene.channels.map(({ id }) => id).sort()).toEqual([0, 2]);
    report.push(`plain re-offers: up after ${upMs.join(', ')} ms`);
  });

  test('without trickle the first connection comes up', async () => {
    build('plain', { trickleIce: false }, false);
    await scene.connect(1);
    expect(scene.has('transport.candidate')).toBe(false);
  });

  test('forty first connections in a row are all quick', async () => {
    const times: number[] = [];
    for (let round = 0; round < 40; round++) {
      build('plain');
      const startMs = performance.now();
      await scene.connect(1);
      times.push(Math.round(performance.now() - startMs));
      await scene.end();
    }
    times.sort((a, b) => a - b);
    report.push(`forty first connections: median ${times[20]} ms, slowest ${times[39]} ms`);
    // One lost first flight of DTLS costs a second.
    expect(times[37]).toBeLessThan(900);
  }, 30_000);
});
