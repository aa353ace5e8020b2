/** What a tube of the harness said, as a registry would publish it and as its flight recorder would keep it. */
import type { TubeState } from '../../machines/events.js';
import type { FlightEntry } from '../../src/operator/flight.types.js';
import { IncidentFold, withEntries } from '../../src/operator/incident.js';
import type { Incident } from '../../src/operator/incident.types.js';
import { factOf } from '../../src/registry/flight-entry.js';
import type { TubeNotice } from '../../src/registry/notice.js';
import { identity, type TubeHarness } from './tube-harness.js';

/** Times are those of the test clock. */
export function noticesOf(tube: TubeHarness): TubeNotice[] {
  let previousState: TubeState = 'initializing';
  let generation = tube.firstGeneration;
  return tube.emissions.map(({ sinceStartMs, ...said }) => {
    const emission = said;
    if (emission.type === 'record') generation = emission.record.generation;
    const notice = { identity, generation, atMs: tube.startMs + sinceStartMs, previousState, emission };
    if (emission.type === 'state') previousState = emission.state;
    return notice;
  });
}

function entryOf(notice: TubeNotice, seq: number): FlightEntry | null {
  const fact = factOf(notice);
  const generation = 'generation' in notice.emission ? notice.emission.generation : notice.generation;
  return fact === null ? null : { at_ms: notice.atMs, seq, generation, ...fact };
}

/** Without merging: one entry per emission that is kept. */
export function entriesOf(tube: TubeHarness): FlightEntry[] {
  return noticesOf(tube).flatMap((notice, index) => entryOf(notice, index + 1) ?? []);
}

/** The incidents as the service folds them, told of every pong; oldest first, the open one last. */
export function incidentsOfTube(tube: TubeHarness): Incident[] {
  const fold = new IncidentFold();
  const over = noticesOf(tube).flatMap((notice, index) => {
    const { emission, atMs } = notice;
    if (emission.type === 'ping' && emission.outcome === 'pong') return fold.heard(atMs) ?? [];
    const entry = entryOf(notice, index + 1);
    return (entry === null ? null : fold.note(entry)) ?? [];
  });
  const present = fold.present(tube.clock.nowMs);
  return [...over, ...(present === null ? [] : [present])].map((facts) => withEntries(facts, entriesOf(tube)));
}
