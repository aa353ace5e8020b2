// Incidents as they are folded from what the real chart says: when they begin and end, what they cost, where the time went.
import { describe, expect, test } from '@jest/globals';
import { incidentsOf } from '../../src/operator/incident.js';
import type { FlightEntry, FlightFact } from '../../src/operator/flight.types.js';
import type { Incident } from '../../src/operator/incident.types.js';
import { entriesOf, incidentsOfTube } from '../support/story.js';
import { TubeHarness } from '../support/tube-harness.js';

const seconds = 1_000;

function onlyOne(incidents: readonly Incident[]): Incident {
  expect(incidents).toHaveLength(1);
  return incidents[0]!;
}

/** Times since the start of the tube. */
const span = (tube: TubeHarness, { started_at_ms, ended_at_ms }: Incident): [number, number | null] => [
  started_at_ms - tube.startMs,
  ended_at_ms === null ? null : ended_at_ms - tube.startMs,
];

const sumOf = ({ phases }: Incident): number => Object.values(phases).reduce((sum, ms) => sum + ms, 0);

/** Connected, a pong heard at 5 s, and silent from then on. */
function silent(peer: 'plain' | 'overlap' = 'overlap', options = {}): TubeHarness {
  const tube = TubeHarness.connected(peer, options);
  tube.advance(5 * seconds);
  tube.ponging = false;
  return tube;
}

/** The offer takes 100 ms, the answer 200 ms, the connection 400 ms, and the first pong comes 30 ms later. */
function recover(tube: TubeHarness, peer: 'plain' | 'overlap' = 'overlap'): void {
  tube.advance(100);
  tube.described();
  tube.advance(200);
  tube.answer(peer);
  tube.advance(400);
  tube.ponging = false;
  tube.up();
  tube.advance(30);
  tube.report(tube.newest, { type: 'transport.pong', seq: 1, rttMs: 30 });
  tube.ponging = true;
}

describe('a path that falls silent', () => {
  test('and is restarted: from the last pong to the first over the new path, phase by phase', () => {
    const tube = silent();
    tube.advance(10 * seconds);
    expect(tube.path).toBe('degraded.restarting.doubtful');
    const knownAtMs = tube.of('state').at(-1)!.sinceStartMs;
    const attemptAtMs = tube.last('attemptStarted')!.sinceStartMs;
    const beganAtMs = tube.elapsedMs;
    recover(tube);
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident).toMatchObject({
      number: 1,
      trigger: 'missed_pings',
      outcome: 'recovered',
      attempts: 1,
      from_generation: 1,
      to_generation: 2,
      evidence: { trigger: 'missed_pings', missed_pings: 3, path: 'doubted' },
    });
    expect(incident.phases).toEqual({
      detect: knownAtMs - 5 * seconds,
      decide: attemptAtMs - knownAtMs,
      signal: beganAtMs + 300 - attemptAtMs,
      connect: 400,
      resume: 30,
    });
    expect(span(tube, incident)).toEqual([5 * seconds, beganAtMs + 730]);
    expect(incident.outage_ms).toBe(sumOf(incident));
    expect(incident.outage_ms).toBe(tube.last('recovered')!.outageMs + 30);
  });

  test('and is told without pongs, from the entries alone: the same but for resume', () => {
    const tube = silent();
    tube.advance(10 * seconds);
    recover(tube);
    const { phases, ...told } = onlyOne(incidentsOfTube(tube));
    const { resume, ...others } = phases;
    const folded = onlyOne(incidentsOf(entriesOf(tube), tube.clock.nowMs));
    expect(resume).toBe(30);
    expect(folded.phases).toEqual(others);
    expect(folded).toMatchObject({ started_at_ms: told.started_at_ms, outage_ms: told.outage_ms! - 30 });
  });

  test('is open until then, with its outage growing and the phases so far', () => {
    const tube = silent();
    tube.advance(20 * seconds);
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident).toMatchObject({ outcome: 'open', ended_at_ms: null, outage_ms: 20 * seconds, attempts: 1 });
    expect(Object.keys(incident.phases)).toEqual(['detect', 'decide']);
    expect(incident.started_at_ms).toBe(tube.startMs + 5 * seconds);
  });

  test('and answers again before anything is done: stood down', () => {
    const tube = silent();
    while (tube.state === 'connected') tube.advance(100);
    expect(tube.path).toBe('degraded.doubted');
    tube.ponging = true;
    tube.advance(5 * seconds);
    expect(tube.state).toBe('connected');
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident).toMatchObject({ outcome: 'stood_down', attempts: 0, to_generation: null });
    expect(Object.keys(incident.phases)).toEqual(['detect']);
    expect(incident.outage_ms).toBe(tube.last('recovered')!.outageMs);
    expect(onlyOne(incidentsOf(entriesOf(tube), tube.clock.nowMs))).toMatchObject({
      outcome: 'stood_down',
      outage_ms: incident.outage_ms,
    });
  });

  test('and answers again while the restart is offered to nobody: stood down, the attempt counted', () => {
    const tube = silent();
    tube.advance(10 * seconds);
    tube.described();
    tube.ponging = true;
    tube.advance(15 * seconds);
    expect(tube.path).toBe('connected');
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident).toMatchObject({ outcome: 'stood_down', attempts: 1 });
    expect(incident.phases).not.toHaveProperty('signal');
    expect(incident.outage_ms).toBe(tube.last('recovered')!.outageMs);
  });

  test('again and again: one incident each time, however near to each other', () => {
    const tube = TubeHarness.connected('overlap');
    for (let round = 1; round <= 3; round += 1) {
      tube.advance(5 * seconds);
      tube.ponging = false;
      while (tube.state === 'connected') tube.advance(100);
      tube.ponging = true;
      while (tube.state === 'degraded') tube.advance(100);
    }
    expect(incidentsOfTube(tube)).toMatchObject([1, 2, 3].map((number) => ({ number, outcome: 'stood_down' })));
  });
});

describe('a restart without an outage', () => {
  test('of our library: no time is lost, and the phases tell how long it took', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(5 * seconds);
    tube.networkChanged('interface_change', 'controller');
    tube.advance(250);
    recover(tube);
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident).toMatchObject({ trigger: 'interface_change', outcome: 'recovered', outage_ms: 0 });
    expect(incident.phases).toEqual({ decide: 250, signal: 300, connect: 400, resume: 30 });
    expect(span(tube, incident)).toEqual([5_000, 5_980]);
  });

  test('of a plain peer: its path ends with the answer', () => {
    const tube = TubeHarness.connected('plain');
    tube.advance(seconds);
    tube.restart('manual');
    recover(tube, 'plain');
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident).toMatchObject({ trigger: 'manual', outcome: 'recovered', outage_ms: 430 });
    expect(incident.phases).toEqual({ decide: 0, signal: 300, connect: 400, resume: 30 });
  });

  test('for poor quality', () => {
    const tube = TubeHarness.connected('overlap');
    tube.send({ type: 'health.restartAdvised', trigger: 'poor_quality' });
    recover(tube);
    expect(onlyOne(incidentsOfTube(tube))).toMatchObject({ trigger: 'poor_quality', outage_ms: 0, attempts: 1 });
  });

  test('by an offer of the peer', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(seconds);
    const call = tube.describe('offer');
    tube.advance(50);
    tube.applied('overlap', 2, false, call);
    tube.described(2, 'answer');
    tube.advance(300);
    tube.up();
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident).toMatchObject({
      trigger: 'peer_offer',
      outcome: 'recovered',
      attempts: 1,
      outage_ms: 0,
      from_generation: 1,
      to_generation: 2,
    });
    expect(incident.phases).toEqual({ decide: 0, signal: 50, connect: 300, resume: 0 });
  });
});

describe('a path that is lost', () => {
  test('as the transport says: known at once', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(seconds);
    tube.down(1);
    recover(tube);
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident.phases).toEqual({ detect: 0, decide: 0, signal: 300, connect: 400, resume: 30 });
    expect(incident).toMatchObject({ trigger: 'transport_failure', outage_ms: 730 });
  });

  test('as this host says: cut off at once, settled, and restarted', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(seconds);
    tube.ponging = false;
    tube.networkChanged('ip_change', 'host', 'moved');
    tube.advance(250);
    recover(tube);
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident).toMatchObject({ trigger: 'ip_change', outage_ms: 980, evidence: { route: 'moved' } });
    expect(incident.phases).toEqual({ detect: 0, decide: 250, signal: 300, connect: 400, resume: 30 });
  });

  test('and not got back by the first attempts: pauses and failures are `decide`', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(seconds);
    tube.down(1);
    tube.described();
    tube.advance(15 * seconds);
    expect(tube.of('attemptEnded')).toMatchObject([{ outcome: 'failure' }]);
    tube.advance(tube.last('decision')!.decision.delayMs);
    expect(tube.of('attemptStarted')).toHaveLength(2);
    const decideMs = tube.elapsedMs - seconds;
    recover(tube);
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident.phases).toEqual({ detect: 0, decide: decideMs, signal: 300, connect: 400, resume: 30 });
    expect(incident).toMatchObject({ attempts: 2, to_generation: 3, outage_ms: sumOf(incident) });
  });

  test('and got back by the second generation of one attempt: both are `connect`', () => {
    const tube = TubeHarness.connected('overlap');
    tube.down(1);
    tube.described();
    tube.answer('overlap');
    tube.advance(4 * seconds);
    expect(tube.newest).toBe(3);
    recover(tube);
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident.phases).toEqual({ detect: 0, decide: 0, signal: 0, connect: 4_700, resume: 30 });
    expect(incident).toMatchObject({ attempts: 1, to_generation: 3 });
  });

  test('while the peer is away: waited for, and the waiting is `decide`', () => {
    const tube = TubeHarness.connected('overlap');
    tube.signalling(false);
    tube.down(1);
    tube.advance(7 * seconds);
    tube.signalling(true);
    recover(tube);
    expect(onlyOne(incidentsOfTube(tube)).phases).toMatchObject({ detect: 0, decide: 7_000 });
  });
});

describe('an incident that ends badly', () => {
  test('is given up: failed, and what follows is another one', () => {
    const tube = TubeHarness.connected('overlap', { settings: { incidentDeadlineMs: 5_000 } });
    tube.advance(seconds);
    tube.down(1);
    tube.advance(5 * seconds);
    expect(tube.path).toBe('failed');
    expect(incidentsOfTube(tube)).toMatchObject([{ outcome: 'failed', outage_ms: 5_000 }]);
    tube.advance(2 * seconds);
    tube.signalling(true);
    tube.complete('overlap');
    const [, second] = incidentsOfTube(tube);
    // The application has been without a path since the beginning.
    expect(second).toMatchObject({ number: 2, outcome: 'recovered', trigger: 'peer_request', outage_ms: 7_000 });
    expect(span(tube, second!)).toEqual([8_000, 8_000]);
    expect(second!.phases).not.toHaveProperty('detect');
  });

  test.each([
    ['requested', 'closed'],
    ['session_timeout', 'failed'],
    ['crashed', 'failed'],
  ] as const)('is closed, %s: %s', (reason, outcome) => {
    const tube = silent();
    tube.advance(8 * seconds);
    tube.send({ type: 'tube.close', reason, atMs: tube.clock.nowMs });
    const incident = onlyOne(incidentsOfTube(tube));
    expect(incident).toMatchObject({ outcome, outage_ms: 8 * seconds, trigger: 'missed_pings' });
    expect(span(tube, incident)).toEqual([5_000, 13_000]);
  });

  test('is closed for an answer that never came, where that is configured: failed', () => {
    const tube = silent('overlap', { settings: { answerTimeoutAction: 'close' } });
    tube.advance(10 * seconds);
    tube.described();
    tube.advance(15 * seconds);
    expect(tube.path).toBe('closed');
    expect(onlyOne(incidentsOfTube(tube))).toMatchObject({ outcome: 'failed', attempts: 1 });
  });
});

test('a tube that another process carries on is in an incident from the start', () => {
  const before = TubeHarness.connected('overlap');
  const tube = TubeHarness.afterProcess(before.last('record')!.record, { held: false });
  tube.advance(seconds);
  recover(tube);
  expect(onlyOne(incidentsOfTube(tube))).toMatchObject({ trigger: 'service_restart', outcome: 'recovered' });
});

test('a tube that is never in trouble has no incident, whatever happens to it', () => {
  const tube = TubeHarness.connected('overlap');
  tube.advance(60 * seconds);
  tube.networkChanged('ip_change', 'host', 'same');
  tube.close();
  expect(incidentsOfTube(tube)).toEqual([]);
});

test('an incident of a first connection that did not come up ends when it does', () => {
  const tube = new TubeHarness();
  tube.begin();
  tube.described();
  tube.answer();
  tube.down(1);
  expect(tube.state).toBe('degraded');
  recover(tube);
  expect(onlyOne(incidentsOfTube(tube))).toMatchObject({ outcome: 'recovered', trigger: 'transport_failure' });
});

describe('entries', () => {
  const at = (at_ms: number, fact: FlightFact, more: Partial<FlightEntry> = {}): FlightEntry =>
    ({ at_ms, seq: at_ms, generation: 1, ...fact, ...more }) as FlightEntry;
  const degraded: FlightFact = {
    kind: 'state',
    state: 'degraded',
    previous_state: 'connected',
    reason: 'missed_pings',
  };
  const connected: FlightFact = { kind: 'state', state: 'connected', previous_state: 'degraded', reason: '' };

  test('of an incident are those between its beginning and its end', () => {
    const tube = silent();
    tube.advance(10 * seconds);
    recover(tube);
    tube.advance(30 * seconds);
    const kinds = onlyOne(incidentsOfTube(tube)).entries.map(({ kind }) => kind);
    expect(kinds[0]).toBe('ping_missed');
    expect(kinds).toEqual(expect.arrayContaining(['decision', 'attempt_started', 'cut_over', 'recovered']));
    expect(kinds).not.toContain('generation_closed');
  });

  test('that were merged in the recorder: a ping missed long ago is no sign of this trouble', () => {
    const missed = at(0, { kind: 'ping_missed' }, { count: 3, last_at_ms: 600_000 });
    const incident = onlyOne(incidentsOf([missed, at(600_000, degraded), at(602_000, connected)], 700_000));
    expect(incident.started_at_ms).toBe(600_000);
    const lately = at(592_000, { kind: 'ping_missed' }, { count: 2, last_at_ms: 600_000 });
    const other = onlyOne(incidentsOf([lately, at(600_000, degraded), at(602_000, connected)], 700_000));
    expect(other.started_at_ms).toBe(592_000);
  });

  test('of a history whose beginning is gone make no incident of what is left of one', () => {
    const rest = [at(1, { kind: 'cut_over', from_generation: 1 }), at(1, connected)];
    expect(incidentsOf(rest, 10)).toEqual([]);
  });

  test('with a clock that was set back have no negative length', () => {
    const back = [
      at(10_000, degraded),
      at(9_000, { kind: 'attempt_started', attempt: 1, trigger: 'missed_pings' }, { generation: 2 }),
      at(8_000, { kind: 'description', from: 'peer', type: 'answer' }, { generation: 2 }),
      at(7_000, { kind: 'cut_over', from_generation: 1 }, { generation: 2 }),
      at(7_000, connected),
    ];
    const incident = onlyOne(incidentsOf(back, 7_000));
    expect(Object.values(incident.phases).every((ms) => ms >= 0)).toBe(true);
    expect(incident.outage_ms).toBeGreaterThanOrEqual(0);
  });
});
