// Attempts as people count them: each incident from 1, though the tube itself counts on over several.
import { describe, expect, test } from '@jest/globals';
import { entriesWithin, withOwnAttempts } from '../../src/operator/attempts.js';
import type { FlightEntry } from '../../src/operator/flight.types.js';
import { entriesOf, incidentsOfTube } from '../support/story.js';
import { TubeHarness } from '../support/tube-harness.js';

const seconds = 1_000;

/** Two incidents close to each other, of two attempts and of one. */
function twice(): TubeHarness {
  const tube = TubeHarness.connected('overlap');
  tube.down(1);
  tube.described();
  tube.advance(15 * seconds);
  tube.advance(tube.last('decision')!.decision.delayMs);
  tube.complete('overlap');
  tube.advance(5 * seconds);
  tube.down(tube.newest);
  tube.complete('overlap');
  tube.advance(seconds);
  return tube;
}

const told = (entries: readonly FlightEntry[]): string[] =>
  entries.flatMap((entry) =>
    entry.kind === 'attempt_started' || (entry.kind === 'decision' && entry.action === 'do')
      ? [`${entry.kind} ${String(entry.attempt)}`]
      : [],
  );
const first = ['decision 1', 'attempt_started 1'];
const second = ['decision 2', 'attempt_started 2'];
const third = ['decision 3', 'attempt_started 3'];

describe('attempts', () => {
  const tube = twice();

  test('are counted on by the tube', () => {
    expect(told(entriesOf(tube))).toEqual([...first, ...second, ...third]);
  });

  test('begin with 1 in each incident, and are as many as it says', () => {
    const incidents = incidentsOfTube(tube);
    expect(incidents.map(({ attempts }) => attempts)).toEqual([2, 1]);
    expect(incidents.map((incident) => told(entriesWithin(incident)))).toEqual([[...first, ...second], first]);
  });

  test('begin with 1 after each incident of a whole history', () => {
    expect(told(withOwnAttempts(entriesOf(tube)))).toEqual([...first, ...second, ...first]);
  });

  test('that are not kept any more count, where it is known how many they were', () => {
    const [incident] = incidentsOfTube(tube);
    const since = incident!.entries.findIndex((entry) => entry.kind === 'attempt_started') + 1;
    const cut = { ...incident!, entries: incident!.entries.slice(since) };
    expect(told(entriesWithin(cut))).toEqual(second);
    expect(told(withOwnAttempts(entriesOf(tube).slice(since), null))).toEqual([...second, ...first]);
  });
});
