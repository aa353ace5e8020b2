/**
 * A tube may have been quiet for weeks before its first incident: of that time only the last hour is played. Pure; what comes after is the same, because
 * nothing of a quiet tube is older than its last pong, data and session.
 */
import type { Flight } from './flight-file.js';
import type { InputOf, TrafficInput } from './flight-inputs.js';

const playedMs = 3_600_000;

interface Run {
  readonly count: number;
  readonly first_ms: number;
  readonly last_ms: number;
}

export function withoutIdle(flight: Flight): Flight {
  const [start, traffic, ...rest] = flight.inputs;
  if (start?.event !== 'start.connected' || traffic?.event !== 'traffic') return flight;
  const fromMs = traffic.last_at_ms - playedMs;
  if (fromMs <= traffic.at_ms) return flight;
  return { ...flight, inputs: [startAt(start, traffic, fromMs), trafficFrom(traffic, fromMs), ...rest] };
}

/** The last of a run before a moment. */
const lastBefore = (run: Run | undefined, fromMs: number): number =>
  run === undefined || run.first_ms >= fromMs ? 0 : Math.min(run.last_ms, fromMs);

function startAt(start: InputOf<'start.connected'>, traffic: TrafficInput, fromMs: number): InputOf<'start.connected'> {
  const { pongs, heard, heard_data: data, data_sent: sent, activity, candidates } = traffic;
  const last = (...runs: (Run | undefined)[]): number => Math.max(...runs.map((run) => lastBefore(run, fromMs)));
  const pongMs = lastBefore(pongs, fromMs);
  const heardMs = Math.max(start.last_heard_ms, last(pongs, heard, data));
  return {
    ...start,
    at_ms: fromMs,
    session_since_ms: Math.max(start.session_since_ms, last(data, sent)),
    last_heard_ms: heardMs,
    last_activity_ms: Math.max(start.last_activity_ms, heardMs, last(activity, candidates)),
    last_pong: pongMs === 0 ? start.last_pong : { at_ms: pongMs, rtt_ms: pongs?.rtt_ms ?? null },
  };
}

/** Runs that were over before are gone; the others begin with the moment. */
function trafficFrom(traffic: TrafficInput, fromMs: number): TrafficInput {
  const kept = Object.entries(traffic).flatMap(([key, value]: [string, unknown]): [string, unknown][] => {
    // A clock does not go back: of these those that are before find nothing to fire.
    if (key === 'samples' || key === 'timers') return [[key, value]];
    if (typeof value !== 'object' || value === null) return [[key, value]];
    const run = value as Run;
    if (run.last_ms < fromMs) return [];
    return [[key, { ...run, first_ms: Math.max(run.first_ms, fromMs) }]];
  });
  return { ...(Object.fromEntries(kept) as TrafficInput), at_ms: fromMs };
}
