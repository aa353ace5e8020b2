/** What an operator asks the running service, and is told: the list while paths break, incidents with their phases, the node, faults, log levels. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Incident } from '../../src/operator/incident.types.js';
import type {
  ClosedTubeRow,
  NodeView,
  SamplePoint,
  SamplesAnswer,
  TubeRow,
  TubesBatch,
} from '../../src/operator/operator.types.js';
import { createPeer, type HoldfastPeer } from '../../src/peer/node.js';
import { Controller, startService, type Service } from '../support/service.js';
import { until } from '../support/until.js';

/** Short, so that a black hole is found within three seconds. */
const quick = { ping_interval_ms: 500, suspect_ping_interval_ms: 500, network_settle_ms: 50 };

describe('an operator', () => {
  let service: Service;
  let control: Controller;
  const peers: HoldfastPeer[] = [];

  beforeAll(async () => {
    service = await startService(['--bind-address', '127.0.0.1', '--fault-injection', 'on']);
  });
  beforeEach(async () => {
    control = await Controller.connect(service.url);
  });
  afterEach(() => {
    for (const peer of peers.splice(0)) peer.close();
    control.close();
  });
  afterAll(async () => {
    expect(await service.stop()).toBe(0);
  });

  async function open(): Promise<{ tubeId: string; peer: HoldfastPeer; received: string[] }> {
    const created = await control.ok('create_tube', { conversation_id: 'operator', settings: quick });
    const connected = control.next(({ tube_id: id, data }) => id === created['tube_id'] && data === 'connected');
    const peer = createPeer({ url: service.url, token: String(created['peer_token']) });
    peers.push(peer);
    const received: string[] = [];
    peer.on('message', ({ data }) => received.push(String(data)));
    await peer.connect();
    await peer.opened('data');
    await connected;
    return { tubeId: String(created['tube_id']), peer, received };
  }

  const incidentsOf = async (tubeId: string): Promise<Incident[]> =>
    (await control.ok('get_incidents', { tube_id: tubeId }))['incidents'] as Incident[];

  /** Its last incident, once it has ended. */
  async function lastIncident(tubeId: string): Promise<Incident> {
    for (;;) {
      const [incident] = await incidentsOf(tubeId);
      if (incident !== undefined && incident.ended_at_ms !== null) return incident;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('sees a tube fall silent and come back in the list, and what that cost in its incident', async () => {
    const { tubeId, peer, received } = await open();
    const rows = new Map<string, TubeRow>();
    const states: string[] = [];
    control.socket.on('tubes', ({ changed }: TubesBatch) => {
      for (const row of changed) rows.set(row.tube_id, row);
      states.push(rows.get(tubeId)?.state ?? '');
    });
    await control.ok('watch_tubes', {});
    await until(() => rows.get(tubeId)?.state === 'connected' && rows.get(tubeId)?.pair !== null, 5_000);
    expect(rows.get(tubeId)).toMatchObject({ conversation_id: 'operator', generation: 1, incident: null, next: null });
    await new Promise((resolve) => setTimeout(resolve, 700));
    const brokenAtMs = Date.now();
    await control.ok('inject_fault', { tube_id: tubeId, fault: 'black_hole', duration_ms: 60_000 });
    for (const data of ['1', '2']) await control.ok('send', { tube_id: tubeId, data });
    await until(() => rows.get(tubeId)?.generation === 2 && rows.get(tubeId)?.state === 'connected', 15_000);
    expect(states).toContain('degraded');
    expect(rows.get(tubeId)).toMatchObject({ recovered: 1, incidents: 1, incident: null });
    await until(() => received.join() === '1,2', 5_000);
    const incident = await lastIncident(tubeId);
    expect(incident).toMatchObject({ number: 1, trigger: 'missed_pings', outcome: 'recovered', attempts: 1 });
    expect(Object.keys(incident.phases).sort()).toEqual(['connect', 'decide', 'detect', 'resume', 'signal']);
    const sum = Object.values(incident.phases).reduce((total, ms) => total + ms, 0);
    expect(sum).toBe(incident.outage_ms);
    // From the last pong before to the first after.
    expect(incident.started_at_ms).toBeGreaterThan(brokenAtMs - 700);
    expect(incident.started_at_ms).toBeLessThanOrEqual(brokenAtMs + 50);
    expect(incident.entries.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['ping_missed', 'decision', 'attempt_started', 'cut_over', 'recovered']),
    );
    const lastSample = async (): Promise<SamplePoint | undefined> =>
      ((await control.ok('get_samples', { tube_id: tubeId })) as unknown as SamplesAnswer).samples.at(-1);
    expect(await lastSample()).toBeDefined();
    // Of both messages, and of what was sent again: with the next sample, not with the next health poll.
    for (const endMs = Date.now() + 15_000; Date.now() < endMs && (await lastSample())?.bytes_out === 0;)
      await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await lastSample())?.bytes_out).toBeGreaterThan(2);
    peer.close();
  });

  it('finds out after the end why a tube dropped', async () => {
    const { tubeId } = await open();
    await control.ok('inject_fault', { tube_id: tubeId, fault: 'connection_closed' });
    const dropped = await lastIncident(tubeId);
    expect(dropped).toMatchObject({ outcome: 'recovered', attempts: 1 });
    // Whoever is first: this end finds its connection closed, or the peer does and asks for another.
    expect(['transport_failure', 'peer_request']).toContain(dropped.trigger);
    await control.ok('inject_fault', { tube_id: tubeId, fault: 'network_change' });
    await until(() => control.signals.filter(({ kind }) => kind === 'recovered').length >= 2, 10_000);
    await control.ok('close_tube', { tube_id: tubeId });
    const { tubes } = await control.ok('list_closed', {});
    expect((tubes as ClosedTubeRow[])[0]).toMatchObject({ tube_id: tubeId, reason: 'requested' });
    const incidents = await incidentsOf(tubeId);
    expect(incidents.map(({ trigger }) => trigger)).toEqual(['ip_change', dropped.trigger]);
    expect(incidents.every(({ entries }) => entries.length > 0)).toBe(true);
    expect((await control.call('get_tube', { tube_id: tubeId })).error?.code).toBe('tube_closed');
  });

  it('sees the node: what it is, has, and how the last hour went', async () => {
    await open();
    const node = (await control.ok('get_node', {})) as unknown as NodeView;
    expect(node).toMatchObject({
      version: expect.any(String),
      profile: 'production',
      recovery_policy: 'standard',
      draining: false,
      store: { kind: 'memory', sound: true },
      fault_injection: true,
      storm: { active: false, since_ms: null, held: 0 },
      tubes: { connected: expect.any(Number), failed: 0 },
      limits: { ice_agents: { limit: 1000 } },
    });
    expect(node.tubes.connected).toBeGreaterThan(0);
    expect(node.event_loop.p99_ms).toBeGreaterThanOrEqual(node.event_loop.p50_ms);
    expect(node.memory.rss_bytes).toBeGreaterThan(1e7);
    expect(['events', 'polling']).toContain(node.network.watching);
    expect(node.trend).toHaveLength(60);
    const sum = (what: 'started' | 'recovered'): number =>
      node.trend.reduce((total, minute) => total + minute[what], 0);
    expect(sum('started')).toBe(3);
    expect(sum('recovered')).toBe(3);
  });

  it('turns a log level up for a while', async () => {
    await control.ok('set_log_level', { target: 'webrtc_keepalive', level: 'debug', ttl_ms: 1000 });
    const levels = async (): Promise<string> => JSON.stringify((await control.ok('get_log_levels', {}))['levels']);
    expect(await levels()).toContain('"target":"webrtc_keepalive","level":"debug"');
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await levels()).toContain('"target":"webrtc_keepalive","level":"warn","until_ms":null');
    for (const wrong of [
      { target: 'nonsense', level: 'debug' },
      { target: 'service', level: 'loud' },
    ])
      expect((await control.call('set_log_level', wrong)).error?.code).toBe('input_schema');
  });
});
