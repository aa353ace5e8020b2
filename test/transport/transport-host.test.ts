/** The host: what survives its actors, cut-overs with messages, holding for plain peers, finalisers, and what listeners may do wrong. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { createActor, setup } from 'xstate';
import { transportStub, type TransportEvent } from '../../machines/ports/transport.port.js';
import { createTransportActor } from '../../src/transport/transport.actor.js';
import { TransportHost } from '../../src/transport/transport-host.js';
import { FakeNetwork } from '../support/fake-connection.js';
import { defaultSettings } from '../support/settings.js';
import { sleep, until } from '../support/until.js';
import { Scene, ScenePeer } from './scene.js';

const network = new FakeNetwork();
const scenes: Scene[] = [];

function scene(kind: 'plain' | 'overlap'): Scene {
  const made = new Scene(network.createConnection, new ScenePeer(kind, network.createConnection));
  scenes.push(made);
  return made;
}

const ignore = (): void => undefined;

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => String(from + index));

afterEach(async () => {
  network.delayMs = 0;
  network.heal();
  for (const each of scenes.splice(0)) {
    await each.end();
    expect(each.host.liveGenerations()).toBe(0);
  }
});

describe('messages', () => {
  test('go both ways, and sending says why when they cannot', async () => {
    const s = scene('plain');
    expect(s.host.send('tube', 'data', 'x')).toBe('tube_unknown');
    await s.restart(1);
    await until(() => s.host.send('tube', 'data', 'x') === null);
    expect(s.host.send('tube', 'other', 'x')).toBe('channel_unknown');
    expect(s.host.send('tube', 'data', new Uint8Array(defaultSettings.maxMessageBytes + 1))).toBe(
      'channel_message_too_large',
    );
    expect(s.peer.link.send('data', Uint8Array.of(1, 2))).toBeNull();
    await until(() => s.received.length === 1 && s.peer.received.length === 1);
    expect(s.texts).toEqual([Uint8Array.of(1, 2)]);
  });

  test('with our own kind nothing is lost, doubled or reordered over live and dead cut-overs', async () => {
    const s = scene('overlap');
    await s.restart(1);
    await until(() => s.host.send('tube', 'data', '0') === null && s.peer.link.send('data', '0') === null);
    let next = 1;
    const stream = setInterval(() => {
      expect(s.host.send('tube', 'data', String(next))).toBeNull();
      expect(s.peer.link.send('data', String(next))).toBeNull();
      next += 1;
    }, 1);
    network.delayMs = 5;
    for (const generation of [2, 3, 4, 5]) {
      await sleep(30);
      if (generation % 2 === 1) {
        network.cut();
        await sleep(20);
        for (const connection of [...network.connections]) connection.ended();
        network.heal();
      }
      await s.restart(generation);
      if (generation % 2 === 0) s.command(generation - 1, 'transport.close');
    }
    clearInterval(stream);
    await until(() => s.received.length >= next && s.peer.received.length >= next);
    expect(s.texts).toEqual(numbers(0, next));
    expect(s.peer.texts).toEqual(numbers(0, next));
  });

  test('to a plain peer wait from the re-offer to the cut-over, and go on over the old path when the offer is dropped', async () => {
    const s = scene('plain');
    await s.restart(1);
    await until(() => s.host.send('tube', 'data', '0') === null);
    s.open(2);
    await s.event('transport.described', 2);
    for (const text of ['1', '2']) expect(s.host.send('tube', 'data', text)).toBeNull();
    await sleep(20);
    expect(s.peer.texts).toEqual(['0']);
    s.command(2, 'transport.close');
    await until(() => s.peer.texts.length === 3);
    await s.connect(3);
    expect(s.host.send('tube', 'data', '3')).toBeNull();
    await sleep(10);
    expect(s.peer.texts).toEqual(['0', '1', '2']);
    s.command(3, 'transport.activate');
    await until(() => s.peer.texts.length === 4);
    expect(s.peer.texts).toEqual(['0', '1', '2', '3']);
  });

  test('are reported as heard at most once per second, data apart from the rest', async () => {
    const s = scene('plain');
    await s.restart(1);
    await until(() => s.peer.link.send('data', 'x') === null);
    for (let index = 0; index < 50; index++) s.peer.link.send('data', 'x');
    s.peer.of(1).channels.get('control')!.send('\0PING');
    await until(() => s.received.length === 51);
    expect(s.all('transport.heard').filter(({ data }) => data)).toHaveLength(1);
    expect(s.all('transport.heard').length).toBeLessThanOrEqual(2);
  });
});

describe('crashes', () => {
  test('a released generation goes on carrying data and can be adopted', async () => {
    const s = scene('overlap');
    await s.restart(1);
    await until(() => s.host.send('tube', 'data', '0') === null);
    s.handles.get(1)!.release();
    const before = s.events.length;
    s.peer.link.send('data', 'while orphaned');
    s.host.send('tube', 'data', '1');
    await until(() => s.texts.length === 1 && s.peer.texts.length === 2);
    expect(s.events.length).toBe(before);
    s.open(1, { kind: 'adopt' });
    expect(s.events.slice(before).map(({ type }) => type)).toEqual([
      'transport.stateChanged',
      'transport.channelOpened',
      'transport.channelOpened',
      'transport.up',
      'transport.selectedPair',
    ]);
    await s.restart(2);
    s.command(1, 'transport.close');
    await s.event('transport.closed', 1);
  });

  test('adopting what is not there is told as closed at once', () => {
    const s = scene('plain');
    s.open(3, { kind: 'adopt' });
    expect(s.events.map(({ type }) => type)).toEqual(['transport.down', 'transport.closed']);
    s.command(3, 'transport.close');
  });

  test('generations that a crashed actor was bringing up or letting linger are closed', async () => {
    const s = scene('overlap');
    await s.restart(1);
    await s.restart(2);
    s.open(3);
    await s.event('transport.described', 3);
    for (const generation of [1, 2, 3]) s.handles.get(generation)!.release();
    s.open(2, { kind: 'adopt' });
    await until(() => s.host.liveGenerations() === 1);
    expect(s.counts.get('generation_orphaned')).toBe(2);
  });

  test('an actor that crashes without a successor is cleaned up by closeTube', async () => {
    const s = scene('plain');
    await s.restart(1);
    s.handles.get(1)!.release();
    s.host.closeTube('tube');
    s.host.closeTube('tube');
    await until(() => s.host.liveGenerations() === 0);
    expect(await s.host.stats('tube')).toBeNull();
  });
});

describe('rapid sequences', () => {
  test.each([0, 1, 2, 5, 10, 20])('close %i ms after opening leaves nothing behind', async (ms) => {
    const s = scene('plain');
    const handle = s.open(1);
    if (ms > 0) await sleep(ms);
    handle.command({ type: 'transport.close' });
    handle.command({ type: 'transport.close' });
    handle.command({ type: 'transport.ping', seq: 1 });
    handle.command({ type: 'transport.applyAnswer', requestId: 'late', sdp: 'v=0' });
    await s.event('transport.closed', 1);
    const after = s.events.length;
    handle.command({ type: 'transport.applyAnswer', requestId: 'later', sdp: 'v=0' });
    await sleep(10);
    expect(s.events.length).toBe(after);
    expect(s.events.at(-1)?.type).toBe('transport.closed');
    expect(s.has('transport.down')).toBe(false);
  });

  test('closing while an answer is applied answers the call', async () => {
    const s = scene('plain');
    const handle = s.open(1);
    const { description } = await s.event('transport.described', 1);
    const sdp = await s.peer.answer(1, description.sdp);
    handle.command({ type: 'transport.applyAnswer', requestId: 'a', sdp });
    handle.command({ type: 'transport.close' });
    await s.event('transport.closed', 1);
    expect(s.all('transport.refused')[0]).toMatchObject({
      requestId: 'a',
      failure: { code: 'signalling_stale_generation' },
    });
  });

  test('a connection that fails is reported down, then closed, and its tube goes on with the next', async () => {
    const s = scene('overlap');
    await s.restart(1);
    network.failAll();
    await s.event('transport.closed', 1);
    expect(s.all('transport.down').map(({ cause }) => cause)).toEqual(['disconnected', 'closed']);
    expect(s.host.send('tube', 'data', 'kept')).toBeNull();
    await s.restart(2);
    await until(() => s.peer.texts.includes('kept'));
  });
});

test('every generation is built with ICE servers of its own', async () => {
  const built: unknown[] = [];
  const host = new TransportHost({
    createConnection: (config, handlers) => {
      built.push(config.iceServers);
      return network.createConnection(config, handlers);
    },
    connection: ({ tubeId, settings }) => ({
      iceServers: [{ urls: [`turn:${tubeId}:${settings.turnCredentialTtlMs}`], username: `${built.length}` }],
    }),
    observer: { message: ignore, dropped: ignore, counted: ignore, fault: ignore },
  });
  const settings = { ...defaultSettings, turnCredentialTtlMs: 60_000 };
  for (const generation of [1, 2]) {
    const mode = { kind: 'offer' } as const;
    host.open({ tubeId: 't', generation, mode, channels: [], dtlsRole: null, peerKind: 'plain', settings }, ignore);
  }
  expect(built).toEqual([[{ urls: ['turn:t:60000'], username: '0' }], [{ urls: ['turn:t:60000'], username: '1' }]]);
  await host.closeAll();
});

describe('listeners that throw', () => {
  test('are counted and harm nobody', async () => {
    const faults: unknown[] = [];
    const counts: string[] = [];
    const bad = (): never => {
      throw new Error('listener');
    };
    const host = new TransportHost({
      createConnection: network.createConnection,
      connection: () => ({ iceServers: [] }),
      observer: {
        message: bad,
        dropped: bad,
        counted: (counter) => void counts.push(counter),
        fault: (_where, error) => void faults.push(error),
      },
    });
    const input = {
      tubeId: 't',
      generation: 1,
      mode: { kind: 'offer' },
      channels: [],
      dtlsRole: null,
      peerKind: 'plain',
      settings: defaultSettings,
    } as const;
    host.open(input, bad);
    await until(() => counts.includes('listener_threw'));
    expect(faults.length).toBeGreaterThan(0);
    await host.closeAll();
    expect(host.liveGenerations()).toBe(0);
  });
});

describe('the actor', () => {
  const parentOf = (host: TransportHost, told: TransportEvent[]) => {
    const machine = setup({
      types: { events: {} as TransportEvent },
      actors: { transport: transportStub },
    }).createMachine({
      invoke: {
        id: 'transport',
        src: 'transport',
        input: {
          tubeId: 't',
          generation: 1,
          mode: { kind: 'offer' },
          channels: [],
          dtlsRole: null,
          peerKind: 'plain',
          settings: defaultSettings,
        },
      },
      on: { '*': { actions: ({ event }) => void told.push(event) } },
    });
    return createActor(machine.provide({ actors: { transport: createTransportActor(host) } }));
  };

  test('passes events to its parent and commands to the host; stopping it closes nothing', async () => {
    const s = scene('plain');
    const told: TransportEvent[] = [];
    const parent = parentOf(s.host, told);
    parent.start();
    await until(() => told.some(({ type }) => type === 'transport.described'));
    parent.stop();
    await sleep(20);
    const count = told.length;
    expect(s.host.liveGenerations()).toBe(1);
    s.host.closeTube('t');
    await until(() => s.host.liveGenerations() === 0);
    expect(told.length).toBe(count);
  });

  test('a command to close is heard', async () => {
    const s = scene('plain');
    const told: TransportEvent[] = [];
    const parent = parentOf(s.host, told);
    parent.start();
    const child = parent.getSnapshot().children['transport'] as unknown as {
      send(event: { type: 'transport.close' }): void;
    };
    child.send({ type: 'transport.close' });
    await until(() => told.at(-1)?.type === 'transport.closed');
    parent.stop();
    expect(s.host.liveGenerations()).toBe(0);
  });
});

test('the bytes of all generations of a tube are known at any moment', async () => {
  const s = scene('plain');
  await s.restart(1);
  await until(() => s.host.send('tube', 'data', 'x'.repeat(1000)) === null);
  const flow = s.host.flow('tube');
  expect(flow).toMatchObject({ bytesIn: 0, bytesOut: 1000 });
  await until(() => s.peer.received.length === 1);
  await s.restart(2);
  await until(() => s.host.send('tube', 'data', 'x'.repeat(500)) === null);
  await until(() => s.peer.link.send('data', Uint8Array.of(1, 2)) === null && s.received.length > 0);
  expect(flow).toMatchObject({ bytesIn: 2, bytesOut: 1500 });
});

test('stats sum generations and name the active one', async () => {
  const s = scene('overlap');
  await s.restart(1);
  await until(() => s.host.send('tube', 'data', 'x'.repeat(1000)) === null);
  await s.restart(2);
  s.command(1, 'transport.close');
  await s.event('transport.closed', 1);
  await until(() => s.peer.received.length === 1);
  const stats = await s.host.stats('tube');
  expect(stats?.bytesSent).toBeGreaterThanOrEqual(1000);
  expect(stats?.generations).toEqual([{ generation: 2, state: 'connected', active: true }]);
  expect(stats?.selectedPair?.local.type).toBe('host');
  expect(stats?.channels.find(({ label }) => label === 'data')).toMatchObject({ messagesSent: 1, open: true });
});
