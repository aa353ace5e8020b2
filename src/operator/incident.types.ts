/**
 * An incident as people read it: one stretch of trouble of one tube, from the first sign to its end, with what it cost and where the time went.
 * Types only; incident.ts folds a tube's flight entries into them.
 */
import type { RestartTrigger } from '../../machines/policies/recovery.js';
import type { FlightEntry, WireEvidence } from './flight.types.js';

/**
 * Where the time of a recovery went, one after the other, from `started_at_ms` to `ended_at_ms`; their sum is the outage where the path was dead from
 * the beginning. `detect`: the path is dead, nobody knows; `decide`: the tube is `degraded`, until the attempt begins that succeeds (pauses and failed
 * attempts included); `signal`: offer made, sent and answered; `connect`: ICE, DTLS, SCTP; `resume`: until a pong has come over the new path (not of
 * peers that answer no pings).
 */
export const phases = ['detect', 'decide', 'signal', 'connect', 'resume'] as const;
export type Phase = (typeof phases)[number];

/**
 * `recovered`: by a new generation; `stood_down`: the old path was good again, or never bad; `failed`: given up, the tube waits in `failed` or is closed
 * for it; `closed`: somebody closed the tube meanwhile.
 */
export const incidentOutcomes = ['open', 'recovered', 'stood_down', 'failed', 'closed'] as const;
export type IncidentOutcome = (typeof incidentOutcomes)[number];

export interface Incident {
  /** Counts the incidents of the tube from 1. */
  readonly number: number;
  /** When the path was heard last before it was lost; where one worked all the time: when a new one was wanted. */
  readonly started_at_ms: number;
  /** Null while it is open. */
  readonly ended_at_ms: number | null;
  readonly trigger: RestartTrigger;
  readonly outcome: IncidentOutcome;
  readonly attempts: number;
  /** Time without a path that worked, as far as it is known; of an open one until now. */
  readonly outage_ms: number | null;
  /** Lengths of the phases that are over; absent ones were not come to. Without `detect` the path was sound when the restart began. */
  readonly phases: Readonly<Partial<Record<Phase, number>>>;
  /** What the first decision looked at. */
  readonly evidence: WireEvidence | null;
  readonly from_generation: number;
  readonly to_generation: number | null;
  /** Its entries, oldest first, as far as they were kept. */
  readonly entries: readonly FlightEntry[];
}

/** An incident without what happened in it. */
export type IncidentFacts = Omit<Incident, 'entries'>;
