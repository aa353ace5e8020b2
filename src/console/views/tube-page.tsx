/** One tube: what it is in, why, what comes next, what the last recovery cost; its charts, incidents, measurements and history; and what can be done. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ClosedTubeRow, IncidentsAnswer, TubeRow } from '../../operator/operator.types.js';
import { useApp } from '../app.js';
import { second, serverNow } from '../clock.js';
import { reasonWords } from '../../operator/words.js';
import { capital, duration, percent, roundTrip, score, wallClock } from '../format.js';
import { costOf } from '../judgement.js';
import { Card, Fact, Problem } from '../parts/card.js';
import { Icon, StateMark } from '../parts/marks.js';
import { links } from '../route.js';
import { getIncidents, listClosed } from '../socket/operator-calls.js';
import { usePolled, type Polled } from '../store/polled.js';
import { nextSentence, stateSentences, stateTones } from '../words.js';
import { IncidentList } from './incident-list.js';
import { LiveChartsView } from './live-charts-view.js';
import { LogLevels } from './log-levels.js';
import { TubeActions, TubeFaults } from './tube-actions.js';
import { TubeInside } from './tube-inside.js';
import { TubePlots } from './tube-plots.js';

const calmMs = 10_000;
const busyMs = 1000;

interface TubePageProps {
  readonly tubeId: string;
}

export function TubePage({ tubeId }: TubePageProps): JSX.Element {
  const { tubes, session } = useApp();
  const row = tubes.row(tubeId);
  const isBusy = row?.incident !== undefined && row.incident !== null;
  const incidents = usePolled(`incidents ${tubeId}`, isBusy ? busyMs : calmMs, () => getIncidents(session, tubeId));
  // What the list says of it has changed: so has its story.
  const news =
    row === undefined ? 'gone' : `${row.state} ${row.generation} ${row.incident?.attempts ?? '-'} ${row.incidents}`;
  useEffect(() => incidents.refresh(), [news]);
  return (
    <div class="tube-page">
      <a class="back" href={links.tubes}>
        <Icon name="back" /> Tubes
      </a>
      {row === undefined ? (
        <AbsentTube tubeId={tubeId} incidents={incidents} />
      ) : (
        <PresentTube row={row} incidents={incidents} />
      )}
    </div>
  );
}

interface PresentTubeProps {
  readonly row: TubeRow;
  readonly incidents: Polled<IncidentsAnswer>;
}

function PresentTube({ row, incidents }: PresentTubeProps): JSX.Element {
  return (
    <>
      <TubeHeader row={row} incidents={incidents} />
      <Card title="Where it is" class="charts-card">
        <LiveChartsView key={row.tube_id} tubeId={row.tube_id} />
      </Card>
      <IncidentsCard tube={row} incidents={incidents} count={row.incidents} />
      <TubePlots tubeId={row.tube_id} />
      <TubeInside tubeId={row.tube_id} news={`${row.state} ${row.generation}`} />
      <TubeFaults tubeId={row.tube_id} />
      <LogLevels />
    </>
  );
}

function TubeHeader({ row, incidents }: PresentTubeProps): JSX.Element {
  void second.value;
  const nowMs = serverNow();
  const last = incidents.value.value?.incidents.find(({ outcome }) => outcome !== 'open');
  return (
    <section class={`card tube-head edged tone-${stateTones[row.state]}`} aria-labelledby="tube-name">
      <div class="tube-title">
        <div>
          <h1 id="tube-name" tabIndex={-1}>
            <bdi>{row.conversation_id}</bdi>
          </h1>
          <p class="sub mono">{row.tube_id}</p>
        </div>
        <TubeActions row={row} />
      </div>
      <div class="tube-now">
        <p class="tube-state">
          <StateMark state={row.state} /> <span class="hint">{stateSentences[row.state]}</span>
        </p>
        <dl class="facts answers">
          <Fact name="Since">
            {duration(nowMs - row.since_ms)} <span class="sub">{wallClock(row.since_ms, nowMs)}</span>
          </Fact>
          <Fact name="Why">{capital(reasonWords(row.reason))}</Fact>
          <Fact name="What comes next">{capital(nextSentence(row, nowMs))}</Fact>
          <Fact name="The last recovery">{last === undefined ? 'There was none' : capital(costOf(last))}</Fact>
        </dl>
        <TubeFigures row={row} nowMs={nowMs} />
      </div>
    </section>
  );
}

interface TubeFiguresProps {
  readonly row: TubeRow;
  readonly nowMs: number;
}

function TubeFigures({ row, nowMs }: TubeFiguresProps): JSX.Element {
  return (
    <dl class="facts figures">
      <Fact name="Generation">{row.generation}</Fact>
      <Fact name="Round trip">{roundTrip(row.rtt_ms)}</Fact>
      <Fact name="Loss">{percent(row.loss)}</Fact>
      <Fact name="Quality">{score(row.score)}</Fact>
      <Fact name="Pair">{row.pair ?? 'none'}</Fact>
      <Fact name="Recovered">
        {row.recovered} of {row.incidents}
      </Fact>
      <Fact name="Age">{duration(nowMs - row.created_at_ms)}</Fact>
    </dl>
  );
}

interface IncidentsCardProps {
  readonly tube: Pick<TubeRow, 'state' | 'reason'>;
  readonly incidents: Polled<IncidentsAnswer>;
  readonly count?: number | undefined;
}

function IncidentsCard({ tube, incidents, count }: IncidentsCardProps): JSX.Element {
  const known = incidents.value.value;
  return (
    <Card title="Incidents" class="incidents-card">
      <Problem text={incidents.problem.value} />
      {known !== null && <IncidentList incidents={known.incidents} tube={tube} nowMs={serverNow()} count={count} />}
    </Card>
  );
}

interface AbsentTubeProps {
  readonly tubeId: string;
  readonly incidents: Polled<IncidentsAnswer>;
}

/** It has ended, or was never here, or the list is not there yet. */
function AbsentTube({ tubeId, incidents }: AbsentTubeProps): JSX.Element {
  const { session, tubes } = useApp();
  const isLoaded = tubes.isLoaded.value;
  const closed = usePolled(`closed ${tubeId} ${isLoaded}`, calmMs, () => listClosed(session)).value.value;
  const row = closed?.find(({ tube_id: id }) => id === tubeId);
  if (row !== undefined) return <ClosedTube row={row} incidents={incidents} />;
  const isSure = isLoaded && closed !== null;
  return (
    <>
      <h1 tabIndex={-1}>{isSure ? 'There is no such tube' : 'Looking for the tube …'}</h1>
      <p class="sub mono">{tubeId}</p>
      {isSure && <p class="hint">It was never here, or ended so long ago that this node has forgotten it.</p>}
    </>
  );
}

interface ClosedTubeProps {
  readonly row: ClosedTubeRow;
  readonly incidents: Polled<IncidentsAnswer>;
}

function ClosedTube({ row, incidents }: ClosedTubeProps): JSX.Element {
  const nowMs = serverNow();
  const last = incidents.value.value?.incidents[0];
  return (
    <>
      <section class="card tube-head edged tone-calm" aria-labelledby="tube-name">
        <div class="tube-title">
          <div>
            <h1 id="tube-name" tabIndex={-1}>
              <bdi>{row.conversation_id}</bdi>
            </h1>
            <p class="sub mono">{row.tube_id}</p>
          </div>
          <TubeActions closedTubeId={row.tube_id} />
        </div>
        <p class="tube-state">
          <StateMark state="closed" /> <span class="hint">{stateSentences.closed}</span>
        </p>
        <dl class="facts answers">
          <Fact name="Why">{capital(reasonWords(row.reason))}</Fact>
          <Fact name="Closed">{wallClock(row.closed_at_ms, nowMs)}</Fact>
          <Fact name="Lived">{duration(row.closed_at_ms - row.created_at_ms)}</Fact>
          <Fact name="The last incident">{last === undefined ? 'There was none' : capital(costOf(last))}</Fact>
        </dl>
      </section>
      <IncidentsCard tube={{ state: 'closed', reason: row.reason }} incidents={incidents} />
    </>
  );
}
