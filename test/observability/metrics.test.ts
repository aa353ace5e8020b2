// What is counted, that every label exists before its first event, and that Prometheus likes the text.
import { spawnSync } from 'node:child_process';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { TubeEmission } from '../../machines/events.js';
import { closeReasons, failureTable } from '../../machines/failure.js';
import { Metrics, type MetricSources } from '../../src/observability/metrics.js';
import { describeWith, pathOf } from '../support/require.js';
import { noticesOf } from '../support/story.js';
import { TubeHarness } from '../support/tube-harness.js';
import { emissions, noticeOf, type At } from './notices.js';

const events = ['create_tube', 'answer', 'signal', 'unknown'];
const build = (sources: MetricSources = {}) =>
  new Metrics({ version: '1.2.3', events, sources, processMetrics: false });

let metrics: Metrics;
beforeEach(() => {
  metrics = build();
});

/** The value of one series, or null when there is none. */
async function value(series: string, of = metrics): Promise<number | null> {
  const line = (await of.render()).split('\n').find((text) => text.startsWith(`holdfast_${series} `));
  return line === undefined ? null : Number(line.split(' ').at(-1));
}

const say = (emission: TubeEmission, at: At = {}): void => metrics.observe(noticeOf(emission, at));

function state(to: 'initializing' | 'connecting' | 'connected' | 'degraded' | 'failed' | 'closed', at: At): void {
  say({ type: 'state', state: to, reason: '' }, at);
}

/** A tube that is connected 400 ms after it was created at 1000. */
function connect(): void {
  state('initializing', { from: 'initializing', atMs: 1000 });
  say({ ...emissions.description, purpose: 'initial', description: { type: 'answer', sdp: '' } }, { atMs: 1100 });
  state('connecting', { from: 'initializing', atMs: 1100 });
  state('connected', { from: 'connecting', atMs: 1400 });
}

describe('a tube', () => {
  test('that connects is one attempt, with role and time', async () => {
    connect();
    expect(await value('tubes_created_total{origin="created"}')).toBe(1);
    expect(await value('connection_attempts_total{outcome="success"}')).toBe(1);
    expect(await value('connect_duration_seconds_sum{role="answerer",outcome="success"}')).toBeCloseTo(0.4);
    expect(await value('tube_transitions_total{from="connecting",to="connected"}')).toBe(1);
  });

  test('that fails, and is closed later, is one failed attempt', async () => {
    state('initializing', { from: 'initializing' });
    state('failed', { from: 'initializing', atMs: 31_000 });
    state('closed', { from: 'failed', atMs: 60_000 });
    say({ type: 'closed', reason: 'connect_timeout' }, { atMs: 60_000 });
    expect(await value('connection_attempts_total{outcome="failure"}')).toBe(1);
    expect(await value('connect_duration_seconds_sum{role="offerer",outcome="failure"}')).toBe(30);
    expect(await value('tubes_closed_total{reason="connect_timeout"}')).toBe(1);
    expect(await value('tube_lifetime_seconds_sum{reason="connect_timeout"}')).toBe(59);
    expect(await value('outage_duration_seconds_count{outcome="lost"}')).toBe(0);
  });

  test('that somebody closes before it connects is no failure', async () => {
    state('initializing', { from: 'initializing' });
    say({ type: 'closed', reason: 'requested' });
    expect(await value('connection_attempts_total{outcome="cancelled"}')).toBe(1);
    expect(await value('connection_attempts_total{outcome="failure"}')).toBe(0);
  });

  test('that recovers counts its attempts and its outage', async () => {
    connect();
    state('degraded', { from: 'connected', atMs: 10_000 });
    say(emissions.attemptStarted, { atMs: 10_000 });
    say(emissions.attemptEnded, { atMs: 25_000 });
    say({ ...emissions.attemptStarted, attempt: 2 }, { atMs: 30_000 });
    say({ ...emissions.attemptEnded, outcome: 'success', failure: null }, { atMs: 34_500 });
    say({ ...emissions.recovered, outageMs: 24_500 }, { atMs: 34_500 });
    state('connected', { from: 'degraded', atMs: 34_500 });
    expect(await value('recovery_attempts_total{trigger="missed_pings",outcome="failure"}')).toBe(1);
    expect(await value('recovery_attempts_total{trigger="missed_pings",outcome="success"}')).toBe(1);
    expect(await value('recovery_failures_total{code="transport_answer_timeout"}')).toBe(1);
    expect(await value('recovery_duration_seconds_sum{trigger="missed_pings",outcome="failure"}')).toBe(15);
    expect(await value('recovery_duration_seconds_sum{trigger="missed_pings",outcome="success"}')).toBe(4.5);
    expect(await value('outage_duration_seconds_sum{outcome="recovered"}')).toBe(24.5);
    expect(await value('connection_attempts_total{outcome="success"}')).toBe(1);
  });

  test('whose attempt was overtaken by a newer network did not fail', async () => {
    connect();
    say({ ...emissions.attemptEnded, failure: { code: 'restart_in_progress', detail: '' } });
    expect(await value('recovery_attempts_total{trigger="missed_pings",outcome="abandoned"}')).toBe(1);
    expect(await value('recovery_attempts_total{trigger="missed_pings",outcome="failure"}')).toBe(0);
    expect(await value('recovery_failures_total{code="restart_in_progress"}')).toBe(0);
  });

  test('whose attempt nobody ended is counted all the same: closed, or crashed and begun anew', async () => {
    connect();
    say(emissions.attemptStarted, { atMs: 10_000 });
    say({ ...emissions.attemptStarted, trigger: 'crash' }, { atMs: 11_000 });
    expect(await value('recovery_attempts_total{trigger="missed_pings",outcome="abandoned"}')).toBe(1);
    expect(await value('recovery_duration_seconds_sum{trigger="missed_pings",outcome="abandoned"}')).toBe(1);
    say({ type: 'closed', reason: 'requested' }, { atMs: 13_000 });
    expect(await value('recovery_attempts_total{trigger="crash",outcome="abandoned"}')).toBe(1);
    expect(await value('recovery_duration_seconds_sum{trigger="crash",outcome="abandoned"}')).toBe(2);
  });

  test('whose first connection came about by recovery has connected, once, with all its time', async () => {
    state('initializing', { from: 'initializing', atMs: 1000 });
    say({ ...emissions.description, purpose: 'initial' }, { atMs: 1100 });
    state('connecting', { from: 'initializing', atMs: 1100 });
    state('degraded', { from: 'connecting', atMs: 31_000 });
    expect(await value('connection_attempts_total{outcome="success"}')).toBe(0);
    say(emissions.recovered, { atMs: 32_000 });
    state('connected', { from: 'degraded', atMs: 32_000 });
    state('degraded', { from: 'connected', atMs: 40_000 });
    state('connected', { from: 'degraded', atMs: 41_000 });
    say({ type: 'closed', reason: 'requested' }, { atMs: 50_000 });
    expect(await value('connection_attempts_total{outcome="success"}')).toBe(1);
    expect(await value('connection_attempts_total{outcome="failure"}')).toBe(0);
    expect(await value('connection_attempts_total{outcome="cancelled"}')).toBe(0);
    expect(await value('connect_duration_seconds_sum{role="offerer",outcome="success"}')).toBe(31);
  });

  test('that never came back is an outage that was lost', async () => {
    connect();
    state('degraded', { from: 'connected', atMs: 2000 });
    state('failed', { from: 'degraded', atMs: 5000 });
    say({ type: 'closed', reason: 'restart_exhausted' }, { atMs: 12_000 });
    expect(await value('outage_duration_seconds_sum{outcome="lost"}')).toBe(10);
  });

  test('whose path was sound all the time has no outage, restarted beside it or suspected for nothing', async () => {
    connect();
    state('degraded', { from: 'connected', atMs: 2000 });
    state('connected', { from: 'degraded', atMs: 3000 });
    state('degraded', { from: 'connected', atMs: 4000 });
    say({ ...emissions.recovered, outageMs: 0 }, { atMs: 4200 });
    state('connected', { from: 'degraded', atMs: 4200 });
    say(emissions.ping, { atMs: 5000 });
    expect(await value('outage_duration_seconds_count{outcome="recovered"}')).toBe(0);
  });

  test('that is lost the moment it breaks is an outage all the same', async () => {
    connect();
    state('degraded', { from: 'connected', atMs: 2000 });
    say({ type: 'closed', reason: 'restart_exhausted' }, { atMs: 2000 });
    expect(await value('outage_duration_seconds_count{outcome="lost"}')).toBe(1);
  });

  test('that is carried on from its record is restored, not created', async () => {
    say({ type: 'state', state: 'initializing', reason: 'resumed' }, { from: 'initializing' });
    state('degraded', { from: 'initializing', generation: 4 });
    expect(await value('tubes_created_total{origin="restored"}')).toBe(1);
    state('connected', { from: 'degraded', generation: 5 });
    expect(await value('connection_attempts_total{outcome="success"}')).toBe(0);
  });

  test('is forgotten when it is closed, and late words do not bring it back', async () => {
    connect();
    say({ type: 'closed', reason: 'crashed' });
    say({ type: 'closed', reason: 'crashed' });
    state('closed', { from: 'closed' });
    say(emissions.ping);
    expect(await value('tubes_closed_total{reason="crashed"}')).toBe(1);
    expect(await value('keepalives_total{outcome="missed"}')).toBe(0);
  });

  test('pings, polls, decisions, changes of networks', async () => {
    connect();
    say(emissions.decision);
    say(emissions.networkChange);
    expect(await value('recovery_decisions_total{action="wait",verdict="none"}')).toBe(1);
    expect(await value('network_changes_total{change="ip_change",source="host"}')).toBe(1);
    say({ type: 'ping', outcome: 'pong', rttMs: 40 });
    say(emissions.ping);
    say(emissions.polled);
    expect(await value('keepalives_total{outcome="pong"}')).toBe(1);
    expect(await value('keepalives_total{outcome="missed"}')).toBe(1);
    expect(await value('keepalive_rtt_seconds_sum')).toBeCloseTo(0.04);
    expect(await value('quality_score_bucket{le="0.4"}')).toBe(1);
    expect(await value('quality_verdicts_total{verdict="poor"}')).toBe(1);
    expect(await value('path_loss_ratio_sum')).toBeCloseTo(0.1);
  });

  test('each health poll counts, whether its verdict is another one or not', async () => {
    const tube = TubeHarness.connected('overlap');
    const base = { bytesSent: 0, bytesReceived: 0, bufferedBytes: 0, pingsSent: 1, pongsReceived: 1 };
    const probes = { sent: 100, arrived: 99, echoed: 99 };
    for (const rttMs of [20, 20, 20, 900, 900, 20, 20]) {
      tube.advance(tube.settings.healthCheckIntervalMs);
      tube.report(1, { type: 'transport.sampled', sample: { ...base, probes, rttMs, selectedPair: null } });
    }
    for (const notice of noticesOf(tube)) metrics.observe(notice);
    expect(await value('quality_verdicts_total{verdict="good"}')).toBe(5);
    expect(await value('quality_verdicts_total{verdict="poor"}')).toBe(2);
    expect(await value('quality_score_count')).toBe(7);
    expect(await value('path_loss_ratio_count')).toBe(7);
  });

  test('its breaker counts while it holds restarts back', async () => {
    const breakers = async () => [await value('breakers{state="open"}'), await value('breakers{state="half_open"}')];
    connect();
    say(emissions.breaker);
    expect(await breakers()).toEqual([1, 0]);
    say({ type: 'breaker', breaker: { kind: 'half_open', successes: 0 } });
    say({ type: 'breaker', breaker: { kind: 'half_open', successes: 1 } });
    expect(await breakers()).toEqual([0, 1]);
    say({ type: 'breaker', breaker: { kind: 'closed', failures: 0 } });
    expect(await breakers()).toEqual([0, 0]);
    say(emissions.breaker);
    say({ type: 'closed', reason: 'requested' });
    expect(await breakers()).toEqual([0, 0]);
  });

  test('the candidate pair that is in use is counted until it is another, or closed', async () => {
    const pairs = (local: string, remote: string, protocol = 'udp') =>
      value(`selected_candidate_pairs{local="${local}",remote="${remote}",protocol="${protocol}"}`);
    const select = (generation: number, local: string, remote: string, protocol = 'udp'): void => {
      const end = (type: string) => ({ type, protocol, address: '192.0.2.7', port: 1 });
      say({ type: 'selectedPair', generation, pair: { local: end(local), remote: end(remote) } });
    };
    connect();
    select(1, 'host', 'prflx');
    expect(await pairs('host', 'prflx')).toBe(1);
    select(1, 'host', 'prflx');
    expect(await pairs('host', 'prflx')).toBe(1);
    select(2, 'relay', 'srflx', 'tcpactive');
    say({ type: 'generationClosed', generation: 1 });
    expect([await pairs('host', 'prflx'), await pairs('relay', 'srflx', 'tcp')]).toEqual([0, 1]);
    say({ type: 'generationClosed', generation: 2 });
    expect(await pairs('relay', 'srflx', 'tcp')).toBe(0);
    select(3, 'host', 'host');
    select(3, 'host', 'martian');
    expect(await pairs('host', 'host')).toBe(0);
    select(3, 'host', 'host');
    say({ type: 'closed', reason: 'requested' });
    expect(await pairs('host', 'host')).toBe(0);
    expect(await value('selected_candidate_pairs{local="host",remote="martian",protocol="udp"}')).toBeNull();
  });

  test('a clock that jumps back gives no negative duration', async () => {
    state('initializing', { from: 'initializing', atMs: 500 });
    say({ type: 'closed', reason: 'requested' }, { atMs: 500 });
    expect(await value('tube_lifetime_seconds_sum{reason="requested"}')).toBe(0);
  });
});

describe('the outage that an application saw', () => {
  /** Of the tube, as the transport would measure it. */
  class FakeFlow {
    frames = 10;
    silentMs = 0;
    watched = 0;
    ends: boolean[] = [];
    watch(): void {
      this.watched += 1;
    }
    end(untilNow: boolean): number {
      this.ends.push(untilNow);
      return this.silentMs;
    }
  }

  let flow: FakeFlow;
  const outage = (outcome: string) => value(`outage_duration_seconds_sum{outcome="${outcome}"}`);
  const count = (outcome: string) => value(`outage_duration_seconds_count{outcome="${outcome}"}`);

  beforeEach(() => {
    flow = new FakeFlow();
    metrics = build({ flow: () => flow });
    connect();
    state('degraded', { from: 'connected', atMs: 10_000 });
  });

  function recover(): void {
    say({ ...emissions.recovered, outageMs: 900 }, { atMs: 12_000 });
    state('connected', { from: 'degraded', atMs: 12_000 });
  }

  test('is over with the first frame after the recovery, not with the recovery', async () => {
    flow.silentMs = 2400;
    recover();
    expect(await count('recovered')).toBe(0);
    flow.frames += 1;
    say({ type: 'ping', outcome: 'pong', rttMs: 10 });
    say({ type: 'ping', outcome: 'pong', rttMs: 10 });
    expect([await count('recovered'), await outage('recovered')]).toEqual([1, 2.4]);
    expect([flow.watched, flow.ends]).toEqual([1, [false]]);
  });

  test('goes on when the new path is silent as well', async () => {
    recover();
    state('degraded', { from: 'connected', atMs: 20_000 });
    flow.silentMs = 14_000;
    recover();
    flow.frames += 1;
    say({ type: 'ping', outcome: 'pong', rttMs: 10 });
    expect([await count('recovered'), await outage('recovered'), flow.watched]).toEqual([1, 14, 1]);
  });

  test('is what the chart knows where the frames show nothing', async () => {
    recover();
    flow.frames += 1;
    say({ type: 'ping', outcome: 'pong', rttMs: 10 });
    expect(await outage('recovered')).toBe(0.9);
  });

  test('lasts until now when the tube is lost, or closed meanwhile', async () => {
    flow.silentMs = 31_000;
    say({ type: 'closed', reason: 'restart_exhausted' }, { atMs: 40_000 });
    expect([await outage('lost'), flow.ends]).toEqual([31, [true]]);
    metrics = build({ flow: () => flow });
    connect();
    state('degraded', { from: 'connected', atMs: 10_000 });
    say({ type: 'closed', reason: 'requested' }, { atMs: 40_000 });
    expect([await outage('closed'), await outage('lost')]).toEqual([31, 0]);
  });

  test('is recovered from when the tube is closed before the first frame', async () => {
    recover();
    say({ type: 'closed', reason: 'requested' }, { atMs: 12_001 });
    expect([await count('recovered'), await count('closed')]).toEqual([1, 0]);
  });
});

describe('the service', () => {
  test('counts incidents that are over, and where their time went', async () => {
    const phases = { detect: 9000, decide: 0, signal: 20, connect: 180 };
    metrics.incidentEnded({ trigger: 'missed_pings', outcome: 'recovered', phases });
    metrics.incidentEnded({ trigger: 'missed_pings', outcome: 'open', phases });
    expect(await value('incidents_total{trigger="missed_pings",outcome="recovered"}')).toBe(1);
    expect(await value('recovery_phase_seconds_sum{phase="detect"}')).toBe(9);
    expect(await value('recovery_phase_seconds_count{phase="decide"}')).toBe(1);
    expect(await value('recovery_phase_seconds_count{phase="resume"}')).toBe(0);
    expect(await value('incidents_total{trigger="missed_pings",outcome="open"}')).toBeNull();
  });

  test('counts storms, which no scrape may see', async () => {
    for (const isActive of [true, false, true, false]) metrics.stormActive(isActive);
    expect(await value('storms_total')).toBe(2);
    expect(await value('storm_governor_active')).toBe(0);
  });

  test('counts gathering, and relays that were not given', async () => {
    metrics.gathered(120, 'allocated');
    metrics.gathered(80, 'refused');
    metrics.gathered(20, 'unused');
    expect(await value('ice_gathering_duration_seconds_sum{relay="allocated"}')).toBe(0.12);
    expect(await value('turn_allocation_failures_total{cause="refused"}')).toBe(1);
    expect(await value('turn_allocation_failures_total{cause="unreachable"}')).toBe(0);
  });

  test('counts signalling, and names that clients make up as unknown', async () => {
    metrics.connection('peer', 1);
    metrics.connection('peer', 1);
    metrics.connection('peer', -1);
    metrics.message('create_tube', 'in', 'ok');
    metrics.message('__proto__', 'in', 'error');
    metrics.handled('create_tube', 0.002);
    metrics.authFailure('jwt', 'invalid');
    metrics.rateLimited('address');
    metrics.refusal('limit_creates');
    expect(await value('signalling_connections{role="peer"}')).toBe(1);
    expect(await value('signalling_messages_total{event="create_tube",direction="in",outcome="ok"}')).toBe(1);
    expect(await value('signalling_messages_total{event="unknown",direction="in",outcome="error"}')).toBe(1);
    expect(await value('signalling_handle_duration_seconds_count{event="create_tube"}')).toBe(1);
    expect(await value('auth_failures_total{method="jwt",cause="invalid"}')).toBe(1);
    expect(await value('rate_limited_total{scope="address"}')).toBe(1);
    expect(await value('signalling_refusals_total{code="limit_creates"}')).toBe(1);
  });

  test('counts messages, drops, crashes and errors of callbacks', async () => {
    metrics.traffic('reliable', 'out', 100);
    metrics.traffic('reliable', 'out', 0);
    metrics.dropped('latest', 'overflow', 3);
    metrics.crashed('given_up');
    metrics.nativeCallbackError();
    metrics.draining(true);
    expect(await value('data_channel_bytes_total{kind="reliable",direction="out"}')).toBe(100);
    expect(await value('data_channel_messages_total{kind="reliable",direction="out"}')).toBe(2);
    expect(await value('data_channel_drops_total{kind="latest",cause="overflow"}')).toBe(3);
    expect(await value('continuity_lost_messages_total')).toBe(0);
    metrics.dropped('reliable', 'gap', 1);
    metrics.dropped('reliable', 'closed', 4);
    expect(await value('continuity_lost_messages_total')).toBe(0);
    metrics.dropped('reliable', 'given_up', 2);
    metrics.replayed(5);
    expect(await value('continuity_lost_messages_total')).toBe(2);
    expect(await value('continuity_replayed_messages_total')).toBe(5);
    expect(await value('tube_crashes_total{outcome="given_up"}')).toBe(1);
    expect(await value('native_callback_errors_total')).toBe(1);
    expect(await value('draining')).toBe(1);
  });

  test('asks its sources at each scrape, and one that throws keeps its last value', async () => {
    let tubes = 3;
    const sources: MetricSources = {
      tubesByState: () => ({ connected: tubes, closed: 9 }),
      channels: () => {
        if (tubes > 3) throw new Error('gone');
        return { control: { open: 7, bufferedBytes: 0 }, latest: { open: 1, bufferedBytes: 12 } };
      },
      node: () => ({ isReady: tubes > 3, flightRecorderBytes: 1000 }),
      resources: () => ({
        sockets: { used: 0, limit: 0 },
        ice_agents: { used: 50, limit: 200 },
        creates: { used: 1, limit: 0 },
      }),
    };
    const own = build(sources);
    expect(await value('tubes{state="connected"}', own)).toBe(3);
    expect(await value('ready', own)).toBe(0);
    tubes = 4;
    expect(await value('ready', own)).toBe(1);
    expect(await value('flight_recorder_bytes', own)).toBe(1000);
    expect(await value('tubes{state="connected"}', own)).toBe(4);
    expect(await value('tubes{state="closed"}', own)).toBeNull();
    expect(await value('data_channels{kind="control"}', own)).toBe(7);
    expect(await value('data_channel_buffered_bytes{kind="latest"}', own)).toBe(12);
    expect(await value('resource_limit_ratio{resource="ice_agents"}', own)).toBe(0.25);
    expect(await value('resource_limit_ratio{resource="sockets"}', own)).toBe(0);
    expect(await value('resource_limit_ratio{resource="creates"}', own)).toBe(1);
  });
});

describe('the text', () => {
  test('is shared for a second, however many ask for it', async () => {
    let asked = 0;
    const own = build({
      node: () => {
        asked += 1;
        return { isReady: true, flightRecorderBytes: asked };
      },
    });
    const texts = await Promise.all([own.scrape(5000), own.scrape(5000), own.scrape(5999)]);
    expect([asked, new Set(texts).size]).toEqual([1, 1]);
    expect(await own.scrape(6000)).toContain('holdfast_flight_recorder_bytes 2');
  });

  test('has the figures of the event loop from a window that scrapes do not end', async () => {
    const own = new Metrics({
      version: '1',
      events,
      sources: { eventLoop: () => ({ p50_ms: 1, p99_ms: 250, utilization: 0.5 }) },
    });
    expect(await value('event_loop_lag_p50_seconds', own)).toBe(0.001);
    expect(await value('event_loop_lag_p99_seconds', own)).toBe(0.25);
    expect(await value('event_loop_utilization_ratio', own)).toBe(0.5);
    const text = await own.render();
    expect(text).not.toContain('nodejs_eventloop_lag');
    expect(text).toContain('nodejs_heap_size_used_bytes');
  });

  test('has every value of every label from the start', async () => {
    const text = await metrics.render();
    for (const reason of closeReasons) expect(text).toContain(`holdfast_tubes_closed_total{reason="${reason}"} 0`);
    for (const code of Object.keys(failureTable)) {
      expect(text).toContain(`holdfast_signalling_refusals_total{code="${code}"} 0`);
    }
    expect(text).toContain('holdfast_recovery_attempts_total{trigger="interface_change",outcome="success"} 0');
    expect(text).toContain('holdfast_outage_duration_seconds_count{outcome="lost"} 0');
    expect(text).toMatch(/holdfast_info\{version="1\.2\.3",node_version="v\d+/);
    expect(text).not.toMatch(/from="(\w+)",to="\1"|from="closed"/);
  });

  test('stays within its budget of series and names no tube', async () => {
    const many = Array.from({ length: 30 }, (_, index) => `event_${index}`);
    const own = new Metrics({ version: '1', events: many });
    for (const emission of Object.values(emissions)) own.observe(noticeOf(emission));
    const text = await own.render();
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length).toBeLessThan(2500);
    expect(text).not.toMatch(/5f0c9a52|call-7|192\.0\.2/);
  });
});

describeWith('promtool', 'promtool check metrics', () => {
  test('finds nothing to complain about', async () => {
    const own = new Metrics({ version: '1', events });
    for (const emission of Object.values(emissions)) own.observe(noticeOf(emission));
    const { status, stdout, stderr } = spawnSync(pathOf('promtool'), ['check', 'metrics'], {
      input: await own.render(),
      encoding: 'utf8',
    });
    expect(stdout + stderr).toBe('');
    expect(status).toBe(0);
  });
});
