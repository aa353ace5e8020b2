/** The node behind the tubes: whose fault it looks like, whether it gets worse, how full it is, and how the process and its network are. */
import type { JSX } from 'preact';
import type { NodeView } from '../../operator/operator.types.js';
import { reasonWords, routeWords, triggerWords } from '../../operator/words.js';
import { useApp } from '../app.js';
import { Plot } from '../charts/plot.js';
import { trendSeries } from '../charts/series.js';
import { second, serverNow } from '../clock.js';
import { bytes, capital, cost, count, duration, percent, unknown, wallClock } from '../format.js';
import { blame, trendOf, type Judgement } from '../judgement.js';
import { Card, Fact, Problem } from '../parts/card.js';
import { StateMark, Toned } from '../parts/marks.js';
import { getNode, type TubeState } from '../socket/operator-calls.js';
import { usePolled } from '../store/polled.js';
import { LogLevels } from './log-levels.js';
import { Meter } from '../parts/meter.js';

const everyMs = 2000;

export function NodePage(): JSX.Element {
  const { session } = useApp();
  const polled = usePolled('node page', everyMs, () => getNode(session));
  const node = polled.value.value;
  return (
    <div class="node-page">
      <header class="page-head">
        <h1 tabIndex={-1}>
          Node <span class="mono">{node?.node_id ?? ''}</span>
        </h1>
        {node?.draining === true && <Toned tone="bad">shutting down</Toned>}
      </header>
      <Problem text={polled.problem.value} />
      {node !== null && (
        <>
          <div class="pair">
            <BlameCard node={node} />
            <TrendCard node={node} />
          </div>
          <div class="thirds">
            <LimitsCard node={node} />
            <ProcessCard node={node} />
            <NetworkCard node={node} />
          </div>
          <LogLevels />
        </>
      )}
    </div>
  );
}

interface NodeProps {
  readonly node: NodeView;
}

function Verdict({ headline, detail, tone }: Judgement): JSX.Element {
  return (
    <p class="verdict">
      <Toned tone={tone}>
        <b>{headline}</b>
      </Toned>
      <span>{detail}</span>
    </p>
  );
}

function BlameCard({ node }: NodeProps): JSX.Element {
  const { storm, blame: down } = node;
  return (
    <Card title="Us or them?">
      <Verdict {...blame(node)} />
      <h3>Tubes that are down, by the way from here to the peer</h3>
      <Shares counts={down.routes} words={routeWords} />
      <h3>Tubes that are down, by what began it</h3>
      <Shares counts={down.triggers} words={reasonWords} />
      <h3>Storm governor</h3>
      <p>
        {storm.active ? (
          <Toned tone="bad">
            holds back {count(storm.held)} restarts
            {storm.since_ms !== null && `, for ${duration(serverNow() - storm.since_ms)}`}
          </Toned>
        ) : (
          <Toned tone="good">at rest</Toned>
        )}
      </p>
    </Card>
  );
}

interface SharesProps {
  readonly counts: Readonly<Partial<Record<string, number>>>;
  readonly words: (code: string) => string;
}

/** The most first. */
function Shares({ counts, words }: SharesProps): JSX.Element {
  const known = Object.entries(counts)
    .flatMap(([code, value]) => (value === undefined || value === 0 ? [] : [{ code, value }]))
    .sort((left, right) => right.value - left.value);
  const total = known.reduce((sum, { value }) => sum + value, 0);
  if (total === 0) return <p class="hint">None is.</p>;
  return (
    <ul class="shares">
      {known.map(({ code, value }) => (
        <li key={code}>
          <span>{capital(words(code))}</span>
          <b class="num">{count(value)}</b>
          <Meter label={words(code)} ratio={value / total} />
        </li>
      ))}
    </ul>
  );
}

const milliseconds = (value: number | null): string => (value === null ? unknown : cost(value));
const whole = (value: number | null): string => (value === null ? unknown : count(value));

function TrendCard({ node }: NodeProps): JSX.Element {
  const { times, started, lost, medianMs, worstMs } = trendSeries(node.trend);
  return (
    <Card title="Is it getting worse?">
      <Verdict {...trendOf(node)} />
      <Plot
        title="Incidents a minute"
        times={times}
        format={whole}
        leastTop={4}
        series={[
          { name: 'began', mark: 'series-1', values: started, kind: 'bars' },
          { name: 'tubes lost', mark: 'series-bad', values: lost, kind: 'bars' },
        ]}
      />
      <Plot
        title="Outages"
        times={times}
        format={milliseconds}
        leastTop={1000}
        series={[
          { name: 'median', mark: 'series-1', values: medianMs },
          { name: 'worst', mark: 'series-2', values: worstMs },
        ]}
      />
    </Card>
  );
}

const limitWords: Readonly<Record<string, string>> = {
  sockets: 'Tunnel sockets',
  ice_agents: 'ICE agents (live generations)',
  creates: 'Tubes being created',
};

function LimitsCard({ node }: NodeProps): JSX.Element {
  const states = Object.entries(node.tubes) as [TubeState, number][];
  return (
    <Card title="Room">
      <ul class="meters">
        {Object.entries(node.limits).map(([name, { used, limit }]) => (
          <li key={name}>
            <span>{limitWords[name] ?? name}</span>
            <span class="num">
              <b>{count(used)}</b> of {count(limit)}
            </span>
            <Meter label={limitWords[name] ?? name} ratio={limit === 0 ? 0 : used / limit} isLoad />
          </li>
        ))}
      </ul>
      <h3>Tubes of all tenants</h3>
      <ul class="state-counts">
        {states
          .filter(([state]) => state !== 'closed')
          .map(([state, value]) => (
            <li key={state}>
              <StateMark state={state} /> <b class="num">{count(value)}</b>
            </li>
          ))}
      </ul>
    </Card>
  );
}

function ProcessCard({ node }: NodeProps): JSX.Element {
  void second.value;
  const { event_loop: loop, memory, store } = node;
  return (
    <Card title="Process">
      <dl class="facts rows">
        <Fact name="Version">{node.version}</Fact>
        <Fact name="Running for">{duration(serverNow() - node.started_at_ms)}</Fact>
        <Fact name="Profile">
          {node.profile}, recovery “{node.recovery_policy}”
        </Fact>
        <Fact name="Event loop is late by">
          {cost(loop.p50_ms)} <span class="sub">(99th percentile {cost(loop.p99_ms)})</span>
        </Fact>
        <Fact name="Memory">
          {bytes(memory.rss_bytes)} <span class="sub">heap {bytes(memory.heap_used_bytes)}</span>
        </Fact>
        <Fact name="Records">
          <Toned tone={store.sound ? 'good' : 'bad'}>
            {store.kind === 'memory'
              ? 'in memory: tubes end with the process'
              : store.sound
                ? 'kept on disk'
                : 'cannot be written'}
          </Toned>
        </Fact>
        <Fact name="Fault injection">{node.fault_injection ? 'allowed' : 'not allowed'}</Fact>
      </dl>
      <p class="busy">
        <span>Event loop busy</span> <b class="num">{percent(loop.utilization)}</b>
      </p>
      <Meter label="Event loop busy" ratio={loop.utilization} isLoad />
    </Card>
  );
}

function NetworkCard({ node }: NodeProps): JSX.Element {
  const { watching, interfaces, last_change: last } = node.network;
  return (
    <Card title="This host’s network">
      <dl class="facts rows">
        <Fact name="Last change">
          {last === null
            ? 'none since the start'
            : `${capital(triggerWords(last.type))}, ${wallClock(last.at_ms, serverNow())}`}
          {last !== null && last.detail !== '' && <span class="sub"> {last.detail}</span>}
        </Fact>
        <Fact name="Watched by">{watching === 'events' ? 'events of the system' : 'looking again and again'}</Fact>
      </dl>
      <h3>Interfaces</h3>
      <ul class="interfaces">
        {interfaces.map(({ name, addresses }) => (
          <li key={name}>
            <b>{name}</b>
            <span class="mono">{addresses.join(', ')}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
