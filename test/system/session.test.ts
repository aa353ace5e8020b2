/**
 * The session, the profiles, the recovery policies and what happened, against the running service with short times: what a controller can choose and
 * change, and what it is told.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { io } from 'socket.io-client';
import { relayPeer, type RelayedPeer } from '../support/relayed-peer.js';
import { Controller, startService, type Answer, type Service, type Signal } from '../support/service.js';
import { sleep } from '../support/until.js';

interface Timed extends Signal {
  readonly at: number;
}

interface Entry extends Readonly<Record<string, unknown>> {
  readonly kind: string;
}

/** Numbers of contract section 9, as `get_resource_limits` tells them. */
const profiles = {
  production: [300_000, 3_600_000, 120_000, 30_000, 1000, 5000],
  corporate: [240_000, 7_200_000, 60_000, 30_000, 2000, 5000],
  mobile: [180_000, 1_800_000, 30_000, 30_000, 1000, 3000],
  low_latency: [300_000, 3_600_000, 15_000, 5000, 1000, 1000],
} as const;
const limitNames = [
  'keepalive_signal_interval_ms',
  'session_timeout_ms',
  'health_check_interval_ms',
  'ice_gather_timeout_ms',
  'max_concurrent_ice_agents',
  'ping_interval_ms',
];

it.each(Object.entries(profiles))('a service of profile %s has its numbers', async (profile, numbers) => {
  const service = await startService(['--profile', profile]);
  const control = await Controller.connect(service.url);
  const limits = (await control.ok('get_resource_limits', {}))['limits'] as Readonly<Record<string, number>>;
  expect(limitNames.map((name) => limits[name])).toEqual(numbers);
  control.close();
  expect(await service.stop()).toBe(0);
});

describe('the running service', () => {
  let service: Service;
  let control: Controller;
  const peers: RelayedPeer[] = [];

  beforeAll(async () => {
    service = await startService(['--bind-address', '127.0.0.1']);
  });
  beforeEach(async () => {
    control = await Controller.connect(service.url);
  });
  afterEach(async () => {
    for (const relayed of peers.splice(0)) relayed.end();
    const { tubes } = await control.ok('list_tubes', {});
    for (const { tube_id } of tubes as { tube_id: string }[]) await control.call('close_tube', { tube_id });
    control.close();
  });
  afterAll(async () => {
    expect(await service.stop()).toBe(0);
  });

  const create = (settings: object = {}, more: object = {}): Promise<Answer> =>
    control.ok('create_tube', { conversation_id: 'session', settings, ...more });
  /** A tube that is connected, with its peer. */
  async function open(
    settings: object = {},
    more: object = {},
  ): Promise<RelayedPeer & { readonly tubeId: string; readonly token: string }> {
    const created = await create(settings, more);
    const tubeId = String(created['tube_id']);
    const connected = control.next(({ tube_id: id, data }) => id === tubeId && data === 'connected');
    const relayed = relayPeer(control, created);
    peers.push(relayed);
    await relayed.peer.connect();
    await relayed.peer.opened('data');
    await connected;
    return Object.assign(relayed, { tubeId, token: String(created['peer_token']) });
  }
  const next = (tubeId: string, kind: string, fits: (signal: Signal) => boolean = () => true): Promise<Timed> =>
    control.next((signal) => signal.tube_id === tubeId && signal.kind === kind && fits(signal));
  const closed = (tubeId: string): Promise<Timed> =>
    next(tubeId, 'connection_state_changed', ({ data }) => data === 'closed');
  const count = (tubeId: string, kind: string): number =>
    control.signals.filter((signal) => signal.tube_id === tubeId && signal.kind === kind).length;
  const historyOf = async (tubeId: string): Promise<Entry[]> =>
    (await control.ok('get_tube', { tube_id: tubeId, history: true }))['history'] as Entry[];

  it('says keepalive of a connected tube, with the seconds since it was active', async () => {
    const { tubeId } = await open({ keepalive_signal_interval_ms: 300 });
    const first = await next(tubeId, 'keepalive');
    const second = await next(tubeId, 'keepalive');
    expect(second.at - first.at).toBeGreaterThanOrEqual(250);
    expect([0, 1]).toContain(first.data);
    expect(first).toMatchObject({ generation: 1, progress_flag: 4, is_ok: true });
  });

  it('warns of the session timeout in the proportion of the contract, then closes the tube', async () => {
    const { tubeId } = await open({ session_timeout_ms: '4s' });
    const warning = await next(tubeId, 'session_timeout_warning');
    // 19 of 60 parts of 4 s have passed.
    expect(warning.data).toBe(3);
    const end = await closed(tubeId);
    expect(end).toMatchObject({ reason: 'session_timeout', progress_flag: 0, is_ok: true });
    expect(end.at - warning.at).toBeGreaterThanOrEqual(2500);
  }, 30_000);

  it('data of either side begins the session anew; pings and update_activity do not', async () => {
    const settings = { session_timeout_ms: '1m', session_warning_ms: 2500, ping_interval_ms: 200 };
    const { tubeId, peer } = await open(settings);
    for (const send of [
      async () => peer.send('data', 'from the peer'),
      () => control.ok('send', { tube_id: tubeId, data: 'from the controller' }),
    ]) {
      await sleep(1500);
      const sentAtMs = Date.now();
      const warning = next(tubeId, 'session_timeout_warning');
      await send();
      await sleep(300);
      await control.ok('update_activity', { tube_id: tubeId });
      const waitedMs = (await warning).at - sentAtMs;
      expect(waitedMs).toBeGreaterThanOrEqual(2400);
      expect(waitedMs).toBeLessThan(6000);
    }
    expect(count(tubeId, 'session_timeout_warning')).toBe(2);
  }, 30_000);

  it('takes a profile per tube: its liveness pings come at its pace', async () => {
    const pongs = async (): Promise<number> => {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      return Number(/^holdfast_keepalives_total\{outcome="pong"\} (\d+)$/m.exec(text)?.[1]);
    };
    const pingsIn4s = async (profile: string): Promise<number> => {
      const { tubeId, end } = await open({}, { profile });
      await sleep(300);
      const before = await pongs();
      await sleep(4000);
      const pings = (await pongs()) - before;
      end();
      await control.ok('close_tube', { tube_id: tubeId });
      return pings;
    };
    expect(await pingsIn4s('production')).toBeLessThanOrEqual(1);
    expect(await pingsIn4s('low_latency')).toBeGreaterThanOrEqual(3);
    const unknown = await control.call('create_tube', { conversation_id: 'x', profile: 'sattelite' });
    expect(unknown.error?.code).toBe('input_schema');
  }, 30_000);

  it('changes numbers of tubes at run time: those that come get them, those that live keep theirs', async () => {
    const before = await open();
    await control.ok('set_resource_limits', { keepalive_signal_interval_ms: 300 });
    const after = await open();
    const mobile = await open({}, { profile: 'mobile' });
    await next(after.tubeId, 'keepalive');
    await next(after.tubeId, 'keepalive');
    expect([before, mobile].map(({ tubeId }) => count(tubeId, 'keepalive'))).toEqual([0, 0]);
    const wrong = await control.call('set_resource_limits', {
      keepalive_signal_interval_ms: 300,
      ping_intervall_ms: 1,
    });
    expect(wrong.error).toMatchObject({ code: 'input_schema', message: expect.stringContaining('ping_interval_ms') });
    await control.ok('set_resource_limits', { keepalive_signal_interval_ms: 300_000 });
  }, 30_000);

  describe('a restart that nobody answers', () => {
    const starve = async (recovery_policy: string) => {
      const opened = await open({ recovery_policy, answer_timeout_ms: 500, restart_backoff_ms: [200] });
      opened.relays = false;
      await control.ok('restart_ice', { tube_id: opened.tubeId });
      return opened;
    };

    it('closes a tube of policy strict', async () => {
      const { tubeId } = await starve('strict');
      expect(await closed(tubeId)).toMatchObject({ reason: 'answer_timeout', progress_flag: 1, is_ok: false });
    });

    it('is tried again by a tube of policy standard, which takes the next answer', async () => {
      const opened = await starve('standard');
      const { tubeId } = opened;
      await next(tubeId, 'ice_restart_offer', ({ progress_flag: flag }) => flag === 1);
      opened.relays = true;
      await next(tubeId, 'recovered');
      const ended = (await historyOf(tubeId)).filter(({ kind }) => kind === 'attempt_ended');
      expect(ended[0]).toMatchObject({ outcome: 'failure', code: 'transport_answer_timeout', trigger: 'manual' });
      expect(ended.at(-1)).toMatchObject({ outcome: 'success' });
    }, 30_000);

    it('is given up after three attempts by a tube of policy server', async () => {
      const { tubeId } = await starve('server');
      // The old path is sound, so it is kept.
      const gaveUp = await next(
        tubeId,
        'ice_restart_offer',
        ({ data, progress_flag: flag }) => data === '' && flag === 1 && offers() === 3,
      );
      expect(gaveUp.generation).toBeGreaterThanOrEqual(4);
      function offers(): number {
        return control.signals.filter((s) => s.tube_id === tubeId && s.kind === 'ice_restart_offer' && s.data !== '')
          .length;
      }
      await sleep(1500);
      expect(offers()).toBe(3);
      const decisions = (await historyOf(tubeId)).filter(({ kind }) => kind === 'decision');
      expect(decisions.at(-1)).toMatchObject({ action: 'give_up', code: 'restart_exhausted' });
    }, 30_000);

    it('of a policy that does not exist, is refused with the tube', async () => {
      const { error } = await control.call('create_tube', {
        conversation_id: 'x',
        settings: { recovery_policy: 'heroic' },
      });
      expect(error).toMatchObject({ code: 'input_schema', message: expect.stringContaining('recovery_policy') });
    });
  });

  describe('a network change', () => {
    it('that the controller reports of one tube is told with its evidence, and restarts it', async () => {
      const { tubeId } = await open();
      const bystander = await open();
      const told = next(tubeId, 'network_change_detected');
      const recovered = next(tubeId, 'recovered');
      const report = { tube_id: tubeId, type: 'ip_change', data: { new_ip: '192.0.2.7' } };
      expect(await control.ok('report_network_change', report)).toEqual({ ok: true, tubes: 1 });
      expect((await told).data).toMatchObject({
        type: 'ip_change',
        source: 'controller',
        detail: '{"new_ip":"192.0.2.7"}',
        evidence: {
          trigger: 'ip_change',
          source: 'controller',
          path: 'sound',
          missed_pings: 0,
          peer_signalling: 'relayed',
        },
      });
      expect((await recovered).data).toMatchObject({ trigger: 'ip_change', attempts: 1, outage_ms: 0 });
      expect(count(bystander.tubeId, 'network_change_detected')).toBe(0);
    }, 30_000);

    it('that the controller reports of all restarts all of its tubes', async () => {
      const tubes = [await open(), await open()];
      const all = Promise.all(tubes.map(({ tubeId }) => next(tubeId, 'recovered')));
      expect(await control.ok('report_network_change', { type: 'interface_change' })).toEqual({ ok: true, tubes: 2 });
      for (const { data } of await all) expect(data).toMatchObject({ trigger: 'interface_change' });
    }, 30_000);

    it('that a peer reports in a loop restarts its tube about once per second, and the tube stays', async () => {
      const { tubeId, token } = await open();
      const socket = io(`${service.url}/peer`, { auth: { token }, transports: ['websocket'] });
      const startedAtMs = Date.now();
      const told = next(tubeId, 'network_change_detected');
      while (Date.now() - startedAtMs < 4000) {
        await socket.timeout(5000).emitWithAck('network_change', { type: 'online', data: 'wifi' });
        await sleep(20);
      }
      expect((await told).data).toMatchObject({ type: 'interface_change', source: 'peer', detail: 'online wifi' });
      await sleep(1500);
      const restarts = control.signals.filter(
        ({ tube_id: id, kind, progress_flag: flag }) => id === tubeId && kind === 'ice_restart_offer' && flag === 2,
      ).length;
      expect(restarts).toBeGreaterThanOrEqual(2);
      expect(restarts).toBeLessThanOrEqual(7);
      const stateOf = async () => (await control.ok('get_connection_state', { tube_id: tubeId }))['state'];
      while ((await stateOf()) !== 'connected') await sleep(50);
      socket.disconnect();
    }, 30_000);
  });

  it('tells the history of a tube: what led to what, without SDP, candidates or tokens', async () => {
    const { tubeId, peer } = await open();
    const recovered = next(tubeId, 'recovered');
    await control.ok('report_network_change', { tube_id: tubeId, type: 'interface_change' });
    await recovered;
    peer.send('data', 'SECRET PAYLOAD');
    const tube = await control.ok('get_tube', { tube_id: tubeId, history: true });
    const history = tube['history'] as Entry[];
    expect(tube['history_dropped']).toBe(0);
    expect(history.map(({ seq }) => seq)).toEqual(history.map((_, index) => index + 1));
    expect(history[0]).toMatchObject({ kind: 'state', state: 'initializing', generation: 1 });
    const story = ['network_change', 'decision', 'attempt_started', 'description', 'cut_over', 'recovered'];
    const since = history.findIndex(({ kind }) => kind === 'network_change');
    const places = story.map((kind) => history.findIndex((entry, index) => index >= since && entry.kind === kind));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
    expect(history).toContainEqual(
      expect.objectContaining({ kind: 'description', from: 'peer', type: 'answer', generation: 2 }),
    );
    expect(JSON.stringify(history)).not.toMatch(/v=0|a=|candidate:|ufrag|SECRET|peer_token/);
    await control.ok('close_tube', { tube_id: tubeId });
    expect((await control.call('get_tube', { tube_id: tubeId, history: true })).error?.code).toBe('tube_closed');
  }, 30_000);
});
