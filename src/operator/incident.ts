/**
 * From what happened to a tube to its incidents: a fold over flight entries, one at a time (the service, as they come) or over a whole history
 * (`incidentsOf`). Deterministic, no clock: times are those of the entries. It keeps a handful of numbers; a tube without trouble costs nothing per entry.
 *
 * An incident is one stretch of trouble: it ends when the tube is connected again, is given up or is closed. What comes after that, be it a second
 * later, is another one, although the tube's own counters of attempts go on for `incidentResetMs`.
 */
import { isWantedEnd } from '../../machines/failure.js';
import { restartTriggers, type RestartTrigger } from '../../machines/policies/recovery.js';
import type { FlightEntry, WireEvidence } from './flight.types.js';
import type { Incident, IncidentFacts, IncidentOutcome, Phase } from './incident.types.js';

type EntryOf<Kind extends FlightEntry['kind']> = Extract<FlightEntry, { kind: Kind }>;

/** The present trouble, or the last one while its new path has not been heard yet. */
interface Trouble {
  readonly number: number;
  readonly trigger: RestartTrigger;
  /** The tube knew: it turned `degraded`. */
  readonly knownAtMs: number;
  /** It goes on with an outage that began before it was given up. */
  readonly isResumed: boolean;
  fromGeneration: number;
  toGeneration: number | null;
  /** When its first outage began. */
  lostAtMs: number | null;
  /** Since when no path has worked; null while one does. */
  outageSinceMs: number | null;
  /** Outages that are over: their sum and number. */
  outageMs: number;
  outages: number;
  attempts: number;
  evidence: WireEvidence | null;
  isDecided: boolean;
  /** The attempt that runs, or succeeded. */
  attemptAtMs: number | null;
  answeredAtMs: number | null;
  cutOverAtMs: number | null;
  heardAtMs: number | null;
  endedAtMs: number | null;
  outcome: IncidentOutcome;
}

/** Missed pings further apart are not of one silence. In a history all that were missed in a row are one entry, with nothing of the pongs between. */
const silenceMs = 60_000;
/** So many missed pings in a row turn a tube `degraded`; one alone is no outage. */
const missedToDoubt = 2;

export class IncidentFold {
  #count = 0;
  #trouble: Trouble | null = null;
  /** Null as long as nobody says when the path is heard (`heard`). */
  #heardAtMs: number | null = null;
  #missed = 0;
  #missedSinceMs = 0;
  #missedAtMs = 0;
  #isGivenUp = false;

  /** Takes the next entry. Returns an incident that is over now and will not change any more. */
  note(entry: FlightEntry): IncidentFacts | null {
    switch (entry.kind) {
      case 'ping_missed':
        return this.#pingMissed(entry);
      case 'state':
        return this.#state(entry);
      case 'network_change':
        return this.#networkChange(entry);
      case 'attempt_started':
        return this.#attemptStarted(entry);
      case 'closed':
        return this.#end(entry.at_ms, isWantedEnd(entry.reason) ? 'closed' : 'failed');
      default:
        if (this.#trouble !== null && this.#trouble.endedAtMs === null) progress(this.#trouble, entry);
        return null;
    }
  }

  /**
   * A pong or data came over the path that carries data. Recorders do not keep that; who knows says it, and gets `resume` and exact times for it. Returns
   * an incident that is over now.
   */
  heard(atMs: number): IncidentFacts | null {
    this.#heardAtMs = atMs;
    this.#missed = 0;
    const trouble = this.#trouble;
    if (trouble === null) return null;
    if (trouble.endedAtMs === null) {
      if (trouble.outageSinceMs !== null && atMs > trouble.outageSinceMs) endOutage(trouble, atMs);
      return null;
    }
    trouble.heardAtMs = atMs;
    return this.#settle();
  }

  /** The incident that is open, or was a moment ago and whose new path has not been heard yet; null when there is none. */
  present(nowMs: number): IncidentFacts | null {
    return this.#trouble === null ? null : factsOf(this.#trouble, nowMs);
  }

  get isOpen(): boolean {
    return this.#trouble !== null && this.#trouble.endedAtMs === null;
  }

  /** What began the incident that `present` tells of. */
  get trigger(): RestartTrigger | null {
    return this.#trouble?.trigger ?? null;
  }

  /** Incidents so far, the open one included. */
  get count(): number {
    return this.#count;
  }

  #pingMissed({ at_ms, last_at_ms = at_ms, count = 1 }: EntryOf<'ping_missed'>): null {
    const isNew = this.#missed === 0 || at_ms - this.#missedAtMs > silenceMs;
    if (isNew) this.#missedSinceMs = last_at_ms - at_ms > silenceMs ? last_at_ms : at_ms;
    this.#missed = isNew ? count : this.#missed + count;
    this.#missedAtMs = last_at_ms;
    if (this.#trouble !== null && this.#trouble.endedAtMs === null && this.#missed >= missedToDoubt)
      beginOutage(this.#trouble, this.#silentSinceMs(last_at_ms));
    return null;
  }

  #state({ state, reason, at_ms, generation }: EntryOf<'state'>): IncidentFacts | null {
    if (state === 'degraded') {
      const trigger = restartTriggers.find((name) => name === reason) ?? 'missed_pings';
      const before = this.#begin(at_ms, trigger, generation);
      const isSilent = trigger === 'missed_pings' && this.#missed >= missedToDoubt;
      if (this.#trouble !== null && isSilent) beginOutage(this.#trouble, this.#silentSinceMs(at_ms));
      return before;
    }
    if (state === 'failed') {
      this.#isGivenUp = true;
      return this.#end(at_ms, 'failed');
    }
    if (state !== 'connected') return null;
    this.#isGivenUp = false;
    this.#missed = 0;
    return this.#end(at_ms, (this.#trouble?.cutOverAtMs ?? null) === null ? 'stood_down' : 'recovered');
  }

  #networkChange(entry: EntryOf<'network_change'>): IncidentFacts | null {
    const before = this.#begin(entry.at_ms, entry.evidence.trigger, entry.generation);
    if (this.#trouble !== null) this.#trouble.evidence ??= entry.evidence;
    if (this.#trouble !== null && entry.evidence.path !== 'sound') {
      const isSilence = entry.evidence.trigger === 'missed_pings';
      beginOutage(this.#trouble, isSilence ? this.#silentSinceMs(entry.at_ms) : entry.at_ms);
    }
    return before;
  }

  #attemptStarted({ at_ms, trigger, generation }: EntryOf<'attempt_started'>): IncidentFacts | null {
    const before = this.#begin(at_ms, trigger, generation - 1);
    if (this.#trouble === null) return before;
    this.#trouble.attempts += 1;
    this.#trouble.attemptAtMs = at_ms;
    this.#trouble.answeredAtMs = null;
    return before;
  }

  /** The first sign of trouble that the tube itself takes for one; what follows belongs to it. */
  #begin(atMs: number, trigger: RestartTrigger, generation: number): IncidentFacts | null {
    if (this.#trouble !== null && this.#trouble.endedAtMs === null) return null;
    const before = this.#settle();
    this.#count += 1;
    this.#trouble = {
      number: this.#count,
      trigger,
      knownAtMs: atMs,
      isResumed: this.#isGivenUp,
      fromGeneration: generation,
      toGeneration: null,
      lostAtMs: null,
      outageSinceMs: null,
      outageMs: 0,
      outages: 0,
      attempts: 0,
      evidence: null,
      isDecided: false,
      attemptAtMs: null,
      answeredAtMs: null,
      cutOverAtMs: null,
      heardAtMs: null,
      endedAtMs: null,
      outcome: 'open',
    };
    return before;
  }

  #end(atMs: number, outcome: IncidentOutcome): IncidentFacts | null {
    const trouble = this.#trouble;
    if (trouble === null || trouble.endedAtMs !== null) return this.#settle();
    if (trouble.outageSinceMs !== null) endOutage(trouble, atMs);
    trouble.endedAtMs = atMs;
    trouble.outcome = outcome;
    // Where nobody says what is heard, and of a peer that answers no pings, nothing more will be known.
    return outcome === 'recovered' && this.#heardAtMs !== null ? null : this.#settle();
  }

  #settle(): IncidentFacts | null {
    const trouble = this.#trouble;
    this.#trouble = null;
    return trouble === null ? null : factsOf(trouble, trouble.endedAtMs ?? trouble.knownAtMs);
  }

  /** When the path was heard last, as far as that is known. */
  #silentSinceMs(atMs: number): number {
    if (this.#heardAtMs !== null) return Math.min(atMs, this.#heardAtMs);
    return this.#missed > 0 && atMs - this.#missedAtMs <= silenceMs ? this.#missedSinceMs : atMs;
  }
}

/** What happens within an incident. */
function progress(trouble: Trouble, entry: FlightEntry): void {
  const { at_ms: atMs } = entry;
  switch (entry.kind) {
    case 'decision':
      if (!trouble.isDecided) trouble.evidence = entry.evidence;
      trouble.isDecided = true;
      if (entry.evidence.path !== 'sound') beginOutage(trouble, atMs);
      return;
    case 'attempt_ended':
      if (entry.outcome === 'failure') trouble.attemptAtMs = trouble.answeredAtMs = null;
      return;
    case 'description':
      // Ours or the peer's. Within one attempt the first counts: generations that replace one that does not connect are part of connecting.
      if (entry.type === 'answer' && trouble.attemptAtMs !== null) trouble.answeredAtMs ??= atMs;
      return;
    case 'generation_closed':
      if (entry.generation === trouble.fromGeneration && trouble.cutOverAtMs === null) beginOutage(trouble, atMs);
      return;
    case 'cut_over':
      if (trouble.outageSinceMs !== null) endOutage(trouble, atMs);
      trouble.fromGeneration = entry.from_generation ?? trouble.fromGeneration;
      trouble.toGeneration = entry.generation;
      trouble.cutOverAtMs = atMs;
      return;
    case 'recovered':
      recovered(trouble, entry);
      return;
    default:
      return;
  }
}

function beginOutage(trouble: Trouble, sinceMs: number): void {
  if (trouble.outageSinceMs !== null || trouble.cutOverAtMs !== null) return;
  trouble.outageSinceMs = sinceMs;
  trouble.lostAtMs ??= sinceMs;
}

function endOutage(trouble: Trouble, atMs: number): void {
  trouble.outageMs += Math.max(0, atMs - (trouble.outageSinceMs ?? atMs));
  trouble.outageSinceMs = null;
  trouble.outages += 1;
}

/** The tube counts from the last that it heard, data included, and is right. */
function recovered(trouble: Trouble, { at_ms, attempts, outage_ms }: EntryOf<'recovered'>): void {
  if (trouble.outageSinceMs !== null) endOutage(trouble, at_ms);
  trouble.attempts = attempts;
  trouble.outageMs = outage_ms;
  if (outage_ms === 0) trouble.lostAtMs = null;
  else if (trouble.outages <= 1 && !trouble.isResumed) trouble.lostAtMs = (trouble.cutOverAtMs ?? at_ms) - outage_ms;
}

function factsOf(trouble: Trouble, nowMs: number): IncidentFacts {
  const { outageSinceMs, outageMs, endedAtMs, cutOverAtMs, heardAtMs } = trouble;
  const lengths = phasesOf(trouble);
  const running = outageSinceMs === null ? 0 : Math.max(0, nowMs - outageSinceMs);
  const resume = outageMs > 0 ? (lengths.resume ?? 0) : 0;
  return {
    number: trouble.number,
    started_at_ms: startOf(trouble),
    ended_at_ms: cutOverAtMs !== null && heardAtMs !== null ? Math.max(endedAtMs ?? 0, heardAtMs) : endedAtMs,
    trigger: trouble.trigger,
    outcome: trouble.outcome,
    attempts: trouble.attempts,
    outage_ms: outageMs + running + resume,
    phases: lengths,
    evidence: trouble.evidence,
    from_generation: trouble.fromGeneration,
    to_generation: trouble.toGeneration,
  };
}

const startOf = ({ lostAtMs, knownAtMs, isResumed }: Trouble): number =>
  isResumed ? knownAtMs : Math.min(lostAtMs ?? knownAtMs, knownAtMs);

function phasesOf(trouble: Trouble): Partial<Record<Phase, number>> {
  const { knownAtMs, lostAtMs, attemptAtMs, answeredAtMs, cutOverAtMs, heardAtMs } = trouble;
  const wasLostBefore = lostAtMs !== null && lostAtMs <= knownAtMs && !trouble.isResumed;
  return {
    ...(wasLostBefore ? { detect: knownAtMs - startOf(trouble) } : {}),
    ...length('decide', knownAtMs, attemptAtMs),
    ...length('signal', attemptAtMs, answeredAtMs),
    ...length('connect', answeredAtMs, cutOverAtMs),
    ...length('resume', cutOverAtMs, heardAtMs),
  };
}

/** Wall clocks jump: a negative length is none. */
const length = (phase: Phase, fromMs: number | null, toMs: number | null): Partial<Record<Phase, number>> =>
  fromMs === null || toMs === null ? {} : { [phase]: Math.max(0, toMs - fromMs) };

/** With those of the entries of its tube that fall into it. `entries`: oldest first. */
export function withEntries(facts: IncidentFacts, entries: readonly FlightEntry[]): Incident {
  const { started_at_ms: fromMs, ended_at_ms: toMs } = facts;
  const own = entries.filter(
    ({ at_ms, last_at_ms = at_ms }) => last_at_ms >= fromMs && (toMs === null || at_ms <= toMs),
  );
  return { ...facts, entries: own };
}

/** All incidents of a history, oldest first, numbered from 1. `entries`: oldest first. `nowMs`: for the outage of one that is open. */
export function incidentsOf(entries: readonly FlightEntry[], nowMs: number): Incident[] {
  const fold = new IncidentFold();
  const over = entries.flatMap((entry) => fold.note(entry) ?? []);
  const present = fold.present(nowMs);
  return [...over, ...(present === null ? [] : [present])].map((facts) => withEntries(facts, entries));
}
