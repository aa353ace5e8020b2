/** One generation at a time, on the fake network: descriptions, roles, candidates, channels and pings. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { probeLabel, readMark } from '../../src/channels/wire.js';
import { setupOf, withSetup } from '../../src/transport/sdp.js';
import { FakeNetwork } from '../support/fake-connection.js';
import { defaultSettings } from '../support/settings.js';
import { sleep, until } from '../support/until.js';
import { Scene, ScenePeer } from './scene.js';

const network = new FakeNetwork();
const scenes: Scene[] = [];

function scene(
  kind: 'plain' | 'overlap' = 'plain',
  settings: Partial<typeof defaultSettings> = {},
  trickle = true,
): Scene {
  const merged = { ...defaultSettings, ...settings };
  const made = new Scene(
    network.createConnection,
    new ScenePeer(kind, network.createConnection, 'peer-1', trickle),
    merged,
  );
  scenes.push(made);
  return made;
}

afterEach(async () => {
  network.refuseDescriptions = network.holdGathering = false;
  network.heal();
  for (const each of scenes.splice(0)) {
    await each.end();
    expect(each.faults).toEqual([]);
    expect(each.host.liveGenerations()).toBe(0);
  }
});

describe('as offerer', () => {
  test('offers actively, without candidates, with our mark and no channels in generation 1', async () => {
    const s = scene();
    s.open(1);
    const { description } = await s.event('transport.described', 1);
    expect(setupOf(description.sdp)).toBe('active');
    expect(description.sdp).toContain('a=ice-options:ice2,trickle\r\n');
    expect(description.sdp).not.toContain('a=candidate');
    expect(readMark(description.sdp)).toMatchObject({ channels: [] });
  });

  test('withholds its candidates until the answer is applied, then sends them in order with their end', async () => {
    const s = scene();
    const handle = s.open(1);
    const { description } = await s.event('transport.described', 1);
    await sleep(20);
    expect(s.has('transport.candidate')).toBe(false);
    handle.command({ type: 'transport.applyAnswer', requestId: 'a', sdp: await s.peer.answer(1, description.sdp) });
    await until(() => s.all('transport.candidate').at(-1)?.candidate === '');
    const types = s.events.map(({ type }) => type);
    expect(types.indexOf('transport.remoteApplied')).toBeLessThan(types.indexOf('transport.candidate'));
    expect(s.all('transport.remoteApplied')[0]).toMatchObject({
      requestId: 'a',
      peerKind: 'plain',
      sameConnection: false,
      dtlsRole: 'active',
    });
  });

  test('opens control first, then the channels of the settings, and reports each with its stream id', async () => {
    const s = scene('plain', {
      channels: [
        { label: 'data', class: 'reliable' },
        { label: 'pose', class: 'latest' },
      ],
    });
    await s.connect(1);
    await until(() => s.all('transport.channelOpened').length === 3);
    expect(s.channels).toEqual([
      { label: 'control', id: 0, class: 'reliable' },
      { label: 'data', id: 2, class: 'reliable' },
      { label: 'pose', id: 4, class: 'latest' },
    ]);
    // All of them as soon as it is up: the peer may know them before we know that it does, and is killed, or we are.
    expect(s.all('transport.up', 1)[0]?.channels).toEqual(s.channels);
  });

  test('a second answer, an answer to nothing and unusable answers are refused, and the right one is taken afterwards', async () => {
    const s = scene();
    const handle = s.open(1);
    const answer = (sdp: string, requestId: string): void =>
      handle.command({ type: 'transport.applyAnswer', sdp, requestId });
    answer('v=0', 'early');
    const { description } = await s.event('transport.described', 1);
    const sdp = await s.peer.answer(1, description.sdp);
    answer('nonsense', 'bad');
    answer(withSetup(sdp, 'active'), 'role');
    network.refuseDescriptions = true;
    answer(sdp, 'native');
    await until(() => s.all('transport.refused').length === 4);
    network.refuseDescriptions = false;
    answer(sdp, 'good');
    answer(sdp, 'twice');
    await s.event('transport.up', 1);
    expect(s.all('transport.refused').map(({ requestId, failure }) => [requestId, failure.code])).toEqual([
      ['early', 'signalling_unexpected_answer'],
      ['bad', 'input_sdp'],
      ['role', 'input_sdp'],
      ['native', 'input_sdp'],
      ['twice', 'signalling_unexpected_answer'],
    ]);
    expect(s.all('transport.remoteApplied').map(({ requestId }) => requestId)).toEqual(['good']);
  });

  test('later generations list the channels, attach them by id and keep the role', async () => {
    const s = scene('overlap');
    await s.restart(1);
    await until(() => s.channels.length === 2);
    await s.restart(2);
    const { description } = s.all('transport.described', 2)[0]!;
    expect(readMark(description.sdp)?.channels).toEqual(s.channels);
    expect(setupOf(description.sdp)).toBe('active');
    expect(
      s
        .all('transport.channelOpened', 2)
        .map(({ channel }) => channel.id)
        .sort(),
    ).toEqual([0, 2]);
  });

  test('a plain peer on its same connection is recognised by its session id', async () => {
    const s = scene();
    await s.restart(1);
    await s.restart(2);
    expect(s.all('transport.remoteApplied', 2)[0]).toMatchObject({ peerKind: 'plain', sameConnection: true });
    s.peer.forgetEverything();
    s.channels = [];
    await s.restart(3);
    expect(s.all('transport.remoteApplied', 3)[0]).toMatchObject({ sameConnection: false });
  });

  test('without trickle the description carries the candidates and none follow', async () => {
    const s = scene('plain', { trickleIce: false }, false);
    await s.connect(1);
    const { sdp } = s.all('transport.described')[0]!.description;
    expect(sdp).toContain('a=candidate:');
    expect(sdp).toContain('a=ice-options:ice2\r\n');
    expect(s.has('transport.candidate')).toBe(false);
  });

  test('gathering that never ends fails with transport_gather_timeout', async () => {
    network.holdGathering = true;
    const s = scene('plain', { trickleIce: false, iceGatherTimeoutMs: 30 });
    s.open(1);
    expect((await s.event('transport.failed', 1)).failure.code).toBe('transport_gather_timeout');
  });

  test('a connection that cannot be built fails with transport_init', async () => {
    const failing = new Scene(
      () => {
        throw new Error('no sockets left');
      },
      new ScenePeer('plain', network.createConnection),
    );
    failing.open(1);
    expect((await failing.event('transport.failed', 1)).failure).toEqual({
      code: 'transport_init',
      detail: 'no sockets left',
    });
    failing.command(1, 'transport.close');
    await failing.event('transport.closed', 1);
    expect(failing.host.liveGenerations()).toBe(0);
  });
});

describe('as answerer', () => {
  test("answers a plain page's first offer: control by us, then what the page has not opened itself", async () => {
    const s = scene('plain', {
      channels: [
        { label: 'data', class: 'reliable' },
        { label: 'extra', class: 'reliable' },
      ],
    });
    const offer = await s.peer.offer(1, ['data']);
    s.open(1, { kind: 'answer', sdp: offer, requestId: 'o' });
    const { description } = await s.event('transport.described', 1);
    expect(description.type).toBe('answer');
    await s.peer.of(1).connection.applyAnswer(description.sdp);
    for (const { candidate, mid } of s.all('transport.candidate'))
      await s.peer.of(1).connection.addCandidate(candidate, mid);
    await until(() => s.channels.length === 3);
    expect(s.channels.map(({ label }) => label).sort()).toEqual(['control', 'data', 'extra']);
    expect(s.all('transport.remoteApplied')[0]).toMatchObject({ requestId: 'o', dtlsRole: 'active' });
    const types = s.events.map(({ type }) => type);
    expect(types.indexOf('transport.described')).toBeLessThan(types.indexOf('transport.remoteApplied'));
  });

  test('an unusable offer fails the generation', async () => {
    const s = scene();
    s.open(1, { kind: 'answer', sdp: 'v=0\r\n', requestId: 'o' });
    expect((await s.event('transport.failed', 1)).failure.code).toBe('input_sdp');
    network.refuseDescriptions = true;
    s.open(2, { kind: 'answer', sdp: await s.peer.offer(1, ['data']), requestId: 'p' });
    expect((await s.event('transport.failed', 2)).failure).toEqual({
      code: 'input_sdp',
      detail: 'the description is refused',
    });
    for (const generation of [1, 2]) s.command(generation, 'transport.close');
    await s.event('transport.closed', 2);
  });

  test("a browser's own restart offer keeps role and channels, whatever its actpass says", async () => {
    const s = scene();
    await s.restart(1);
    await until(() => s.channels.length === 2);
    s.dtlsRole = 'passive';
    s.open(2, { kind: 'answer', sdp: await s.peer.offer(2), requestId: 'o' });
    const { description } = await s.event('transport.described', 2);
    expect(setupOf(description.sdp)).toBe('passive');
    await s.peer.of(2).connection.applyAnswer(description.sdp);
    for (const { candidate, mid } of s.all('transport.candidate', 2))
      await s.peer.of(2).connection.addCandidate(candidate, mid);
    await s.event('transport.up', 2);
    expect(
      s
        .all('transport.channelOpened', 2)
        .map(({ channel }) => channel.id)
        .sort(),
    ).toEqual([0, 2]);
    expect(s.all('transport.remoteApplied', 2)[0]).toMatchObject({ sameConnection: true, dtlsRole: 'passive' });
  });

  test('a page that was loaded again gets its channels in-band', async () => {
    const s = scene();
    await s.restart(1);
    await until(() => s.channels.length === 2);
    s.peer.forgetEverything();
    s.open(2, { kind: 'answer', sdp: await s.peer.offer(2, ['own']), requestId: 'o' });
    const { description } = await s.event('transport.described', 2);
    await s.peer.of(2).connection.applyAnswer(description.sdp);
    for (const { candidate, mid } of s.all('transport.candidate', 2))
      await s.peer.of(2).connection.addCandidate(candidate, mid);
    await until(() => s.all('transport.channelOpened', 2).length === 3);
    expect([...s.peer.of(2).channels.keys()].sort()).toEqual(['control', 'data', 'own']);
  });
});

describe('candidates of the peer', () => {
  const line = (extra = ''): string => `candidate:1 1 UDP 2114977791 127.0.0.1 20000 typ host${extra}`;

  test('are kept before the answer up to a limit, refused when malformed, and stale ones are dropped', async () => {
    const s = scene();
    const handle = s.open(1);
    const add = (candidate: string, requestId: string): void =>
      handle.command({ type: 'transport.addCandidate', candidate, mid: '0', requestId });
    await s.event('transport.described', 1);
    add('nonsense', 'bad');
    for (let index = 0; index < 70; index++) add(line(' ufrag gone1'), `k${index}`);
    expect(s.all('transport.candidateAccepted')).toHaveLength(64);
    expect(s.all('transport.refused').map(({ failure }) => failure.code)).toEqual([
      'input_candidate',
      ...Array.from({ length: 6 }, () => 'signalling_candidate_overflow'),
    ]);
    const sdp = await s.peer.answer(1, s.all('transport.described')[0]!.description.sdp);
    handle.command({ type: 'transport.applyAnswer', requestId: 'a', sdp });
    await s.event('transport.up', 1);
    expect(s.counts.get('candidate_stale')).toBe(64);
    add(line(' ufrag gone2'), 'stale');
    expect(s.all('transport.refused').at(-1)?.failure.code).toBe('signalling_stale_generation');
  });

  test('are limited over the life of a generation', async () => {
    const s = scene();
    await s.connect(1);
    for (let index = 0; index < 300; index++) {
      s.handles
        .get(1)!
        .command({ type: 'transport.addCandidate', candidate: line(), mid: '0', requestId: `k${index}` });
    }
    await until(() => s.all('transport.refused').length >= 100);
    expect(s.all('transport.refused').every(({ failure }) => failure.code === 'signalling_candidate_overflow')).toBe(
      true,
    );
  });
});

describe('channels', () => {
  test('of the peer are served, up to 32, and a taken label gets its stream id', async () => {
    const s = scene();
    await s.restart(1);
    const twin = s.peer.open(1, 'data', null);
    await until(() => twin.isOpen());
    expect(s.channels.map(({ label }) => label)).toContain(`data#${twin.id()}`);
    for (let index = 0; index < 40; index++) s.peer.open(1, `own ${index}`, null);
    await until(() => (s.counts.get('channel_refused') ?? 0) === 9);
    expect(s.all('transport.channelOpened')).toHaveLength(2 + 32);
    s.peer.open(1, 'x'.repeat(129), null);
    await until(() => s.counts.get('channel_refused') === 10);
  });

  test('that a plain peer closes are reported and opened again, and what was sent meanwhile arrives', async () => {
    const s = scene();
    await s.restart(1);
    await until(() => s.peer.of(1).channels.get('data')?.isOpen() === true);
    s.peer.of(1).channels.get('data')!.close();
    await sleep(20);
    expect(s.host.send('tube', 'data', 'kept')).toBeNull();
    const closed = await s.event('transport.channelClosed', 1);
    expect(closed).toMatchObject({ label: 'data', id: 2, reason: 'closed by the peer' });
    await until(() => s.peer.texts.includes('kept'));
    expect(s.channels.map(({ label }) => label).sort()).toEqual(['control', 'data']);
  });

  test('that close with their connection are not reported as closed', async () => {
    const s = scene();
    await s.restart(1);
    s.peer.of(1).connection.close();
    await s.event('transport.closed', 1);
    await sleep(300);
    expect(s.has('transport.channelClosed')).toBe(false);
    expect(s.all('transport.down').map(({ cause }) => cause)).toEqual(['closed']);
  });
});

describe('what waits and drains', () => {
  const heardAfter = async (channels: (typeof defaultSettings)['channels']): Promise<boolean> => {
    const s = scene('plain', { channels });
    await s.restart(1);
    await until(() => s.channels.length === 1 + channels.length);
    await sleep(20);
    expect(s.has('transport.heard')).toBe(false);
    s.host.send('tube', 'data', 'x');
    await until(() => s.peer.received.length === 1);
    await sleep(20);
    return s.has('transport.heard');
  };

  test('shows the peer', async () => {
    expect(await heardAfter([{ label: 'data', class: 'reliable' }])).toBe(true);
  });

  test('shows nothing where a `latest` channel makes room by giving up', async () => {
    const pose = { label: 'pose', class: 'latest' } as const;
    expect(await heardAfter([{ label: 'data', class: 'reliable' }, pose])).toBe(false);
  });
});

describe('pings', () => {
  test.each(['plain', 'overlap'] as const)('of a %s peer are measured', async (kind) => {
    const s = scene(kind);
    await s.restart(1);
    for (const seq of [1, 2, 3]) s.handles.get(1)!.command({ type: 'transport.ping', seq });
    await until(() => s.all('transport.pong').length === 3);
    expect(s.peer.pings).toEqual(kind === 'plain' ? [5, 5, 5] : [9, 9, 9]);
    expect(s.all('transport.pong').map(({ seq }) => seq)).toEqual(kind === 'plain' ? [null, null, null] : [1, 2, 3]);
    expect(s.all('transport.pong')[0]!.rttMs).toBeGreaterThanOrEqual(0);
    s.command(1, 'transport.sample');
    const { sample } = await s.event('transport.sampled', 1);
    expect(sample).toMatchObject({ pingsSent: 3, pongsReceived: 3, bufferedBytes: 0 });
    expect(sample.selectedPair?.local).toMatch(/^host udp 127\.0\.0\.1:\d+$/);
    expect((await s.host.stats('tube'))?.loss).toMatchObject({ ratio: 0, toPeer: null });
  });

  test('go to our library on the probe channel too, count once, and the second pong is no news', async () => {
    const s = scene('overlap');
    s.peer.probes = true;
    await s.restart(1);
    await until(() => s.channels.some(({ label }) => label === probeLabel));
    const ping = (seq: number): void => s.handles.get(1)!.command({ type: 'transport.ping', seq });
    for (const seq of [1, 2, 3]) ping(seq);
    await until(() => s.all('transport.pong').length === 3);
    await sleep(30);
    expect(s.peer.pings).toHaveLength(3);
    // Now one of the two is lost.
    s.peer.answersPings = false;
    ping(4);
    await until(() => s.all('transport.pong').length === 4);
    expect(s.all('transport.pong').map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(s.peer.pings).toHaveLength(4);
    expect((await s.host.stats('tube'))?.loss?.ratio).toBe(0);
  });

  test('of the peer are answered, and loss is null for a peer that never answers', async () => {
    const s = scene();
    s.peer.answersPings = false;
    await s.restart(1);
    s.handles.get(1)!.command({ type: 'transport.ping', seq: 1 });
    expect((await s.host.stats('tube'))?.loss).toBeNull();
    const answers: unknown[] = [];
    const control = s.peer.of(1).channels.get('control')!;
    control.send('\0PING');
    control.send('garbage');
    await until(() => s.counts.get('control_malformed') === 1);
    expect(s.has('transport.heard')).toBe(true);
    expect(answers).toEqual([]);
  });
});

describe('the selected pair', () => {
  test('is told when the generation is up', async () => {
    const s = scene();
    await s.connect(1);
    const { pair } = await s.event('transport.selectedPair', 1);
    const types = s.events.map(({ type }) => type);
    expect(types.indexOf('transport.up')).toBeLessThan(types.indexOf('transport.selectedPair'));
    expect([pair.local.type, pair.remote.type]).toEqual(['host', 'host']);
  });

  test('ends in a relay where the peer says that the address is one', async () => {
    const s = scene();
    await s.connect(1);
    const { port } = (await s.event('transport.selectedPair', 1)).pair.remote;
    s.command(1, 'transport.activate');
    const relayed = (address: string, at: number) =>
      `candidate:9 1 UDP 1 ${address} ${at} typ relay raddr 0.0.0.0 rport 0`;
    const typeNow = async (candidate: string) => {
      s.handles.get(1)!.command({ type: 'transport.addCandidate', requestId: candidate, candidate, mid: '0' });
      await until(() => s.all('transport.candidateAccepted').some(({ requestId }) => requestId === candidate));
      return (await s.host.stats('tube'))?.selectedPair?.remote.type;
    };
    expect(await typeNow(relayed('127.0.0.2', port))).toBe('host');
    expect(await typeNow(relayed('127.0.0.1', port))).toBe('relay');
    await until(() => s.all('transport.selectedPair').length === 2);
    expect(s.all('transport.selectedPair').map(({ pair }) => pair.remote.type)).toEqual(['host', 'relay']);
  });
});
