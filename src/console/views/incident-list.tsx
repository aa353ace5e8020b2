/** The incidents of a tube, newest first: what each was, whose fault it looks like, where its time went, and what happened in it. */
import type { JSX } from 'preact';
import { entriesWithin } from '../../operator/attempts.js';
import type { FlightEntry } from '../../operator/flight.types.js';
import type { Incident } from '../../operator/incident.types.js';
import type { TubeRow } from '../../operator/operator.types.js';
import { evidenceSentences, forgottenWords, outcomeWords, triggerWords } from '../../operator/words.js';
import { IncidentStrip } from '../charts/incident-strip.js';
import { PhaseBar } from '../charts/phase-bar.js';
import { entrySentence, entryTone } from '../entry-words.js';
import { capital, cost, percent, wallClock } from '../format.js';
import { blameOf, costOf } from '../judgement.js';
import { Toned } from '../parts/marks.js';
import { noIncidentWords, outcomeTones } from '../words.js';

interface IncidentListProps {
  readonly incidents: readonly Incident[];
  readonly tube: Pick<TubeRow, 'state' | 'reason'>;
  readonly nowMs: number;
  /** All that the tube had, also those that are not kept. */
  readonly count?: number | undefined;
}

export function IncidentList({ incidents, tube, nowMs, count = 0 }: IncidentListProps): JSX.Element {
  const forgotten = forgottenWords(incidents, count);
  if (incidents.length === 0) return <p class="hint">{forgotten ?? noIncidentWords(tube)}</p>;
  return (
    <div class="incidents">
      <IncidentStrip incidents={incidents} nowMs={nowMs} />
      {incidents.map((incident, place) => (
        <IncidentItem key={incident.number} incident={incident} isOpen={place === 0} nowMs={nowMs} />
      ))}
      {forgotten !== null && <p class="hint">{forgotten}</p>}
    </div>
  );
}

interface IncidentItemProps {
  readonly incident: Incident;
  readonly isOpen: boolean;
  readonly nowMs: number;
}

function IncidentItem({ incident, isOpen, nowMs }: IncidentItemProps): JSX.Element {
  const { number, outcome, trigger, started_at_ms: startedAtMs, evidence } = incident;
  return (
    <details class="incident" open={isOpen} data-outcome={outcome}>
      <summary>
        <span class="incident-number">#{number}</span>
        <span class="incident-what">
          {capital(triggerWords(trigger))} <Toned tone={outcomeTones[outcome]}>{outcomeWords(outcome)}</Toned>
        </span>
        <span class="incident-cost">{costOf(incident)}</span>
        <time dateTime={new Date(startedAtMs).toISOString()}>{wallClock(startedAtMs, nowMs)}</time>
      </summary>
      <PhaseBar incident={incident} />
      {evidence !== null && (
        <p class="evidence">
          <Toned tone={blameOf(incident).tone}>
            <b>{blameOf(incident).headline}:</b> {blameOf(incident).detail}
          </Toned>
          <span class="evidence-rest">
            When it was decided, {evidenceSentences(evidence, { length: cost, percent }).join(', ')}.
          </span>
        </p>
      )}
      <EntryList entries={entriesWithin(incident)} fromMs={startedAtMs} />
    </details>
  );
}

interface EntryListProps {
  readonly entries: readonly FlightEntry[];
  /** Times are told since then. */
  readonly fromMs: number;
}

/** What tells a person on call nothing; the history below has it. */
const details: readonly FlightEntry['kind'][] = ['candidate', 'transport_state', 'channel_opened', 'breaker'];
const isDetail = (entry: FlightEntry): boolean =>
  details.includes(entry.kind) && !(entry.kind === 'breaker' && entry.breaker === 'open');

function EntryList({ entries, fromMs }: EntryListProps): JSX.Element {
  return (
    <ol class="entries">
      {entries
        .filter((entry) => !isDetail(entry))
        .map((entry) => (
          <li key={entry.seq} class={`tone-${entryTone(entry)}`}>
            <span class="after">{`+${cost(Math.max(0, entry.at_ms - fromMs))}`}</span>
            <span class="text">{entrySentence(entry)}</span>
          </li>
        ))}
    </ol>
  );
}
