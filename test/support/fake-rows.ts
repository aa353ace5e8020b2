/** Rows, incidents and figures of a node that does not exist, for tests of the console: seeded, and alike what a real one says. Pure. */
import type { FlightEntry, FlightFact, WireEvidence } from '../../src/operator/flight.types.js';
import type { Incident } from '../../src/operator/incident.types.js';
import type { NodeView, SamplePoint, TrendMinute, TubeRow } from '../../src/operator/operator.types.js';
import { evidenceOf } from './evidence.js';
import { FakeLife } from './fake-life.js';
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

/** From what it begins to what it is like now, in the middle of which the story is. */
interface Telling {
  readonly life: FakeLife;
  readonly random: Random;
  readonly nowMs: number;
}

const measure = ({ life, random }: Telling): FakeLife =>
  life.after(100).measured(random.pick(pairs), 4 + random.below(180) + random.next());

function connect(telling: Telling): void {
  telling.life.after(30).described().after(70).answered().after(120).cutOver().turn('connected', 'a path works');
  measure(telling);
}

const poll = ({ life, random }: Telling): FakeLife =>
  life.after(120_000).polled(1 - random.next() * 0.2, random.chance(0.8) ? 0 : random.next() * 0.06);

/** Trouble that is over. */
function stumble(telling: Telling): void {
  const { life, random } = telling;
  const trigger = random.pick(triggers);
  life.doubted(trigger);
  if (random.chance(0.5)) life.pathLost();
  life.recovered(trigger);
  measure(telling);
}

/** In doubt while the old path may still work, or without one; with what it waits for. */
function degrade({ life, random, nowMs }: Telling): void {
  const trigger = random.pick(triggers);
  life.atMs = nowMs - 60_000 - random.below(60_000);
  life.doubted(trigger);
  if (random.chance(0.5)) life.pathLost();
  const attempts = random.below(3);
  for (let n = 0; n < attempts; n += 1) life.attempted(trigger).after(40).described().unanswered();
  const dice = random.next();
  if (dice < 0.4) {
    life.atMs = nowMs - random.below(4000);
    life.decided(trigger, { action: 'wait', verdict: null, why: 'backoff', delayMs: 5000 + random.below(50_000) });
  } else if (dice < 0.7) {
    life.atMs = nowMs - random.below(14_000);
    life.attempted(trigger).described();
  } else if (dice < 0.85) life.decided(trigger, { action: 'wait', verdict: 'wait_for_peer' });
  else {
    const evidence = evidenceOf({ trigger, path: 'doubted', route: 'none' });
    life.decided(trigger, { action: 'wait', verdict: 'wait_for_network', evidence });
  }
}

function fail({ life, random, nowMs }: Telling): void {
  const trigger = random.pick(triggers);
  life.atMs = nowMs - 100_000 - random.below(10_000);
  life.doubted(trigger).pathLost();
  for (let n = 0; n < 1 + random.below(3); n += 1) life.attempted(trigger).after(40).described().unanswered();
  life.decided(trigger, { action: 'give_up', verdict: null, code: 'restart_exhausted' });
  life.atMs = Math.max(life.atMs, nowMs - random.below(100_000));
  life.failed('restart_exhausted');
}

/** Of a tube that was told as the service tells one: what it cannot send does not come. */
export function fakeRow(index: number, random: Random, nowMs: number, state = stateOf(random)): TubeRow {
  const isNew = state === 'initializing' || state === 'connecting';
  // Some fail before they ever had a path, some are connected and not polled yet.
  const isYoung = isNew || (state === 'failed' ? random.chance(0.3) : state === 'connected' && random.chance(0.02));
  const ageMs = isYoung ? 1000 + random.below(25_000) : 10_000_000 + random.below(120_000_000);
  const life = new FakeLife({
    tubeId: idOf(index),
    conversationId: `${conversations[index % conversations.length] ?? 'room'}-${String(1000 + index)}`,
    tenant: 'default',
    peerTokenDigest: '00',
    createdAtMs: nowMs - ageMs - (state === 'failed' ? 30_000 : 0),
  });
  const telling = { life, random, nowMs };
  if (state === 'connecting') life.described();
  else if (state === 'failed' && isYoung) life.described().after(30_000).failed('connect_timeout');
  else if (state !== 'initializing') {
    connect(telling);
    const stumbles = isYoung || !random.chance(0.3) ? 0 : 1 + random.below(6);
    for (let n = 0; n < stumbles; n += 1) {
      life.after(random.below(1_000_000));
      stumble(telling);
    }
    if (!isYoung) poll(telling);
    if (state === 'degraded') degrade(telling);
    if (state === 'failed') fail(telling);
  }
  return life.story.row(nowMs);
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

/** What a tube was given up for. */
function fakeFailure(row: TubeRow): Incident {
  const startedAtMs = row.since_ms - 42_000;
  return {
    number: row.incidents,
    started_at_ms: startedAtMs,
    ended_at_ms: row.since_ms,
    trigger: 'missed_pings',
    outcome: 'failed',
    attempts: 1,
    outage_ms: 42_000,
    phases: { detect: 2410, decide: 3 },
    evidence,
    from_generation: row.generation - 1,
    to_generation: null,
    entries: entriesOf(startedAtMs, row.generation).slice(0, 6),
  };
}

/** Newest first, with an open one when the row has one, or the one that a failed tube was given up for. */
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
  if (row.state === 'failed' && row.incidents > row.recovered) return [fakeFailure(row), ...past];
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

/** While nothing is heard of a path there is nothing to tell. */
export function fakeSamples(nowMs: number): SamplePoint[] {
  const random = new Random(7);
  let [inBytes, outBytes] = [0, 0];
  return Array.from({ length: 180 }, (_, place) => place)
    .filter((place) => place <= 120 || place >= 124)
    .map((place) => {
      inBytes += 30_000 + random.below(9000);
      outBytes += 12_000 + random.below(6000);
      return {
        at_ms: nowMs - (180 - place) * 5000,
        rtt_ms: 30 + random.below(14) + (place > 100 && place < 121 ? 90 : 0),
        loss: place > 104 && place < 121 ? random.next() * 0.08 : 0,
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
