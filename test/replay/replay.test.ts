// What was recorded of a tube is played again, and the tube does what it did then: by name, and for hundreds of random lives.
import { describe, expect, test } from '@jest/globals';
import { isStart } from '../../src/replay/flight-inputs.js';
import { drawReplay } from '../../src/replay/drawing.js';
import { replayFlight, type Replay } from '../../src/replay/replay-flight.js';
import { storyOf } from '../../src/replay/story.js';
import { live, liveCrowded } from './random-life.js';
import { RecordedTube } from './recorded-tube.js';

const minute = 60_000;

/** It is played, and does the same; the story of it is there for who reads a failure. */
function played(tube: RecordedTube): Replay {
  const flight = tube.exported();
  const replay = replayFlight(flight);
  if (!replay.agrees) console.log(JSON.stringify(flight.inputs, null, 1), storyOf(replay, 100).join('\n'));
  expect(replay.divergences).toEqual([]);
  expect(replay.skew_ms).toBeLessThanOrEqual(30);
  return replay;
}

const starts = (tube: RecordedTube): string[] =>
  tube
    .exported()
    .inputs.filter(isStart)
    .map(({ event }) => event);

describe('the same path', () => {
  test('of a tube that opens, falls silent, restarts and recovers', () => {
    const tube = RecordedTube.connected();
    tube.advance(21_111);
    tube.ponging = false;
    tube.advance(9_000);
    expect(tube.state).toBe('degraded');
    tube.ponging = true;
    tube.complete();
    tube.advance(7_777);
    const replay = played(tube);
    expect(replay.states).toEqual(['initializing', 'connecting', 'connected', 'degraded', 'connected']);
    expect(replay.incidents).toMatchObject([{ trigger: 'missed_pings', outcome: 'recovered', attempts: 1 }]);
    expect(replay.path.map(({ state }) => state)).toEqual(
      expect.arrayContaining([
        'degraded.doubted',
        'degraded.restarting.doubtful',
        'attempting.awaitingAnswer',
        'resting',
      ]),
    );
  });

  test('of pauses that are drawn at random: the seed is in the file', () => {
    const tube = RecordedTube.connected();
    tube.advance(12_345);
    tube.ponging = false;
    tube.report(1, { type: 'transport.down', cause: 'failed' });
    for (let attempt = 0; attempt < 4; attempt += 1) {
      tube.advance(41);
      tube.described();
      tube.advance(25_000);
    }
    const replay = played(tube);
    const pauses = replay.entries.flatMap((entry) =>
      entry.kind === 'decision' && entry.delay_ms > 0 ? [entry.delay_ms] : [],
    );
    expect(pauses.length).toBeGreaterThan(1);
  });

  test('of a tube that is given up and closed, and was forgotten by the service', () => {
    const tube = RecordedTube.connected('plain');
    tube.advance(8_001);
    tube.ponging = false;
    tube.report(1, { type: 'transport.down', cause: 'closed' });
    tube.advance(20 * minute);
    expect(tube.isThere).toBe(false);
    expect(played(tube).states.slice(-2)).toEqual(['failed', 'closed']);
  });

  test('of a network change that goes ahead of the backoff', () => {
    const tube = RecordedTube.connected();
    tube.advance(5_501);
    const change = { change: 'ip_change', source: 'host', detail: 'eth0 gone', route: 'moved' } as const;
    tube.send({ type: 'tube.networkChanged', ...change, atMs: tube.clock.nowMs });
    tube.advance(251);
    tube.complete();
    tube.advance(2_000);
    expect(played(tube).incidents).toMatchObject([{ trigger: 'ip_change', outcome: 'recovered' }]);
  });

  test('of a wrong suspicion: the attempt fails, and the old path stays', () => {
    const tube = RecordedTube.connected();
    tube.advance(5_501);
    tube.report(1, { type: 'transport.stateChanged', state: 'disconnected' });
    const change = { change: 'quality_degradation', source: 'controller', detail: 'slow', route: null } as const;
    tube.send({ type: 'tube.networkChanged', ...change, atMs: tube.clock.nowMs });
    tube.advance(30_000);
    expect(tube.state).toBe('connected');
    expect(tube.context.active).toBe(1);
    played(tube);
  });

  test('of an actor that crashed and was started again', () => {
    const tube = RecordedTube.connected();
    tube.advance(11_003);
    tube.throwsOnce = true;
    tube.send({
      type: 'tube.remoteCandidate',
      requestId: 'r',
      candidate: 'c',
      mid: '0',
      generation: 1,
      atMs: tube.clock.nowMs,
    });
    tube.complete();
    tube.advance(5_000);
    const replay = played(tube);
    expect(replay.entries.map(({ kind }) => kind)).toContain('crashed');
    expect(replay.states.at(-1)).toBe('connected');
  });

  test('of poor quality that calls for a restart', () => {
    const tube = RecordedTube.connected('overlap', { settings: { healthCheckIntervalMs: 10_000 } });
    tube.advance(65_000);
    tube.probes = { sent: 100, arrived: 60, echoed: 50 };
    tube.advance(37_000);
    expect(tube.state).toBe('degraded');
    tube.probes = { sent: 100, arrived: 100, echoed: 100 };
    tube.complete();
    tube.advance(30_000);
    expect(played(tube).incidents).toMatchObject([{ trigger: 'poor_quality', outcome: 'recovered' }]);
  });

  test('of a session that ends for want of data', () => {
    const tube = RecordedTube.connected('overlap', {
      settings: { sessionTimeoutMs: 3 * minute, sessionWarningMs: minute },
    });
    for (let second = 0; second < 40; second += 1) {
      tube.advance(1_000);
      tube.report(1, { type: 'transport.heard', data: true });
    }
    tube.advance(4 * minute);
    expect(played(tube).entries.at(-1)).toMatchObject({ kind: 'closed', reason: 'session_timeout' });
  });

  test('of a service that was late: its timers are late in the replay too', () => {
    const tube = RecordedTube.connected();
    tube.advance(20_002);
    // Nothing runs for three seconds; the ping that was due is sent when it is over.
    tube.clock.stall(3_456);
    tube.advance(30_000);
    expect(tube.exported().pauses.length).toBeGreaterThan(0);
    expect(played(tube).states.slice(-1)).toEqual(['connected']);
    expect(tube.recorder.history(tube.tubeId).entries.map(({ kind }) => kind)).not.toContain('ping_missed');
  });
});

describe('the same millisecond', () => {
  const answerTimeoutMs = 15_000;
  /** An offer is out for exactly as long as it may be. */
  const offered = (): RecordedTube => {
    const tube = RecordedTube.connected();
    tube.advance(5_501);
    tube.restart();
    tube.advance(37);
    tube.described();
    return tube;
  };
  const failures = (tube: RecordedTube): unknown[] =>
    played(tube).entries.flatMap((entry) =>
      entry.kind === 'attempt_ended' && entry.code !== null ? [entry.code] : [],
    );
  const brief = (tube: RecordedTube): string[] =>
    tube
      .exported()
      .inputs.flatMap((input) => (input.event === 'timer' ? [`${input.name} ${String(input.fired)}`] : []));
  const answerTimeout = 'xstate.after.answerTimeout.restart.attempting.awaitingAnswer';

  test('an answer that comes when the time for it is over comes too late', () => {
    const tube = offered();
    tube.advance(answerTimeoutMs);
    tube.describe('answer', tube.newest);
    tube.applied('overlap');
    tube.advance(1_000);
    expect(brief(tube)).toEqual([`${answerTimeout} true`]);
    expect(failures(tube)).toEqual(['transport_answer_timeout']);
  });

  test('an answer that comes before the timer, though it was due, is in time', () => {
    const tube = offered();
    tube.advance(answerTimeoutMs - 20);
    tube.blocked(60, () => {
      tube.describe('answer', tube.newest);
      tube.applied('overlap');
    });
    tube.up();
    tube.advance(1_000);
    expect(brief(tube)).toEqual([`${answerTimeout} false`]);
    expect(failures(tube)).toEqual([]);
  });

  test('a timer that is later than an input, and does not mind it, fires after it', () => {
    const tube = RecordedTube.connected('overlap', { latenessMs: () => 7 });
    tube.advance(5_501);
    const change = { change: 'ip_change', source: 'host', detail: 'eth0 gone', route: 'moved' } as const;
    tube.send({ type: 'tube.networkChanged', ...change, atMs: tube.clock.nowMs });
    tube.advance(253);
    // It settles until 250 ms after the change, and nobody has looked at the timer yet.
    tube.send({ type: 'tube.nodeChanged', node: { held: true }, atMs: tube.clock.nowMs });
    tube.advance(1_000);
    expect(brief(tube)[0]).toContain('after.settle');
    const replay = played(tube);
    const [decided] = replay.entries.filter(({ kind }) => kind === 'decision');
    expect(decided).toMatchObject({ action: 'do', evidence: { held: true } });
  });

  test.each([true, false])(
    'data of ours in a silence asks for a pong, unless theirs came first: %s',
    (isHeardFirst) => {
      const tube = RecordedTube.connected();
      tube.advance(30_500);
      tube.ponging = false;
      tube.advance(2_000);
      const heard = (): void => tube.report(1, { type: 'transport.heard', data: false });
      if (isHeardFirst) heard();
      tube.send({ type: 'tube.dataSent', atMs: tube.clock.nowMs });
      if (!isHeardFirst) heard();
      tube.advance(10_000);
      const missed = ({ entries }: Pick<Replay, 'entries'>): number[] =>
        entries.flatMap(({ kind, at_ms: atMs }) => (kind === 'ping_missed' ? [atMs] : []));
      expect(missed(played(tube))[0]).toBe(missed(tube.exported())[0]);
    },
  );

  test('failed operations are counted one by one', () => {
    const tube = new RecordedTube();
    tube.ponging = false;
    tube.complete();
    tube.advance(14_000);
    for (let call = 0; call < 4; call += 1) tube.send({ type: 'tube.operationFailed', atMs: tube.clock.nowMs });
    tube.advance(500);
    expect(played(tube).states.at(-1)).toBe('degraded');
  });

  test('what was said before a start in its millisecond is not asked of the replay', () => {
    const tube = RecordedTube.connected('overlap', { maxInputs: 20 });
    tube.advance(5_000);
    for (let call = 0; call < 40; call += 1) {
      const change = call % 2 === 0 ? 'interface_change' : 'ip_change';
      const reported = { change, source: 'host', detail: 'eth1', route: 'same' } as const;
      tube.send({ type: 'tube.networkChanged', ...reported, atMs: tube.clock.nowMs });
      tube.report(1, { type: 'transport.heard', data: false });
      tube.advance(7_000);
    }
    const flight = tube.exported();
    const [start] = flight.inputs;
    expect(start).toMatchObject({ event: 'start.connected', after_entry: expect.any(Number) });
    expect(flight.entries.filter(({ at_ms: atMs }) => atMs === start?.at_ms).length).toBeGreaterThan(0);
    expect(played(tube).met).toBeGreaterThan(0);
  });

  test('what was due when the recorder had no room for more is not played either', () => {
    const tube = RecordedTube.connected('overlap', { maxInputs: 4 });
    tube.advance(5_501);
    tube.report(1, { type: 'transport.down', cause: 'failed' });
    tube.described();
    tube.advance(answerTimeoutMs - 20);
    tube.blocked(60, () => {
      tube.send({ type: 'tube.peerReplaced', atMs: tube.clock.nowMs });
      tube.report(tube.newest, { type: 'transport.stateChanged', state: 'connecting' });
    });
    tube.advance(1_000);
    expect(tube.exported().inputs_missing).toBeGreaterThan(0);
    played(tube);
  });
});

describe('a beginning that was dropped', () => {
  test('after ten quiet minutes the opening is forgotten, and the incident after it is played from there', () => {
    const tube = RecordedTube.connected();
    tube.advance(15 * minute);
    expect(starts(tube)).toEqual(['start.connected']);
    expect(tube.exported().inputs).toHaveLength(2);
    tube.ponging = false;
    tube.advance(12_000);
    tube.ponging = true;
    tube.complete();
    tube.advance(90_000);
    const replay = played(tube);
    expect(replay.path[0]).toMatchObject({ state: 'connected', cause: 'carried on' });
    expect(replay.states).toEqual(['connected', 'degraded', 'connected']);
  });

  test('of weeks in which nothing happened the last hour is played', () => {
    const tube = RecordedTube.connected();
    for (let hour = 0; hour < 40; hour += 1) {
      for (let second = 0; second < 1800; second += 60) {
        tube.advance(minute);
        tube.report(1, { type: 'transport.heard', data: true });
      }
      tube.advance(30 * minute);
    }
    tube.send({ type: 'tube.peerSignalling', online: false, atMs: tube.clock.nowMs });
    tube.advance(7_001);
    tube.report(1, { type: 'transport.down', cause: 'failed' });
    tube.advance(minute);
    const replay = played(tube);
    expect(replay.states).toEqual(['connected', 'degraded']);
    expect(replay.to_ms - replay.from_ms).toBeLessThan(2 * 60 * minute);
  });

  test('of many incidents the last are kept, each whole', () => {
    const tube = RecordedTube.connected('overlap', { maxInputs: 30 });
    for (let incident = 0; incident < 6; incident += 1) {
      tube.advance(3 * minute + 77 * incident);
      tube.restart();
      tube.complete();
    }
    const flight = tube.exported();
    expect(flight.inputs.length).toBeLessThanOrEqual(30);
    expect(flight.inputs[0]).toMatchObject({ event: 'start.connected' });
    expect(flight.inputs_dropped).toBeGreaterThan(0);
    expect(played(tube).incidents.length).toBeGreaterThanOrEqual(2);
  });

  test('where failed attempts left the older generation in use', () => {
    const tube = RecordedTube.connected('overlap', { maxInputs: 30 });
    tube.advance(5_501);
    const change = { change: 'quality_degradation', source: 'controller', detail: 'slow', route: null } as const;
    tube.send({ type: 'tube.networkChanged', ...change, atMs: tube.clock.nowMs });
    tube.advance(20 * minute);
    expect([tube.context.active, tube.context.generation]).toEqual([1, 2]);
    for (let call = 0; call < 60; call += 1) {
      tube.advance(10_000);
      tube.send({ type: 'tube.nodeChanged', node: { suspectShare: call / 100 }, atMs: tube.clock.nowMs });
    }
    tube.advance(2 * minute);
    tube.restart();
    tube.complete();
    tube.advance(20_000);
    expect(tube.exported().inputs[0]).toMatchObject({ event: 'start.connected', generation: 2, active_generation: 1 });
    played(tube);
  });

  test('an incident that is too long for the recorder is played as far as it was kept', () => {
    const settings = { breakerFailureThreshold: 50 };
    const tube = RecordedTube.connected('overlap', { maxInputs: 12, settings });
    tube.advance(5_501);
    tube.report(1, { type: 'transport.down', cause: 'failed' });
    for (let attempt = 0; attempt < 6; attempt += 1) {
      tube.advance(50);
      tube.described();
      tube.report(tube.newest, { type: 'transport.failed', failure: { code: 'transport_init', detail: '' } });
      tube.advance(minute);
    }
    const flight = tube.exported();
    expect(flight.inputs_missing).toBeGreaterThan(0);
    const replay = played(tube);
    expect(replay.met).toBeGreaterThan(3);
    // It is recorded again as soon as all is well.
    tube.restart();
    tube.complete();
    tube.advance(3 * minute);
    tube.restart();
    const again = tube.exported();
    expect([again.inputs_missing, again.inputs[0]?.event]).toEqual([0, 'start.connected']);
    expect(again.inputs[0]?.at_ms).toBeGreaterThan(flight.inputs.at(-1)?.at_ms ?? 0);
    played(tube);
  });
});

describe('a tube that another process carried on', () => {
  test('is played from its record', () => {
    const before = RecordedTube.connected();
    before.advance(1_000);
    const record = before.registry.entries.get(before.tubeId)?.record;
    if (record === null || record === undefined) throw new Error('it has written no record');
    const tube = new RecordedTube({ resume: { ...record, signalling: 'direct' }, awayMs: 15_000 });
    tube.advance(5_003);
    tube.registry.release(tube.tubeId);
    tube.advance(2_001);
    tube.send({ type: 'tube.peerSignalling', online: true, atMs: tube.clock.nowMs });
    tube.complete();
    tube.advance(8_000);
    const replay = played(tube);
    expect(replay.start).toMatchObject({ event: 'start.resumed', signalling: 'offline' });
    expect(replay.incidents).toMatchObject([{ trigger: 'service_restart', outcome: 'recovered' }]);
    const [{ phases, outage_ms: outageMs } = { phases: {}, outage_ms: 0 }] = replay.incidents;
    expect(phases.detect).toBe(15_000);
    expect(outageMs).toBeGreaterThan(15_000 + 7_004);
  });
});

describe('a flight of before waiting for a controller had a verdict of its own', () => {
  test('goes as it went', () => {
    const before = RecordedTube.connected();
    const record = before.registry.entries.get(before.tubeId)?.record;
    if (record === null || record === undefined) throw new Error('it has written no record');
    const tube = new RecordedTube({ resume: record });
    tube.advance(5_003);
    tube.registry.release(tube.tubeId);
    tube.complete();
    tube.advance(8_000);
    const flight = tube.exported();
    const renamed = flight.entries.filter((entry) => 'verdict' in entry && entry.verdict === 'wait_for_controller');
    expect(renamed).not.toEqual([]);
    const entries = flight.entries.map((entry) =>
      entry.kind === 'decision' && renamed.includes(entry) ? { ...entry, verdict: 'wait_for_network' as const } : entry,
    );
    const replay = replayFlight({ ...flight, entries });
    expect(replay.divergences).toEqual([]);
    expect(replay.met).toBeGreaterThan(5);
  });
});

describe('random lives', () => {
  const seeds = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
  /** In it a sample comes to a health chart that waits for none: counted as a poor one it called for a restart. */
  const pollOfAnotherPace = 2122;

  test('are lived again, each turn of them', () => {
    const wrong: string[] = [];
    let met = 0;
    for (const seed of [...seeds(60), pollOfAnotherPace]) {
      const tube = live(seed);
      const replay = replayFlight(tube.exported());
      met += replay.met;
      if (!replay.agrees) wrong.push(`seed ${String(seed)}: ${JSON.stringify(replay.divergences.slice(0, 3))}`);
    }
    expect(wrong).toEqual([]);
    expect(met).toBeGreaterThan(1_500);
  }, 200_000);

  test('are lived again where everything happens at once, and timers are late', () => {
    const wrong: string[] = [];
    let met = 0;
    for (const seed of seeds(40)) {
      const replay = replayFlight(liveCrowded(seed).exported());
      met += replay.met;
      if (!replay.agrees) wrong.push(`seed ${String(seed)}: ${JSON.stringify(replay.divergences.slice(0, 3))}`);
    }
    expect(wrong).toEqual([]);
    expect(met).toBeGreaterThan(800);
  }, 200_000);
});

test('a poor sample that comes when the pace of polls has changed meanwhile is no poll', () => {
  const tube = RecordedTube.connected('overlap', { settings: { healthCheckIntervalMs: 10_000 } });
  tube.probes = { sent: 100, arrived: 50, echoed: 40 };
  tube.advance(22_500);
  // A sample is on its way, and nobody waits for it any more.
  tube.send({ type: 'tube.peerSignalling', online: false, atMs: tube.clock.nowMs });
  tube.restart('peer_request');
  tube.advance(60_000);
  expect(tube.state).toBe('degraded');
  tube.ponging = false;
  tube.advance(9_000);
  tube.ponging = true;
  tube.advance(3_000);
  expect(tube.state).toBe('connected');
  tube.advance(25_000);
  played(tube);
});

describe('divergence', () => {
  const incident = (): RecordedTube => {
    const tube = RecordedTube.connected();
    tube.advance(5_501);
    tube.restart();
    tube.complete();
    tube.advance(5_000);
    return tube;
  };

  test('another decision than the recorded one is named', () => {
    const flight = incident().exported();
    const inputs = flight.inputs.filter(({ event }) => event !== 'tube.restart');
    const replay = replayFlight({ ...flight, inputs });
    expect(replay.agrees).toBe(false);
    expect(replay.divergences.map(({ kind, what }) => `${kind}: ${what}`)).toEqual(
      expect.arrayContaining(['missing: attempt 1 for manual', 'missing: state connected -> degraded (manual)']),
    );
    expect(storyOf(replay, 80).join('\n')).toContain('recorded, not met: attempt 1 for manual');
  });

  test('what happens at another time is named', () => {
    const flight = incident().exported();
    const settings = { ...flight.settings, missedPingsToDegrade: 2 };
    const entries = flight.entries.map((entry) =>
      entry.kind === 'recovered' ? { ...entry, at_ms: entry.at_ms + 60_000 } : entry,
    );
    const { divergences } = replayFlight({ ...flight, settings, entries });
    expect(divergences).toMatchObject([{ kind: 'apart', what: expect.stringContaining('recovered from manual') }]);
  });

  test('a file without inputs is not agreed with, nor diverged from', () => {
    const flight = incident().exported();
    const replay = replayFlight({ ...flight, inputs: [] });
    expect(replay).toMatchObject({ start: null, divergences: [], met: 0, path: [] });
    expect(storyOf(replay, 80).at(-1)).toContain('nothing was recorded');
  });
});

test('the story and the drawing show states, reasons and what came of them', () => {
  const tube = RecordedTube.connected();
  tube.advance(20_001);
  tube.ponging = false;
  tube.advance(12_000);
  tube.ponging = true;
  tube.complete();
  tube.advance(5_000);
  const replay = replayFlight(tube.exported());
  const story = storyOf(replay, 60).join('\n');
  for (const text of [
    'a ping is missed',
    'degraded.doubted',
    'decides: do',
    'incident 1: missed_pings, recovered',
    'agrees',
  ])
    expect(story).toContain(text);
  const svg = drawReplay(replay);
  expect(svg).toMatch(/^<svg /);
  for (const text of ['connected', 'degraded', 'generation 2', 'ping missed']) expect(svg).toContain(text);
});
