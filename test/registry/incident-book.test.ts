// What operators are told of tubes: rows, the next step, incidents that are over, closed tubes, trends, and the bounds of all that.
import { describe, expect, test } from '@jest/globals';
import type { TubeEmission, TubeIdentity, TubeState } from '../../machines/events.js';
import type { IncidentFacts } from '../../src/operator/incident.types.js';
import type { NextStep } from '../../src/operator/operator.types.js';
import { tubeSeries } from '../../src/console/charts/series.js';
import { IncidentBook } from '../../src/registry/incident-book.js';
import { noticesOf } from '../support/story.js';
import { identity, TubeHarness } from '../support/tube-harness.js';

const seconds = 1_000;
const { tubeId } = identity;

/** A book that has read all that the tube said until now. */
function bookOf(tube: TubeHarness, maxClosed = 10): IncidentBook {
  const book = new IncidentBook({ now: () => tube.clock.nowMs, maxClosed, followedWithinMs: 120_000 });
  for (const notice of noticesOf(tube)) book.observe(notice);
  return book;
}

const rowOf = (tube: TubeHarness) => bookOf(tube).row(tubeId)!;

/** What comes next, counted from now. */
function nextOf(tube: TubeHarness): [NextStep['what'], number | null] | null {
  const { next } = rowOf(tube);
  return next === null ? null : [next.what, next.at_ms === null ? null : next.at_ms - tube.clock.nowMs];
}

describe('a row', () => {
  test('of a tube that is well: since when, and what was measured last', () => {
    const tube = TubeHarness.connected('overlap');
    tube.pair(1, 'srflx');
    tube.advance(12 * seconds);
    tube.send({ type: 'health.polled', verdict: 'warning', score: 0.8, lossRatio: 0.04, rttMs: 20 });
    expect(rowOf(tube)).toEqual({
      tube_id: tubeId,
      conversation_id: identity.conversationId,
      state: 'connected',
      since_ms: tube.startMs,
      reason: 'a path works',
      created_at_ms: identity.createdAtMs,
      generation: 1,
      incident: null,
      next: null,
      rtt_ms: 20,
      loss: 0.04,
      score: 0.8,
      pair: 'host/srflx udp',
      recovered: 0,
      incidents: 0,
    });
  });

  test('has the score of each health poll, though its verdict was good all the while', () => {
    const tube = TubeHarness.connected('overlap');
    const base = { bytesSent: 0, bytesReceived: 0, bufferedBytes: 0, pingsSent: 1, pongsReceived: 1, rttMs: 20 };
    const scores = [100, 100, 98].map((echoed) => {
      tube.advance(tube.settings.healthCheckIntervalMs);
      const probes = { sent: 100, arrived: 100, echoed };
      tube.report(1, { type: 'transport.sampled', sample: { ...base, probes, selectedPair: null } });
      return rowOf(tube).score;
    });
    expect(scores).toEqual([1, 1, expect.closeTo(0.96, 10)]);
    expect(tube.of('quality')).toEqual([]);
  });

  test('of one in trouble: the incident, and since when', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(5 * seconds);
    tube.ponging = false;
    tube.advance(12 * seconds);
    expect(rowOf(tube)).toMatchObject({
      state: 'degraded',
      reason: 'missed_pings',
      generation: 2,
      incident: { started_at_ms: tube.startMs + 5 * seconds, trigger: 'missed_pings', attempts: 1 },
      recovered: 0,
      incidents: 1,
    });
  });

  describe('of a path that is gone shows nothing of it', () => {
    const none = { pair: null, rtt_ms: null, loss: null, score: null };
    const measured = (peer: 'plain' | 'overlap'): TubeHarness => {
      const tube = TubeHarness.connected(peer);
      tube.pair(1);
      tube.advance(12 * seconds);
      tube.send({ type: 'health.polled', verdict: 'poor', score: 0.5, lossRatio: 0.83, rttMs: 20 });
      expect(rowOf(tube)).toMatchObject({ pair: 'host/host udp', rtt_ms: 20, loss: 0.83, score: 0.5 });
      return tube;
    };

    test('when the tube failed', () => {
      const tube = measured('overlap');
      tube.ponging = false;
      tube.signalling(false);
      for (let minutes = 0; minutes < 60 && tube.state !== 'failed'; minutes += 1) tube.advance(60 * seconds);
      expect(rowOf(tube)).toMatchObject({ state: 'failed', ...none });
    });

    test('when it ended and there is no other yet; and that is news', () => {
      const tube = measured('overlap');
      tube.closing = false;
      tube.down(1);
      expect(rowOf(tube)).toMatchObject({ state: 'degraded', ...none });
      const book = new IncidentBook({ now: () => tube.clock.nowMs, maxClosed: 1, followedWithinMs: 120_000 });
      const heard: string[] = [];
      book.onRow(() => heard.push(JSON.stringify(book.row(tubeId))));
      for (const notice of noticesOf(tube)) book.observe(notice);
      expect(heard.at(-1)).toBe(JSON.stringify(rowOf(tube)));
    });

    test('when a peer that keeps its connection left it for the next', () => {
      const tube = measured('plain');
      tube.restart('manual');
      tube.described();
      expect(rowOf(tube)).toMatchObject({ pair: 'host/host udp', loss: 0.83 });
      tube.answer('plain');
      expect(rowOf(tube)).toMatchObject(none);
    });

    test('but a lingering one that ends after its successor took over takes nothing with it', () => {
      const tube = measured('overlap');
      tube.restart('manual');
      tube.complete('overlap');
      tube.pair(2, 'srflx');
      tube.advance(60 * seconds);
      expect(tube.of('generationClosed')).toMatchObject([{ generation: 1 }]);
      expect(rowOf(tube)).toMatchObject({ pair: 'host/srflx udp', rtt_ms: 20, generation: 2 });
    });
  });

  test('of one that is carried on after a restart of the service has the generation that it had', () => {
    const before = TubeHarness.connected('overlap');
    before.restart('manual');
    before.complete('overlap');
    const tube = TubeHarness.afterProcess(before.last('record')!.record);
    expect(tube.of('record')).toEqual([]);
    expect(rowOf(tube)).toMatchObject({ generation: 2, incidents: 1 });
  });

  test('counts the incidents that ended well', () => {
    const tube = TubeHarness.connected('overlap');
    for (const _ of [1, 2]) {
      tube.restart('manual');
      tube.complete('overlap');
      tube.advance(10 * seconds);
    }
    tube.down(1);
    tube.restart('manual');
    expect(rowOf(tube)).toMatchObject({ recovered: 2, incidents: 3 });
  });
});

describe('what comes next', () => {
  test('first connection: over after connectTimeoutMs', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.described();
    tube.advance(10 * seconds);
    expect(nextOf(tube)).toEqual(['connect_timeout', 20 * seconds]);
    tube.answer();
    expect(nextOf(tube)).toEqual(['connect_timeout', 20 * seconds]);
    tube.up();
    expect(nextOf(tube)).toBeNull();
  });

  test('an offer waits for its answer; unanswered, the next attempt waits for the backoff', () => {
    const tube = TubeHarness.connected('overlap');
    tube.down(1);
    expect(nextOf(tube)).toBeNull();
    tube.described();
    tube.advance(5 * seconds);
    expect(nextOf(tube)).toEqual(['answer_timeout', 10 * seconds]);
    tube.advance(10 * seconds);
    const { delayMs } = tube.last('decision')!.decision;
    expect(nextOf(tube)).toEqual(['attempt', delayMs]);
    tube.restart('manual');
    tube.described();
    expect(nextOf(tube)).toEqual(['answer_timeout', 15 * seconds]);
    tube.answer('overlap');
    expect(nextOf(tube)).toBeNull();
  });

  test('the peer is away; also when it went while the offer waited', () => {
    const tube = TubeHarness.connected('overlap');
    tube.signalling(false);
    tube.down(1);
    expect(nextOf(tube)).toEqual(['wait_for_peer', null]);
    tube.signalling(true);
    tube.described();
    tube.signalling(false);
    tube.advance(15 * seconds);
    expect(nextOf(tube)).toEqual(['wait_for_peer', null]);
  });

  test('this host has no way, or the storm governor holds', () => {
    const cut = TubeHarness.connected('overlap');
    cut.ponging = false;
    cut.networkChanged('interface_change', 'host', 'none');
    expect(nextOf(cut)).toEqual(['wait_for_network', null]);
    const held = TubeHarness.connected('overlap');
    held.node({ held: true, suspectShare: 0.5 });
    held.down(1);
    expect(nextOf(held)).toEqual(['wait_for_storm', null]);
    held.node({ held: false, suspectShare: 0 });
    held.described();
    expect(nextOf(held)?.[0]).toBe('answer_timeout');
  });

  test('the service was restarted: no storm, but a controller that does not follow yet', () => {
    const before = TubeHarness.connected('overlap').last('record')!.record;
    const tube = TubeHarness.afterProcess(before);
    expect(tube.last('decision')?.decision).toMatchObject({
      verdict: 'wait_for_controller',
      why: 'no controller follows the tube yet',
    });
    expect(nextOf(tube)).toEqual(['wait_for_controller', 120 * seconds]);
  });

  test('that stays so, and the time of it, when the peer reports a change of its network meanwhile', () => {
    const before = TubeHarness.connected('overlap').last('record')!.record;
    const tube = TubeHarness.afterProcess(before);
    tube.advance(30 * seconds);
    tube.networkChanged('interface_change', 'peer');
    expect(tube.last('decision')?.decision).toMatchObject({
      trigger: 'interface_change',
      why: 'no controller follows the tube yet',
    });
    expect(nextOf(tube)).toEqual(['wait_for_controller', 90 * seconds]);
  });

  test('the breaker is open', () => {
    const tube = TubeHarness.connected('overlap', { settings: { breakerFailureThreshold: 1 } });
    tube.down(1);
    tube.described();
    tube.advance(15 * seconds);
    expect(nextOf(tube)).toEqual(['attempt', 30 * seconds]);
  });

  test('given up: closed after failedRetentionMs, and nothing of before', () => {
    const tube = TubeHarness.connected('overlap', { settings: { incidentDeadlineMs: 5_000 } });
    tube.advance(seconds);
    tube.down(1);
    tube.advance(5 * seconds);
    expect(tube.path).toBe('failed');
    expect(nextOf(tube)).toEqual(['close', 120 * seconds]);
    tube.restart('manual');
    expect(nextOf(tube)).toBeNull();
  });
});

describe('news', () => {
  /** Listens from now on. */
  function listen(tube: TubeHarness): { book: IncidentBook; heard: TubeIdentity[]; go: () => void } {
    const heard: TubeIdentity[] = [];
    let told = noticesOf(tube).length;
    const book = bookOf(tube);
    book.onRow((whose) => heard.push(whose));
    const go = (): void => {
      for (const notice of noticesOf(tube).slice(told)) book.observe(notice);
      told = noticesOf(tube).length;
    };
    return { book, heard, go };
  }

  test('of a tube that is well there is none, however long it is pinged', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(10 * seconds);
    const { heard, go } = listen(tube);
    tube.advance(600 * seconds);
    go();
    expect(heard).toEqual([]);
  });

  test('is trouble, what is done about it, and the end', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(5 * seconds);
    const { book, heard, go } = listen(tube);
    tube.ponging = false;
    tube.advance(8 * seconds);
    go();
    expect(heard.length).toBeGreaterThan(0);
    heard.length = 0;
    tube.close();
    go();
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.every((whose) => whose.tenant === identity.tenant)).toBe(true);
    expect(book.row(tubeId)).toBeNull();
  });

  test('stops when nobody wants it any more', () => {
    const tube = TubeHarness.connected('overlap');
    const book = bookOf(tube);
    let count = 0;
    const stop = book.onRow(() => (count += 1));
    stop();
    book.observe({ identity, generation: 1, atMs: 1, previousState: 'connected', emission: stateOf('degraded') });
    expect(count).toBe(0);
  });
});

const stateOf = (state: TubeState, reason = 'missed_pings'): TubeEmission => ({ type: 'state', state, reason });

/** Many tubes by hand. */
class Tubes {
  nowMs = 60_000;
  readonly book: IncidentBook;
  /** Of each of them. */
  readonly carried = { bytesIn: 0, bytesOut: 0 };

  constructor(maxClosed = 3) {
    const now = () => this.nowMs;
    this.book = new IncidentBook({ now, maxClosed, followedWithinMs: 120_000, carried: () => this.carried });
  }

  say(whose: string, emission: TubeEmission, tenant = 'default'): void {
    const who = { ...identity, tubeId: whose, tenant };
    this.book.observe({ identity: who, generation: 1, atMs: this.nowMs, previousState: 'connected', emission });
  }

  stumble(whose: string): void {
    this.say(whose, stateOf('degraded'));
    this.nowMs += 100;
    this.say(whose, stateOf('connected', 'a path works'));
  }
}

describe('incidents that are over', () => {
  test('are told once each, the newest first, and with the present one', () => {
    const tubes = new Tubes();
    const told: [string, IncidentFacts][] = [];
    tubes.book.onIncident((who, incident) => told.push([who.tubeId, incident]));
    tubes.stumble('one');
    tubes.stumble('two');
    tubes.stumble('one');
    tubes.say('one', stateOf('degraded'));
    expect(tubes.book.incidents('one')!.map(({ number, outcome }) => [number, outcome])).toEqual([
      [3, 'open'],
      [2, 'stood_down'],
      [1, 'stood_down'],
    ]);
    expect(told.map(([whose, { number }]) => [whose, number])).toEqual([
      ['one', 1],
      ['two', 1],
      ['one', 2],
    ]);
    expect(tubes.book.incidents('nobody')).toBeNull();
  });

  test('of a recovery are told when the new path is heard, with `resume`', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(5 * seconds);
    tube.restart('manual');
    tube.complete('overlap');
    expect(bookOf(tube).incidents(tubeId)).toMatchObject([{ outcome: 'recovered', phases: { resume: 0 } }]);
  });

  test('are ten per tube, and bounded in all', () => {
    const tubes = new Tubes();
    for (let count = 0; count < 15; count += 1) tubes.stumble('noisy');
    expect(tubes.book.incidents('noisy')!.map(({ number }) => number)).toEqual([15, 14, 13, 12, 11, 10, 9, 8, 7, 6]);
    for (let tube = 0; tube < 2_500; tube += 1)
      for (let count = 0; count < 10; count += 1) tubes.stumble(`tube ${String(tube)}`);
    expect(tubes.book.size.past).toBe(20_000);
    expect(tubes.book.incidents('noisy')).toEqual([]);
    expect(tubes.book.incidents('tube 2499')).toHaveLength(10);
  });
});

describe('tubes that closed', () => {
  test('are listed, newest first, each to its tenant, as many as are kept, with their incidents', () => {
    const tubes = new Tubes(3);
    for (const whose of ['a', 'b', 'c', 'd']) {
      tubes.say(whose, stateOf('connected'), whose === 'c' ? 'other' : 'default');
      tubes.stumble(whose);
      tubes.nowMs += 10;
      tubes.say(whose, { type: 'closed', reason: 'peer_closed' }, whose === 'c' ? 'other' : 'default');
    }
    const { conversationId: conversation_id, createdAtMs: created_at_ms } = identity;
    expect(tubes.book.closed('default')).toEqual([
      { tube_id: 'd', conversation_id, created_at_ms, closed_at_ms: tubes.nowMs, reason: 'peer_closed' },
      expect.objectContaining({ tube_id: 'b' }),
    ]);
    expect(tubes.book.closed('other')).toMatchObject([{ tube_id: 'c' }]);
    expect(tubes.book.incidents('d')).toHaveLength(1);
    expect(tubes.book.incidents('a')).toBeNull();
    expect(tubes.book.size).toEqual({ tubes: 0, closed: 3, past: 3 });
  });

  test('are not brought back by what is said of them late', () => {
    const tubes = new Tubes();
    tubes.say('a', stateOf('connected'));
    tubes.say('a', { type: 'closed', reason: 'requested' });
    tubes.say('a', { type: 'ping', outcome: 'pong', rttMs: 5 });
    tubes.say('a', stateOf('closed'));
    expect([...tubes.book.tubesOf('default')]).toEqual([]);
  });
});

describe('the node', () => {
  test('how the last hour went, by the minute', () => {
    const tubes = new Tubes();
    tubes.nowMs = 600_000;
    tubes.stumble('a');
    tubes.say('b', stateOf('degraded'));
    tubes.nowMs += 60_000;
    tubes.say('b', { type: 'recovered', attempts: 1, trigger: 'missed_pings', outageMs: 60_000 });
    tubes.say('b', stateOf('connected'));
    tubes.say('c', stateOf('degraded'));
    tubes.say('c', stateOf('failed'));
    tubes.say('c', { type: 'closed', reason: 'restart_exhausted' });
    tubes.say('d', stateOf('degraded'));
    tubes.say('d', { type: 'closed', reason: 'answer_timeout' });
    const trend = tubes.book.trend();
    expect(trend).toHaveLength(60);
    expect(trend.at(-2)).toMatchObject({ at_ms: 600_000, started: 2, recovered: 1, lost: 0, outage_median_ms: null });
    expect(trend.at(-1)).toEqual({
      at_ms: 660_000,
      started: 2,
      recovered: 1,
      lost: 2,
      outage_median_ms: 60_000,
      outage_worst_ms: 60_000,
    });
    tubes.nowMs += 3_600_000;
    expect(tubes.book.trend().every(({ started }) => started === 0)).toBe(true);
  });

  test('restarts that somebody wanted do not make the hour worse, unless they lose a tube', () => {
    const tubes = new Tubes();
    tubes.nowMs = 600_000;
    for (const reason of ['manual', 'turn_expiry', 'service_restart', 'missed_pings']) {
      tubes.say(reason, stateOf('degraded', reason));
      tubes.say(reason, stateOf('connected'));
    }
    tubes.say('e', stateOf('degraded', 'manual'));
    tubes.say('e', stateOf('failed'));
    expect(tubes.book.trend().at(-1)).toMatchObject({ started: 1, recovered: 1, lost: 1 });
  });

  test('what is wrong now, and how many tubes are in which state', () => {
    const tube = TubeHarness.connected('overlap');
    tube.ponging = false;
    tube.networkChanged('ip_change', 'host', 'moved');
    const book = bookOf(tube);
    expect(book.blame()).toEqual({
      triggers: { ip_change: 1 },
      routes: { moved: 1 },
      sides: { us: 1, them: 0, unclear: 0 },
    });
    expect(book.states()).toMatchObject({ degraded: 1, connected: 0 });
  });

  test('what is wrong with a tube that was given up is what was wrong in its last incident, until it is tried again', () => {
    const tube = TubeHarness.connected('overlap', { settings: { incidentDeadlineMs: 5_000 } });
    tube.node({ route: 'same' });
    tube.advance(seconds);
    tube.down(1);
    tube.advance(5 * seconds);
    expect(tube.path).toBe('failed');
    const blame = { triggers: { transport_failure: 1 }, routes: { same: 1 }, sides: { us: 0, them: 1, unclear: 0 } };
    expect(bookOf(tube).blame()).toEqual(blame);
    tube.restart('manual');
    expect(bookOf(tube).blame()).toMatchObject({ triggers: { manual: 1 } });
    tube.close();
    expect(bookOf(tube).blame()).toEqual({ triggers: {}, routes: {}, sides: { us: 0, them: 0, unclear: 0 } });
  });

  test('a tube that never came about is nobody’s clear fault, and that of a restart of the service ours', () => {
    const tubes = new Tubes();
    tubes.say('never', stateOf('connecting', 'described'));
    tubes.say('never', stateOf('failed', 'connect_timeout'));
    expect(tubes.book.blame()).toEqual({
      triggers: { connect_timeout: 1 },
      routes: { unknown: 1 },
      sides: { us: 0, them: 0, unclear: 1 },
    });
    for (const whose of ['a', 'b', 'c']) tubes.say(whose, stateOf('degraded', 'service_restart'));
    expect(tubes.book.blame()).toMatchObject({ triggers: { service_restart: 3 }, sides: { us: 3, unclear: 1 } });
  });
});

describe('samples', () => {
  test('are sparse while all is well, cover 15 minutes, and are dense for who looks', () => {
    const tubes = new Tubes();
    tubes.say('a', stateOf('connected'));
    const pong = (rttMs: number): void => {
      tubes.nowMs += 5_000;
      tubes.say('a', { type: 'ping', outcome: 'pong', rttMs });
    };
    for (let count = 0; count < 720; count += 1) pong(count);
    const points = tubes.book.samples('a');
    expect(points.length).toBeGreaterThan(25);
    expect(points.length).toBeLessThanOrEqual(31);
    expect(points.at(-1)).toMatchObject({ at_ms: tubes.nowMs - 25_000, rtt_ms: 714, loss: null, bytes_in: 0 });
    expect(points[0]!.at_ms).toBeGreaterThanOrEqual(tubes.nowMs - 900_000);
    for (let count = 0; count < 10; count += 1) pong(count);
    expect(tubes.book.samples('a').slice(-9)).toHaveLength(9);
    expect(tubes.book.samples('a').at(-2)).toMatchObject({ at_ms: tubes.nowMs - 5_000, rtt_ms: 8 });
  });

  test('begin anew when the clock was set back', () => {
    const tubes = new Tubes();
    tubes.say('a', stateOf('connected'));
    for (const atMs of [10_000_000, 10_040_000, 5_000_000]) {
      tubes.nowMs = atMs;
      tubes.say('a', { type: 'ping', outcome: 'pong', rttMs: 5 });
    }
    expect(tubes.book.samples('a').map(({ at_ms }) => at_ms)).toEqual([5_000_000]);
  });

  test('have the bytes of their own moment: a steady stream is drawn as one, sparse or dense', () => {
    const tubes = new Tubes();
    tubes.say('a', stateOf('connected'));
    const stream = (forMs: number): void => {
      for (const endMs = tubes.nowMs + forMs; tubes.nowMs < endMs;) {
        tubes.nowMs += 4_000;
        tubes.carried.bytesIn += 40_000;
        tubes.carried.bytesOut += 4_000;
        tubes.say('a', { type: 'ping', outcome: 'pong', rttMs: 20 });
        if (tubes.nowMs % 120_000 === 0)
          tubes.say('a', { type: 'polled', verdict: 'good', score: 1, lossRatio: 0, rttMs: 20 });
      }
    };
    stream(360_000);
    const { inPerSecond, outPerSecond } = tubeSeries(tubes.book.samples('a'));
    expect(inPerSecond.length).toBeGreaterThan(8);
    expect(new Set(inPerSecond.slice(1))).toEqual(new Set([10_000]));
    expect(new Set(outPerSecond.slice(1))).toEqual(new Set([1_000]));
    stream(60_000);
    const dense = tubes.book.samples('a');
    expect(dense.length).toBeGreaterThan(20);
    expect(new Set(tubeSeries(dense).inPerSecond.slice(1))).toEqual(new Set([10_000]));
  });

  test('have the loss of the last health poll, and come with polls where no ping is answered', () => {
    const tubes = new Tubes();
    tubes.say('a', stateOf('connected'));
    for (const lossRatio of [0.05, 0]) {
      tubes.nowMs += 120_000;
      tubes.say('a', { type: 'polled', verdict: 'warning', score: 0.9, lossRatio, rttMs: 7 });
    }
    expect(tubes.book.samples('a')).toMatchObject([
      { loss: 0.05, rtt_ms: 7 },
      { loss: 0, rtt_ms: 7 },
    ]);
  });
});
