// The recorder of inputs: what an idle tube costs, its bounds, and that nothing secret is in what it keeps.
import { describe, expect, test } from '@jest/globals';
import { LateTimers } from '../../src/registry/late-timers.js';
import { InputRecorder } from '../../src/registry/input-recorder.js';
import type { TubeEvent } from '../../machines/events.js';
import { sdp } from '../observability/notices.js';
import { RecordedTube } from '../replay/recorded-tube.js';
import { defaultSettings } from '../support/settings.js';
import { TestClock } from '../support/test-clock.js';
import { identity } from '../support/tube-harness.js';

const minute = 60_000;

describe('a tube to which nothing happens', () => {
  test('is two items after an hour of pongs, data and polls', () => {
    const tube = RecordedTube.connected();
    for (let second = 0; second < 3600; second += 1) {
      tube.advance(1000);
      tube.report(1, { type: 'transport.heard', data: second % 2 === 0 });
      tube.send({ type: 'tube.dataSent', atMs: tube.clock.nowMs });
    }
    const [start, traffic, ...more] = tube.exported().inputs;
    expect(more).toEqual([]);
    expect(start).toMatchObject({ event: 'start.connected' });
    expect(traffic).toMatchObject({
      event: 'traffic',
      pongs: { rtt_ms: 23, last_rtt_ms: 23 },
      heard_data: { count: 1800 },
      data_sent: { count: 3600 },
      samples: { count: 29, last: { length: 1 } },
    });
    expect(tube.inputs.bytes).toBeLessThan(2560);
  });

  test('keeps the story of its last incident for as long as there is room', () => {
    const tube = RecordedTube.connected();
    tube.advance(15 * minute);
    tube.restart();
    tube.complete();
    tube.advance(5 * 60 * minute);
    expect(tube.exported().inputs.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['start.connected', 'tube.restart', 'transport.up', 'traffic']),
    );
  });
});

function recorder(options: Partial<ConstructorParameters<typeof InputRecorder>[0]> = {}) {
  const clock = new TestClock();
  const inputs = new InputRecorder({
    maxInputs: 100,
    maxBytes: 1 << 20,
    maxClosed: 3,
    now: clock.now,
    look: () => null,
    lastEntry: () => 0,
    ...options,
  });
  const open = (tubeId: string): void => inputs.opened({ ...identity, tubeId }, defaultSettings, false, clock.nowMs);
  const hear = (tubeId: string, event: object): void => {
    clock.nowMs += 1;
    inputs.heard(tubeId, { ...event, atMs: clock.nowMs } as TubeEvent);
  };
  const close = (tubeId: string): void =>
    inputs.observe({
      identity: { ...identity, tubeId },
      generation: 1,
      atMs: clock.nowMs,
      previousState: 'connected',
      emission: { type: 'closed', reason: 'requested' },
    });
  return { clock, inputs, open, hear, close };
}

describe('bounds', () => {
  test('equal inputs in a loop are one with a count', () => {
    const { inputs, open, hear } = recorder();
    open('a');
    for (let call = 0; call < 10_000; call += 1)
      hear('a', {
        type: 'tube.remoteDescription',
        requestId: String(call),
        description: { type: 'answer', sdp },
        generation: 7,
      });
    expect(inputs.log('a')?.items).toMatchObject([{ event: 'start.created' }, { count: 10_000, generation: 7 }]);
  });

  test('of one tube: what does not fit is counted, and nothing is kept that could not be played', () => {
    const { inputs, open, hear } = recorder();
    open('a');
    for (let call = 0; call < 10_000; call += 1) hear('a', { type: 'tube.peerSignalling', online: call % 2 === 0 });
    const log = inputs.log('a');
    expect(log?.items.length).toBeLessThanOrEqual(101);
    expect((log?.missing ?? 0) + (log?.items.length ?? 0)).toBe(10_001);
  });

  test('of all tubes by bytes, and of closed ones by number', () => {
    const { inputs, open, hear, close } = recorder({ maxBytes: 250_000 });
    for (let tube = 0; tube < 200; tube += 1) {
      const tubeId = `tube ${String(tube)}`;
      open(tubeId);
      for (let call = 0; call < 20; call += 1) hear(tubeId, { type: 'tube.peerSignalling', online: call % 2 === 0 });
      expect(inputs.bytes).toBeLessThanOrEqual(250_000);
      if (tube % 2 === 0) close(tubeId);
    }
    // The newest are whole.
    expect(inputs.log('tube 199')?.items).toHaveLength(21);
    expect(inputs.log('tube 0')).toBeNull();
    for (let tube = 1; tube < 200; tube += 2) close(`tube ${String(tube)}`);
    expect(inputs.size).toBeLessThanOrEqual(3);
    for (const tubeId of ['x', 'y', 'z']) {
      open(tubeId);
      close(tubeId);
    }
    expect(inputs.size).toBe(3);
    expect(inputs.bytes).toBeLessThan(4_000);
  });

  test('of so many tubes that not even their traffic has room, without looking at all of them for each input', () => {
    const maxBytes = 1_000_000;
    const { inputs, open, hear } = recorder({ maxBytes });
    const tubes = 3_000;
    let looks = 0;
    for (let tube = 0; tube < tubes; tube += 1) {
      const tubeId = `tube ${String(tube)}`;
      open(tubeId);
      hear(tubeId, { type: 'transport.heard', generation: 1, data: true });
      expect(inputs.bytes).toBeLessThanOrEqual(maxBytes);
      const log = inputs.log(tubeId)!;
      const { dropFirst } = log;
      log.dropFirst = () => {
        looks += 1;
        return dropFirst.call(log);
      };
    }
    for (let input = 0; input < 1_000; input += 1) {
      hear(`tube ${String(tubes - 1 - (input % 100))}`, { type: 'tube.peerSignalling', online: input % 3 === 0 });
      expect(inputs.bytes).toBeLessThanOrEqual(maxBytes);
    }
    expect(inputs.log('tube 0')).toBeNull();
    expect(inputs.log(`tube ${String(tubes - 1)}`)?.items.length).toBeGreaterThan(5);
    expect(looks).toBeLessThan(2 * tubes);
  });

  test('without room for a single one nothing is kept', () => {
    const { inputs, open, hear } = recorder({ maxInputs: 0 });
    open('a');
    hear('a', { type: 'tube.peerReplaced' });
    expect([inputs.size, inputs.bytes, inputs.log('a')]).toEqual([0, 0, null]);
  });

  test('what is said of a tube that closed, or never was, is not heard', () => {
    const { inputs, open, hear, close } = recorder();
    hear('nobody', { type: 'tube.peerReplaced' });
    open('a');
    close('a');
    hear('a', { type: 'tube.peerReplaced' });
    expect(inputs.log('a')?.items).toHaveLength(1);
  });
});

test('no SDP, no candidate, no address, nothing of a token or of payloads', () => {
  const { inputs, open, hear } = recorder();
  open('a');
  const secret = { requestId: 'r', generation: 1 };
  const candidate = 'candidate:1 1 udp 2 203.0.113.9 5000 typ host ufrag uFr4';
  const end = { type: 'host', protocol: 'udp', address: '203.0.113.9', port: 5000 };
  hear('a', { type: 'tube.remoteDescription', ...secret, description: { type: 'offer', sdp } });
  hear('a', { type: 'tube.remoteCandidate', ...secret, candidate, mid: '0' });
  hear('a', { type: 'transport.described', ...secret, description: { type: 'offer', sdp } });
  hear('a', { type: 'transport.candidate', ...secret, candidate, mid: '0' });
  hear('a', {
    type: 'transport.remoteApplied',
    ...secret,
    peerKind: 'plain',
    sameConnection: true,
    newConnection: false,
    dtlsRole: 'active',
    session: 's3ssion',
  });
  hear('a', { type: 'transport.refused', ...secret, failure: { code: 'input_sdp', detail: sdp } });
  hear('a', { type: 'transport.selectedPair', ...secret, pair: { local: end, remote: end } });
  hear('a', {
    type: 'tube.networkChanged',
    change: 'ip_change',
    source: 'peer',
    detail: 'x'.repeat(9999),
    route: null,
  });
  const detail = 'password=hunter2 of 10.1.2.3, ufrag abcd, Bearer t0ken';
  hear('a', { type: 'tube.networkChanged', change: 'ip_change', source: 'controller', detail, route: null });
  hear('a', { type: 'transport.channelClosed', generation: 1, label: 'data', id: 1, reason: detail });
  hear('a', { type: 'transport.failed', ...secret, failure: { code: 'transport_ice_failed', detail } });
  const quoted = JSON.stringify({ sdp, more: candidate });
  hear('a', { type: 'tube.networkChanged', change: 'ip_change', source: 'controller', detail: quoted, route: null });
  const text = JSON.stringify(inputs.log('a'));
  expect(inputs.log('a')?.items.length).toBeGreaterThan(6);
  for (const word of [
    'uFr4',
    'p4sSw0rd',
    'v=0',
    'candidate:',
    '203.0.113',
    's3ssion',
    'x'.repeat(201),
    ...['hunter2', 'abcd', '10.1.2', 't0ken'],
  ])
    expect(JSON.stringify(inputs.log('a')?.items)).not.toContain(word);
  expect(text.length).toBeLessThan(10_000);
});

describe('timers that were late', () => {
  test('are kept when it is more than how timers are, the last 512 of them', () => {
    const clock = new TestClock();
    const late = new LateTimers(clock.now);
    const watched = late.watch(clock);
    watched.setTimeout(() => undefined, 100);
    clock.advance(120);
    expect(late.since(0)).toEqual([]);
    const beganMs = clock.nowMs;
    for (let timer = 0; timer < 600; timer += 1) {
      watched.setTimeout(() => undefined, 100);
      clock.stall(400);
    }
    const kept = late.since(0);
    expect(kept).toHaveLength(512);
    expect(kept.at(-1)).toEqual({ dueMs: clock.nowMs - 300, firedMs: clock.nowMs });
    expect(kept.map(({ firedMs }) => firedMs)).toEqual(kept.map(({ firedMs }) => firedMs).sort((a, b) => a - b));
    expect(late.since(clock.nowMs - 1)).toHaveLength(1);
    expect(late.since(beganMs + 600 * 400)).toHaveLength(0);
  });

  test('a timer that is cleared is none', () => {
    const clock = new TestClock();
    const late = new LateTimers(clock.now);
    const watched = late.watch(clock);
    watched.clearTimeout(watched.setTimeout(() => expect(true).toBe(false), 10));
    clock.stall(1000);
    expect(late.since(0)).toEqual([]);
  });
});
