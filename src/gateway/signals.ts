/**
 * From what a tube says to what its controllers read: a pure mapping of emissions to wire signals (contract section 11). Numbering,
 * holding and sending are the publisher's. Emissions that only metrics, logs or callers need map to null.
 */
import { failureTable, type CloseReason, type Failure } from '../../machines/failure.js';
import type { RestartDecision, TubeEmission, TubeIdentity, TubeState } from '../../machines/events.js';
import type { TransportState } from '../../machines/ports/transport.port.js';
import { evidenceToWire } from '../registry/flight-entry.js';
import type { IceServer } from '../channels/connection.port.js';
import { probeLabel } from '../channels/wire.js';
import type { TubeNotice } from '../registry/notice.js';
import type { WireObject } from './answers.js';
import { encodeBase64 } from './wire.js';

export const signalKinds = [
  'connection_state_changed',
  'icecandidate',
  'ice_restart_offer',
  'network_change_detected',
  'keepalive',
  'session_timeout_warning',
  'channel_opened',
  'channel_closed',
  'message',
  'quality',
  'recovered',
] as const;
export type SignalKind = (typeof signalKinds)[number];

/** Numbers of the wire format, inherited from the guide. */
export const progress = { complete: 0, fail: 1, progress: 2, skip: 3, absent: 4 } as const;
export type ProgressFlag = (typeof progress)[keyof typeof progress];

export interface SignalDraft {
  readonly kind: SignalKind;
  readonly data: unknown;
  readonly generation: number;
  readonly flag: ProgressFlag;
  readonly status: string;
  /** Fields of this kind beside the common ones. */
  readonly extra: WireObject;
}

export interface WireSignal {
  readonly tube_id: string;
  readonly conversation_id: string;
  readonly kind: SignalKind;
  readonly data: unknown;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly seq: number;
  readonly progress_flag: ProgressFlag;
  readonly progress_status: string;
  readonly is_ok: boolean;
  /** Only of `icecandidate`. */
  readonly sdp_mid?: string;
  /** Only of an `ice_restart_offer` with an offer in it. */
  readonly ice_servers?: readonly IceServer[];
}

/** The states as the last signals told them; a state change and a transport change each report both. */
export interface ToldStates {
  readonly state: TubeState;
  /** Null until there was another one. */
  readonly previousState: TubeState | null;
  /** Of the generation that carries data; of the newest while none does. */
  readonly transportState: TransportState;
}

const flagOfState: Readonly<Record<TubeState, ProgressFlag>> = {
  initializing: progress.progress,
  connecting: progress.progress,
  connected: progress.complete,
  degraded: progress.progress,
  failed: progress.fail,
  closed: progress.complete,
};

/** Closing for these reasons is the ordinary end of a tube. */
const goodEndings: readonly CloseReason[] = ['requested', 'peer_closed', 'session_timeout', 'replaced', 'shutdown'];

type Fields = Partial<Pick<SignalDraft, 'flag' | 'status' | 'extra'>>;

function draft(kind: SignalKind, generation: number, data: unknown, fields: Fields = {}): SignalDraft {
  return { kind, generation, data, flag: progress.absent, status: '', extra: {}, ...fields };
}

/** Of transport states only those that are shown (`isShown`). */
export function nextStates(told: ToldStates, { emission }: TubeNotice): ToldStates {
  switch (emission.type) {
    case 'state':
      // The close itself is told, with the state before it.
      return emission.state === 'closed' || emission.state === told.state ? told : enter(told, emission.state);
    case 'closed':
      return { ...enter(told, 'closed'), transportState: 'closed' };
    case 'transportState':
      return { ...told, transportState: emission.state };
    case 'cutOver':
      return { ...told, transportState: 'connected' };
    default:
      return told;
  }
}

const enter = (told: ToldStates, state: TubeState): ToldStates => ({ ...told, state, previousState: told.state });

/** An attempt that comes up, or an old generation that is being closed, is no news about the connection that carries data. */
export const isShown = (generation: number, newest: number, active: number | null): boolean =>
  active === null ? generation >= newest : generation === active;

/** `told` already contains this notice (`nextStates`). `iceServers`: those that go with an offer, made when asked for. Null = no signal. */
export function toSignal(
  notice: TubeNotice,
  told: ToldStates,
  iceServers: () => readonly IceServer[],
): SignalDraft | null {
  const { emission, generation } = notice;
  switch (emission.type) {
    case 'state':
      return emission.state === 'closed' ? null : stateSignal(told, generation, told.previousState, emission.reason);
    case 'transportState':
      return stateSignal(told, emission.generation, told.state, '');
    case 'closed':
      return closedSignal(told, generation, emission.reason);
    case 'description':
      return descriptionSignal(emission, iceServers);
    case 'candidate':
      return draft('icecandidate', emission.generation, emission.candidate, { extra: { sdp_mid: emission.mid } });
    case 'decision':
      return decisionSignal(emission.decision, generation);
    case 'attemptEnded':
      return attemptSignal(emission);
    case 'networkChange':
      return networkSignal(emission, generation);
    case 'recovered':
      return draft(
        'recovered',
        generation,
        { attempts: emission.attempts, trigger: emission.trigger, outage_ms: emission.outageMs },
        { flag: progress.complete },
      );
    default:
      return steadySignal(notice);
  }
}

/** Signals of a tube that is not in trouble. */
function steadySignal({ emission, generation, atMs }: TubeNotice): SignalDraft | null {
  switch (emission.type) {
    case 'keepalive':
      return draft('keepalive', generation, Math.max(0, Math.round((atMs - emission.lastActivityAtMs) / 1000)));
    case 'sessionWarning':
      return draft('session_timeout_warning', generation, Math.ceil(emission.leftMs / 1000));
    case 'channelOpened':
      return channelSignal('channel_opened', generation, { label: emission.channel.label, id: emission.channel.id });
    case 'channelClosed': {
      const { label, id, reason } = emission;
      return channelSignal('channel_closed', generation, { label, id, reason });
    }
    case 'quality':
      return draft('quality', generation, {
        verdict: emission.verdict,
        score: emission.score,
        loss: emission.lossRatio,
        rtt_ms: emission.rttMs,
      });
    default:
      return null;
  }
}

/** What probes the path is nobody else's business (docs/protocol.md). */
function channelSignal(
  kind: 'channel_opened' | 'channel_closed',
  generation: number,
  data: { readonly label: string; readonly id: number | null; readonly reason?: string },
): SignalDraft | null {
  return data.label === probeLabel ? null : draft(kind, generation, data);
}

function stateSignal(
  told: ToldStates,
  generation: number,
  previousState: TubeState | null,
  reason: string,
): SignalDraft {
  const extra = { transport_state: told.transportState, previous_state: previousState, reason };
  return draft('connection_state_changed', generation, told.state, { flag: flagOfState[told.state], extra });
}

function closedSignal(told: ToldStates, generation: number, reason: CloseReason): SignalDraft {
  const extra = { transport_state: told.transportState, previous_state: told.previousState, reason };
  const flag = goodEndings.includes(reason) ? progress.complete : progress.fail;
  return draft('connection_state_changed', generation, 'closed', { flag, status: `closed: ${reason}`, extra });
}

/** The first description travels in the acknowledgement of `create_tube`; an answer in that of the call which asked for it. */
function descriptionSignal(
  { purpose, description, generation }: Extract<TubeEmission, { type: 'description' }>,
  iceServers: () => readonly IceServer[],
): SignalDraft | null {
  if (purpose !== 'restart' || description.type !== 'offer') return null;
  const servers = iceServers();
  return draft('ice_restart_offer', generation, encodeBase64(description.sdp), {
    flag: progress.progress,
    status: 'ICE restart offer sent, awaiting answer',
    extra: servers.length === 0 ? {} : { ice_servers: servers },
  });
}

/** `do` is told by the offer itself, `wait` by what follows it. */
function decisionSignal(decision: RestartDecision, generation: number): SignalDraft | null {
  // No restart was wanted, so none was skipped.
  if (decision.verdict === 'leave_alone') return null;
  const flags: Partial<Record<RestartDecision['action'], ProgressFlag>> = {
    skip: progress.skip,
    give_up: progress.fail,
  };
  const flag = flags[decision.action];
  if (flag === undefined) return null;
  return draft('ice_restart_offer', generation, '', {
    flag,
    status: decisionText(decision),
    extra: { trigger: decision.trigger },
  });
}

/** Controllers of the guide look for its exact words when a trigger is skipped; why something was given up is told in its own. */
const decisionText = ({ action, code, why }: RestartDecision): string =>
  action === 'skip' && code !== null ? failureTable[code].operator : why;

function attemptSignal(emission: Extract<TubeEmission, { type: 'attemptEnded' }>): SignalDraft {
  const { generation, trigger, outcome, failure } = emission;
  const told = (flag: ProgressFlag, status: string): SignalDraft =>
    draft('ice_restart_offer', generation, '', { flag, status, extra: { trigger } });
  if (outcome === 'success') return told(progress.complete, 'ICE restart complete');
  // Nothing failed: another one takes its place.
  if (failure?.code === 'restart_in_progress') return told(progress.skip, 'ICE restart superseded by a newer one');
  return told(progress.fail, failureText(failure));
}

/** The text of the table names the usual wait for an answer; a tube that waits otherwise says so in the detail. */
function failureText(failure: Failure | null): string {
  if (failure === null) return 'ICE restart failed';
  const { code, detail } = failure;
  return code === 'transport_answer_timeout' && detail !== '' ? detail : failureTable[code].operator;
}

/** A trigger of contract section 7, with what was known when it came. */
function networkSignal(emission: Extract<TubeEmission, { type: 'networkChange' }>, generation: number): SignalDraft {
  const { change, source, detail, evidence } = emission;
  return draft('network_change_detected', generation, {
    type: change,
    source,
    detail,
    evidence: evidenceToWire(evidence),
  });
}

/** Application data from the peer. */
export function messageSignal(generation: number, channel: string, data: string | Uint8Array): SignalDraft {
  const isText = typeof data === 'string';
  const payload = isText ? data : encodeBase64(data);
  return draft('message', generation, { channel, payload, encoding: isText ? 'utf8' : 'base64' });
}

export function toWire(signal: SignalDraft, identity: TubeIdentity, seq: number, atMs: number): WireSignal {
  return {
    tube_id: identity.tubeId,
    conversation_id: identity.conversationId,
    kind: signal.kind,
    data: signal.data,
    generation: signal.generation,
    at: atMs,
    seq,
    progress_flag: signal.flag,
    progress_status: signal.status,
    is_ok: signal.flag !== progress.fail,
    ...signal.extra,
  };
}
