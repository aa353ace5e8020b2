/**
 * A real Prometheus scrapes a running service with real tubes: one streams, one is restarted, one stands still for a while, one is killed, one never
 * had a peer. Then every panel of every dashboard has figures, all but those about other troubles more than 0; every recorded series has data; and the
 * figures are what happened.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { recordings } from '../../grafana/src/recording.js';
import { createPeer, type HoldfastPeer } from '../../src/peer/node.js';
import { filled, panelQueries } from '../grafana/queries.js';
import { startPeerProcess, type PeerProcess } from '../support/peer-process.js';
import { startPrometheus, type Prometheus } from '../support/prometheus.js';
import { describeWith, pathOf } from '../support/require.js';
import { Controller, controlToken, startService, type Service } from '../support/service.js';
import { sleep } from '../support/until.js';

/** Of streaming, so that the service knows how silent this peer is ordinarily (src/transport/flow-meter.ts). */
const settleMs = 7000;
const frozenMs = 4000;
/** More than the native library takes at once. */
const waiting = { messages: 20, text: 'x'.repeat(100_000) };

/** Beginnings of panels and queries that tell of troubles which nobody has here. */
const zeroWhenWell = [
  'overview: Storms:',
  'overview: How fast the error budgets burn: job:holdfast_outages:',
  'networks: Wait for this host’s network:',
  'networks: Storms now:',
  'networks: Wait for a controller:',
  'networks: Offers without an answer:',
  'networks: No relay:',
  'networks: Breakers open:',
  'networks: Poor paths:',
  'networks: Why attempts failed:',
  'networks: Loss:',
  'networks: Circuit breakers:',
  'networks: Continuity:',
  'node: Crashes of tubes:',
  'node: Errors of the store:',
  'node: Draining:',
  'node: Over their rate:',
  'node: What the transport had to bear:',
  'node: What must not happen:',
];

describeWith(['prometheus', 'promtool'], 'Prometheus and a service with tubes in trouble', () => {
  let folder: string;
  let service: Service;
  let prometheus: Prometheus;
  let sinceMs = 0;
  let control: Controller;
  const peers: HoldfastPeer[] = [];
  const processes: PeerProcess[] = [];
  const timers: NodeJS.Timeout[] = [];

  async function open(conversation: string): Promise<{ tubeId: string; token: string }> {
    const asked = { conversation_id: conversation, settings: {}, trickle_ice: true };
    const created = await control.ok('create_tube', asked);
    return { tubeId: String(created['tube_id']), token: String(created['peer_token']) };
  }

  async function connect(conversation: string): Promise<{ tubeId: string; peer: HoldfastPeer }> {
    const { tubeId, token } = await open(conversation);
    const peer = createPeer({ url: service.url, token });
    peers.push(peer);
    await peer.connect();
    await peer.opened('data');
    return { tubeId, peer };
  }

  async function connectProcess(conversation: string): Promise<{ tubeId: string; peer: PeerProcess }> {
    const { tubeId, token } = await open(conversation);
    const peer = await startPeerProcess(service.url, token);
    processes.push(peer);
    return { tubeId, peer };
  }

  const stream = (send: (text: string) => void): void => {
    timers.push(setInterval(() => send('x'.repeat(100)), 50));
  };

  /** The sum over all series. */
  async function sum(expr: string): Promise<number> {
    const [first] = await prometheus.query(`sum(${expr})`);
    return Number(first?.value[1]);
  }

  async function trouble(): Promise<void> {
    const streaming = await connect('streaming');
    stream((text) => void streaming.peer.send('data', text));
    const restarted = await connect('restarted');
    const frozen = await connectProcess('frozen');
    stream((text) => frozen.peer.send(text));
    const killed = await connectProcess('killed');
    await open('nobody');
    await sleep(settleMs);
    const recovered = control.next(({ kind, tube_id: id }) => kind === 'recovered' && id === frozen.tubeId, 30_000);
    const again = control.next(({ kind, tube_id: id }) => kind === 'recovered' && id === restarted.tubeId, 30_000);
    await killed.peer.kill();
    frozen.peer.freeze();
    // It waits; what is for the killed peer is dropped when its tube is closed.
    for (const { tubeId } of [frozen, killed])
      for (let n = 0; n < waiting.messages; n += 1) await control.ok('send', { tube_id: tubeId, data: waiting.text });
    await control.ok('restart_ice', { tube_id: restarted.tubeId });
    await again;
    await control.call('restart_ice', { tube_id: 'made up' });
    await Controller.connect(service.url, 'a guess').catch(() => undefined);
    await sleep(frozenMs);
    frozen.peer.thaw();
    await recovered;
    await control.ok('close_tube', { tube_id: killed.tubeId });
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-metrics-'));
    const flags = ['--profile', 'low_latency', '--health-check-interval-ms', '1000', '--connect-timeout-ms', '4000'];
    const places = ['--bind-address', '127.0.0.1', '--data-dir', join(folder, 'data')];
    service = await startService([...flags, ...places, '--tube-metrics', 'on']);
    prometheus = await startPrometheus(service.url);
    // Its first scrape may be 5 s after its start, and what was counted before that is no increase.
    while ((await prometheus.query('holdfast_ready')).length === 0) await sleep(100);
    control = await Controller.connect(service.url);
    await control.ok('subscribe', { all: true });
    // What was there before the first scrape is no increase.
    while ((await prometheus.query('holdfast_ready')).length === 0) await sleep(100);
    sinceMs = Date.now();
    await trouble();
    // Two scrapes and the recording of what they brought.
    await sleep(4000);
  }, 60_000);

  afterAll(async () => {
    for (const timer of timers) clearInterval(timer);
    for (const peer of peers) peer.close();
    for (const peer of processes) await peer.kill();
    control.close();
    await prometheus.stop();
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  }, 30_000);

  it('gives every panel of every dashboard figures, and not 0 where something happened', async () => {
    const without: string[] = [];
    const zero: string[] = [];
    const asked = panelQueries().map(({ where, expr }) => ({ name: `${where}: ${expr}`, expr }));
    for (const { name, expr } of asked) {
      // A quantile of empty buckets is NaN.
      const figures = (await prometheus.valuesSince(filled(expr, '10s'), sinceMs)).filter(Number.isFinite);
      if (figures.length === 0) without.push(name);
      else if (figures.every((figure) => figure === 0)) zero.push(name);
    }
    expect(without).toEqual([]);
    expect(zero.filter((name) => !zeroWhenWell.some((known) => name.startsWith(known)))).toEqual([]);
    expect(zeroWhenWell.filter((known) => !asked.some(({ name }) => name.startsWith(known)))).toEqual([]);
  });

  it('names every line of every panel', async () => {
    const nameless: string[] = [];
    for (const { where, expr, names } of panelQueries()) {
      const series = await prometheus.query(filled(expr, '10s'));
      if (series.some(({ metric }) => names.some((label) => metric[label] === undefined)))
        nameless.push(`${where}: ${expr}`);
    }
    expect(nameless).toEqual([]);
  });

  it('evaluates every rule, and records every figure', async () => {
    const rules = await prometheus.rules();
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    const empty: string[] = [];
    for (const { record } of recordings) if ((await prometheus.query(record)).length === 0) empty.push(record);
    expect(empty).toEqual([]);
    expect(rules.filter(({ state }) => state === 'firing')).toEqual([]);
  });

  it('tells what happened', async () => {
    expect(await sum('holdfast_connection_attempts_total{outcome="success"}')).toBe(4);
    expect(await sum('holdfast_connection_attempts_total{outcome="failure"}')).toBe(1);
    expect(await sum('holdfast_tubes{state="connected"}')).toBe(3);
    expect(await sum('holdfast_recovery_attempts_total{trigger="manual",outcome="success"}')).toBe(1);
    // Peers also report changes of this machine's interfaces, which other tests may make.
    for (const trigger of ['manual', 'missed_pings'])
      expect(await sum(`holdfast_incidents_total{trigger="${trigger}",outcome="recovered"}`)).toBe(1);
    expect(await sum('holdfast_recovery_phase_seconds_count{phase="resume"}')).toBeGreaterThanOrEqual(2);
    expect(await sum('holdfast_recovery_phase_seconds_sum{phase="detect"}')).toBeGreaterThan(1);
    expect(await sum('holdfast_continuity_lost_messages_total')).toBe(0);
    expect(await sum('holdfast_ready')).toBe(1);
    expect(await sum('holdfast_store_operation_duration_seconds_count{op="write",outcome="ok"}')).toBeGreaterThan(0);
  });

  it('measures the outage of the tube that stood still, and none of the one that was restarted', async () => {
    expect(await sum('holdfast_outage_duration_seconds_count{outcome="recovered"}')).toBe(1);
    const seconds = await sum('holdfast_outage_duration_seconds_sum{outcome="recovered"}');
    expect(seconds).toBeGreaterThan(frozenMs / 1000 - 0.2);
    expect(seconds).toBeLessThan(frozenMs / 1000 + 4);
  });

  it('shows single tubes to those who may see them', async () => {
    const page = (token: string): Promise<Response> =>
      fetch(`${service.url}/metrics/tubes`, { headers: { authorization: `Bearer ${token}` } });
    expect((await page('a-guess')).status).toBe(401);
    const text = await (await page(controlToken)).text();
    expect(text).toMatch(/^holdfast_tube_state\{tube_id="[^"]+",state="connected"\} 1$/m);
    expect(text).toMatch(/^holdfast_tube_rtt_seconds\{tube_id="[^"]+"\} 0\.\d+$/m);
    expect(text).toMatch(/^holdfast_tube_selected_candidate_pair\{.*local="host",remote="\w+",protocol="udp"\} 1$/m);
    expect(text).toMatch(/^holdfast_tube_messages_total\{.*direction="in"\} \d\d+$/m);
    expect(text).not.toMatch(/NaN|undefined|token|ufrag|digest/i);
    const check = spawnSync(pathOf('promtool'), ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect([check.status, check.stdout + check.stderr]).toEqual([0, '']);
  });

  it('stays within its budget of series', async () => {
    expect(await sum('scrape_samples_scraped')).toBeLessThan(5000);
  });
});
