/**
 * Turns what tubes say into log lines: target, level, constant text, values as fields. `lineOf` is a pure mapping; a
 * new kind of emission does not compile until it has a line or a reason to have none. Descriptions and payloads never become fields.
 */
import type { RestartDecision, TubeEmission } from '../../machines/events.js';
import { failureTable, type CloseReason, type Failure, type FailureCode } from '../../machines/failure.js';
import { leftAlone, type Evidence, type Route } from '../../machines/policies/recovery.js';
import type { LogTarget } from '../config/log-targets.js';
import { formatDuration } from '../config/quantities.js';
import type { TubeNotice } from '../registry/notice.js';
import type { Log } from './logger.js';

export interface LogLine {
  readonly target: LogTarget;
  readonly level: keyof Log;
  readonly msg: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

type Emission<T extends TubeEmission['type']> = Extract<TubeEmission, { type: T }>;

const line = (
  target: LogTarget,
  level: keyof Log,
  msg: string,
  fields: Readonly<Record<string, unknown>> = {},
): LogLine => ({ target, level, msg, fields });

const familyTargets: Readonly<Record<string, LogTarget>> = {
  auth: 'signalling',
  input: 'signalling',
  rate: 'signalling',
  signalling: 'signalling',
  limit: 'resource_management',
  restart: 'webrtc_ice_restart',
  transport: 'webrtc_ice',
  channel: 'webrtc_activity',
};

const targetOf = (code: FailureCode): LogTarget => familyTargets[code.split('_')[0] ?? ''] ?? 'webrtc_lifecycle';

const errorOf = ({ code, detail }: Failure): { err: { code: string; message: string } } => ({
  err: { code, message: detail },
});

/** Ends of an attempt that are no failures: overtaken by a newer network change, or the peer is away. */
const calledOff: readonly FailureCode[] = ['restart_in_progress', 'restart_peer_away'];

/** The text of the contract names the default of answerTimeoutMs; a tube with another one says its own. */
const answerTimeoutText = (waitedMs: number): string =>
  failureTable.transport_answer_timeout.operator.replace('15s', formatDuration(waitedMs));

function attemptEnded({ trigger, outcome, failure, durationMs }: Emission<'attemptEnded'>): LogLine {
  const fields = { trigger, outcome, duration_ms: durationMs, ...(failure === null ? {} : errorOf(failure)) };
  if (outcome === 'success') return line('webrtc_ice_restart', 'info', 'ICE restart attempt succeeded', fields);
  if (failure === null) return line('webrtc_ice_restart', 'warn', 'ICE restart attempt failed', fields);
  if (calledOff.includes(failure.code))
    return line('webrtc_ice_restart', 'info', 'ICE restart attempt called off', fields);
  if (failure.code === 'transport_answer_timeout')
    return line('webrtc_ice_restart', 'warn', answerTimeoutText(durationMs), fields);
  return line('webrtc_ice_restart', 'warn', failureTable[failure.code].operator, fields);
}

const decisionTexts: Readonly<Record<RestartDecision['action'], string>> = {
  do: 'ICE restart goes ahead',
  wait: 'ICE restart waits',
  skip: 'ICE restart skipped',
  give_up: 'ICE restart given up',
};

/** The evidence of a decision, as fields of its one line. */
const evidenceFields = ({
  path,
  missedPings,
  missedSeqs,
  silentMs,
  transport,
  signalling,
  route,
  held,
  suspectShare,
  source,
}: Evidence) => ({
  source,
  path,
  missed_pings: missedPings,
  missed_ping_seqs: missedSeqs,
  silent_ms: silentMs,
  transport_state: transport,
  signalling,
  route,
  held,
  suspect_share: suspectShare,
});

/** What is skipped is said in the words of its code; the rest in those of the action, with the evidence as fields. */
function decision({ decision: made }: Emission<'decision'>): LogLine {
  const { action, code, verdict, why, trigger, attempt, delayMs, evidence } = made;
  const fields = { event: action, verdict, code, reason: why, trigger, attempt, delay_ms: delayMs };
  const all = { ...fields, ...evidenceFields(evidence) };
  // For all tubes that a change of this host does not concern there is one line, of the change: there may be thousands.
  if (verdict === 'leave_alone') return line('webrtc_ice_restart', 'debug', 'ICE restart not needed', all);
  const msg = action === 'skip' && code !== null ? failureTable[code].operator : decisionTexts[action];
  return line('webrtc_ice_restart', action === 'give_up' ? 'warn' : 'info', msg, all);
}

export interface HostChange {
  readonly type: string;
  readonly cause: string;
  readonly detail: string;
}

/** One line for all tubes: what is decided about those that the change does not concern. The others have a line each. */
export function hostChangeLine({ type, cause, detail }: HostChange, tubes: Readonly<Record<Route, number>>): LogLine {
  const isNobodys = tubes.moved + tubes.none === 0;
  const decided = isNobodys
    ? { verdict: leftAlone.verdict, reason: leftAlone.why }
    : { reason: 'packets of some tubes would leave otherwise; the others are left alone' };
  const level = tubes.same + tubes.unknown > 0 || !isNobodys ? 'info' : 'debug';
  return line('webrtc_ice_restart', level, 'the network of this host changed', {
    event: type,
    cause,
    detail,
    ...decided,
    tubes,
  });
}

/** `typ` of a candidate (RFC 8839 §5.1). */
const candidateType = (candidate: string): string | null => /\styp\s+(\w{1,16})/.exec(candidate)?.[1] ?? null;

function candidateLine({ candidate }: Emission<'candidate'>): LogLine {
  if (candidate === '') return line('webrtc_ice', 'debug', 'local candidates are complete');
  return line('webrtc_ice', 'debug', 'local candidate', { candidate, candidate_type: candidateType(candidate) });
}

function description({ description: { type }, purpose }: Emission<'description'>): LogLine {
  if (purpose === 'initial') return line('webrtc_ice', 'info', 'local description is ready', { event: type });
  const msg = type === 'offer' ? 'ICE restart offer sent, awaiting answer' : 'ICE restart answer sent';
  return line('webrtc_ice_restart', 'info', msg, { event: type });
}

function ping({ outcome, rttMs }: Emission<'ping'>): LogLine {
  if (outcome === 'pong') return line('webrtc_keepalive', 'debug', 'pong received', { rtt_ms: rttMs });
  return line('webrtc_keepalive', 'info', 'ping not answered in time');
}

function quality({ verdict, score, lossRatio, rttMs }: Emission<'quality'>): LogLine {
  const level = { good: 'debug', warning: 'info', poor: 'warn' } as const;
  const fields = { event: verdict, score, loss_ratio: lossRatio, rtt_ms: rttMs };
  return line('webrtc_activity', level[verdict], 'quality verdict', fields);
}

function breaker({ breaker: state }: Emission<'breaker'>): LogLine {
  const level = { open: 'warn', half_open: 'info', closed: 'debug' } as const;
  return line('webrtc_ice_restart', level[state.kind], 'circuit breaker', { event: state.kind });
}

/** An operator must look at these. */
const ours: readonly CloseReason[] = ['crashed', 'internal'];

function closed({ reason }: Emission<'closed'>): LogLine {
  return line('webrtc_lifecycle', ours.includes(reason) ? 'error' : 'info', 'tube closed', { reason });
}

function failure({ failure: what }: Emission<'failure'>): LogLine {
  return line(targetOf(what.code), 'warn', failureTable[what.code].operator, errorOf(what));
}

function refused({ failure: what }: Emission<'refused'>): LogLine {
  return line(targetOf(what.code), 'info', failureTable[what.code].operator, errorOf(what));
}

function sampled({ sample }: Emission<'sampled'>): LogLine {
  const { bytesSent, bytesReceived, bufferedBytes, rttMs, selectedPair } = sample;
  return line('webrtc_activity', 'debug', 'health poll', {
    bytes_sent: bytesSent,
    bytes_received: bytesReceived,
    buffered_bytes: bufferedBytes,
    rtt_ms: rttMs,
    selected_pair: selectedPair,
  });
}

type Lines = {
  readonly [T in TubeEmission['type']]: (emission: Emission<T>, notice: TubeNotice) => LogLine | null;
};

const lines: Lines = {
  state: ({ state, reason }, { previousState }) =>
    line('webrtc_lifecycle', state === 'failed' ? 'warn' : 'info', 'tube state changed', {
      state,
      prev_state: previousState,
      reason,
    }),
  transportState: ({ state }) => line('webrtc_ice', 'debug', 'connection state changed', { event: state }),
  description,
  candidate: candidateLine,
  accepted: () => line('signalling', 'debug', 'remote description or candidate accepted'),
  refused,
  decision,
  attemptStarted: ({ attempt, trigger }) =>
    line('webrtc_ice_restart', 'info', 'ICE restart attempt started', { attempt, trigger }),
  attemptEnded,
  networkChange: ({ change, source, detail }) =>
    line('webrtc_ice_restart', 'info', 'network change detected', { event: change, source, detail }),
  selectedPair: ({ pair: { local, remote } }) =>
    line('webrtc_ice', 'info', 'candidate pair selected', {
      candidate_type: `${local.type}/${remote.type}`,
      local,
      remote,
    }),
  cutOver: ({ from }) => line('webrtc_ice_restart', 'info', 'data takes the new generation', { from }),
  generationClosed: () => line('webrtc_ice', 'debug', 'generation closed'),
  recovered: ({ attempts, trigger, outageMs }) =>
    line('webrtc_ice_restart', 'info', 'connection recovered', { attempt: attempts, trigger, duration_ms: outageMs }),
  keepalive: ({ lastActivityAtMs }, { atMs }) =>
    line('webrtc_keepalive', 'debug', 'keepalive', { idle_ms: atMs - lastActivityAtMs }),
  ping,
  sessionWarning: ({ leftMs }) => line('webrtc_keepalive', 'info', 'session timeout is near', { left_ms: leftMs }),
  channelOpened: ({ channel }) => line('webrtc_activity', 'info', 'channel opened', { ...channel }),
  channelClosed: ({ label, id, reason }) => line('webrtc_activity', 'info', 'channel closed', { label, id, reason }),
  // The sample of the same poll has its line.
  polled: () => null,
  quality,
  sampled,
  breaker,
  // For the store; every change in it has a line of its own.
  record: () => null,
  failure,
  closed,
};

/** The log line of a notice without the fields that all have; null when it is not for the log. */
export function lineOf(notice: TubeNotice): LogLine | null {
  // The entry of an emission's own type takes that emission; TypeScript cannot follow the two together.
  const make = lines[notice.emission.type] as (emission: TubeEmission, notice: TubeNotice) => LogLine | null;
  return make(notice.emission, notice);
}

/** A call whose restart was skipped is refused right after the decision, which has said it already, with more evidence. */
function saysAgain({ identity, emission }: TubeNotice, last: TubeNotice | null): boolean {
  if (emission.type !== 'refused' || last?.emission.type !== 'decision') return false;
  const { action, code } = last.emission.decision;
  return last.identity.tubeId === identity.tubeId && action === 'skip' && code === emission.failure.code;
}

/** A listener for the registry that writes the lines of all tubes. */
export function createTubeLog(logOf: (target: LogTarget) => Log): (notice: TubeNotice) => void {
  let last: TubeNotice | null = null;
  return (notice) => {
    const repeats = saysAgain(notice, last);
    last = notice;
    if (repeats) return;
    const written = lineOf(notice);
    if (written === null) return;
    const { identity, generation, emission } = notice;
    const common = {
      tube_id: identity.tubeId,
      conversation_id: identity.conversationId,
      generation: 'generation' in emission ? emission.generation : generation,
    };
    logOf(written.target)[written.level]({ ...common, ...written.fields }, written.msg);
  };
}
