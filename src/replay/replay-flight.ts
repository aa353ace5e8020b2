/**
 * A flight file, played and judged: what `holdfast replay` prints and what a test looks at. `replayFile('incident.json').divergences` is empty as long as
 * the charts do what they did then.
 */
import type { TubeState } from '../../machines/events.js';
import type { FlightEntry } from '../operator/flight.types.js';
import { incidentsOf } from '../operator/incident.js';
import type { Incident } from '../operator/incident.types.js';
import { compare, type Divergence } from './agreement.js';
import { FlightFileError, readFlight, type Flight } from './flight-file.js';
import { isStart, type FlightInput } from './flight-inputs.js';
import type { PathStep } from './path-tracer.js';
import { play } from './player.js';
import { withoutIdle } from './without-idle.js';

export interface Replay {
  readonly tube_id: string;
  /** Milliseconds since the epoch. */
  readonly from_ms: number;
  readonly to_ms: number;
  /** How the inputs begin; null: the file has none, and nothing was played. */
  readonly start: FlightInput | null;
  readonly inputs: number;
  /** What was recorded first had to go for want of memory, all of it: these inputs begin later. */
  readonly is_another_beginning: boolean;
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

/** A day without incidents takes a quarter of a second. */
const longestDays = 60;
const longestMs = longestDays * 86_400_000;

/** Throws FlightFileError. */
export const replayFile = (path: string): Replay => replayFlight(readFlight(path));

export function replayFlight(whole: Flight): Replay {
  const flight = withoutIdle(whole);
  const [first] = flight.inputs;
  if (first !== undefined && lastOf(flight) - first.at_ms > longestMs)
    throw new FlightFileError(`what is to be played is longer than ${String(longestDays)} days`);
  const { fromMs, toMs, start, path, entries, unheard } = play(flight);
  // What is older than the first that was kept was forgotten, and what came after a pause of the recording was not played.
  const firstMs = flight.entries_dropped === 0 ? fromMs : Math.max(fromMs, (flight.entries[0]?.at_ms ?? 0) + 1);
  const endMs = flight.inputs_missing === 0 ? Infinity : toMs;
  const after = start?.event === 'start.connected' ? (start.after_entry ?? 0) : 0;
  const then = flight.entries.filter(({ seq }) => seq > after);
  const told = compare(then, entries, { fromMs: start === null ? Infinity : firstMs, toMs: endMs });
  const lost = unheard.map((event) => ({ kind: 'missing' as const, at_ms: toMs, what: `${event}: nobody to hear it` }));
  const divergences = [...told.divergences, ...lost].sort((a, b) => a.at_ms - b.at_ms);
  return {
    tube_id: flight.tube_id,
    from_ms: fromMs,
    to_ms: toMs,
    start,
    inputs: flight.inputs.filter((input) => !isStart(input) && input.event !== 'timer').length,
    is_another_beginning: flight.inputs_dropped === null,
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

/** The last moment in it; it may say any. */
function lastOf({ inputs, exported_at_ms: exportedMs }: Flight): number {
  let lastMs = exportedMs;
  for (const input of inputs) {
    for (const value of [input, ...(Object.values(input) as unknown[])]) {
      const { at_ms = 0, last_at_ms = 0, last_ms = 0 } = Object(value) as Readonly<Record<string, number>>;
      lastMs = Math.max(lastMs, at_ms, last_at_ms, last_ms);
    }
  }
  return lastMs;
}

function statesOf(path: readonly PathStep[]): TubeState[] {
  const all = path.filter(({ machine }) => machine === 'tube').map(({ state }) => state.split('.')[0] as TubeState);
  return all.filter((state, index) => state !== all[index - 1]);
}
