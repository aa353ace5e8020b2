/** Three answers above the list: us or them, better or worse, and how full the node is. Each leads to the page of the node. */
import type { JSX } from 'preact';
import type { NodeView, TrendMinute } from '../../operator/operator.types.js';
import { useApp } from '../app.js';
import { percent } from '../format.js';
import { blame, trendOf, type Judgement } from '../judgement.js';
import { Toned } from '../parts/marks.js';
import { links } from '../route.js';
import { getNode } from '../socket/operator-calls.js';
import { usePolled } from '../store/polled.js';

const everyMs = 5000;

export function Pulse(): JSX.Element | null {
  const { session } = useApp();
  const node = usePolled('node', everyMs, () => getNode(session)).value.value;
  if (node === null) return <div class="pulse" />;
  return (
    <div class="pulse">
      <Answer question="Us or them?" judgement={blame(node)} />
      <Answer question="Getting worse?" judgement={trendOf(node)}>
        <Spark trend={node.trend} />
      </Answer>
      <Answer question="Room left?" judgement={fullness(node)} />
    </div>
  );
}

/** By the resource that is fullest. */
function fullness({ limits, draining }: NodeView): Judgement {
  if (draining) return { headline: 'Shutting down', detail: 'This node takes no new tubes.', tone: 'bad' };
  const [fullest] = Object.entries(limits)
    .filter(([, { limit }]) => limit > 0)
    .map(([name, { used, limit }]) => ({ name: name.replace('ice_', 'ICE '), ratio: used / limit }))
    .sort((left, right) => right.ratio - left.ratio);
  if (fullest === undefined) return { headline: 'No limits', detail: 'None is set.', tone: 'calm' };
  const detail = `${percent(fullest.ratio)} of the ${fullest.name} are used, the fullest resource.`;
  if (fullest.ratio >= 0.95) return { headline: 'Full', detail, tone: 'bad' };
  return fullest.ratio >= 0.8
    ? { headline: 'Filling up', detail, tone: 'doubt' }
    : { headline: 'Plenty', detail, tone: 'good' };
}

interface AnswerProps {
  readonly question: string;
  readonly judgement: Judgement;
  readonly children?: JSX.Element;
}

function Answer({ question, judgement: { headline, detail, tone }, children }: AnswerProps): JSX.Element {
  return (
    <a class="answer" href={links.node}>
      <span class="question">{question}</span>
      <Toned tone={tone}>
        <b>{headline}</b>
      </Toned>
      <span class="detail">{detail}</span>
      {children}
    </a>
  );
}

interface SparkProps {
  readonly trend: readonly TrendMinute[];
}

/** Incidents per minute of the last hour, without axes: a glance, no figure. */
function Spark({ trend }: SparkProps): JSX.Element {
  const top = Math.max(1, ...trend.map(({ started }) => started));
  const bars = trend.map(({ started }, place) => {
    const height = (started / top) * 22;
    return started === 0 ? '' : `M${place * 4 + 1.5} 24v${-Math.max(height, 1.5)}`;
  });
  return (
    <svg class="spark" viewBox="0 0 240 24" aria-hidden="true" preserveAspectRatio="none">
      <path d="M0 23.5h240" class="spark-base" />
      <path d={bars.join('')} class="spark-bars" />
    </svg>
  );
}
