/** The charts of a tube while it lives: its own large, those of its children beside it, and in words where it is and how it came there. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useApp } from '../app.js';
import { ChartView } from '../charts/chart-view.js';
import { timeOfDay } from '../format.js';
import { Problem } from '../parts/card.js';
import { StateMark } from '../parts/marks.js';
import { usePolled } from '../store/polled.js';
import { watchTube, type InspectWatch } from '../socket/inspect-client.js';
import type { TubeState } from '../socket/operator-calls.js';
import { pathOf, type ChartName, type LiveActor, type TrailStep } from '../store/live-charts.js';

const children: readonly { readonly name: ChartName; readonly meaning: string }[] = [
  { name: 'restart', meaning: 'when to try again; there while an incident is open' },
  { name: 'keepalive', meaning: 'pings the path' },
  { name: 'health', meaning: 'measures its quality' },
];

const tubeStates: readonly TubeState[] = ['initializing', 'connecting', 'connected', 'degraded', 'failed', 'closed'];

const infoMs = 600_000;

interface LiveChartsViewProps {
  readonly tubeId: string;
  /** Without the charts of the children. */
  readonly isShort?: boolean;
}

export function LiveChartsView({ tubeId, isShort = false }: LiveChartsViewProps): JSX.Element {
  const { session } = useApp();
  const [watch, setWatch] = useState<InspectWatch | null>(null);
  useEffect(() => {
    const opened = watchTube({ url: session.url, token: session.token.value }, tubeId);
    setWatch(opened);
    return () => opened.close();
  }, [tubeId]);
  void watch?.revision.value;
  const actorOf = (name: ChartName): LiveActor | null => watch?.charts.actors.get(name) ?? null;
  const problem = watch?.problem.value ?? '';
  return (
    <div class={`live-charts ${isShort ? 'is-short' : ''} ${problem === '' ? '' : 'is-stale'}`}>
      <Problem text={session.isOnline ? problem : ''} />
      <Stations active={actorOf('tube')?.active ?? nowhere} />
      <div class="live-chart">
        <Whereabouts actor={actorOf('tube')} />
        <ChartView name="tube" actor={actorOf('tube')} />
      </div>
      <Trail steps={watch?.charts.trail ?? []} />
      {!isShort && (
        <div class="child-charts">
          <BridgeLink tubeId={tubeId} />
          {children.map(({ name, meaning }) => (
            <div key={name} class="live-chart">
              <h3>
                {name} <span class="sub">{meaning}</span>
              </h3>
              <Whereabouts actor={actorOf(name)} />
              <ChartView name={name} actor={actorOf(name)} />
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

const nowhere: ReadonlySet<string> = new Set();

interface BridgeLinkProps {
  readonly tubeId: string;
}

/** To stately.ai's inspector, where whoever runs the node allows it (`statelyInspector`). In this tab: another one would not have the token. */
function BridgeLink({ tubeId }: BridgeLinkProps): JSX.Element | null {
  const info = usePolled('info', infoMs, async () => {
    const answer = await fetch('/api/v1/info');
    return (await answer.json()) as { readonly stately_inspector?: boolean };
  }).value.value;
  return info?.stately_inspector !== true ? null : (
    <a href={`stately.html#tube=${tubeId}`}>Look at it in stately.ai’s inspector</a>
  );
}

interface StationsProps {
  readonly active: ReadonlySet<string>;
}

/** The chart at a glance: its top-level states, as a line. */
function Stations({ active }: StationsProps): JSX.Element {
  return (
    <ol class="stations" aria-label="States of a tube">
      {tubeStates.map((state) => (
        <li
          key={state}
          class={state === 'degraded' ? 'is-both-ways' : ''}
          aria-current={active.has(`tube.${state}`) ? 'step' : undefined}
        >
          <StateMark state={state} />
        </li>
      ))}
    </ol>
  );
}

interface WhereaboutsProps {
  readonly actor: LiveActor | null;
}

function Whereabouts({ actor }: WhereaboutsProps): JSX.Element {
  if (actor === null || actor.isStopped) return <p class="whereabouts-now">not running</p>;
  const path = pathOf(actor.active);
  return (
    <p class="whereabouts-now">
      <b>{path === '' ? 'not told yet' : path}</b>
      {actor.event !== '' && <span class="by"> by {actor.event}</span>}
    </p>
  );
}

interface TrailProps {
  readonly steps: readonly TrailStep[];
}

/** The newest first; a list, so that the walk can be read and not only watched. */
function Trail({ steps }: TrailProps): JSX.Element | null {
  if (steps.length < 2) return null;
  return (
    <ol class="trail" aria-label="States that the tube went through, newest first" tabIndex={0}>
      {[...steps].reverse().map((step) => (
        <li key={`${step.atMs} ${step.path}`}>
          <time>{timeOfDay(new Date(step.atMs))}</time>
          <b>{step.path}</b>
          <span class="by">{step.event === '' ? '' : `by ${step.event}`}</span>
        </li>
      ))}
    </ol>
  );
}
