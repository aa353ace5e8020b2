// The flight recorder: what it keeps of every kind of notice, its bounds, and that it outlives the actor of a tube.
import { describe, expect, test } from '@jest/globals';
import { fromCallback } from 'xstate';
import type { TubeEmission } from '../../machines/events.js';
import type { TransportCommand, TransportEvent, TransportInput } from '../../machines/ports/transport.port.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import { FlightRecorder } from '../../src/registry/flight-recorder.js';
import { TubeRegistry } from '../../src/registry/tube-registry.js';
import { emissions, identity, noticeOf, sdp } from '../observability/notices.js';
import { defaultSettings } from '../support/settings.js';
import { TestClock } from '../support/test-clock.js';
import { identity as tubeIdentity } from '../support/tube-harness.js';

const { tubeId } = identity;
const large = { maxEntries: 200, maxBytes: 1024 * 1024 };
const say = (recorder: FlightRecorder, emission: TubeEmission, atMs = 1000, whose: string = tubeId): void =>
  recorder.observe({ ...noticeOf(emission, { atMs }), identity: { ...identity, tubeId: whose } });
const missed = emissions.ping;
const stateOf = (reason: string): TubeEmission => ({ type: 'state', state: 'degraded', reason });

describe('what is kept', () => {
  const evidence = (trigger: string) => expect.objectContaining({ trigger, missed_pings: expect.any(Number) });
  const kept: { readonly [T in TubeEmission['type']]: object | null } = {
    state: { kind: 'state', state: 'degraded', previous_state: 'connected', reason: 'trouble or restart' },
    transportState: { kind: 'transport_state', transport_state: 'disconnected' },
    description: { kind: 'description', from: 'service', type: 'offer', generation: 2 },
    candidate: { kind: 'candidate', from: 'service', candidate_type: 'host' },
    accepted: { kind: 'description', from: 'peer', type: 'answer' },
    refused: { kind: 'refused', code: 'restart_in_progress', detail: '' },
    decision: {
      kind: 'decision',
      action: 'wait',
      verdict: null,
      code: null,
      reason: 'backoff',
      trigger: 'missed_pings',
      attempt: 1,
      delay_ms: 5000,
      evidence: evidence('missed_pings'),
    },
    attemptStarted: { kind: 'attempt_started', attempt: 1, trigger: 'missed_pings', generation: 2 },
    attemptEnded: {
      kind: 'attempt_ended',
      trigger: 'missed_pings',
      outcome: 'failure',
      code: 'transport_answer_timeout',
      detail: '',
      duration_ms: 15_000,
      generation: 2,
    },
    networkChange: {
      kind: 'network_change',
      change: 'ip_change',
      source: 'host',
      detail: '+eth0 192.0.2.9',
      evidence: evidence('ip_change'),
    },
    selectedPair: {
      kind: 'selected_pair',
      local: { type: 'host', protocol: 'udp', address: '192.0.2.9', port: 40001 },
      remote: { type: 'prflx', protocol: 'udp', address: '198.51.100.7', port: 40002 },
      generation: 2,
    },
    cutOver: { kind: 'cut_over', from_generation: 1, generation: 2 },
    generationClosed: { kind: 'generation_closed' },
    recovered: { kind: 'recovered', attempts: 1, trigger: 'missed_pings', outage_ms: 900 },
    keepalive: null,
    ping: { kind: 'ping_missed' },
    sessionWarning: { kind: 'session_warning', left_ms: 60_000 },
    channelOpened: { kind: 'channel_opened', label: 'data', id: 2, class: 'reliable' },
    channelClosed: { kind: 'channel_closed', label: 'data', id: 2, reason: 'closed by the peer' },
    quality: { kind: 'quality', verdict: 'poor', score: 0.4, loss: 0.1, rtt_ms: 900 },
    polled: null,
    sampled: null,
    breaker: { kind: 'breaker', breaker: 'open' },
    record: null,
    failure: { kind: 'failure', code: 'transport_init', detail: 'no sockets' },
    closed: null,
  };

  test.each(Object.values(emissions))('$type', (emission) => {
    const recorder = new FlightRecorder(large);
    say(recorder, emission);
    const expected = kept[emission.type];
    const entries = expected === null ? [] : [{ at_ms: 1000, seq: 1, generation: 1, ...expected }];
    expect(recorder.history(tubeId)).toEqual({ entries, dropped: 0 });
  });

  test('no pongs, no SDP, no text of a candidate, nothing of a token', () => {
    const recorder = new FlightRecorder(large);
    for (const emission of Object.values(emissions)) if (emission.type !== 'closed') say(recorder, emission);
    say(recorder, { type: 'ping', outcome: 'pong', rttMs: 5 });
    for (const code of ['input_sdp', 'input_candidate'] as const)
      say(recorder, { type: 'refused', requestId: 'r', failure: { code, detail: sdp } });
    say(recorder, { type: 'failure', generation: 1, failure: { code: 'input_sdp', detail: sdp } });
    for (const detail of ['password=hunter2, ufrag abcd', JSON.stringify({ sdp, candidate: 'x' })])
      say(recorder, { ...emissions.networkChange, detail });
    const text = JSON.stringify(recorder.history(tubeId));
    // Addresses of this host are for operators.
    expect(text).toContain('+eth0 192.0.2.9');
    for (const secret of ['hunter2', 'abcd', 'uFr4', 'p4sSw0rd', 'v=0', 'candidate:', 'd1ge57'])
      expect(text).not.toContain(secret);
  });

  test('free text is clipped', () => {
    const recorder = new FlightRecorder(large);
    const long = 'x'.repeat(100_000);
    say(recorder, stateOf(long));
    say(recorder, { type: 'channelClosed', label: long, id: 2, reason: long });
    say(recorder, { ...emissions.networkChange, detail: long });
    say(recorder, { type: 'failure', generation: 1, failure: { code: 'transport_init', detail: long } });
    expect(JSON.stringify(recorder.history(tubeId)).length).toBeLessThan(3000);
  });

  test('an answer or offer of the peer by its type, its candidates without', () => {
    const recorder = new FlightRecorder(large);
    say(recorder, { type: 'accepted', what: 'offer', requestId: 'r', generation: 3 });
    say(recorder, { type: 'accepted', what: 'candidate', requestId: 'r', generation: 3 });
    expect(recorder.history(tubeId).entries).toEqual([
      { at_ms: 1000, seq: 1, generation: 3, kind: 'description', from: 'peer', type: 'offer' },
      { at_ms: 1000, seq: 2, generation: 3, kind: 'candidate', from: 'peer', candidate_type: null },
    ]);
  });
});

describe('repetition', () => {
  test('equal ones in a row are one entry with a count and the last time', () => {
    const recorder = new FlightRecorder(large);
    for (const atMs of [1000, 3000, 5000]) say(recorder, missed, atMs);
    say(recorder, stateOf('missed_pings'), 5001);
    say(recorder, missed, 7000);
    expect(recorder.history(tubeId).entries).toMatchObject([
      { seq: 1, kind: 'ping_missed', at_ms: 1000, count: 3, last_at_ms: 5000 },
      { seq: 2, kind: 'state', at_ms: 5001 },
      { seq: 3, kind: 'ping_missed', at_ms: 7000 },
    ]);
    expect(recorder.history(tubeId).entries[2]).not.toHaveProperty('count');
  });

  test('of another generation it is something else', () => {
    const recorder = new FlightRecorder(large);
    say(recorder, { type: 'transportState', generation: 1, state: 'closed' });
    say(recorder, { type: 'transportState', generation: 2, state: 'closed' });
    expect(recorder.history(tubeId).entries).toHaveLength(2);
  });

  test('what was told once does not change afterwards', () => {
    const recorder = new FlightRecorder(large);
    say(recorder, missed);
    const before = recorder.history(tubeId);
    say(recorder, missed, 2000);
    expect(before.entries).toEqual([{ at_ms: 1000, seq: 1, generation: 1, kind: 'ping_missed' }]);
  });
});

describe('bounds', () => {
  const reasons = (recorder: FlightRecorder, whose = tubeId): string[] =>
    recorder.history(whose).entries.map((entry) => (entry.kind === 'state' ? entry.reason : entry.kind));

  test('of one tube by count: the oldest go, and are counted', () => {
    const recorder = new FlightRecorder({ maxEntries: 3, maxBytes: 1024 * 1024 });
    for (let count = 1; count <= 10; count += 1) say(recorder, stateOf(String(count)));
    expect(reasons(recorder)).toEqual(['8', '9', '10']);
    expect(recorder.history(tubeId)).toMatchObject({ dropped: 7, entries: [{ seq: 8 }, { seq: 9 }, { seq: 10 }] });
  });

  test('of all together by bytes: who was quiet longest loses the oldest first', () => {
    const recorder = new FlightRecorder({ maxEntries: 200, maxBytes: 10_000 });
    for (const whose of ['quiet', 'noisy'])
      for (let count = 0; count < 20; count += 1) say(recorder, stateOf(String(count)), 1, whose);
    // It was quiet for long, and is not any more.
    say(recorder, stateOf('news'), 1, 'quiet');
    expect(recorder.history('quiet').dropped + recorder.history('noisy').dropped).toBe(0);
    for (let count = 20; count < 40; count += 1) say(recorder, stateOf(String(count)), 1, 'third');
    expect(recorder.bytes).toBeLessThanOrEqual(10_000);
    const { dropped } = recorder.history('noisy');
    expect(dropped).toBeGreaterThan(0);
    expect(reasons(recorder, 'noisy')[0]).toBe(dropped === 20 ? undefined : String(dropped));
    expect(recorder.history('quiet').dropped).toBe(0);
    expect(recorder.history('third').dropped).toBe(0);
  });

  test('hold whatever happens, and what is left is the newest of each tube', () => {
    const recorder = new FlightRecorder({ maxEntries: 50, maxBytes: 20_000 });
    const written = new Map<string, number>();
    for (let step = 0; step < 20_000; step += 1) {
      const whose = `tube ${String((step * step * 7) % 31)}`;
      const count = (written.get(whose) ?? 0) + 1;
      if (step % 97 === 0) {
        say(recorder, emissions.closed, 1, whose);
        written.delete(whose);
        continue;
      }
      written.set(whose, count);
      say(recorder, stateOf(String(count)), 1, whose);
      expect(recorder.bytes).toBeLessThanOrEqual(20_000);
    }
    for (const [whose, count] of written) {
      const { entries, dropped } = recorder.history(whose);
      expect(entries.length + dropped).toBe(count);
      expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => dropped + 1 + index));
    }
    for (const whose of written.keys()) say(recorder, emissions.closed, 1, whose);
    expect([recorder.bytes, recorder.size]).toEqual([0, 0]);
  });

  test.each([[{ maxEntries: 0, maxBytes: 1024 }], [{ maxEntries: 10, maxBytes: 0 }]])('%j keeps nothing', (options) => {
    const recorder = new FlightRecorder(options);
    for (let count = 0; count < 10; count += 1) say(recorder, stateOf(String(count)));
    expect(recorder.history(tubeId).entries).toEqual([]);
    expect(recorder.bytes).toBe(0);
  });

  test('of tubes that closed the last ones are kept, with their end', () => {
    const recorder = new FlightRecorder({ ...large, maxClosed: 2 });
    for (const whose of ['first', 'second', 'third']) {
      say(recorder, missed, 1000, whose);
      say(recorder, emissions.closed, 2000, whose);
    }
    expect(recorder.history('first').entries).toEqual([]);
    for (const whose of ['second', 'third'])
      expect(recorder.history(whose).entries).toMatchObject([
        { kind: 'ping_missed', seq: 1 },
        { kind: 'closed', reason: 'requested', at_ms: 2000, seq: 2 },
      ]);
    expect(recorder.size).toBe(2);
  });

  test('by bytes: the tubes that closed lose theirs before any live one', () => {
    const recorder = new FlightRecorder({ maxEntries: 200, maxBytes: 10_000, maxClosed: 10 });
    for (let count = 0; count < 10; count += 1) say(recorder, stateOf(String(count)), 1, 'live and quiet');
    for (const whose of ['first closed', 'last closed']) {
      for (let count = 0; count < 10; count += 1) say(recorder, stateOf(String(count)), 1, whose);
      say(recorder, emissions.closed, 2, whose);
    }
    for (let count = 0; count < 15; count += 1) say(recorder, stateOf(String(count)), 3, 'live and noisy');
    expect(recorder.bytes).toBeLessThanOrEqual(10_000);
    expect(recorder.history('first closed').entries).toEqual([]);
    expect(recorder.history('live and quiet').dropped).toBe(0);
    expect(recorder.history('live and noisy').dropped).toBe(0);
  });

  test('a history goes with its tube, and one that never was is empty', () => {
    const recorder = new FlightRecorder(large);
    say(recorder, missed);
    say(recorder, emissions.closed);
    expect([recorder.history(tubeId), recorder.size, recorder.bytes]).toEqual([{ entries: [], dropped: 0 }, 0, 0]);
    recorder.crashed(tubeId, 1);
    expect(recorder.size).toBe(0);
  });
});

test('a tube whose actor crashes keeps its history, with the crash in it', async () => {
  const clock = new TestClock();
  const recorder = new FlightRecorder(large);
  let fails = false;
  const transport = fromCallback<TransportCommand, TransportInput>(({ input: { generation }, sendBack, receive }) => {
    receive(() => {
      if (fails) throw new Error('thrown by the test');
    });
    const description = { type: 'offer' as const, sdp };
    sendBack({ type: 'transport.described', generation, atMs: clock.nowMs, description } satisfies TransportEvent);
  });
  const registry = new TubeRegistry({
    tubeLogic: tubeMachine.provide({ actors: { transport } }),
    crashRestarts: 5,
    crashWindowMs: 30_000,
    now: clock.now,
    clock,
    release: () => undefined,
    crashed: (id) => recorder.crashed(id, clock.nowMs),
    bug: () => undefined,
  });
  registry.onNotice((notice) => recorder.observe(notice));
  const whose = tubeIdentity.tubeId;
  registry.open({ kind: 'create', identity: tubeIdentity, settings: defaultSettings, atMs: clock.nowMs }, null);
  const before = recorder.history(whose).entries;
  expect(before.map(({ kind }) => kind)).toContain('description');
  fails = true;
  const candidate = { requestId: 'r', candidate: 'candidate:1', mid: '0', generation: 1, atMs: clock.nowMs };
  registry.deliver(whose, { type: 'tube.remoteCandidate', ...candidate });
  const after = recorder.history(whose).entries;
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after[before.length]).toMatchObject({ kind: 'crashed', generation: 1, seq: before.length + 1 });
  expect(after.slice(before.length + 1).map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['state', 'decision', 'attempt_started']),
  );
  registry.stop();
  expect([recorder.size, recorder.bytes]).toEqual([0, 0]);
});
