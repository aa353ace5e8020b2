// Every call of /control over a real connection, once well and once badly.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TubeIdentity } from '../../machines/events.js';
import type { FlightFile } from '../../src/replay/flight-file.js';
import { fakeSdp } from '../support/fake-tubes.js';
import { Harness, otherToken, until, type Reply, type TestController } from '../support/gateway-harness.js';

const sdp = fakeSdp('peer');
const base64 = Buffer.from(sdp).toString('base64');
const nobody = '00000000-0000-4000-8000-000000000000';

let harness: Harness;
let controller: TestController;

beforeEach(async () => {
  harness = await new Harness().start();
  controller = await harness.controller();
});
afterEach(() => harness.stop());

const codeOf = (reply: Reply): string | undefined => reply.error?.code;

describe('create_tube', () => {
  test('offers, and hands out a token of which only the digest is kept', async () => {
    const reply = await controller.call('create_tube', {
      conversation_id: 'talk',
      settings: { pingIntervalMs: 1000 },
      profile: 'mobile',
    });
    expect(reply).toMatchObject({ ok: true, generation: 1, offer: Buffer.from(fakeSdp('offer 1')).toString('base64') });
    expect(reply['answer']).toBeUndefined();
    expect(reply['peer_token']).toMatch(new RegExp(`^${String(reply['tube_id'])}\\.[A-Za-z0-9_-]{43}$`));
    const [identity] = harness.tubes.calls('create')[0] ?? [];
    expect(identity).toMatchObject({ conversationId: 'talk', tenant: 'acme' });
    expect(JSON.stringify(identity)).not.toContain(String(reply['peer_token']));
  });

  test('brings ICE servers, with new credentials when it is repeated', async () => {
    const call = { conversation_id: 'talk', idempotency_key: 'k' };
    const first = await controller.call('create_tube', call);
    const tubeId = String(first['tube_id']);
    expect(first['ice_servers']).toMatchObject([{ username: `1:${tubeId}`, credential: 'SECRET-1' }]);
    harness.tubes.credentialsExpire = 2;
    const again = await controller.call('create_tube', call);
    expect(again).toEqual({ ...first, ice_servers: harness.tubes.iceServers(tubeId) });
    expect(harness.seen.logged.join('')).not.toContain('SECRET');
  });

  test('answers an offer', async () => {
    const reply = await controller.call('create_tube', { conversation_id: 'talk', offer: base64, trickle_ice: false });
    expect(reply).toMatchObject({ ok: true, answer: Buffer.from(fakeSdp('answer 1')).toString('base64') });
    expect(harness.tubes.calls('create')[0]?.slice(1)).toEqual([{ trickleIce: false }, sdp]);
  });

  test('never logs or keeps the fields of other products', async () => {
    const secrets = {
      callback_token: 'SECRET1',
      krelay_server: 'SECRET2',
      client_version: 'SECRET3',
      ksm_config: 'SECRET4',
    };
    expect((await controller.call('create_tube', { conversation_id: 'talk', ...secrets })).ok).toBe(true);
    expect(JSON.stringify(harness.tubes.asked) + harness.seen.logged.join('')).not.toContain('SECRET');
  });

  test.each([
    ['an unknown profile', { profile: 'sattelite' }, 'input_schema'],
    ['an unknown setting', { settings: { foo: 1 } }, 'input_schema'],
    ['a tunnel', { settings: { conversationType: 'tunnel' } }, 'input_schema'],
    ['an offer that is none', { offer: 'aGVsbG8=' }, 'input_sdp'],
  ])('refuses %s and makes nothing', async (_name, fields, code) => {
    expect(codeOf(await controller.call('create_tube', { conversation_id: 'talk', ...fields }))).toBe(code);
    expect(harness.tubes.views.size).toBe(0);
    expect(harness.seen.refusals).toEqual([code]);
  });

  test('takes conversationType "message"', async () => {
    expect(
      (await controller.call('create_tube', { conversation_id: 'talk', settings: { conversationType: 'message' } })).ok,
    ).toBe(true);
  });

  test('passes a limit on, with the wait', async () => {
    harness.tubes.failWith.set('create', 'limit_ice_agents');
    const reply = await controller.call('create_tube', { conversation_id: 'talk' });
    expect(reply.error).toMatchObject({ code: 'limit_ice_agents', retryable: true, suggested_delay_ms: 5000 });
  });

  test('returns the same tube for the same key, also while the first call runs', async () => {
    harness.tubes.duringCreate = () => new Promise((resolve) => setTimeout(resolve, 50));
    const call = { conversation_id: 'talk', idempotency_key: 'k' };
    const [first, second] = await Promise.all([
      controller.call('create_tube', call),
      controller.call('create_tube', call),
    ]);
    expect(first.ok).toBe(true);
    expect(second).toEqual(first);
    expect(await controller.call('create_tube', call)).toEqual(first);
    expect(await controller.call('create_tube', { ...call, conversation_id: 'other' })).not.toEqual(first);
    expect(harness.tubes.views.size).toBe(2);
    const stranger = await harness.controller(otherToken);
    expect((await stranger.call('create_tube', call))['tube_id']).not.toBe(first['tube_id']);
  });

  test('forgets a key whose creation failed, and one whose tube is closed', async () => {
    const call = { conversation_id: 'talk', idempotency_key: 'k' };
    harness.tubes.failWith.set('create', 'transport_init');
    expect((await controller.call('create_tube', call)).ok).toBe(false);
    const first = await controller.call('create_tube', call);
    expect(first.ok).toBe(true);
    await controller.call('close_tube', { tube_id: first['tube_id'] });
    expect((await controller.call('create_tube', call))['tube_id']).not.toBe(first['tube_id']);
  });
});

describe('a tube of the process before', () => {
  const call = { conversation_id: 'talk', idempotency_key: 'k' };
  let tubeId: string;
  let token: string;

  /** The gateway of the next process, with the same key. */
  beforeEach(async () => {
    ({ tubeId, peerToken: token } = await controller.createTube(call));
    const [identity] = harness.tubes.calls('create')[0] as [TubeIdentity];
    expect(JSON.stringify(identity)).not.toMatch(/"k"/);
    await harness.stop();
    harness = new Harness();
    harness.tubes.add(identity);
    harness.gateway.carriedOn(identity);
    await harness.start();
    controller = await harness.controller();
  });

  test('is what a repeated call finds, with the offer that waits now', async () => {
    const bare = await controller.call('create_tube', call);
    expect(bare).toEqual({
      ok: true,
      tube_id: tubeId,
      peer_token: token,
      generation: 1,
      ice_servers: expect.anything(),
    });
    const description = { type: 'offer' as const, sdp: fakeSdp('offer 7') };
    harness.tubes.offers.set(tubeId, { generation: 7, description, purpose: 'restart' });
    expect((await controller.call('create_tube', call))['offer']).toBe(
      Buffer.from(fakeSdp('offer 7')).toString('base64'),
    );
    expect(harness.tubes.calls('create')).toEqual([]);
  });

  test('is found by its own tenant only, and not once it is closed', async () => {
    const other = await harness.controller(otherToken);
    expect((await other.createTube(call)).tubeId).not.toBe(tubeId);
    await controller.call('close_tube', { tube_id: tubeId });
    expect((await controller.createTube(call)).tubeId).not.toBe(tubeId);
  });

  test('has the token that its peer was given, or none is told', async () => {
    harness.peerTokenKey = Buffer.alloc(32, 8);
    expect(await controller.call('create_tube', call)).not.toHaveProperty('peer_token');
  });

  test.each([
    ['by a subscription', (): Promise<Reply> => controller.call('subscribe', { tube_id: tubeId })],
    ['by one to all', (): Promise<Reply> => controller.call('subscribe', { all: true })],
    ['by one to its conversation', (): Promise<Reply> => controller.call('subscribe', { conversation_id: 'talk' })],
    ['by a repeated create', (): Promise<Reply> => controller.call('create_tube', call)],
  ])('is told that it is followed %s', async (_, follow) => {
    await controller.call('subscribe', { conversation_id: 'another' });
    await controller.call('get_tube', { tube_id: tubeId });
    expect(harness.tubes.calls('followed')).toEqual([]);
    expect((await follow()).ok).toBe(true);
    await until(() => harness.tubes.calls('followed').length > 0);
    expect(harness.tubes.calls('followed')).toEqual([[tubeId]]);
  });

  test('does not hear of followers of another tenant', async () => {
    const other = await harness.controller(otherToken);
    await other.call('subscribe', { all: true });
    await other.call('subscribe', { tube_id: tubeId });
    await other.call('get_tube', { tube_id: tubeId });
    expect(harness.tubes.calls('followed')).toEqual([]);
  });
});

describe('signalling calls', () => {
  test('set_remote_description applies an answer', async () => {
    const { tubeId } = await controller.createTube();
    expect(await controller.call('set_remote_description', { tube_id: tubeId, sdp: base64, is_answer: true })).toEqual({
      ok: true,
      generation: 1,
    });
    expect(harness.tubes.calls('remoteDescription')).toEqual([[tubeId, { type: 'answer', sdp }, null]]);
  });

  test("set_remote_description answers a peer's own offer", async () => {
    const { tubeId } = await controller.createTube();
    const reply = await controller.call('set_remote_description', { tube_id: tubeId, sdp, is_answer: false });
    expect(reply).toEqual({ ok: true, answer: Buffer.from(fakeSdp('answer 2')).toString('base64'), generation: 2 });
  });

  test('add_ice_candidate and update_activity reach the tube', async () => {
    const { tubeId } = await controller.createTube();
    expect(
      (await controller.call('add_ice_candidate', { tube_id: tubeId, candidate: 'candidate:1', generation: 1 })).ok,
    ).toBe(true);
    expect((await controller.call('update_activity', { tube_id: tubeId })).ok).toBe(true);
    expect(harness.tubes.calls('remoteCandidate')).toEqual([[tubeId, 'candidate:1', '0', 1]]);
    expect(harness.tubes.calls('activity')).toEqual([[tubeId]]);
  });

  test('restart_ice gives the new offer', async () => {
    const { tubeId } = await controller.createTube();
    const reply = await controller.call('restart_ice', { tube_id: tubeId, fresh: true });
    const offer = Buffer.from(fakeSdp('offer 2')).toString('base64');
    expect(reply).toEqual({
      ok: true,
      offer,
      generation: 2,
      already_in_progress: false,
      ice_servers: harness.tubes.iceServers(tubeId),
    });
    expect(harness.tubes.calls('restart')).toEqual([[tubeId, 'manual', true]]);
    harness.tubes.failWith.set('restart', 'restart_trickle_disabled');
    expect(codeOf(await controller.call('restart_ice', { tube_id: tubeId }))).toBe('restart_trickle_disabled');
  });

  test('an array keeps its order and answers each item by itself', async () => {
    const { tubeId } = await controller.createTube();
    const candidates = Array.from({ length: 20 }, (_, index) => ({
      tube_id: tubeId,
      candidate: `candidate:${String(index)}`,
    }));
    const items = [...candidates.slice(0, 10), { tube_id: nobody, candidate: '' }, ...candidates.slice(10)];
    const replies = (await controller.call('add_ice_candidate', items)) as unknown as Reply[];
    expect(replies.map(({ ok }) => ok)).toEqual(items.map(({ tube_id }) => tube_id === tubeId));
    expect(harness.tubes.calls('remoteCandidate').map(([, candidate]) => candidate)).toEqual(
      candidates.map(({ candidate }) => candidate),
    );
  });

  test('an empty array has no answers, and one of 101 items is refused as a whole', async () => {
    expect(await controller.call('get_tube', [])).toEqual([]);
    const many = Array.from({ length: 101 }, () => ({ conversation_id: 'talk' }));
    expect(codeOf(await controller.call('create_tube', many))).toBe('input_too_large');
    expect(harness.tubes.views.size).toBe(0);
  });
});

describe('offers of a peer that its controller relays', () => {
  test('are bounded per tube; answers are not', async () => {
    const { tubeId } = await controller.createTube();
    const other = await controller.createTube();
    const offer = { tube_id: tubeId, sdp, is_answer: false };
    for (let count = 0; count < 10; count += 1)
      expect((await controller.call('set_remote_description', offer)).ok).toBe(true);
    expect((await controller.call('set_remote_description', offer)).error).toMatchObject({
      code: 'rate_exceeded',
      retryable: true,
      suggested_delay_ms: 1000,
    });
    expect(harness.tubes.calls('remoteDescription')).toHaveLength(10);
    expect((await controller.call('set_remote_description', { ...offer, tube_id: other.tubeId })).ok).toBe(true);
    expect((await controller.call('set_remote_description', { ...offer, is_answer: true })).ok).toBe(true);
  });
});

describe('reading calls', () => {
  test('state, statistics and tube', async () => {
    const { tubeId } = await controller.createTube();
    const state = await controller.call('get_connection_state', { tube_id: tubeId });
    expect(state).toMatchObject({
      ok: true,
      tube_id: tubeId,
      state: 'connecting',
      transport_state: 'new',
      generation: 1,
      incident: null,
    });
    const stats = await controller.call('get_connection_stats', { tube_id: tubeId });
    expect(stats).toMatchObject({ ok: true, bytes_sent: 10, bytes_received: 20, packet_loss_rate: null, rtt_ms: 12 });
    expect(stats).toMatchObject({
      loss_to_peer: null,
      jitter_ms: null,
      generations: [{ generation: 1, state: 'connected', active: true }],
      quality: {
        score: 0.9,
        verdict: 'warning',
        scores: [1, 0.9],
        loss_rates: [0, 0.05],
        rtts_ms: [11, null],
        thresholds: { warning: { loss_rate: 0.03, rtt_ms: 300 }, poor: { score: 0.7, loss_rate: 0.05, rtt_ms: 800 } },
      },
    });
    harness.tubes.loss = { ratio: 0.05, toPeer: 0.01, fromPeer: 0.05, jitterMs: 2 };
    expect(await controller.call('get_connection_stats', { tube_id: tubeId })).toMatchObject({
      packet_loss_rate: 0.05,
      loss_to_peer: 0.01,
      loss_from_peer: 0.05,
      jitter_ms: 2,
    });
    const tube = await controller.call('get_tube', { tube_id: tubeId });
    expect(tube).toMatchObject({
      ok: true,
      conversation_id: 'talk',
      channels: [{ label: 'data', id: 2, class: 'reliable' }],
      last_seq: 0,
    });
    expect(tube['settings']).toMatchObject({ profile: null, recovery_policy: null });
    expect(tube['settings']).not.toHaveProperty('trickle_ice');
    expect(JSON.stringify(tube)).not.toContain('igest');
    expect(tube).toHaveProperty('row', null);
    harness.desk.put({ tubeId, conversationId: 'talk', tenant: 'acme', createdAtMs: 1, peerTokenDigest: '' });
    expect(await controller.call('get_tube', { tube_id: tubeId })).toMatchObject({
      row: { tube_id: tubeId, reason: 'a path works', next: null, pair: 'host/srflx udp' },
    });
  });

  test('the flight of a tube is told to its own tenant, also when the tube is gone, and to no other', async () => {
    const { tubeId } = await controller.createTube();
    expect(codeOf(await controller.call('export_history', { tube_id: tubeId }))).toBe('tube_unknown');
    const file = { format: 'holdfast-flight' } as unknown as FlightFile;
    harness.tubes.flights.set(tubeId, file);
    expect(await controller.call('export_history', { tube_id: tubeId })).toEqual({ ok: true, flight: file });
    await controller.call('close_tube', { tube_id: tubeId });
    expect(await controller.call('export_history', { tube_id: tubeId })).toEqual({ ok: true, flight: file });
    const other = await harness.controller(otherToken);
    expect(codeOf(await other.call('export_history', { tube_id: tubeId }))).toBe('tube_unknown');
    expect(codeOf(await controller.call('export_history', { tube_id: nobody }))).toBe('tube_unknown');
    expect(codeOf(await controller.call('export_history', { tube_id: tubeId, all: true }))).toBe('input_schema');
  });

  test('the history of a tube is told when it is asked for', async () => {
    const { tubeId } = await controller.createTube();
    const entry = { at_ms: 1, seq: 8, generation: 1, kind: 'ping_missed', count: 3, last_at_ms: 9 } as const;
    harness.tubes.histories.set(tubeId, { entries: [entry], dropped: 7 });
    const tube = await controller.call('get_tube', { tube_id: tubeId, history: true });
    expect(tube).toMatchObject({ ok: true, tube_id: tubeId, history: [entry], history_dropped: 7 });
    expect(await controller.call('get_tube', { tube_id: tubeId })).not.toHaveProperty('history');
    expect(await controller.call('get_tube', { tube_id: tubeId, history: false })).not.toHaveProperty('history');
    expect(codeOf(await controller.call('get_tube', { tube_id: tubeId, history: 1 }))).toBe('input_schema');
    expect(JSON.stringify(await controller.call('list_tubes'))).not.toContain('history');
  });

  test('list_tubes filters and pages', async () => {
    const made: string[] = [];
    for (let index = 0; index < 5; index += 1)
      made.push((await controller.createTube({ conversation_id: `c${String(index % 2)}` })).tubeId);
    const idsOf = (reply: Reply): string[] => (reply['tubes'] as { tube_id: string }[]).map((tube) => tube.tube_id);
    expect(idsOf(await controller.call('list_tubes')).sort()).toEqual([...made].sort());
    expect(idsOf(await controller.call('list_tubes', { conversation_id: 'c1' }))).toHaveLength(2);
    expect(idsOf(await controller.call('list_tubes', { state: 'connected' }))).toEqual([]);
    const pages: string[] = [];
    let cursor: unknown;
    for (let page = 0; page < 3; page += 1) {
      const reply = await controller.call('list_tubes', { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      pages.push(...idsOf(reply));
      cursor = reply['next_cursor'];
    }
    expect(cursor).toBeNull();
    expect(pages.sort()).toEqual([...made].sort());
  });

  test.each([{ limit: 0 }, { cursor: 'xx' }, { state: 'dead' }])('list_tubes refuses %j', async (query) => {
    expect(codeOf(await controller.call('list_tubes', query))).toBe('input_schema');
  });
});

describe('steering calls', () => {
  test('close_tube echoes the text and is no error when repeated', async () => {
    const { tubeId } = await controller.createTube();
    const call = { tube_id: tubeId, reason: 'user hung up' };
    const answer = { ok: true, tube_id: tubeId, close_reason: 'requested', reason: 'user hung up' };
    expect(await controller.call('close_tube', call)).toEqual({ ...answer, already_closed: false });
    expect(await controller.call('close_tube', call)).toEqual({ ...answer, already_closed: true });
    expect(harness.tubes.calls('close')).toEqual([[tubeId, 'requested']]);
    expect(codeOf(await controller.call('get_tube', { tube_id: tubeId }))).toBe('tube_closed');
  });

  test('report_network_change reaches one tube, or all of the tenant and nobody else', async () => {
    const [first, second] = [await controller.createTube(), await controller.createTube()];
    const stranger = await harness.controller(otherToken);
    const theirs = await stranger.createTube();
    const one = { tube_id: first.tubeId, type: 'ip_change', data: { new_ip: '192.0.2.7' } };
    expect(await controller.call('report_network_change', one)).toEqual({ ok: true, tubes: 1 });
    expect(await controller.call('report_network_change', { type: 'ice_failure', data: 'line 1\nline 2' })).toEqual({
      ok: true,
      tubes: 2,
    });
    expect(await stranger.call('report_network_change', { type: 'interface_change' })).toEqual({ ok: true, tubes: 1 });
    expect(harness.tubes.calls('networkChanged')).toEqual([
      [[first.tubeId], 'ip_change', 'controller', '{"new_ip":"192.0.2.7"}'],
      [[first.tubeId, second.tubeId], 'ice_failure', 'controller', 'line 1 line 2'],
      [[theirs.tubeId], 'interface_change', 'controller', ''],
    ]);
  });

  test('report_network_change refuses other types', async () => {
    expect(codeOf(await controller.call('report_network_change', { type: 'online' }))).toBe('input_schema');
    expect(codeOf(await controller.call('report_network_change', {}))).toBe('input_schema');
    expect(harness.tubes.asked).toEqual([]);
  });

  test('send passes text and bytes on', async () => {
    const { tubeId } = await controller.createTube();
    expect((await controller.call('send', { tube_id: tubeId, data: 'héllo' })).ok).toBe(true);
    expect(
      (await controller.call('send', { tube_id: tubeId, channel: 'x', data: 'AAH/', encoding: 'base64' })).ok,
    ).toBe(true);
    expect(harness.tubes.calls('send')).toEqual([
      [tubeId, 'data', 'héllo'],
      [tubeId, 'x', new Uint8Array([0, 1, 255])],
    ]);
    expect(codeOf(await controller.call('send', { tube_id: tubeId, data: '%', encoding: 'base64' }))).toBe(
      'input_schema',
    );
    harness.tubes.sendFailure = 'channel_full';
    expect((await controller.call('send', { tube_id: tubeId, data: 'x' })).error).toMatchObject({
      code: 'channel_full',
      suggested_delay_ms: 250,
    });
  });

  test('resource limits and capacity', async () => {
    expect(await controller.call('get_resource_limits')).toEqual({
      ok: true,
      limits: { max_concurrent_ice_agents: 1000 },
    });
    expect(await controller.call('set_resource_limits', { max_concurrent_ice_agents: 5 })).toEqual({
      ok: true,
      limits: { max_concurrent_ice_agents: 5 },
    });
    expect(codeOf(await controller.call('set_resource_limits', { max_ice: 5 }))).toBe('input_schema');
    expect(await controller.call('check_capacity', {})).toEqual({
      ok: true,
      can_create: true,
      refusal: null,
      used: { ice_agents: 1 },
      free: { ice_agents: 999 },
    });
    harness.tubes.limits.refusal = 'limit_creates';
    expect(await controller.call('check_capacity', {})).toMatchObject({
      can_create: false,
      refusal: 'limit_creates',
      suggested_delay_ms: 500,
    });
  });
});

describe('every call about a tube', () => {
  const calls: [string, object][] = [
    ['set_remote_description', { sdp, is_answer: true }],
    ['add_ice_candidate', { candidate: '' }],
    ['restart_ice', {}],
    ['get_connection_state', {}],
    ['get_connection_stats', {}],
    ['get_tube', {}],
    ['close_tube', {}],
    ['get_tube', { history: true }],
    ['export_history', {}],
    ['update_activity', {}],
    ['report_network_change', { type: 'ip_change' }],
    ['send', { data: 'x' }],
    ['subscribe', {}],
  ];

  test.each(calls)('%s knows no tube of another tenant, nor one that never was', async (event, fields) => {
    const stranger = await harness.controller(otherToken);
    const { tubeId } = await controller.createTube();
    harness.tubes.asked.length = 0;
    expect(codeOf(await stranger.call(event, { tube_id: tubeId, ...fields }))).toBe('tube_unknown');
    expect(codeOf(await controller.call(event, { tube_id: nobody, ...fields }))).toBe('tube_unknown');
    expect(harness.tubes.asked).toEqual([]);
  });

  test.each(calls)('%s refuses unknown fields and malformed ids', async (event, fields) => {
    const { tubeId } = await controller.createTube();
    harness.tubes.asked.length = 0;
    const replies = (await controller.call(event, [
      { tube_id: tubeId, ...fields, extra: 1 },
      { tube_id: 'x', ...fields },
      { tube_id: { $ne: null }, ...fields },
      null,
      7,
      [],
    ])) as unknown as Reply[];
    expect(replies.map(codeOf)).toEqual(Array.from(replies, () => 'input_schema'));
    expect(replies).toHaveLength(6);
    expect(harness.tubes.asked).toEqual([]);
  });
});

describe('frames', () => {
  test.each(['list_tubes', 'get_resource_limits', 'check_capacity'])('%s takes null for no fields', async (event) => {
    expect((await controller.call(event, null)).ok).toBe(true);
    expect((await controller.call(event, undefined)).ok).toBe(true);
    expect((await controller.call(event)).ok).toBe(true);
    expect(codeOf(await controller.call(event, { extra: 1 }))).toBe('input_schema');
  });

  test('a call without an acknowledgement works, and its errors are counted', async () => {
    controller.socket.emit('create_tube', { conversation_id: 'talk' });
    controller.socket.emit('create_tube', { conversation_id: 5 });
    controller.socket.emit('no_such_event', {});
    await until(() => harness.seen.refusals.length === 2 && harness.tubes.views.size === 1);
    expect([...harness.seen.refusals].sort()).toEqual(['input_schema', 'input_unknown_event']);
    expect(harness.seen.messages).toContainEqual(['unknown', 'in', 'error']);
  });

  test('unknown events are answered, later ones with a clear text', async () => {
    expect(codeOf(await controller.call('no_such_event', {}))).toBe('input_unknown_event');
    const later = await controller.call('open_tunnel', {});
    expect(later.error).toMatchObject({
      code: 'input_unknown_event',
      message: expect.stringContaining('not available in this version'),
    });
  });

  test('two payloads are refused', async () => {
    expect(codeOf(await controller.call('create_tube', { conversation_id: 'a' }, { conversation_id: 'b' }))).toBe(
      'input_schema',
    );
    expect(harness.tubes.views.size).toBe(0);
  });

  test('an unexpected error is told as internal, and logged', async () => {
    const { tubeId } = await controller.createTube();
    harness.tubes.activity = () => {
      throw new TypeError('secret detail');
    };
    const reply = await controller.call('update_activity', { tube_id: tubeId });
    expect(reply.error).toMatchObject({ code: 'service_internal', retryable: true });
    expect(JSON.stringify(reply)).not.toContain('secret');
    expect(harness.seen.logged.join('')).toContain('secret detail');
  });
});
