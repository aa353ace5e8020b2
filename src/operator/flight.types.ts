/**
 * The words of a tube's flight recorder: what happened, as the wire has it (`get_tube` with `history`, exported files, the console). Types only; the
 * recorder makes them of what tubes say (src/registry/flight-entry.ts). No SDP, no text of candidates, no tokens, no payloads.
 */
import type { QualityVerdict, RestartDecision, TubeState } from '../../machines/events.js';
import type { CloseReason, FailureCode } from '../../machines/failure.js';
import type { BreakerState } from '../../machines/policies/breaker.js';
import type { Evidence, NetworkChangeSource, NetworkChangeType } from '../../machines/policies/recovery.js';
import type { CandidateEnd, Description, TransportState } from '../../machines/ports/transport.port.js';
import type { ChannelClass } from '../../machines/settings.js';

type Trigger = RestartDecision['trigger'];

/** What a decision looked at (machines/policies/recovery.ts), in wire names. Times in milliseconds, the share in [0, 1]. */
export interface WireEvidence {
  readonly trigger: Trigger;
  readonly source: NetworkChangeSource;
  readonly path: Evidence['path'];
  readonly missed_pings: number;
  /** The last ten of them, by their numbers; absent in flights of earlier versions. */
  readonly missed_ping_seqs?: readonly number[];
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
  | { readonly kind: 'crashed' }
  /** The last entry of every tube. */
  | { readonly kind: 'closed'; readonly reason: CloseReason };

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
