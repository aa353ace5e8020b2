/** From inputs of a flight file to the events that the charts hear: pure. What a file does not have (SDP, addresses) is empty; no chart looks at it. */
import type { TubeEvent } from '../../machines/events.js';
import type { CandidateEnd } from '../../machines/ports/transport.port.js';
import type { InputOf, NotedInput, TrafficInput } from './flight-inputs.js';
import type { Placed } from './sim-clock.js';

/** Something that is said to the tube at a moment. */
export interface Moment {
  readonly atMs: number;
  readonly event: TubeEvent;
}

/** The same, or that a timer has its place here. */
export type TrafficMoment = Moment | { readonly atMs: number; readonly timer: Placed };

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
  readonly first_no?: number;
  readonly last_no?: number;
  readonly last_said_ms?: number;
}

/** `no`: in a millisecond the lower comes first. */
interface Point {
  readonly atMs: number;
  readonly no: number;
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
function spread({ count, first_ms: firstMs, last_ms: lastMs, first_no = 0, last_no = 0 }: Run, steps: number): Point[] {
  if (count <= 1) return [{ atMs: firstMs, no: first_no }];
  const most = Math.max(1, Math.min(count - 1, steps));
  return Array.from({ length: most + 1 }, (_, index) => ({
    atMs: Math.round(firstMs + ((lastMs - firstMs) * index) / most),
    no: first_no + ((last_no - first_no) * index) / most,
  }));
}

/** An hour of reports that come each second as they came, more of them sparsely. */
const mostDense = 3600;
const mostSparse = 20_000;

function sparse(run: Run): Point[] {
  if (run.count <= mostDense) return spread(run, mostDense);
  return spread(run, Math.min(mostSparse, Math.ceil((run.last_ms - run.first_ms) / sparseMs)));
}

const oneByOne = (run: Run): Point[] => spread(run, mostRepeated);

/** An input with a count is that many events. */
export function momentsOf(input: NotedInput): Moment[] {
  const { at_ms: firstMs, last_at_ms: lastMs = firstMs, count = 1 } = input;
  const points = oneByOne({ count, first_ms: firstMs, last_ms: lastMs });
  return points.map(({ atMs }) => ({ atMs, event: eventOf(input, atMs) }));
}

type Make = (point: Point, event: TubeEvent) => void;

/**
 * What traffic is made of, in order: the first and the last of each kind as they came, others so that nobody misses them. Pongs between the first and the
 * last are not in it: they follow the pings (player.ts).
 */
export function trafficMoments(traffic: TrafficInput): TrafficMoment[] {
  const moments: { readonly no: number; readonly moment: TrafficMoment }[] = [];
  const add: Make = ({ atMs, no }, event) => void moments.push({ no, moment: { atMs, event } });
  addReports(traffic, add);
  addRequests(traffic, add);
  for (const { no, ...timer } of traffic.timers ?? []) moments.push({ no, moment: { atMs: timer.at_ms, timer } });
  return moments.sort((a, b) => a.moment.atMs - b.moment.atMs || a.no - b.no).map(({ moment }) => moment);
}

function addReports(traffic: TrafficInput, add: Make): void {
  const generation = traffic.generation ?? 0;
  const { pongs, heard_data: data, heard: other, samples } = traffic;
  if (pongs !== undefined) {
    const pong = (point: Point, rttMs: number | null): void =>
      add(point, { type: 'transport.pong', generation, seq: null, rttMs, atMs: saidOf(pongs, point.atMs) });
    const { first_no = 0, last_no = 0 } = pongs;
    if (pongs.count > 1) pong({ atMs: pongs.first_ms, no: first_no }, pongs.rtt_ms);
    pong({ atMs: pongs.last_ms, no: last_no }, pongs.last_rtt_ms);
  }
  for (const [run, isData] of [
    [data, true],
    [other, false],
  ] as const) {
    if (run === undefined) continue;
    for (const point of sparse(run))
      add(point, { type: 'transport.heard', data: isData, generation, atMs: saidOf(run, point.atMs) });
  }
  for (const sample of samples?.last ?? [])
    add({ atMs: sample.at_ms, no: sample.no ?? 0 }, sampledOf(sample, generation));
}

function addRequests(traffic: TrafficInput, add: Make): void {
  const { data_sent: sent, activity, candidates, failed_operations: failed } = traffic;
  const each = (run: Run | undefined, pointsOf: (run: Run) => Point[], make: (atMs: number) => TubeEvent): void => {
    if (run === undefined) return;
    for (const point of pointsOf(run)) add(point, make(saidOf(run, point.atMs)));
  };
  const candidate = { requestId, candidate: '', mid: '0', generation: null };
  each(sent, sparse, (atMs) => ({ type: 'tube.dataSent', atMs }));
  each(activity, sparse, (atMs) => ({ type: 'tube.activity', atMs }));
  each(candidates, sparse, (atMs) => ({ type: 'tube.remoteCandidate', ...candidate, atMs }));
  each(failed, oneByOne, (atMs) => ({ type: 'tube.operationFailed', atMs }));
}

/** Of the last it is known to the millisecond; of one that came then, at least. */
const saidOf = ({ last_ms: lastMs, last_said_ms: saidMs }: Run, atMs: number): number =>
  atMs === lastMs ? (saidMs ?? atMs) : atMs;

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
