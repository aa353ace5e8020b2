/**
 * From what a tube says to entries of its flight recorder (src/operator/flight.types.ts has the words): a pure mapping. No SDP, no text of
 * candidates, no tokens, no payloads; free text is clipped, and what looks like a secret in it is
 * hidden. What may be read into an entry is all in `FlightFact`.
 */
import type { Evidence } from '../../machines/policies/recovery.js';
import type { TubeEmission } from '../../machines/events.js';
import type { FailureCode } from '../../machines/failure.js';
import type { FlightFact, WireEvidence } from '../operator/flight.types.js';
import { hidden, isSignalling, redactText } from '../free-text.js';
import { maxTextLength } from '../replay/flight-inputs.js';
import type { TubeNotice } from './notice.js';

export const clip = (text: string): string => text.slice(0, maxTextLength);

/** Text of others: without descriptions, candidates, and what looks like a secret. Addresses stay. */
export const freeText = (text: string): string => clip(isSignalling(text) ? hidden : redactText(text));

export const evidenceToWire = (evidence: Evidence): WireEvidence => ({
  trigger: evidence.trigger,
  source: evidence.source,
  path: evidence.path,
  missed_pings: evidence.missedPings,
  missed_ping_seqs: evidence.missedSeqs,
  silent_ms: evidence.silentMs,
  transport_state: evidence.transport,
  peer_signalling: evidence.signalling,
  route: evidence.route,
  held: evidence.held,
  suspect_share: evidence.suspectShare,
});

/** A refusal of bad input may quote it, and that may be a description: who sent it was told. */
export const detailOf = ({ code, detail }: { readonly code: FailureCode; readonly detail: string }): string =>
  code.startsWith('input_') ? '' : freeText(detail);

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

/** What is not told here is periodic (pongs, polls, keepalives), or for the store. */
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
    detail: freeText(detail),
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
  channelClosed: ({ label, id, reason }) => ({
    kind: 'channel_closed',
    label: clip(label),
    id,
    reason: freeText(reason),
  }),
  polled: () => null,
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
  closed: ({ reason }) => ({ kind: 'closed', reason }),
};

/** Null when it is not for the recorder. */
export function factOf(notice: TubeNotice): FlightFact | null {
  // The entry of an emission's own type takes that emission; TypeScript cannot follow the two together.
  const make = facts[notice.emission.type] as (said: TubeEmission, notice: TubeNotice) => FlightFact | null;
  return make(notice.emission, notice);
}
