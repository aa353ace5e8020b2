// /peer over a real connection: who is let in, what it is told, what it may say.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { AppError } from '../../src/errors.js';
import { fakeSdp } from '../support/fake-tubes.js';
import { Harness, nextEvent, until, type Reply, type TestController } from '../support/gateway-harness.js';

let harness: Harness;
let controller: TestController;
let tubeId: string;
let peerToken: string;

beforeEach(async () => {
  harness = await new Harness().start();
  controller = await harness.controller();
  ({ tubeId, peerToken } = await controller.createTube());
});
afterEach(() => harness.stop());

interface Told {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

class TestPeer {
  readonly told: Told[] = [];
  constructor(readonly socket: Socket) {
    socket.onAny((event: string, data: Record<string, unknown>) => this.told.push({ event, data }));
  }
  call(event: string, data: unknown): Promise<Reply> {
    return this.socket.timeout(5000).emitWithAck(event, data) as Promise<Reply>;
  }
  hello(instance: string, generation = 0): Promise<Reply> {
    return this.call('hello', { instance, generation, library: 'test' });
  }
}

async function peer(token: string = peerToken): Promise<TestPeer> {
  const one = new TestPeer(harness.client('/peer', { token }));
  const connected = nextEvent(one.socket, 'connect');
  one.socket.connect();
  await connected;
  return one;
}

const signalling = (): unknown[] => harness.tubes.calls('peerSignalling').map(([, online]) => online);
/** What a peer needs to build its connection. */
const setup = () => ({ trickle_ice: true, ice_servers: harness.tubes.iceServers(tubeId) });

describe('the handshake', () => {
  test.each([
    ['no token', undefined, 'auth_missing', 'missing'],
    ['an empty one', '', 'auth_missing', 'missing'],
    ['an object', { $gt: '' }, 'auth_invalid', 'invalid'],
    ['no secret', 'TUBE', 'auth_invalid', 'invalid'],
    ['a wrong secret', 'TUBE.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'auth_invalid', 'invalid'],
    ['an unknown tube', '00000000-0000-4000-8000-000000000000.AAAA', 'auth_invalid', 'invalid'],
    ['a prototype name', '__proto__.AAAA', 'auth_invalid', 'invalid'],
    ['a long one', 'x'.repeat(9000), 'auth_invalid', 'invalid'],
  ])('refuses %s', async (_name, token, code, cause) => {
    const given = typeof token === 'string' ? token.replace('TUBE', tubeId) : token;
    expect(await harness.refusedHandshake('/peer', { token: given })).toMatchObject({ code, retryable: false });
    expect(harness.seen.authFailures).toEqual([['peer_token', cause]]);
    expect(harness.tubes.calls('peerSignalling')).toEqual([]);
  });

  test('a control token opens no /peer, and a peer token no /control', async () => {
    expect(await harness.refusedHandshake('/peer', { token: 'acme-secret' })).toMatchObject({ code: 'auth_invalid' });
    expect(await harness.refusedHandshake('/control', { token: peerToken })).toMatchObject({ code: 'auth_invalid' });
  });

  test('the token of a closed tube is worth nothing', async () => {
    await controller.call('close_tube', { tube_id: tubeId });
    expect(await harness.refusedHandshake('/peer', { token: peerToken })).toMatchObject({ code: 'auth_invalid' });
  });
});

describe('what a peer is told', () => {
  test('a late comer gets the pending offer and the candidates so far, then hears on', async () => {
    harness.tubes.say(tubeId, { type: 'candidate', generation: 1, candidate: 'candidate:1', mid: '0' });
    const one = await peer();
    harness.tubes.say(tubeId, { type: 'candidate', generation: 1, candidate: '', mid: '0' });
    await until(() => one.told.length === 3);
    expect(one.told).toEqual([
      { event: 'offer', data: { type: 'offer', sdp: fakeSdp('offer 1'), generation: 1, tube_id: tubeId, ...setup() } },
      { event: 'icecandidate', data: { candidate: 'candidate:1', sdpMid: '0', generation: 1 } },
      { event: 'icecandidate', data: { candidate: '', sdpMid: '0', generation: 1 } },
    ]);
  });

  test('a restart offer goes to the peer of its tube only', async () => {
    harness.tubes.offers.clear();
    const other = await controller.createTube();
    harness.tubes.offers.clear();
    const one = await peer();
    const bystander = await peer(other.peerToken);
    const description = { type: 'offer' as const, sdp: fakeSdp('offer 2') };
    harness.tubes.say(tubeId, { type: 'description', generation: 2, description, purpose: 'restart', requestId: null });
    harness.tubes.say(tubeId, {
      type: 'description',
      generation: 2,
      description: { type: 'answer', sdp: fakeSdp('answer') },
      purpose: 'restart',
      requestId: 'r',
    });
    await until(() => one.told.length === 1);
    await bystander.hello('b', 1);
    expect(one.told).toMatchObject([
      { event: 'ice_restart_offer', data: { type: 'offer', sdp: fakeSdp('offer 2'), generation: 2 } },
    ]);
    expect(bystander.told).toEqual([]);
  });

  test('TURN credentials that were made for each offer, and for each hello', async () => {
    harness.tubes.offers.clear();
    const one = await peer();
    const description = { type: 'offer' as const, sdp: fakeSdp('offer') };
    for (const generation of [2, 3]) {
      harness.tubes.credentialsExpire = generation;
      harness.tubes.say(tubeId, { type: 'description', generation, description, purpose: 'restart', requestId: null });
    }
    harness.tubes.credentialsExpire = 4;
    expect(await one.hello('i-1')).toMatchObject({
      ice_servers: [{ username: `4:${tubeId}`, credential: 'SECRET-4' }],
    });
    await until(() => one.told.length === 2);
    expect(one.told).toMatchObject([
      { data: { generation: 2, ice_servers: [{ username: `2:${tubeId}`, credential: 'SECRET-2' }] } },
      { data: { generation: 3, ice_servers: [{ username: `3:${tubeId}`, credential: 'SECRET-3' }] } },
    ]);
    expect(harness.seen.logged.join('')).not.toContain('SECRET');
  });

  test('the end of its tube, after which it does not come back', async () => {
    const one = await peer();
    const gone = nextEvent(one.socket, 'disconnect');
    await controller.call('close_tube', { tube_id: tubeId });
    expect(await gone).toBe('io server disconnect');
    expect(one.told.at(-1)).toEqual({ event: 'closed', data: { reason: 'requested' } });
  });
});

describe('what a peer may say', () => {
  test('hello is answered with what it needs', async () => {
    const one = await peer();
    expect(await one.hello('i-1')).toEqual({
      ok: true,
      tube_id: tubeId,
      state: 'connecting',
      generation: 1,
      ...setup(),
    });
    expect(harness.tubes.calls('restart')).toEqual([]);
  });

  test('hello of a peer that lost everything tells its tube, unless an offer is waiting', async () => {
    const view = harness.tubes.views.get(tubeId);
    if (view !== undefined) view.activeGeneration = 1;
    const one = await peer();
    await one.hello('i-1');
    expect(harness.tubes.calls('peerReplaced')).toEqual([]);
    harness.tubes.offers.clear();
    expect((await one.hello('i-1')).ok).toBe(true);
    await one.hello('i-1', 1);
    expect(harness.tubes.calls('peerReplaced')).toEqual([[tubeId]]);
    expect(harness.tubes.calls('restart')).toEqual([]);
  });

  test('answer, candidate and its own offer', async () => {
    const one = await peer();
    const sdp = fakeSdp('mine');
    expect(await one.call('answer', { type: 'answer', sdp, generation: 1 })).toEqual({ ok: true, generation: 1 });
    expect(await one.call('icecandidate', { candidate: 'candidate:1', sdpMid: '0', generation: 1 })).toEqual({
      ok: true,
      generation: 1,
    });
    expect(await one.call('offer', { type: 'offer', sdp })).toEqual({
      ok: true,
      answer: { type: 'answer', sdp: fakeSdp('answer 2'), generation: 2 },
    });
    expect(harness.tubes.calls('remoteDescription')).toEqual([
      [tubeId, { type: 'answer', sdp }, 1],
      [tubeId, { type: 'offer', sdp }, null],
    ]);
    harness.tubes.failWith.set('remoteDescription', 'signalling_unexpected_answer');
    expect((await one.call('answer', { type: 'answer', sdp })).error?.code).toBe('signalling_unexpected_answer');
  });

  test('its own offer is acknowledged before the candidates of its generation', async () => {
    harness.tubes.offers.clear();
    const one = await peer();
    const order: unknown[] = [];
    one.socket.on('icecandidate', ({ candidate }: { candidate: string }) => order.push(candidate));
    const say = (candidate: string): void =>
      harness.tubes.say(tubeId, { type: 'candidate', generation: 2, candidate, mid: '0' });
    harness.tubes.remoteDescription = async () => {
      say('early');
      await new Promise((resolve) => setTimeout(resolve, 30));
      say('late');
      return { generation: 2, answer: { type: 'answer', sdp: fakeSdp('answer 2') } };
    };
    const offer = { type: 'offer', sdp: fakeSdp('mine') };
    for (const name of ['first', 'second'])
      one.socket.emit('offer', offer, (reply: Reply) => order.push(`${name} ${String(reply.ok)}`));
    await until(() => order.length === 6);
    say('after');
    await until(() => order.length === 7);
    expect(order).toEqual(['first true', 'second true', 'early', 'early', 'late', 'late', 'after']);
  });

  test('its own offer that is refused, or whose tube ends, holds nothing back', async () => {
    harness.tubes.offers.clear();
    const one = await peer();
    harness.tubes.remoteDescription = async (id) => {
      harness.tubes.say(id, { type: 'candidate', generation: 2, candidate: 'early', mid: '0' });
      throw new AppError('input_sdp');
    };
    const offer = { type: 'offer', sdp: fakeSdp('mine') };
    expect((await one.call('offer', offer)).error?.code).toBe('input_sdp');
    expect(one.told.map(({ data }) => data['candidate'])).toEqual(['early']);
    const gone = nextEvent(one.socket, 'disconnect');
    harness.tubes.remoteDescription = async (id) => {
      harness.tubes.say(id, { type: 'candidate', generation: 3, candidate: 'early', mid: '0' });
      harness.tubes.say(id, { type: 'closed', reason: 'requested' });
      throw new AppError('tube_closed');
    };
    one.socket.emit('offer', offer);
    expect(await gone).toBe('io server disconnect');
    expect(one.told.slice(1)).toEqual([{ event: 'closed', data: { reason: 'requested' } }]);
  });

  test('bye ends its tube, after the acknowledgement', async () => {
    const one = await peer();
    const gone = nextEvent(one.socket, 'disconnect');
    expect(await one.call('bye', {})).toEqual({ ok: true });
    expect(await gone).toBe('io server disconnect');
    expect(harness.tubes.calls('close')).toEqual([[tubeId, 'peer_closed']]);
    expect(one.told.at(-1)).toEqual({ event: 'closed', data: { reason: 'peer_closed' } });
  });

  test('bye counts although the peer is gone at once; going without it ends nothing', async () => {
    const one = await peer();
    one.socket.emit('bye', {});
    one.socket.disconnect();
    await until(() => harness.tubes.calls('close').length === 1);
    const other = await controller.createTube();
    const silent = await peer(other.peerToken);
    silent.socket.disconnect();
    await until(() => signalling().at(-1) === false && signalling().length === 4);
    expect(harness.tubes.calls('close')).toHaveLength(1);
  });

  test('restart_request', async () => {
    const one = await peer();
    expect(await one.call('restart_request', { reason: 'tired' })).toEqual({
      ok: true,
      generation: 2,
      already_in_progress: false,
    });
    expect(await one.call('restart_request', {})).toMatchObject({ ok: true });
    harness.tubes.failWith.set('restart', 'restart_trickle_disabled');
    expect((await one.call('restart_request', {})).error).toMatchObject({
      code: 'restart_trickle_disabled',
      retryable: false,
    });
  });

  test('restart_request is acknowledged in time although the restart waits', async () => {
    harness.tubes.restart = () => new Promise(() => undefined);
    const one = await peer();
    expect(await one.call('restart_request', {})).toEqual({ ok: true, waiting: true });
  });

  test('network_change is told to the tube as what it is; offline only shows that the peer is there', async () => {
    const one = await peer();
    expect(await one.call('network_change', { type: 'online', data: '' })).toEqual({ ok: true });
    expect(await one.call('network_change', { type: 'connection_type', data: { type: '4g' } })).toEqual({ ok: true });
    expect(await one.call('network_change', { type: 'offline' })).toEqual({ ok: true });
    expect(harness.tubes.calls('networkChanged')).toEqual([
      [[tubeId], 'interface_change', 'peer', 'online'],
      [[tubeId], 'interface_change', 'peer', 'connection_type {"type":"4g"}'],
    ]);
    expect(harness.tubes.calls('restart')).toEqual([]);
    expect(harness.tubes.calls('activity')).toHaveLength(3);
  });

  test('its own offers in a loop are refused from the eleventh in 10 s, over a new socket too', async () => {
    const one = await peer();
    const offer = { type: 'offer', sdp: fakeSdp('mine') };
    for (let count = 0; count < 10; count += 1) expect((await one.call('offer', offer)).ok).toBe(true);
    expect((await one.call('offer', offer)).error).toMatchObject({ code: 'rate_exceeded', retryable: true });
    const again = await peer();
    expect((await again.call('offer', offer)).error?.code).toBe('rate_exceeded');
    expect(harness.tubes.calls('remoteDescription')).toHaveLength(10);
    expect((await again.call('answer', { type: 'answer', sdp: fakeSdp('mine') })).ok).toBe(true);
  });

  test.each<[string, unknown, string]>([
    ['hello', {}, 'input_schema'],
    ['hello', { instance: 'i', generation: -1 }, 'input_schema'],
    ['answer', { type: 'answer', sdp: 'x' }, 'input_sdp'],
    ['answer', { type: 'answer', sdp: fakeSdp('x'), tube_id: 'another' }, 'input_schema'],
    ['icecandidate', { candidate: 'a\nb' }, 'input_candidate'],
    ['network_change', { type: 'meteor' }, 'input_schema'],
    ['bye', { reason: 'x' }, 'input_schema'],
    ['create_tube', { conversation_id: 'x' }, 'input_unknown_event'],
    ['xstate.stop', {}, 'input_unknown_event'],
  ])('%s %j is refused', async (event, data, code) => {
    const one = await peer();
    harness.tubes.asked.length = 0;
    expect((await one.call(event, data)).error?.code).toBe(code);
    expect(harness.tubes.asked).toEqual([]);
  });
});

describe('coming and going', () => {
  test('the tube hears of the first arrival and the last departure', async () => {
    const one = await peer();
    expect(signalling()).toEqual([true]);
    one.socket.disconnect();
    await until(() => signalling().length === 2);
    expect(signalling()).toEqual([true, false]);
    expect(harness.seen.connections.filter(([role]) => role === 'peer')).toEqual([
      ['peer', 1],
      ['peer', -1],
    ]);
  });

  test('another page with the same token replaces the first when it speaks', async () => {
    const first = await peer();
    await first.hello('page 1');
    const gone = nextEvent(first.socket, 'disconnect');
    const second = await peer();
    await second.hello('page 2');
    expect(await gone).toBe('io server disconnect');
    expect(first.told.at(-1)).toEqual({ event: 'closed', data: { reason: 'replaced' } });
    expect(second.socket.connected).toBe(true);
    expect(signalling()).toEqual([true]);
  });

  test('the same page that reconnected is not told that it was replaced', async () => {
    const first = await peer();
    await first.hello('page 1');
    const gone = nextEvent(first.socket, 'disconnect');
    const second = await peer();
    await second.hello('page 1');
    await gone;
    expect(first.told.map(({ event }) => event)).not.toContain('closed');
    expect(signalling()).toEqual([true]);
  });

  test('a connection that arrives late and says nothing takes nothing over', async () => {
    const first = await peer();
    await first.hello('page 1');
    const ghost = await peer();
    ghost.socket.disconnect();
    await until(() => harness.seen.connections.filter(([role, delta]) => role === 'peer' && delta === -1).length === 1);
    harness.tubes.say(tubeId, { type: 'candidate', generation: 1, candidate: 'candidate:9', mid: '0' });
    await until(() => first.told.at(-1)?.data['candidate'] === 'candidate:9');
    expect(signalling()).toEqual([true]);
  });

  test('a handful of silent connections is the most', async () => {
    const all: TestPeer[] = [];
    for (let index = 0; index < 6; index += 1) all.push(await peer());
    await until(() => all.filter(({ socket }) => socket.connected).length === 4);
    expect(signalling()).toEqual([true]);
  });
});
