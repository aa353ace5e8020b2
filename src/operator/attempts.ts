/**
 * The numbers of attempts, as people count them: within an incident, from 1. A tube counts on for `incidentResetMs` after an incident, so that backoff and
 * limits hold over several, and its flight recorder has those numbers. For the console and the command line. Pure.
 */
import type { FlightEntry } from './flight.types.js';
import type { Incident } from './incident.types.js';

type AttemptEntry = Extract<FlightEntry, { kind: 'attempt_started' | 'decision' }>;

const tellsAttempt = (entry: FlightEntry): entry is AttemptEntry =>
  entry.kind === 'attempt_started' || (entry.kind === 'decision' && entry.action === 'do');

const endsIncident = (entry: FlightEntry): boolean =>
  entry.kind === 'state' && (entry.state === 'connected' || entry.state === 'failed');

/**
 * The entries with each attempt numbered within its incident: those that begin one, and decisions for one. `entries`: oldest first. `missing`: attempts of
 * the first incident that are not among them any more; null: that is not known, and its numbers are left as they are.
 */
export function withOwnAttempts(entries: readonly FlightEntry[], missing: number | null = 0): FlightEntry[] {
  let before: number | null = missing === null ? 0 : null;
  let left = missing ?? 0;
  return entries.map((entry) => {
    if (endsIncident(entry)) {
      before = null;
      left = 0;
    }
    if (!tellsAttempt(entry)) return entry;
    before ??= entry.attempt - 1 - left;
    return { ...entry, attempt: entry.attempt - before };
  });
}

/** The entries of one incident, of which the recorder may have lost the oldest. */
export function entriesWithin({ entries, attempts }: Pick<Incident, 'entries' | 'attempts'>): FlightEntry[] {
  const kept = entries.filter(({ kind }) => kind === 'attempt_started').length;
  return withOwnAttempts(entries, Math.max(0, attempts - kept));
}
