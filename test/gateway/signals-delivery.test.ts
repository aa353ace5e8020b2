// Who gets which signal, in which order, and what a controller gets that was away.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TubeEmission } from '../../machines/events.js';
import { AppError } from '../../src/errors.js';
import { fakeSdp } from '../support/fake-tubes.js';
import { acmeToken, Harness, otherToken, TestController, until, type Reply } from '../support/gateway-harness.js';

const connected: TubeEmission = { type: 'state', state: 'connected', reason: '' };
const candidate = (text: string): TubeEmission => ({ type: 'candidate', generation: 1, candidate: text, mid: '0' });

let harness: Harness;
let controller: TestController;

beforeEach(async () => {
  harness = await new Harness().start();
  controller = await harness.controller();
});
afterEach(() => harness.stop());

const seqs = ({ signals }: TestController): number[] => signals.map(({ seq }) => seq);
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
/** Everything sent before this answer has arrived when it has. */
const settle = (one: TestController): Promise<Reply> => one.call('get_resource_limits');

describe('create_tube', () => {
  test('is acknowledged before the first signal of its tube, whoever listens', async () => {
    const listener = await harness.controller();
    await listener.call('subscribe', { all: true });
    await controller.call('subscribe', { all: true });
    harness.tubes.duringCreate = async (tubeId) => {
      harness.tubes.say(tubeId, { type: 'state', state: 'connecting', reason: '' });
      await new Promise((resolve) => setTimeout(resolve, 30));
      harness.tubes.say(tubeId, candidate('candidate:1'));
    };
    const order: string[] = [];
    controller.socket.on('signal', ({ kind }: { kind: string }) => order.push(kind));
    controller.socket.emit('create_tube', { conversation_id: 'talk' }, (reply: Reply) =>
      order.push(`ack ${String(reply.ok)}`),
    );
    await until(() => order.length === 3);
    expect(order).toEqual(['ack true', 'connection_state_changed', 'icecandidate']);
    await settle(listener);
    expect(seqs(listener)).toEqual([1, 2]);
    expect(listener.signals[1]).toMatchObject({
      kind: 'icecandidate',
      data: 'candidate:1',
      sdp_mid: '0',
      conversation_id: 'talk',
    });
  });

  test('in an array holds the signals of all its tubes until the one acknowledgement', async () => {
    harness.tubes.duringCreate = (tubeId) => harness.tubes.say(tubeId, candidate('c'));
    const order: string[] = [];
    controller.socket.on('signal', () => order.push('signal'));
    controller.socket.emit('create_tube', [{ conversation_id: 'a' }, { conversation_id: 'b' }, {}], () =>
      order.push('ack'),
    );
    await until(() => order.length === 3);
    expect(order).toEqual(['ack', 'signal', 'signal']);
  });

  test('that fails is never heard of', async () => {
    await controller.call('subscribe', { all: true });
    harness.tubes.duringCreate = (tubeId) => {
      harness.tubes.say(tubeId, { type: 'closed', reason: 'internal' });
      throw new Error('native trouble');
    };
    expect((await controller.call('create_tube', { conversation_id: 'talk' })).error?.code).toBe('service_internal');
    await settle(controller);
    expect(controller.signals).toEqual([]);
  });

  test('that is closed before its acknowledgement still says so, once', async () => {
    harness.tubes.duringCreate = (tubeId) => harness.tubes.say(tubeId, { type: 'closed', reason: 'limit' });
    await controller.createTube();
    await settle(controller);
    expect(controller.signals).toMatchObject([{ data: 'closed', seq: 1, progress_flag: 1, is_ok: false }]);
  });

  test('repeated by a controller that was cut off gets the candidates it missed', async () => {
    const call = { conversation_id: 'talk', idempotency_key: 'k' };
    const { tubeId } = await controller.createTube(call);
    harness.tubes.say(tubeId, candidate('candidate:1'));
    const another = await harness.controller();
    expect((await another.call('create_tube', call))['tube_id']).toBe(tubeId);
    harness.tubes.say(tubeId, candidate('candidate:2'));
    await settle(another);
    await settle(controller);
    expect(another.signals.map(({ data }) => data)).toEqual(['candidate:1', 'candidate:2']);
    expect(controller.signals.map(({ data }) => data)).toEqual(['candidate:1', 'candidate:2']);
  });

  test('without an acknowledgement still delivers', async () => {
    harness.tubes.duringCreate = (tubeId) => harness.tubes.say(tubeId, candidate('c'));
    controller.socket.emit('create_tube', { conversation_id: 'talk' });
    await until(() => controller.signals.length === 1);
  });
});

describe("set_remote_description with a peer's offer", () => {
  /** What comes to the controller, in order. */
  let order: string[];
  let tubeId: string;
  /** Each lets one answer be made. */
  let answers: (() => void)[];
  const offer = (): object => ({ tube_id: tubeId, sdp: fakeSdp('peer'), is_answer: false });
  const call = (name: string): void =>
    void controller.socket.emit('set_remote_description', offer(), (reply: Reply) =>
      order.push(`${name} ${reply.ok ? 'ok' : String(reply.error?.code)}`),
    );

  beforeEach(async () => {
    ({ tubeId } = await controller.createTube());
    order = [];
    answers = [];
    controller.socket.on('signal', ({ data }: { data: string }) => order.push(data));
    harness.tubes.remoteDescription = async (id) => {
      const number = answers.length + 2;
      harness.tubes.say(id, candidate(`early ${String(number)}`));
      await new Promise<void>((resolve) => answers.push(resolve));
      harness.tubes.say(id, candidate(`late ${String(number)}`));
      return { generation: number, answer: { type: 'answer', sdp: fakeSdp('answer') } };
    };
  });

  test('is acknowledged before the candidates of its generation', async () => {
    call('ack');
    await until(() => answers.length === 1);
    await settle(controller);
    expect(order).toEqual([]);
    answers[0]?.();
    await until(() => order.length === 3);
    harness.tubes.say(tubeId, candidate('after'));
    await until(() => order.length === 4);
    expect(order).toEqual(['ack ok', 'early 2', 'late 2', 'after']);
    expect(seqs(controller)).toEqual(range(1, 3));
  });

  test('twice at the same time holds until both are acknowledged', async () => {
    call('first');
    call('second');
    await until(() => answers.length === 2);
    answers[1]?.();
    await until(() => order.length === 1);
    await settle(controller);
    expect(order).toEqual(['second ok']);
    answers[0]?.();
    await until(() => order.length === 6);
    expect(order).toEqual(['second ok', 'first ok', 'early 2', 'early 3', 'late 3', 'late 2']);
    expect(seqs(controller)).toEqual(range(1, 4));
  });

  test('that fails holds nothing back any longer', async () => {
    harness.tubes.remoteDescription = async (id) => {
      harness.tubes.say(id, candidate('early'));
      throw new AppError('input_sdp');
    };
    call('ack');
    await until(() => order.length === 2);
    harness.tubes.say(tubeId, candidate('after'));
    await until(() => order.length === 3);
    expect([...order].sort()).toEqual(['ack input_sdp', 'after', 'early']);
  });

  test('whose tube is closed meanwhile still tells the end, as the last signal', async () => {
    call('ack');
    await until(() => answers.length === 1);
    harness.tubes.remoteDescription = () => Promise.reject(new AppError('tube_closed'));
    expect(await controller.call('close_tube', { tube_id: tubeId })).toMatchObject({ ok: true });
    harness.tubes.say = () => undefined;
    answers[0]?.();
    await until(() => order.length === 3);
    expect(order).toEqual(['ack ok', 'early 2', 'closed']);
    expect((await controller.call('get_tube', { tube_id: tubeId })).error?.code).toBe('tube_closed');
  });

  test('holds no more than it may, and loses nothing', async () => {
    call('ack');
    await until(() => answers.length === 1);
    for (let index = 0; index < 600; index += 1) harness.tubes.receive(tubeId, 'data', String(index));
    await settle(controller);
    expect(controller.signals.length).toBe(89);
    answers[0]?.();
    await until(() => controller.signals.length === 602);
    expect(seqs(controller)).toEqual(range(1, 602));
  });
});

describe('delivery', () => {
  test('a socket in several rooms gets each signal once', async () => {
    const { tubeId } = await controller.createTube();
    harness.tubes.say(tubeId, { type: 'state', state: 'connecting', reason: '' });
    for (const one of [{ tube_id: tubeId }, { conversation_id: 'talk' }, { all: true }])
      await controller.call('subscribe', one);
    harness.tubes.say(tubeId, connected);
    harness.tubes.receive(tubeId, 'data', 'hi');
    await settle(controller);
    expect(controller.signals).toMatchObject([
      { seq: 1, data: 'connecting', previous_state: 'initializing' },
      {
        seq: 2,
        kind: 'connection_state_changed',
        data: 'connected',
        previous_state: 'connecting',
        transport_state: 'new',
      },
      { seq: 3, kind: 'message', data: { channel: 'data', payload: 'hi', encoding: 'utf8' } },
    ]);
  });

  test('a dropped attempt leaves the transport state of the generation that carries data', async () => {
    const { tubeId } = await controller.createTube();
    const say = (emission: TubeEmission): void => harness.tubes.say(tubeId, emission);
    say({ type: 'transportState', generation: 1, state: 'connecting' });
    say({ type: 'cutOver', generation: 1, from: null });
    const view = harness.tubes.views.get(tubeId);
    if (view !== undefined) view.activeGeneration = 1;
    say(connected);
    say({ type: 'state', state: 'degraded', reason: 'restart' });
    if (view !== undefined) view.generation = 2;
    say({ type: 'transportState', generation: 2, state: 'connecting' });
    say({ type: 'transportState', generation: 2, state: 'closed' });
    say(connected);
    await settle(controller);
    expect(
      controller.signals.map(({ data, generation, ...rest }) => [
        data,
        generation,
        (rest as unknown as Record<string, unknown>)['transport_state'],
      ]),
    ).toEqual([
      ['initializing', 1, 'connecting'],
      ['connected', 1, 'connected'],
      ['degraded', 1, 'connected'],
      ['connected', 2, 'connected'],
    ]);
  });

  test('a restart offer and its outcome', async () => {
    const { tubeId } = await controller.createTube();
    const sdp = fakeSdp('offer 2');
    const ice_servers = harness.tubes.iceServers(tubeId);
    harness.tubes.say(tubeId, {
      type: 'description',
      generation: 2,
      description: { type: 'offer', sdp },
      purpose: 'restart',
      requestId: null,
    });
    harness.tubes.say(tubeId, {
      type: 'attemptEnded',
      generation: 2,
      trigger: 'manual',
      outcome: 'success',
      failure: null,
      durationMs: 5,
    });
    await settle(controller);
    expect(controller.signals).toMatchObject([
      {
        kind: 'ice_restart_offer',
        generation: 2,
        data: Buffer.from(sdp).toString('base64'),
        progress_flag: 2,
        ice_servers,
      },
      { kind: 'ice_restart_offer', generation: 2, data: '', progress_flag: 0, progress_status: 'ICE restart complete' },
    ]);
  });

  test('stays within the tenant, also for the same conversation and for all', async () => {
    const stranger = await harness.controller(otherToken);
    await stranger.call('subscribe', { all: true });
    await stranger.call('subscribe', { conversation_id: 'talk' });
    const { tubeId } = await controller.createTube();
    expect(await stranger.call('list_tubes')).toMatchObject({ tubes: [] });
    harness.tubes.say(tubeId, connected);
    await settle(controller);
    await settle(stranger);
    expect(controller.signals).toHaveLength(1);
    expect(stranger.signals).toEqual([]);
  });

  test('subscribe tells the last number, unsubscribe ends it', async () => {
    const { tubeId } = await controller.createTube();
    harness.tubes.say(tubeId, connected);
    const listener = await harness.controller();
    expect(await listener.call('subscribe', { conversation_id: 'talk' })).toEqual({
      ok: true,
      tubes: [{ tube_id: tubeId, last_seq: 1 }],
    });
    harness.tubes.receive(tubeId, 'data', 'a');
    await listener.call('unsubscribe', { conversation_id: 'talk' });
    harness.tubes.receive(tubeId, 'data', 'b');
    await settle(listener);
    expect(seqs(listener)).toEqual([2]);
  });

  test('a closed tube leaves no room behind, and its late notices no trace', async () => {
    const { tubeId } = await controller.createTube();
    const view = harness.tubes.view(tubeId);
    await controller.call('close_tube', { tube_id: tubeId });
    if (view !== null) harness.tubes.views.set(tubeId, { ...view, state: 'closed' });
    harness.tubes.say(tubeId, { type: 'generationClosed', generation: 1 });
    harness.tubes.say(tubeId, candidate('late'));
    harness.tubes.receive(tubeId, 'data', 'late');
    await settle(controller);
    expect(controller.signals).toMatchObject([{ data: 'closed', reason: 'requested', progress_flag: 0, is_ok: true }]);
  });

  test('a socket has a cap of subscriptions', async () => {
    const small = await new Harness({ maxSubscriptionsPerSocket: 2 }).start();
    try {
      const one = await small.controller();
      await one.createTube();
      await one.call('subscribe', { conversation_id: 'a' });
      expect((await one.call('subscribe', { conversation_id: 'a' })).ok).toBe(true);
      expect((await one.call('subscribe', { conversation_id: 'b' })).error?.code).toBe('limit_subscriptions');
      expect((await one.call('create_tube', { conversation_id: 'c' })).error?.code).toBe('limit_subscriptions');
      expect(small.tubes.views.size).toBe(1);
    } finally {
      await small.stop();
    }
  });
});

describe('recovery', () => {
  test('a new connection is told the window', () => {
    expect(controller.sessions).toEqual([{ recovered: false, replay_window_ms: 120_000, hole: false }]);
  });

  test('after a dropped connection nothing is missing and nothing comes twice', async () => {
    const { tubeId } = await controller.createTube();
    for (let index = 0; index < 5; index += 1) harness.tubes.receive(tubeId, 'data', `before ${String(index)}`);
    await settle(controller);
    controller.dropConnection();
    for (let index = 0; index < 5; index += 1) {
      harness.tubes.receive(tubeId, 'data', `away ${String(index)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await until(() => controller.sessions.length === 2);
    harness.tubes.receive(tubeId, 'data', 'after');
    await settle(controller);
    expect(controller.sessions[1]).toMatchObject({ recovered: true, hole: false });
    expect(controller.socket.recovered).toBe(true);
    expect(seqs(controller)).toEqual(range(1, 11));
    // It is still itself: its tenant, its rooms, its calls.
    expect((await controller.call('get_tube', { tube_id: tubeId })).ok).toBe(true);
  });

  test('ten drops in a row while signals keep coming', async () => {
    const { tubeId } = await controller.createTube();
    let sent = 0;
    const timer = setInterval(() => {
      sent += 1;
      harness.tubes.receive(tubeId, 'data', String(sent));
    }, 1);
    for (let drop = 0; drop < 10; drop += 1) {
      const sessions = controller.sessions.length;
      controller.dropConnection();
      await until(() => controller.sessions.length > sessions);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    clearInterval(timer);
    await settle(controller);
    expect(controller.sessions.slice(1).every(({ recovered, hole }) => recovered && !hole)).toBe(true);
    expect(seqs(controller)).toEqual(range(1, sent));
  }, 15_000);

  test('a client that is back before the server noticed takes its session over', async () => {
    const { tubeId } = await controller.createTube();
    harness.tubes.receive(tubeId, 'data', 'one');
    await settle(controller);
    // A second client with the private id and offset of the first is what the server sees of a client on a new network.
    const { _pid: pid, _lastOffset: offset } = controller.socket as unknown as { _pid: string; _lastOffset: string };
    const lost = new TestController(harness.client('/control', { token: acmeToken, pid, offset }));
    controller.socket.io.reconnection(false);
    harness.tubes.receive(tubeId, 'data', 'written to the dead connection');
    await lost.connect();
    expect(lost.sessions[0]).toMatchObject({ recovered: true, hole: false });
    await settle(lost);
    expect(seqs(lost)).toEqual([2]);
    await until(() => controller.socket.disconnected);
  });

  test('an idle controller recovers although its last packet is long gone', async () => {
    const brief = await new Harness({ signalReplayMaxSignals: 3 }).start();
    try {
      const idle = await brief.controller();
      const busy = await brief.controller();
      const { tubeId } = await busy.createTube();
      for (let index = 0; index < 10; index += 1) brief.tubes.receive(tubeId, 'data', 'x');
      await settle(idle);
      idle.dropConnection();
      await until(() => idle.sessions.length === 2);
      expect(idle.sessions[1]).toMatchObject({ recovered: true, hole: false });
    } finally {
      await brief.stop();
    }
  });

  test('tells the hole when more was missed than is kept', async () => {
    const brief = await new Harness({ signalReplayMaxSignals: 3 }).start();
    try {
      const one = await brief.controller();
      const { tubeId } = await one.createTube();
      one.dropConnection();
      await until(() => brief.seen.connections.some(([, delta]) => delta === -1));
      for (let index = 0; index < 10; index += 1) brief.tubes.receive(tubeId, 'data', 'x');
      await until(() => one.sessions.length === 2);
      expect(one.sessions[1]).toMatchObject({ recovered: false, hole: true });
      expect(await one.call('subscribe', { all: true })).toMatchObject({ tubes: [{ tube_id: tubeId, last_seq: 10 }] });
    } finally {
      await brief.stop();
    }
  });

  test('the handshake is checked again, and nothing is replayed before', async () => {
    const { tubeId } = await controller.createTube();
    harness.tokens = harness.tokens.filter(({ tenant }) => tenant !== 'acme');
    const refused = new Promise<Error & { data?: { code?: string } }>((resolve) =>
      controller.socket.once('connect_error', resolve),
    );
    controller.dropConnection();
    await until(() => harness.seen.connections.length === 2);
    harness.tubes.receive(tubeId, 'data', 'secret');
    expect((await refused).data?.code).toBe('auth_invalid');
    expect(controller.signals).toEqual([]);
  });

  test('a token of another tenant does not inherit the session', async () => {
    const { tubeId } = await controller.createTube();
    controller.socket.auth = { token: otherToken };
    controller.dropConnection();
    await until(() => harness.seen.connections.length === 2);
    harness.tubes.receive(tubeId, 'data', 'of acme');
    await until(() => controller.sessions.length === 2);
    harness.tubes.receive(tubeId, 'data', 'of acme');
    expect((await controller.call('get_tube', { tube_id: tubeId })).error?.code).toBe('tube_unknown');
    expect(controller.sessions[1]).toMatchObject({ recovered: false, hole: true });
    expect(controller.signals).toEqual([]);
  });
});
