/** "Try it": a tube between the service and this very tab, the button that breaks its path, and everything that then happens, seen from both ends. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.js';
import { serverNow } from '../clock.js';
import { duration, roundTrip, unknown } from '../format.js';
import { ActionButton } from '../parts/actions.js';
import { Card, Fact, Problem } from '../parts/card.js';
import { StateMark } from '../parts/marks.js';
import { links } from '../route.js';
import { getIncidents, type TubeState } from '../socket/operator-calls.js';
import { usePolled } from '../store/polled.js';
import type { TrySession } from '../try/try-session.js';
import { stateSentences, stateTones } from '../words.js';
import { IncidentList } from './incident-list.js';
import { LiveChartsView } from './live-charts-view.js';
import { EndColumn, StoryCard, TrafficCard } from './try-cards.js';
import { LanesPicture } from './try-lanes.js';

export function TryPage(): JSX.Element {
  const { trial } = useApp();
  const tubeId = trial.tubeId.value;
  const isOpen = trial.isOpen;
  const state = trial.state.value;
  return (
    <div class="try-page">
      <header class="page-head opening">
        <h1 tabIndex={-1}>Break the path. The tube holds.</h1>
        <p class="hint">
          A tube is one supervised WebRTC data connection. This page opens one between the service and this very tab,
          and shows both ends of it.
        </p>
      </header>
      <Stage trial={trial} />
      <div class="pair">
        <StoryCard trial={trial} />
        <TrafficCard trial={trial} />
      </div>
      {tubeId !== null && isOpen && (
        <>
          <Card title="Where it is" class="charts-card">
            <LiveChartsView key={tubeId} tubeId={tubeId} isShort />
          </Card>
          <TrialIncidents tubeId={tubeId} state={state === 'none' ? 'initializing' : state} />
        </>
      )}
      <div class="pair">
        <EndColumn trial={trial} end="service" />
        <EndColumn trial={trial} end="tab" />
      </div>
      <p class="hint">
        The library that this tab uses is <a href="/peer/holdfast-peer.js">holdfast-peer.js</a>.
      </p>
    </div>
  );
}

interface StageProps {
  readonly trial: TrySession;
}

function Stage({ trial }: StageProps): JSX.Element {
  const state = trial.state.value;
  return (
    <section class={`card stage ${state === 'none' ? '' : `edged tone-${stateTones[state]}`}`} aria-label="The tube">
      <LanesPicture trial={trial} />
      <p class="tube-state" role="status">
        {state === 'none' ? (
          <span class="hint">No tube is open.</span>
        ) : (
          <>
            <StateMark state={state} /> <span class="hint">{stateSentences[state]}</span>
          </>
        )}
      </p>
      <div class="desk">
        <Buttons trial={trial} />
        <Figures trial={trial} />
      </div>
      <Problem text={trial.problem.value} />
    </section>
  );
}

function Buttons({ trial }: StageProps): JSX.Element {
  const { session } = useApp();
  const state = trial.state.value;
  const isOnline = session.status.value.kind === 'online';
  // The button that was pressed gives way to others: the keyboard goes on with the first of them.
  const isOpen = trial.isOpen;
  const moveFocus = (): void => {
    const first = document.querySelector<HTMLElement>('.stage .actions button');
    if (document.activeElement === document.body || document.activeElement === null) first?.focus();
  };
  useEffect(moveFocus, [isOpen]);
  if (!isOpen)
    return (
      <div class="actions" role="group" aria-label="What to do with the tube">
        <ActionButton class="primary" isOff={!isOnline || trial.isOpening.value} onPress={() => void trial.open()}>
          {trial.isOpening.value ? 'Opening …' : 'Open a tube'}
        </ActionButton>
      </div>
    );
  return (
    <div class="actions" role="group" aria-label="What to do with the tube">
      <ActionButton
        class="danger"
        isOff={state !== 'connected' || !trial.isWhole.value}
        onPress={() => trial.breakPath()}
      >
        Break the path
      </ActionButton>
      <ActionButton
        isOff={!isOnline || (state !== 'connected' && state !== 'failed')}
        onPress={() => void trial.restart()}
      >
        Restart now
      </ActionButton>
      <ActionButton isOff={!isOnline} onPress={() => void trial.close()}>
        Close
      </ActionButton>
    </div>
  );
}

function Figures({ trial }: StageProps): JSX.Element | null {
  void trial.beat.value;
  const { state, generation, rttMs, sinceMs, tubeId } = trial;
  if (tubeId.value === null) return null;
  return (
    <dl class="facts figures">
      <Fact name="Generation" class="f-generation">
        {generation.value ?? unknown}
      </Fact>
      <Fact name="Round trip">{state.value === 'connected' ? roundTrip(rttMs.value) : unknown}</Fact>
      <Fact name="In this state">{trial.isOpen ? duration(performance.now() - sinceMs.value) : unknown}</Fact>
      <Fact name="As an operator sees it">
        <a href={links.tube(tubeId.value)}>its page</a>
      </Fact>
    </dl>
  );
}

const everyMs = 1000;

interface TrialIncidentsProps {
  readonly tubeId: string;
  readonly state: TubeState;
}

function TrialIncidents({ tubeId, state }: TrialIncidentsProps): JSX.Element {
  const { session } = useApp();
  const incidents = usePolled(`incidents ${tubeId}`, everyMs, () => getIncidents(session, tubeId));
  const known = incidents.value.value;
  return (
    <Card title="Incidents, as the service tells them" class="incidents-card">
      <Problem text={incidents.problem.value} />
      {known !== null && <IncidentList incidents={known.incidents} tube={{ state, reason: '' }} nowMs={serverNow()} />}
    </Card>
  );
}
