/** What a tube is made of: generations, the path in use, channels, signals and bytes; and its flight recorder as it is. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { withOwnAttempts } from '../../operator/attempts.js';
import type { FlightEntry } from '../../operator/flight.types.js';
import { useApp } from '../app.js';
import { entrySentence, entryTone } from '../entry-words.js';
import { bytes, count, percent, plural, roundTrip, timeOfDay } from '../format.js';
import { Card, Fact, Problem } from '../parts/card.js';
import { Toned } from '../parts/marks.js';
import {
  getStats,
  getTube,
  type CandidateEnd,
  type ConnectionStats,
  type TubeDetail,
} from '../socket/operator-calls.js';
import { usePolled } from '../store/polled.js';

const statsMs = 2000;
const historyMs = 5000;

interface TubeInsideProps {
  readonly tubeId: string;
  /** Another text: something has happened, and the history is asked for again. */
  readonly news: string;
}

export function TubeInside({ tubeId, news }: TubeInsideProps): JSX.Element {
  const { session } = useApp();
  const stats = usePolled(`stats ${tubeId}`, statsMs, () => getStats(session, tubeId));
  const tube = usePolled(`tube ${tubeId}`, historyMs, () => getTube(session, tubeId));
  useEffect(() => tube.refresh(), [news]);
  const [known, detail] = [stats.value.value, tube.value.value];
  return (
    <>
      <div class="pair">
        <Card title="Path">
          <Problem text={stats.problem.value} />
          {known !== null && <Path stats={known} />}
        </Card>
        <Card title="Channels and signals">
          <Problem text={tube.problem.value} />
          {detail !== null && <Channels tube={detail} stats={known} />}
        </Card>
      </div>
      {detail !== null && <History entries={detail.history} dropped={detail.history_dropped} />}
    </>
  );
}

const endWords = ({ type, protocol, address, port }: CandidateEnd): string =>
  `${type} ${protocol.toLowerCase()} ${address.includes(':') ? `[${address}]` : address}:${port}`;

interface PathProps {
  readonly stats: ConnectionStats;
}

function Path({ stats }: PathProps): JSX.Element {
  const { selected_pair: pair, generations, quality } = stats;
  return (
    <>
      <dl class="facts rows">
        <Fact name="Here">{pair === null ? 'no path' : <span class="mono">{endWords(pair.local)}</span>}</Fact>
        <Fact name="There">{pair === null ? 'no path' : <span class="mono">{endWords(pair.remote)}</span>}</Fact>
        <Fact name="Round trip">
          {roundTrip(stats.rtt_ms)}
          {stats.jitter_ms !== null && <span class="sub"> jitter {roundTrip(stats.jitter_ms)}</span>}
        </Fact>
        <Fact name="Loss">{percent(stats.packet_loss_rate)}</Fact>
        <Fact name="Quality">
          {quality === null || quality.scores.length === 0
            ? 'not measured yet'
            : `${quality.verdict} (${quality.scores.map((one) => one.toFixed(2)).join(' ')})`}
        </Fact>
      </dl>
      <h3>Generations</h3>
      <ul class="generations">
        {generations.map(({ generation, state, active }) => (
          <li key={generation}>
            <b>{generation}</b>{' '}
            <Toned tone={active ? 'good' : 'calm'}>{active ? 'carries the data' : 'does not carry data'}</Toned>
            <span class="sub">its connection says “{state}”</span>
          </li>
        ))}
        {generations.length === 0 && <li class="hint">None is there now.</li>}
      </ul>
    </>
  );
}

interface ChannelsProps {
  readonly tube: TubeDetail;
  readonly stats: ConnectionStats | null;
}

function Channels({ tube, stats }: ChannelsProps): JSX.Element {
  return (
    <>
      <dl class="facts rows">
        <Fact name="Peer">
          {tube.peer_kind === 'overlap' ? 'our library: two paths overlap during a restart' : tube.peer_kind}
        </Fact>
        <Fact name="Trickle">{tube.trickle_ice ? 'yes' : 'no: it cannot be restarted'}</Fact>
        <Fact name="Signals sent">{count(tube.last_seq)}</Fact>
        {stats !== null && (
          <>
            <Fact name="To the peer">
              {bytes(stats.bytes_sent)} <span class="sub">{plural(stats.messages_sent, 'message')}</span>
            </Fact>
            <Fact name="From the peer">
              {bytes(stats.bytes_received)} <span class="sub">{plural(stats.messages_received, 'message')}</span>
            </Fact>
            <Fact name="Waiting to be sent">{bytes(stats.buffered_bytes)}</Fact>
          </>
        )}
      </dl>
      <h3>Channels</h3>
      <ul class="generations">
        {tube.channels.map(({ label, id, class: kind }) => (
          <li key={id}>
            <b>
              <bdi>{label}</bdi>
            </b>{' '}
            <span class="sub">
              {kind}, stream {id}
            </span>
          </li>
        ))}
        {tube.channels.length === 0 && <li class="hint">None yet.</li>}
      </ul>
    </>
  );
}

interface HistoryProps {
  readonly entries: readonly FlightEntry[];
  readonly dropped: number;
}

/** What a controller was signalled too (docs/api.md): the rest is the machine talking to itself. */
const signalled: readonly FlightEntry['kind'][] = [
  'state',
  'transport_state',
  'candidate',
  'network_change',
  'attempt_started',
  'attempt_ended',
  'recovered',
  'quality',
  'session_warning',
  'channel_opened',
  'channel_closed',
  'closed',
];

const filters = {
  all: { name: 'Everything', fits: () => true },
  signals: { name: 'What was signalled', fits: ({ kind }: FlightEntry) => signalled.includes(kind) },
  decisions: {
    name: 'Decisions',
    fits: ({ kind }: FlightEntry) => kind === 'decision' || kind === 'attempt_started' || kind === 'attempt_ended',
  },
} as const;

function History({ entries, dropped }: HistoryProps): JSX.Element {
  const filter = useSignal<keyof typeof filters>('all');
  const numbered = withOwnAttempts(entries, dropped > 0 ? null : 0);
  const shown = numbered.filter(filters[filter.value].fits).reverse();
  return (
    <Card
      title="History"
      class="history-card"
      aside={
        <div class="chips" role="group" aria-label="What to show of the history">
          {(Object.keys(filters) as (keyof typeof filters)[]).map((key) => (
            <button
              key={key}
              type="button"
              class="chip"
              aria-pressed={filter.value === key}
              onClick={() => (filter.value = key)}
            >
              {filters[key].name}
            </button>
          ))}
        </div>
      }
    >
      <ol class="history" aria-label="Entries of the flight recorder, newest first" tabIndex={0}>
        {shown.map((entry) => (
          <li key={entry.seq} class={`tone-${entryTone(entry)}`}>
            <time>{timeOfDay(new Date(entry.at_ms))}</time>
            <span class="num">{entry.generation}</span>
            <code>{entry.kind}</code>
            <span class="text">{entrySentence(entry)}</span>
          </li>
        ))}
      </ol>
      {dropped > 0 && <p class="hint">{plural(dropped, 'older entry', 'older entries')} had to go.</p>}
    </Card>
  );
}
