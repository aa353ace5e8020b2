/**
 * Single tubes in the text format of Prometheus (exposition format 0.0.4): families with a label `tube_id`. Pure; http-tubes.ts pages and authorises.
 * What is not known of a tube has no line.
 */
import type { TubeStats, TubeView } from './tubes.port.js';

export interface MeasuredTube {
  readonly view: TubeView;
  /** Null when it has ended meanwhile. */
  readonly stats: TubeStats | null;
}

/** Labels besides the tube's id, and the value. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | null | undefined];

interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: (tube: MeasuredTube) => readonly Sample[];
}

const seconds = (ms: number | null | undefined): number | null => (ms === null || ms === undefined ? null : ms / 1000);
const one = (value: number | null | undefined): readonly Sample[] => [[{}, value]];

function gauge(name: string, help: string, samples: Family['samples']): Family {
  return { name: `holdfast_tube_${name}`, type: 'gauge', help, samples };
}

function counter(name: string, help: string, sent: keyof TubeStats, received: keyof TubeStats): Family {
  const valueOf = (stats: TubeStats | null, key: keyof TubeStats): number | null =>
    stats === null ? null : Number(stats[key]);
  return {
    name: `holdfast_tube_${name}_total`,
    type: 'counter',
    help,
    samples: ({ stats }) => [
      [{ direction: 'out' }, valueOf(stats, sent)],
      [{ direction: 'in' }, valueOf(stats, received)],
    ],
  };
}

const families: readonly Family[] = [
  gauge('info', 'Always 1; labels say whose tube it is and what its peer is.', ({ view }) => [
    [{ conversation_id: view.identity.conversationId, peer_kind: view.peerKind }, 1],
  ]),
  gauge('state', 'Always 1; the label is the state that the tube is in.', ({ view }) => [[{ state: view.state }, 1]]),
  gauge('created_timestamp_seconds', 'When it was created.', ({ view }) => one(seconds(view.identity.createdAtMs))),
  gauge('last_activity_timestamp_seconds', 'When its peer last showed itself.', ({ view }) =>
    one(seconds(view.lastActivityAtMs)),
  ),
  gauge('generation', 'Newest generation: one more than there were restarts.', ({ view }) => one(view.generation)),
  gauge('incident_started_timestamp_seconds', 'When its present trouble began.', ({ view }) =>
    one(seconds(view.incident?.startedAtMs)),
  ),
  gauge('incident_attempts', 'Attempts of its present trouble.', ({ view }) => one(view.incident?.attempts)),
  gauge('selected_candidate_pair', 'Always 1; the candidate pair in use.', ({ stats }) => {
    const pair = stats?.selectedPair ?? null;
    if (pair === null) return [];
    return [[{ local: pair.local.type, remote: pair.remote.type, protocol: pair.local.protocol }, 1]];
  }),
  gauge('rtt_seconds', 'Round trip of its last ping.', ({ stats }) => one(seconds(stats?.rttMs))),
  gauge('loss_ratio', 'Loss of its path, the worse direction.', ({ stats }) => one(stats?.loss?.ratio)),
  gauge('quality_score', 'Score of its last health poll.', ({ stats }) => one(stats?.quality?.scores.at(-1))),
  gauge('buffered_bytes', 'Bytes that wait to be sent.', ({ stats }) => one(stats?.bufferedBytes)),
  counter('bytes', 'Bytes over its paths.', 'bytesSent', 'bytesReceived'),
  counter('messages', 'Application messages.', 'messagesSent', 'messagesReceived'),
];

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const text = Object.entries(labels).map(([label, of]) => `${label}="${escaped(of)}"`);
  return `${name}{${text.join(',')}} ${String(value)}`;
}

export function tubesText(tubes: readonly MeasuredTube[]): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const tube of tubes) {
      const { tubeId } = tube.view.identity;
      for (const [labels, value] of samples(tube))
        if (value !== null && value !== undefined) lines.push(line(name, { tube_id: tubeId, ...labels }, value));
    }
  }
  return `${lines.join('\n')}\n`;
}
