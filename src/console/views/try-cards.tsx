/** The parts of "Try it" below the picture: the story of the last break, the steady traffic, and the column of each end. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { clipped, inMs, timeOfDay, unknown } from '../format.js';
import { Card } from '../parts/card.js';
import type { End } from '../try/console-tube.js';
import type { Beginning } from '../try/incident-story.js';
import type { LogLine } from '../try/log-lines.js';
import type { DirectionMeter } from '../try/traffic.js';
import type { TrySession } from '../try/try-session.js';

interface TrialProps {
  readonly trial: TrySession;
}

const titles: Readonly<Record<Beginning, string>> = {
  break: 'After the break',
  asked: 'A restart on request',
  unasked: 'An incident',
};

export function StoryCard({ trial }: TrialProps): JSX.Element {
  const beginning = trial.beginning.value;
  return (
    <Card title={beginning === null ? 'What to try' : titles[beginning]}>
      {beginning === null && (
        <ol class="hints">
          <li>
            <b>Open a tube.</b> Numbered messages start to flow between the service and this tab.
          </li>
          <li>
            <b>Break the path.</b> This page then drops everything on the connection that exists, in both directions,
            and tells nobody. The service has to notice by itself; each step appears here with its time.
          </li>
          <li>
            <b>Restart now.</b> A new connection comes up while the old one carries the data.
          </li>
        </ol>
      )}
      <ol class="entries story" aria-live="polite" aria-label="Steps since then">
        {trial.story.value.map(({ afterMs, text, tone }) => (
          <li key={`${afterMs} ${text}`} class={`tone-${tone}`}>
            <span class="after">{inMs(afterMs)}</span>
            <span class="text">{text}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

const trafficRows: readonly {
  readonly name: string;
  readonly key: string;
  readonly value: (meter: DirectionMeter) => string;
}[] = [
  { name: 'sent', key: 'sent', value: ({ sent }) => String(sent) },
  { name: 'received', key: 'received', value: ({ received }) => String(received) },
  { name: 'on the way', key: 'waiting', value: ({ onTheWay }) => String(onTheWay) },
  { name: 'lost', key: 'lost', value: ({ lost }) => String(lost) },
  { name: 'out of order', key: 'disordered', value: ({ outOfOrder }) => String(outOfOrder) },
  { name: 'longest gap', key: 'gap', value: (meter) => inMs(meter.longestGapMs(performance.now())) },
];

export function TrafficCard({ trial }: TrialProps): JSX.Element {
  void trial.beat.value;
  const traffic = trial.traffic.value;
  return (
    <Card
      title="Steady traffic"
      aside={
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            checked={trial.wantsTraffic.value}
            onChange={(event) => trial.toggleTraffic(event.currentTarget.checked)}
          />
          <span class="track" aria-hidden="true" />
          <span>a message each 100 ms, each way</span>
        </label>
      }
    >
      <table class="traffic">
        <thead>
          <tr>
            <td />
            <th scope="col">service to tab</th>
            <th scope="col">tab to service</th>
          </tr>
        </thead>
        <tbody>
          {trafficRows.map(({ name, key, value }) => (
            <tr key={key} class={key === 'lost' || key === 'disordered' ? 'is-verdict' : ''}>
              <th scope="row">{name}</th>
              <td data-figure={`service-${key}`}>{traffic === null ? unknown : value(traffic.fromService)}</td>
              <td data-figure={`tab-${key}`}>{traffic === null ? unknown : value(traffic.fromTab)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

interface EndWords {
  readonly title: string;
  readonly hint: string;
  readonly field: string;
  readonly messages: string;
  readonly reports: string;
}

const endWords: Readonly<Record<End, EndWords>> = {
  service: {
    title: 'The service’s side',
    hint: 'What your backend does and hears on /control.',
    field: 'Message to this tab',
    messages: 'Messages at the service',
    reports: 'Signals',
  },
  tab: {
    title: 'This tab’s side',
    hint: 'What a page does and hears with the peer library.',
    field: 'Message to the service',
    messages: 'Messages in this tab',
    reports: 'Peer events',
  },
};

interface EndColumnProps extends TrialProps {
  readonly end: End;
}

export function EndColumn({ trial, end }: EndColumnProps): JSX.Element {
  const { title, hint, messages, reports } = endWords[end];
  const log = trial.logs[end];
  return (
    <Card title={title}>
      <p class="hint">{hint}</p>
      <MessageForm trial={trial} end={end} />
      <Lines label={messages} class="messages" lines={log.messages.value} line={MessageLine} />
      <h3>{reports}</h3>
      <Lines label={reports} class="log" lines={log.reports.value} line={ReportLine} />
    </Card>
  );
}

function MessageForm({ trial, end }: EndColumnProps): JSX.Element {
  const text = useSignal('');
  const isUsable = ['connected', 'degraded', 'failed'].includes(trial.state.value);
  const submitted = (event: Event): void => {
    event.preventDefault();
    const said = text.value;
    if (said === '' || !isUsable) return;
    void trial.say(end, said).then((isTaken) => {
      // The session has said what went wrong; the text stays for another try.
      if (isTaken) text.value = '';
    });
  };
  return (
    <form class="line-form" autocomplete="off" onSubmit={submitted}>
      <label>
        <span>{endWords[end].field}</span>
        <input
          type="text"
          maxLength={4000}
          disabled={!isUsable}
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={!isUsable}>
        Send
      </button>
    </form>
  );
}

interface LinesProps {
  readonly label: string;
  readonly class: string;
  readonly lines: readonly LogLine[];
  readonly line: (props: { readonly line: LogLine }) => JSX.Element;
}

/** Follows the end unless somebody has scrolled back to read. */
function Lines({ label, class: className, lines, line: Line }: LinesProps): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useLayoutEffect(() => {
    if (list.current !== null && follows.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines]);
  const scrolled = (): void => {
    const box = list.current;
    if (box !== null) follows.current = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  };
  return (
    <div class={className} role="log" aria-label={label} tabIndex={0} ref={list} onScroll={scrolled}>
      <ol>
        {lines.map((line) => (
          <Line key={line.number} line={line} />
        ))}
      </ol>
      {lines.length === 0 && <p class="hint nothing">nothing yet</p>}
    </div>
  );
}

interface LineProps {
  readonly line: LogLine;
}

function MessageLine({ line: { kind, text, at } }: LineProps): JSX.Element {
  return (
    <li class={`message ${kind}`}>
      <span class="text">{clipped(text, 2000)}</span>
      <span class="meta">
        {kind} {timeOfDay(at)}
      </span>
    </li>
  );
}

function ReportLine({ line: { kind, text, at } }: LineProps): JSX.Element {
  return (
    <li class="report">
      <time>{timeOfDay(at)}</time>
      <span class="text">{text}</span>
      <code>{kind}</code>
    </li>
  );
}
