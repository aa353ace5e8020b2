/** What one generation must not do to the others of its tube, or to whoever asks: channels that close, candidates that are late, calls that throw. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ConnectionFactory, ConnectionHandlers } from '../../src/channels/connection.port.js';
import { readMark } from '../../src/channels/wire.js';
import { createNativeConnection } from '../../src/transport/native-connection.js';
import { TransportHost } from '../../src/transport/transport-host.js';
import { FakeNetwork } from '../support/fake-connection.js';
import { defaultSettings } from '../support/settings.js';
import { sleep, until } from '../support/until.js';
import { Scene, ScenePeer } from './scene.js';

const network = new FakeNetwork();
const scenes: Scene[] = [];

function scene(kind: 'plain' | 'overlap', create: ConnectionFactory = network.createConnection): Scene {
  const made = new Scene(create, new ScenePeer(kind, create));
  scenes.push(made);
  return made;
}

afterEach(async () => {
  for (const each of scenes.splice(0)) {
    await each.end();
    expect(each.faults).toEqual([]);
    expect(each.host.liveGenerations()).toBe(0);
  }
});

async function withTwo(s: Scene): Promise<void> {
  await s.restart(1);
  await until(() => s.host.send('tube', 'data', '0') === null && s.peer.link.send('data', '0') === null);
  await s.connect(2);
  await until(() => s.peer.of(2).channels.get('data')?.isOpen() === true);
}

const exchange = async (s: Scene, text: string): Promise<void> => {
  expect([s.host.send('tube', 'data', text), s.peer.link.send('data', text)]).toEqual([null, null]);
  await until(() => s.texts.at(-1) === text && s.peer.texts.at(-1) === text, 2000, text);
};

describe('a channel that the peer closes', () => {
  test('in the lingering generation leaves that of the active one alone', async () => {
    const s = scene('overlap');
    await withTwo(s);
    s.command(2, 'transport.activate');
    await exchange(s, '1');
    s.peer.of(1).channels.get('data')!.close();
    await sleep(600);
    expect(s.all('transport.channelClosed')).toEqual([]);
    await exchange(s, '2');
    await s.restart(3);
    await exchange(s, '3');
    expect(s.texts).toEqual(['0', '1', '2', '3']);
    expect(s.peer.texts).toEqual(['0', '1', '2', '3']);
  });

  test('in the pending generation is reported when that one is active and has none, not before', async () => {
    const s = scene('overlap');
    await withTwo(s);
    s.peer.of(2).channels.get('data')!.close();
    await sleep(600);
    expect(s.all('transport.channelClosed')).toEqual([]);
    expect(s.host.send('tube', 'data', '1')).toBeNull();
    await until(() => s.peer.texts.includes('1'));
    s.command(2, 'transport.activate');
    await s.event('transport.channelClosed', 2);
    expect(s.host.send('tube', 'data', '2')).toBe('channel_unknown');
    expect(s.counts.get('channel_closed_by_peer')).toBe(1);
  });

  test('in the active generation is forgotten only if the pending one has none either', async () => {
    const s = scene('overlap');
    await withTwo(s);
    s.peer.of(1).channels.get('data')!.close();
    await sleep(600);
    expect(s.all('transport.channelClosed')).toEqual([]);
    s.command(2, 'transport.activate');
    await sleep(10);
    await exchange(s, '1');
  });
});

test.each([
  ['fake', network.createConnection],
  ['native', createNativeConnection],
])('a candidate for a generation that is closing is refused at once (%s)', async (_name, create) => {
  const s = scene('overlap', create);
  await s.restart(1);
  const handle = s.open(2);
  await s.event('transport.described', 2);
  const add = (generation: number, requestId: string): void =>
    s.handles.get(generation)!.command({
      type: 'transport.addCandidate',
      requestId,
      candidate: 'candidate:1 1 UDP 2122252543 127.0.0.1 50000 typ host',
      mid: '0',
    });
  // Candidates are kept back for a moment after the answer.
  await sleep(300);
  s.command(2, 'transport.close');
  add(2, 'late');
  // Taken while it was open, and closed before it was applied.
  add(1, 'overtaken');
  s.command(1, 'transport.close');
  await sleep(0);
  const answers = s.events.filter((event) => 'requestId' in event && ['late', 'overtaken'].includes(event.requestId));
  expect(answers).toMatchObject(
    ['late', 'overtaken'].map((requestId) => ({
      type: 'transport.refused',
      requestId,
      failure: { code: 'signalling_stale_generation' },
    })),
  );
  handle.release();
});

test('offers say whose numbers ours are', async () => {
  const s = scene('overlap');
  await s.restart(1);
  await s.restart(2);
  expect(
    [1, 2].map((generation) => readMark(s.all('transport.described', generation)[0]!.description.sdp)?.remote),
  ).toEqual([null, 'peer-1']);
});

test('stats survive a generation that cannot be asked', async () => {
  let refuses = false;
  const s = scene('overlap', (config, handlers) => {
    const connection = network.createConnection(config, handlers);
    const stats = connection.stats.bind(connection);
    const mayRefuse = refuses;
    connection.stats = () => (mayRefuse ? Promise.reject(new Error('destroyed')) : stats());
    return connection;
  });
  await s.restart(1);
  refuses = true;
  s.open(2);
  await s.event('transport.described', 2);
  const stats = await s.host.stats('tube');
  expect(stats?.generations).toHaveLength(2);
  expect(stats?.selectedPair).not.toBeNull();
});

test('a flood is counted and told with the tube it came from, and a listener that throws harms nothing', () => {
  let flooded: ConnectionHandlers['flooded'];
  const told: string[] = [];
  const host = new TransportHost({
    createConnection: (config, handlers) => {
      ({ flooded } = handlers);
      return network.createConnection(config, handlers);
    },
    connection: () => ({ iceServers: [] }),
    observer: {
      message: () => undefined,
      dropped: () => undefined,
      fault: () => undefined,
      counted: (counter) => told.push(counter),
      flooded: (tubeId) => {
        told.push(tubeId);
        throw new Error('broken');
      },
    },
  });
  const mode = { kind: 'offer' } as const;
  const input = { tubeId: 'tube', generation: 1, mode, channels: [], dtlsRole: null, peerKind: 'plain' } as const;
  host.open({ ...input, settings: defaultSettings }, () => undefined);
  flooded?.();
  expect(told).toEqual(['peer_flooded', 'tube', 'listener_threw']);
  return host.closeAll();
});
