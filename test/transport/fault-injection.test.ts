// A path that is broken on purpose: nothing goes or comes, nobody is told, and what comes when it is over.
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ChannelHandlers, ConnectionFactory } from '../../src/channels/connection.port.js';
import { withFaults } from '../../src/transport/fault-injection.js';
import { FakeNetwork } from '../support/fake-connection.js';
import { sleep, until } from '../support/until.js';
import { Scene, ScenePeer } from './scene.js';

const network = new FakeNetwork();
const scenes: Scene[] = [];

async function connected(kind: 'plain' | 'overlap', createConnection = withFaults(network.createConnection)) {
  const scene = new Scene(createConnection, new ScenePeer(kind, network.createConnection));
  scenes.push(scene);
  await scene.restart(1);
  await until(() => scene.host.send('tube', 'data', 'first') === null);
  await until(() => scene.peer.link.send('data', 'first') === null);
  await until(() => scene.texts.length === 1 && scene.peer.texts.length === 1);
  return scene;
}

afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.end();
});

describe('a black hole', () => {
  test('swallows data, pings and pongs both ways, and says nothing', async () => {
    const scene = await connected('overlap');
    const before = scene.events.length;
    expect(scene.host.injectFault('tube', 'black_hole', 60_000)).toBe(true);
    expect(scene.host.send('tube', 'data', 'lost for now')).toBeNull();
    expect(scene.peer.link.send('data', 'lost for now')).toBeNull();
    scene.handles.get(1)!.command({ type: 'transport.ping', seq: 1 });
    scene.peer.of(1).channels.get('control')!.send('\0PING');
    await sleep(100);
    expect(scene.texts).toEqual(['first']);
    expect(scene.peer.texts).toEqual(['first']);
    expect(scene.peer.pings).toEqual([]);
    expect(scene.events.slice(before)).toEqual([]);
  });

  test('is none to the next generation, and nothing of our library is lost', async () => {
    const scene = await connected('overlap');
    scene.host.injectFault('tube', 'black_hole', 60_000);
    for (const text of ['1', '2', '3']) {
      expect(scene.host.send('tube', 'data', text)).toBeNull();
      expect(scene.peer.link.send('data', text)).toBeNull();
    }
    await scene.restart(2);
    await until(() => scene.texts.length === 4 && scene.peer.texts.length === 4);
    scene.command(1, 'transport.close');
    await scene.event('transport.closed', 1);
    expect(scene.texts).toEqual(['first', '1', '2', '3']);
    expect(scene.peer.texts).toEqual(['first', '1', '2', '3']);
  });

  test('that ends by itself gives back what it held, in its order', async () => {
    const scene = await connected('plain');
    scene.host.injectFault('tube', 'black_hole', 150);
    const texts = Array.from({ length: 20 }, (_, index) => `${index} ${'x'.repeat(4_000)}`);
    for (const text of texts) {
      expect(scene.host.send('tube', 'data', text)).toBeNull();
      expect(scene.peer.link.send('data', text)).toBeNull();
    }
    scene.handles.get(1)!.command({ type: 'transport.ping', seq: 7 });
    await until(() => scene.texts.length === 21 && scene.peer.texts.length === 21);
    expect(scene.texts.slice(1)).toEqual(texts);
    expect(scene.peer.texts.slice(1)).toEqual(texts);
    await until(() => scene.has('transport.pong', 1));
    expect(scene.host.send('tube', 'data', 'after')).toBeNull();
    await until(() => scene.peer.texts.at(-1) === 'after');
  });

  test('tells afterwards that a channel drained meanwhile, also where nothing was sent into it', async () => {
    let inner: ChannelHandlers | null = null;
    const channel = { isOpen: () => true, bufferedBytes: () => 0, send: () => true, setLowWaterBytes: () => undefined };
    const create = (() => ({
      createChannel: (_: unknown, handlers: ChannelHandlers) => ((inner = handlers), channel),
    })) as unknown as ConnectionFactory;
    const connection = withFaults(create)({} as never, {} as never);
    let drained = 0;
    const handlers = { open: () => undefined, closed: () => undefined, message: () => undefined };
    connection.createChannel({} as never, { ...handlers, drained: () => void (drained += 1) });
    connection.injectFault!('black_hole', 50);
    inner!.drained();
    expect(drained).toBe(0);
    await until(() => drained === 1);
    connection.injectFault!('black_hole', 20);
    await sleep(60);
    expect(drained).toBe(1);
  });

  test('into which a peer sends without end is closed', async () => {
    const scene = await connected('plain');
    scene.host.injectFault('tube', 'black_hole', 60_000);
    const chunk = 'x'.repeat(60_000);
    for (let count = 0; count < 200; count += 1) scene.peer.of(1).channels.get('data')!.send(chunk);
    await scene.event('transport.closed', 1);
    expect(scene.texts).toEqual(['first']);
  });
});

test('a connection that is closed on purpose is told like one that the peer closed', async () => {
  const scene = await connected('overlap');
  expect(scene.host.injectFault('tube', 'connection_closed', 0)).toBe(true);
  expect((await scene.event('transport.down', 1)).cause).toBe('closed');
  await scene.event('transport.closed', 1);
  expect(scene.host.injectFault('tube', 'black_hole', 100)).toBe(false);
});

test('without the wrapper nothing can be broken, nor a tube that is not there', async () => {
  const scene = await connected('plain', network.createConnection);
  expect(scene.host.injectFault('tube', 'black_hole', 100)).toBe(false);
  expect(scene.host.injectFault('nobody', 'connection_closed', 100)).toBe(false);
});
