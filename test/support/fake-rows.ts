/** Rows, incidents and figures of a node that does not exist, for tests of the console: seeded, and alike what a real one says. Pure. */
import type { FlightEntry, FlightFact, WireEvidence } from '../../src/operator/flight.types.js';
import type { Incident } from '../../src/operator/incident.types.js';
import type { NodeView, SamplePoint, TrendMinute, TubeRow } from '../../src/operator/operator.types.js';
import { Random } from './random.js';

type State = TubeRow['state'];

const conversations = ['door', 'room', 'forklift', 'ward', 'till', 'crane'] as const;
const triggers = ['missed_pings', 'transport_failure', 'interface_change', 'ip_change', 'poor_quality'] as const;
const pairs = ['host/host udp', 'host/srflx udp', 'srflx/prflx udp', 'relay/host udp'] as const;

const idOf = (index: number): string => `${index.toString(16).padStart(8, '0')}-0000-4000-8000-00000000fa4e`;

/** What is mostly well, sometimes not. */
function stateOf(random: Random): State {
  const dice = random.next();
  if (dice < 0.97) return 'connected';
  if (dice < 0.985) return 'degraded';
  return dice < 0.99 ? 'failed' : 'connecting';
}

const reasonOf = (state: State): string =>
  ({
    initializing: 'created',
    connecting: 'described',
    connected: 'a path works',
    degraded: 'missed_pings',
    failed: 'restart_exhausted',
    closed: 'closed',
  })[state];

function nextOf(state: State, random: Random, nowMs: number): TubeRow['next'] {
  if (state === 'failed') return { what: 'close', at_ms: nowMs + 20_000 + random.below(100_000) };
  if (state === 'connecting') return { what: 'connect_timeout', at_ms: nowMs + 5000 + random.below(20_000) };
  if (state !== 'degraded') return null;
  const dice = random.next();
  if (dice < 0.4) return { what: 'attempt', at_ms: nowMs + 1000 + random.below(55_000) };
  if (dice < 0.7) return { what: 'answer_timeout', at_ms: nowMs + 1000 + random.below(14_000) };
  return { what: dice < 0.85 ? 'wait_for_peer' : 'wait_for_network', at_ms: null };
}

export function fakeRow(index: number, random: Random, nowMs: number, state = stateOf(random)): TubeRow {
  const isWell = state === 'connected';
  const incidents = random.chance(0.3) ? 1 + random.below(6) : 0;
  const sinceMs = nowMs - (isWell ? random.below(40_000_000) : random.below(200_000));
  return {
    tube_id: idOf(index),
    conversation_id: `${conversations[index % conversations.length] ?? 'room'}-${String(1000 + index)}`,
    state,
    since_ms: sinceMs,
    reason: reasonOf(state),
    created_at_ms: sinceMs - random.below(90_000_000),
    generation: 1 + incidents,
    incident:
      state === 'degraded' || state === 'failed'
        ? { started_at_ms: sinceMs - 2400, trigger: random.pick(triggers), attempts: 1 + random.below(4) }
        : null,
    next: nextOf(state, random, nowMs),
    rtt_ms: isWell ? 4 + random.below(180) + random.next() : null,
    loss: isWell ? (random.chance(0.8) ? 0 : random.next() * 0.06) : null,
    score: isWell ? 1 - random.next() * 0.2 : null,
    pair: isWell ? random.pick(pairs) : null,
    recovered: incidents,
    incidents: incidents + (state === 'failed' ? 1 : 0),
  };
}

export const fakeRows = (count: number, seed: number, nowMs: number): TubeRow[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, index) => fakeRow(index, random, nowMs));
};

const evidence: WireEvidence = {
  trigger: 'missed_pings',
  source: 'tube',
  path: 'doubted',
  missed_pings: 3,
  silent_ms: 2410,
  transport_state: 'connected',
  peer_signalling: 'online',
  route: 'same',
  held: false,
  suspect_share: 0,
};

function entriesOf(startedAtMs: number, generation: number): FlightEntry[] {
  const facts: readonly (readonly [number, FlightFact])[] = [
    [0, { kind: 'ping_missed' }],
    [1000, { kind: 'ping_missed' }],
    [1001, { kind: 'state', state: 'degraded', previous_state: 'connected', reason: 'missed_pings' }],
    [
      2004,
      {
        kind: 'decision',
        action: 'do',
        verdict: 'restart_now',
        code: null,
        reason: 'the path is silent',
        trigger: 'missed_pings',
        // The tube counts on over incidents that are close to each other.
        attempt: 3,
        delay_ms: 0,
        evidence,
      },
    ],
    [2005, { kind: 'attempt_started', attempt: 3, trigger: 'missed_pings' }],
    [2031, { kind: 'description', from: 'service', type: 'offer' }],
    [2092, { kind: 'description', from: 'peer', type: 'answer' }],
    [2183, { kind: 'cut_over', from_generation: generation - 1 }],
    [
      2184,
      {
        kind: 'attempt_ended',
        trigger: 'missed_pings',
        outcome: 'success',
        code: null,
        detail: '',
        duration_ms: 179,
      },
    ],
    [2184, { kind: 'recovered', attempts: 1, trigger: 'missed_pings', outage_ms: 2590 }],
    [2185, { kind: 'state', state: 'connected', previous_state: 'degraded', reason: 'a path works' }],
  ];
  return facts.map(([afterMs, fact], place) => ({ at_ms: startedAtMs + afterMs, seq: place + 1, generation, ...fact }));
}

/** Newest first, with an open one when the row has one. */
export function fakeIncidents(row: TubeRow, nowMs: number): Incident[] {
  const past = Array.from({ length: Math.min(3, row.recovered) }, (_, place): Incident => {
    const startedAtMs = nowMs - (place + 1) * 1_400_000;
    return {
      number: row.recovered - place,
      started_at_ms: startedAtMs,
      ended_at_ms: startedAtMs + 62_000,
      trigger: 'missed_pings',
      outcome: place === 2 ? 'stood_down' : 'recovered',
      attempts: 1,
      outage_ms: place === 2 ? 0 : 2590,
      phases: place === 2 ? {} : { detect: 2410, decide: 3, signal: 87, connect: 91, resume: 12 },
      evidence,
      from_generation: row.generation - place - 1,
      to_generation: row.generation - place,
      entries: entriesOf(startedAtMs, row.generation - place),
    };
  });
  if (row.incident === null) return past;
  const open: Incident = {
    number: row.recovered + 1,
    started_at_ms: row.incident.started_at_ms,
    ended_at_ms: null,
    trigger: row.incident.trigger,
    outcome: 'open',
    attempts: row.incident.attempts,
    outage_ms: nowMs - row.incident.started_at_ms,
    phases: { detect: 2410 },
    evidence: { ...evidence, trigger: row.incident.trigger },
    from_generation: row.generation,
    to_generation: null,
    entries: entriesOf(row.incident.started_at_ms, row.generation).slice(0, 6),
  };
  return [open, ...past];
}

export function fakeSamples(nowMs: number): SamplePoint[] {
  const random = new Random(7);
  let [inBytes, outBytes] = [0, 0];
  return Array.from({ length: 180 }, (_, place) => {
    const isDark = place > 120 && place < 124;
    inBytes += isDark ? 0 : 30_000 + random.below(9000);
    outBytes += isDark ? 0 : 12_000 + random.below(6000);
    return {
      at_ms: nowMs - (180 - place) * 5000,
      rtt_ms: isDark ? null : 30 + random.below(14) + (place > 100 && place < 121 ? 90 : 0),
      loss: isDark ? null : place > 104 && place < 121 ? random.next() * 0.08 : 0,
      bytes_in: inBytes,
      bytes_out: outBytes,
    };
  });
}

function fakeTrend(nowMs: number): TrendMinute[] {
  const random = new Random(11);
  return Array.from({ length: 60 }, (_, place) => {
    const started = random.below(5) + (place > 51 ? 9 : 0);
    return {
      at_ms: nowMs - (59 - place) * 60_000,
      started,
      recovered: started,
      lost: place > 54 ? random.below(2) : 0,
      outage_median_ms: started === 0 ? null : 1800 + random.below(900),
      outage_worst_ms: started === 0 ? null : 2900 + random.below(9000),
    };
  });
}

export const fakeNodeView = (counts: NodeView['tubes'], nowMs: number): NodeView => ({
  node_id: 'fake-1',
  version: '0.0.0',
  started_at_ms: nowMs - 260_000_000,
  now_ms: nowMs,
  profile: 'production',
  recovery_policy: 'standard',
  draining: false,
  tubes: counts,
  limits: {
    sockets: { used: 212, limit: 2000 },
    ice_agents: { used: 5210, limit: 6000 },
    creates: { used: 3, limit: 100 },
  },
  storm: { active: false, since_ms: null, held: 0 },
  event_loop: { p50_ms: 1.2, p99_ms: 8.4, utilization: 0.23 },
  memory: { rss_bytes: 612_000_000, heap_used_bytes: 241_000_000 },
  store: { kind: 'embedded', sound: true },
  fault_injection: true,
  network: {
    watching: 'events',
    interfaces: [
      { name: 'lo', addresses: ['127.0.0.1', '::1'] },
      { name: 'eth0', addresses: ['10.20.4.17', 'fe80::42:acff:fe11:2'] },
    ],
    last_change: { at_ms: nowMs - 4_000_000, type: 'ip_change', detail: 'eth0: 10.20.4.16 is now 10.20.4.17' },
  },
  blame: {
    triggers: { missed_pings: 41, transport_failure: 22, ip_change: 9 },
    routes: { same: 58, moved: 9, unknown: 5 },
    sides: { us: 9, them: 58, unclear: 5 },
  },
  trend: fakeTrend(nowMs),
});
