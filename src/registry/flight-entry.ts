/**
 * One entry of a tube's flight recorder: what happened, in the words of the wire (`get_tube` with `history`, and files made of it), and the pure
 * mapping from what a tube says. No SDP, no text of candidates, no tokens, no payloads; free text is clipped. What may be read into an entry is
 * all in `FlightFact`.
 */
import type { Evidence, NetworkChangeSource, NetworkChangeType } from '../../machines/policies/recovery.js';
import type { QualityVerdict, RestartDecision, TubeEmission, TubeState } from '../../machines/events.js';
import type { FailureCode } from '../../machines/failure.js';
import type { BreakerState } from '../../machines/policies/breaker.js';
import type { CandidateEnd, Description, TransportState } from '../../machines/ports/transport.port.js';
import type { ChannelClass } from '../../machines/settings.js';
import type { TubeNotice } from './notice.js';

type Trigger = RestartDecision['trigger'];

/** What a decision looked at (machines/policies/recovery.ts), in wire names. Times in milliseconds, the share in [0, 1]. */
export interface WireEvidence {
  readonly trigger: Trigger;
  readonly source: NetworkChangeSource;
  readonly path: Evidence['path'];
  readonly missed_pings: number;
  readonly silent_ms: number;
  readonly transport_state: TransportState;
  readonly peer_signalling: Evidence['signalling'];
  readonly route: Evidence['route'];
  readonly held: boolean;
  readonly suspect_share: number;
}

/** Whose description or candidate it was. */
type Side = 'service' | 'peer';

export type FlightFact =
  | {
      readonly kind: 'state';
      readonly state: TubeState;
      readonly previous_state: TubeState;
      readonly reason: string;
    }
  | { readonly kind: 'transport_state'; readonly transport_state: TransportState }
  | { readonly kind: 'description'; readonly from: Side; readonly type: Description['type'] }
  /** `candidate_type` of the peer's own is not known; `end`: there are no more. */
  | { readonly kind: 'candidate'; readonly from: Side; readonly candidate_type: string | null }
  | { readonly kind: 'selected_pair'; readonly local: CandidateEnd; readonly remote: CandidateEnd }
  | {
      readonly kind: 'network_change';
      readonly change: NetworkChangeType;
      readonly source: NetworkChangeSource;
      readonly detail: string;
      readonly evidence: WireEvidence;
    }
  | {
      readonly kind: 'decision';
      readonly action: RestartDecision['action'];
      readonly verdict: RestartDecision['verdict'];
      readonly code: FailureCode | null;
      readonly reason: string;
      readonly trigger: Trigger;
      readonly attempt: number;
      readonly delay_ms: number;
      readonly evidence: WireEvidence;
    }
  | { readonly kind: 'attempt_started'; readonly attempt: number; readonly trigger: Trigger }
  | {
      readonly kind: 'attempt_ended';
      readonly trigger: Trigger;
      readonly outcome: 'success' | 'failure';
      readonly code: FailureCode | null;
      readonly detail: string;
      readonly duration_ms: number;
    }
  | { readonly kind: 'cut_over'; readonly from_generation: number | null }
  | { readonly kind: 'generation_closed' }
  | { readonly kind: 'recovered'; readonly attempts: number; readonly trigger: Trigger; readonly outage_ms: number }
  | { readonly kind: 'breaker'; readonly breaker: BreakerState['kind'] }
  | { readonly kind: 'ping_missed' }
  | {
      readonly kind: 'quality';
      readonly verdict: QualityVerdict;
      readonly score: number;
      readonly loss: number | null;
      readonly rtt_ms: number | null;
    }
  | { readonly kind: 'session_warning'; readonly left_ms: number }
  | { readonly kind: 'channel_opened'; readonly label: string; readonly id: number; readonly class: ChannelClass }
  | { readonly kind: 'channel_closed'; readonly label: string; readonly id: number; readonly reason: string }
  /** The tube could not do what it had to. */
  | { readonly kind: 'failure'; readonly code: FailureCode; readonly detail: string }
  /** The tube did not do what a call asked for. */
  | { readonly kind: 'refused'; readonly code: FailureCode; readonly detail: string }
  /** Its actor failed; another one carries the tube on. */
  | { readonly kind: 'crashed' };

export interface FlightStamp {
  /** Milliseconds since the epoch. */
  readonly at_ms: number;
  /** Counts the entries of the tube from 1. */
  readonly seq: number;
  /** What it is about; otherwise the newest then. */
  readonly generation: number;
  /** It happened so often in a row, the last time at `last_at_ms`; left out when once. */
  readonly count?: number;
  readonly last_at_ms?: number;
}

export type FlightEntry = FlightStamp & FlightFact;

const maxTextLength = 200;
const clip = (text: string): string => text.slice(0, maxTextLength);

export const evidenceToWire = (evidence: Evidence): WireEvidence => ({
  trigger: evidence.trigger,
  source: evidence.source,
  path: evidence.path,
  missed_pings: evidence.missedPings,
  silent_ms: evidence.silentMs,
  transport_state: evidence.transport,
  peer_signalling: evidence.signalling,
  route: evidence.route,
  held: evidence.held,
  suspect_share: evidence.suspectShare,
});

/** A refusal of bad input may quote it, and that may be a description: who sent it was told. */
const detailOf = ({ code, detail }: { readonly code: FailureCode; readonly detail: string }): string =>
  code.startsWith('input_') ? '' : clip(detail);

/** `typ` of a candidate (RFC 8839 §5.1). */
const candidateType = (candidate: string): string | null =>
  candidate === '' ? 'end' : (/\styp\s+(\w{1,16})/.exec(candidate)?.[1] ?? null);

type Emission<T extends TubeEmission['type']> = Extract<TubeEmission, { type: T }>;
type Facts = { readonly [T in TubeEmission['type']]: (said: Emission<T>, notice: TubeNotice) => FlightFact | null };

function decision({ decision: made }: Emission<'decision'>): FlightFact {
  const { action, verdict, code, why, trigger, attempt, delayMs, evidence } = made;
  const ruling = { action, verdict, code, reason: clip(why) };
  return { kind: 'decision', ...ruling, trigger, attempt, delay_ms: delayMs, evidence: evidenceToWire(evidence) };
}

function attemptEnded({ trigger, outcome, failure, durationMs }: Emission<'attemptEnded'>): FlightFact {
  const why = failure === null ? { code: null, detail: '' } : { code: failure.code, detail: detailOf(failure) };
  return { kind: 'attempt_ended', trigger, outcome, ...why, duration_ms: durationMs };
}

/** What is not told here is periodic (pongs, polls, keepalives), for the store, or the end of the history itself. */
const facts: Facts = {
  state: ({ state, reason }, { previousState }) => ({
    kind: 'state',
    state,
    previous_state: previousState,
    reason: clip(reason),
  }),
  transportState: ({ state }) => ({ kind: 'transport_state', transport_state: state }),
  description: ({ description: { type } }) => ({ kind: 'description', from: 'service', type }),
  candidate: ({ candidate }) => ({ kind: 'candidate', from: 'service', candidate_type: candidateType(candidate) }),
  accepted: ({ what }) =>
    what === 'candidate'
      ? { kind: 'candidate', from: 'peer', candidate_type: null }
      : { kind: 'description', from: 'peer', type: what },
  refused: ({ failure }) => ({ kind: 'refused', code: failure.code, detail: detailOf(failure) }),
  decision,
  attemptStarted: ({ attempt, trigger }) => ({ kind: 'attempt_started', attempt, trigger }),
  attemptEnded,
  networkChange: ({ change, source, detail, evidence }) => ({
    kind: 'network_change',
    change,
    source,
    detail: clip(detail),
    evidence: evidenceToWire(evidence),
  }),
  selectedPair: ({ pair: { local, remote } }) => ({ kind: 'selected_pair', local, remote }),
  cutOver: ({ from }) => ({ kind: 'cut_over', from_generation: from }),
  generationClosed: () => ({ kind: 'generation_closed' }),
  recovered: ({ attempts, trigger, outageMs }) => ({ kind: 'recovered', attempts, trigger, outage_ms: outageMs }),
  keepalive: () => null,
  ping: ({ outcome }) => (outcome === 'missed' ? { kind: 'ping_missed' } : null),
  sessionWarning: ({ leftMs }) => ({ kind: 'session_warning', left_ms: leftMs }),
  channelOpened: ({ channel: { label, id, class: kind } }) => ({
    kind: 'channel_opened',
    label: clip(label),
    id,
    class: kind,
  }),
  channelClosed: ({ label, id, reason }) => ({ kind: 'channel_closed', label: clip(label), id, reason: clip(reason) }),
  quality: ({ verdict, score, lossRatio, rttMs }) => ({
    kind: 'quality',
    verdict,
    score,
    loss: lossRatio,
    rtt_ms: rttMs,
  }),
  sampled: () => null,
  breaker: ({ breaker }) => ({ kind: 'breaker', breaker: breaker.kind }),
  record: () => null,
  failure: ({ failure }) => ({ kind: 'failure', code: failure.code, detail: detailOf(failure) }),
  closed: () => null,
};

/** Null when it is not for the recorder. */
export function factOf(notice: TubeNotice): FlightFact | null {
  // The entry of an emission's own type takes that emission; TypeScript cannot follow the two together.
  const make = facts[notice.emission.type] as (said: TubeEmission, notice: TubeNotice) => FlightFact | null;
  return make(notice.emission, notice);
}
