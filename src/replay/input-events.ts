/** From inputs of a flight file to the events that the charts hear: pure. What a file does not have (SDP, addresses) is empty; no chart looks at it. */
import type { TubeEvent } from '../../machines/events.js';
import type { CandidateEnd } from '../../machines/ports/transport.port.js';
import type { InputOf, NotedInput, TrafficInput } from './flight-inputs.js';

/** Something that is said to the tube at a moment. */
export interface Moment {
  readonly atMs: number;
  readonly event: TubeEvent;
}

/** Of calls: nobody waits for the answer. */
export const requestId = 'replayed';
const endOf = ({ type, protocol }: { type: string; protocol: string }): CandidateEnd => ({
  type,
  protocol,
  address: '',
  port: 0,
});

export function eventOf(input: NotedInput, arrivedMs: number): TubeEvent {
  const atMs = input.said_at_ms ?? arrivedMs;
  switch (input.event) {
    case 'tube.remoteDescription': {
      const description = { type: input.type, sdp: '' };
      return { type: input.event, requestId, description, generation: input.generation, atMs };
    }
    case 'tube.restart':
      return { type: input.event, requestId, trigger: input.trigger, fresh: input.fresh, atMs };
    case 'tube.close':
      return { type: input.event, reason: input.reason, atMs };
    case 'tube.peerSignalling':
      return { type: input.event, online: input.online, atMs };
    case 'tube.peerReplaced':
      return { type: input.event, atMs };
    case 'tube.networkChanged': {
      const { change, source, detail, route } = input;
      return { type: input.event, change, source, detail, route, atMs };
    }
    case 'tube.nodeChanged': {
      const { route, held, suspect_share: suspectShare } = input;
      const node = {
        ...(route === undefined ? {} : { route }),
        ...(held === undefined ? {} : { held }),
        ...(suspectShare === undefined ? {} : { suspectShare }),
      };
      return { type: input.event, node, atMs };
    }
    default:
      return reportOf(input, atMs);
  }
}

type ReportInput = Extract<NotedInput, { generation: number; event: `transport.${string}` }>;

function reportOf(input: ReportInput, atMs: number): TubeEvent {
  const { generation } = input;
  switch (input.event) {
    case 'transport.described':
      return { type: input.event, generation, description: { type: input.type, sdp: '' }, atMs };
    case 'transport.remoteApplied':
      return { type: input.event, generation, requestId, ...appliedOf(input), atMs };
    case 'transport.refused':
    case 'transport.failed': {
      const failure = { code: input.code, detail: input.detail };
      if (input.event === 'transport.failed') return { type: input.event, generation, failure, atMs };
      return { type: input.event, generation, requestId, failure, atMs };
    }
    case 'transport.stateChanged':
      return { type: input.event, generation, state: input.state, atMs };
    case 'transport.iceConnected':
    case 'transport.closed':
      return { type: input.event, generation, atMs };
    case 'transport.up':
      return { type: input.event, generation, channels: input.channels, atMs };
    case 'transport.selectedPair': {
      const pair = { local: endOf(input.local), remote: endOf(input.remote) };
      return { type: input.event, generation, pair, atMs };
    }
    case 'transport.down':
      return { type: input.event, generation, cause: input.cause, atMs };
    case 'transport.channelOpened':
      return { type: input.event, generation, channel: input.channel, atMs };
    case 'transport.channelClosed':
      return { type: input.event, generation, label: input.label, id: input.id, reason: input.reason, atMs };
  }
}

interface Run {
  readonly count: number;
  readonly first_ms: number;
  readonly last_ms: number;
}

const appliedOf = (input: InputOf<'transport.remoteApplied'>) => ({
  peerKind: input.peer_kind,
  sameConnection: input.same_connection,
  newConnection: input.new_connection,
  dtlsRole: input.dtls_role,
});

/** Where only the first and the last matter, and that there was somebody between. */
const sparseMs = 10_000;
/** Of what counts one by one; a file may say any number. */
const mostRepeated = 200;

/** The first and the last when they came, those between evenly. */
function spread({ count, first_ms: firstMs, last_ms: lastMs }: Run, steps: number): number[] {
  if (count <= 1 || lastMs <= firstMs) return [firstMs];
  const most = Math.max(1, Math.min(count - 1, steps));
  return Array.from({ length: most + 1 }, (_, index) => Math.round(firstMs + ((lastMs - firstMs) * index) / most));
}

/** An hour of reports that come each second as they came, more of them sparsely. */
const mostDense = 3600;
const mostSparse = 20_000;

function sparse(run: Run): number[] {
  if (run.count <= mostDense) return spread(run, mostDense);
  return spread(run, Math.min(mostSparse, Math.ceil((run.last_ms - run.first_ms) / sparseMs)));
}

const oneByOne = (run: Run): number[] => spread(run, mostRepeated);

/** An input with a count is that many events. */
export function momentsOf(input: NotedInput): Moment[] {
  const { at_ms: firstMs, last_at_ms: lastMs = firstMs, count = 1 } = input;
  const times = oneByOne({ count, first_ms: firstMs, last_ms: lastMs });
  return times.map((atMs) => ({ atMs, event: eventOf(input, atMs) }));
}

/**
 * What traffic is made of, in order: the first and the last of each kind as they came, others so that nobody misses them. Pongs between the first and the
 * last are not in it: they follow the pings (player.ts).
 */
export function trafficMoments(traffic: TrafficInput): Moment[] {
  const generation = traffic.generation ?? 0;
  const { pongs, heard_data: data, heard: other, samples } = traffic;
  const moments: Moment[] = [];
  const add = (atMs: number, event: TubeEvent): void => void moments.push({ atMs, event });
  if (pongs !== undefined) {
    const pong = (atMs: number, rttMs: number | null): void =>
      add(atMs, { type: 'transport.pong', generation, seq: null, rttMs, atMs });
    if (pongs.count > 1) pong(pongs.first_ms, pongs.rtt_ms);
    pong(pongs.last_ms, pongs.last_rtt_ms);
  }
  for (const [run, isData] of [
    [data, true],
    [other, false],
  ] as const) {
    if (run === undefined) continue;
    const said = (atMs: number): number => (atMs === run.last_ms ? run.last_said_ms : atMs);
    for (const atMs of sparse(run)) add(atMs, { type: 'transport.heard', data: isData, generation, atMs: said(atMs) });
  }
  for (const sample of samples?.last ?? []) add(sample.at_ms, sampledOf(sample, generation));
  for (const moment of requestMoments(traffic)) moments.push(moment);
  return moments.sort((a, b) => a.atMs - b.atMs);
}

function requestMoments(traffic: TrafficInput): Moment[] {
  const { data_sent: sent, activity, candidates, failed_operations: failed } = traffic;
  const each = (times: number[], make: (atMs: number) => TubeEvent): Moment[] =>
    times.map((atMs) => ({ atMs, event: make(atMs) }));
  const candidate = { requestId, candidate: '', mid: '0', generation: null };
  return [
    ...each(sent === undefined ? [] : sparse(sent), (atMs) => ({ type: 'tube.dataSent', atMs })),
    ...each(activity === undefined ? [] : sparse(activity), (atMs) => ({ type: 'tube.activity', atMs })),
    ...each(candidates === undefined ? [] : sparse(candidates), (atMs) => ({
      type: 'tube.remoteCandidate',
      ...candidate,
      atMs,
    })),
    ...each(failed === undefined ? [] : oneByOne(failed), (atMs) => ({ type: 'tube.operationFailed', atMs })),
  ];
}

type Sample = NonNullable<TrafficInput['samples']>['last'][number];

function sampledOf({ at_ms: atMs, ...counts }: Sample, generation: number): TubeEvent {
  const sample = {
    bytesSent: 0,
    bytesReceived: 0,
    bufferedBytes: 0,
    pingsSent: counts.pings_sent,
    pongsReceived: counts.pongs_received,
    probes: counts.probes,
    rttMs: counts.rtt_ms,
    selectedPair: null,
  };
  return { type: 'transport.sampled', generation, sample, atMs };
}
