/**
 * A flight file, played and judged: what `holdfast replay` prints and what a test looks at. `replayFile('incident.json').divergences` is empty as long as
 * the charts do what they did then.
 */
import type { TubeState } from '../../machines/events.js';
import type { FlightEntry } from '../operator/flight.types.js';
import { incidentsOf } from '../operator/incident.js';
import type { Incident } from '../operator/incident.types.js';
import { compare, type Divergence } from './agreement.js';
import { readFlight, type Flight } from './flight-file.js';
import { isStart, type FlightInput } from './flight-inputs.js';
import type { PathStep } from './path-tracer.js';
import { play } from './player.js';

export interface Replay {
  readonly tube_id: string;
  /** Milliseconds since the epoch. */
  readonly from_ms: number;
  readonly to_ms: number;
  /** How the inputs begin; null: the file has none, and nothing was played. */
  readonly start: FlightInput | null;
  readonly inputs: number;
  /** Where the tube and its restart child went. */
  readonly path: readonly PathStep[];
  /** The states of the tube in their order, the one at `from_ms` first. */
  readonly states: readonly TubeState[];
  readonly incidents: readonly Incident[];
  /** What the flight recorder would have kept. */
  readonly entries: readonly FlightEntry[];
  /** It did what it did then. */
  readonly agrees: boolean;
  readonly divergences: readonly Divergence[];
  /** Changes of state, decisions and attempts that were met. */
  readonly met: number;
  readonly skew_ms: number;
}

/** Throws FlightFileError. */
export const replayFile = (path: string): Replay => replayFlight(readFlight(path));

export function replayFlight(flight: Flight): Replay {
  const { fromMs, toMs, start, path, entries, unheard } = play(flight);
  const isSettled = start?.event !== 'start.connected' || start.settled;
  // What is older than the first that was kept was forgotten, and what came after a pause of the recording was not played.
  const firstMs = flight.entries_dropped === 0 ? fromMs : Math.max(fromMs, (flight.entries[0]?.at_ms ?? 0) + 1);
  const recorded = flight.entries.filter(({ at_ms: atMs }) => flight.inputs_missing === 0 || atMs <= toMs);
  const told = compare({ entries: recorded, isSettled }, { entries, isSettled }, start === null ? Infinity : firstMs);
  const lost = unheard.map((event) => ({ kind: 'missing' as const, at_ms: toMs, what: `${event}: nobody to hear it` }));
  const divergences = [...told.divergences, ...lost];
  return {
    tube_id: flight.tube_id,
    from_ms: fromMs,
    to_ms: toMs,
    start,
    inputs: flight.inputs.filter((input) => !isStart(input)).length,
    path,
    states: statesOf(path),
    incidents: incidentsOf(entries, toMs),
    entries,
    agrees: divergences.length === 0,
    divergences,
    met: told.met,
    skew_ms: told.skew_ms,
  };
}

function statesOf(path: readonly PathStep[]): TubeState[] {
  const all = path.filter(({ machine }) => machine === 'tube').map(({ state }) => state.split('.')[0] as TubeState);
  return all.filter((state, index) => state !== all[index - 1]);
}
