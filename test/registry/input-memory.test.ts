// A tube whose inputs had to go for want of memory: it is recorded again as soon as it can be replayed from somewhere, and within the same bounds.
import { describe, expect, test } from '@jest/globals';
import type { FlightFile } from '../../src/replay/flight-file.js';
import { replayFlight, type Replay } from '../../src/replay/replay-flight.js';
import { storyOf } from '../../src/replay/story.js';
import { RecordedTube } from '../replay/recorded-tube.js';
import { identity } from '../support/tube-harness.js';

const maxBytes = 100_000;
const minute = 60_000;

/** Tubes beside it, of which only the recorder of inputs knows. */
function others(tube: RecordedTube) {
  let opened = 0;
  const open = (): void => {
    const tubeId = `other ${String((opened += 1))}`;
    tube.inputs.opened({ ...identity, tubeId }, tube.context.settings, false, tube.clock.nowMs);
    tube.inputs.heard(tubeId, { type: 'tube.dataSent', atMs: tube.clock.nowMs });
  };
  const close = (): void => {
    for (let other = 1; other <= opened; other += 1)
      tube.inputs.observe({
        identity: { ...identity, tubeId: `other ${String(other)}` },
        generation: 1,
        atMs: tube.clock.nowMs,
        previousState: 'connected',
        emission: { type: 'closed', reason: 'requested' },
      });
  };
  return { open, close };
}

/** It was quiet for a while, and there are too many of them. */
function crowdedOut(options: ConstructorParameters<typeof RecordedTube>[0] = {}) {
  const tube = RecordedTube.connected('overlap', { maxBytes, ...options });
  tube.advance(2 * minute);
  const beside = others(tube);
  for (let other = 0; other < 100; other += 1) beside.open();
  expect(tube.inputs.log(tube.tubeId)).toBeNull();
  return { tube, beside };
}

/** Data of both sides and pongs, second by second. */
function flows(tube: RecordedTube, seconds: number): void {
  for (let second = 0; second < seconds; second += 1) {
    tube.advance(1_000);
    tube.report(tube.context.active ?? 1, { type: 'transport.heard', data: true });
  }
}

function fallsSilentAndRecovers(tube: RecordedTube): void {
  tube.advance(1_234);
  tube.ponging = false;
  tube.advance(10_000);
  tube.ponging = true;
  tube.complete();
  tube.advance(2_000);
}

function played(tube: RecordedTube): Replay {
  const replay = replayFlight(tube.exported());
  expect(replay.divergences).toEqual([]);
  expect(replay.met).toBeGreaterThan(0);
  return replay;
}

const eventsOf = ({ inputs }: Pick<FlightFile, 'inputs'>): string[] => inputs.map(({ event }) => event);

test('as long as it is not recorded, its file says that the beginning is missing', () => {
  const { tube } = crowdedOut();
  flows(tube, 20);
  const flight = tube.exported();
  expect(flight).toMatchObject({ state: 'connected', inputs: [], inputs_dropped: null });
  expect(flight.entries.length).toBeGreaterThan(3);
  expect(storyOf(replayFlight(flight), 80).join('\n')).toContain('had to go for want of memory');
});

test('when others are gone it is recorded again, without that anything has to happen to it', () => {
  const { tube, beside } = crowdedOut();
  flows(tube, 20);
  beside.close();
  flows(tube, 7);
  expect(eventsOf(tube.exported())).toEqual(['start.connected', 'traffic']);
  fallsSilentAndRecovers(tube);
  const replay = played(tube);
  expect(replay.states).toEqual(['connected', 'degraded', 'connected']);
  expect(tube.exported().inputs_dropped).toBeNull();
  expect(storyOf(replay, 80).join('\n')).toContain('had to go for want of memory');
});

test('what is not known any more is waited for: application data, for it is not known since when there was none', () => {
  const { tube, beside } = crowdedOut({ settings: { sessionTimeoutMs: 10 * minute, sessionWarningMs: 5 * minute } });
  beside.close();
  tube.advance(minute);
  expect(eventsOf(tube.exported())).toEqual([]);
  tube.report(1, { type: 'transport.heard', data: true });
  tube.advance(5_000);
  expect(eventsOf(tube.exported())).toEqual(['start.connected', 'traffic']);
  tube.advance(11 * minute);
  expect(played(tube).entries.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['session_warning', 'closed']));
});

test('whether a peer answers pings is known: one that does has to do so again, for silence means something of it', () => {
  const startOf = (hasAnswered: boolean): string => {
    const tube = RecordedTube.connected('overlap', { maxBytes });
    tube.ponging = hasAnswered;
    tube.advance(1_000);
    tube.ponging = false;
    const beside = others(tube);
    for (let other = 0; other < 100; other += 1) beside.open();
    beside.close();
    tube.report(1, { type: 'transport.heard', data: true });
    return eventsOf(tube.exported())[0] ?? 'none';
  };
  expect([startOf(false), startOf(true)]).toEqual(['start.connected', 'none']);
});

test('while there is no room it has its place again when it has recovered, and is recorded when its incident is over', () => {
  const { tube } = crowdedOut();
  fallsSilentAndRecovers(tube);
  expect(tube.inputs.log(tube.tubeId)).not.toBeNull();
  expect(tube.inputs.bytes).toBeLessThanOrEqual(maxBytes);
  expect(tube.exported()).toMatchObject({ inputs: [], inputs_dropped: null });
  flows(tube, 90);
  fallsSilentAndRecovers(tube);
  const replay = played(tube);
  expect(replay.start?.event).toBe('start.connected');
  expect(replay.states).toEqual(['connected', 'degraded', 'connected']);
});

describe('the bounds', () => {
  test('hold, and quiet tubes do not take turns', () => {
    const { tube } = crowdedOut();
    const { size } = tube.inputs;
    flows(tube, 60);
    expect(tube.inputs.log(tube.tubeId)).toBeNull();
    expect(tube.inputs.size).toBe(size);
    expect(tube.inputs.bytes).toBeLessThanOrEqual(maxBytes);
  });

  test('hold for a tube that is recorded again and again', () => {
    const { tube, beside } = crowdedOut();
    for (let turn = 0; turn < 10; turn += 1) {
      fallsSilentAndRecovers(tube);
      flows(tube, 70);
      for (let other = 0; other < 60; other += 1) beside.open();
      expect(tube.inputs.bytes).toBeLessThanOrEqual(maxBytes);
    }
    beside.close();
    expect(tube.inputs.size).toBeLessThanOrEqual(11);
    flows(tube, 10);
    fallsSilentAndRecovers(tube);
    played(tube);
  });

  test('of nothing: without inputs nothing begins', () => {
    const tube = RecordedTube.connected('overlap', { maxInputs: 0 });
    flows(tube, 10);
    fallsSilentAndRecovers(tube);
    expect([tube.inputs.size, tube.inputs.bytes]).toEqual([0, 0]);
  });

  test('a tube that closed is not begun again', () => {
    const { tube } = crowdedOut();
    tube.send({ type: 'tube.close', reason: 'requested', atMs: tube.clock.nowMs });
    tube.report(1, { type: 'transport.closed' });
    tube.send({ type: 'tube.dataSent', atMs: tube.clock.nowMs });
    expect(tube.inputs.log(tube.tubeId)).toBeNull();
  });
});
