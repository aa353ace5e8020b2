/**
 * The closed unions of the tube: what it understands (`TubeEvent`), what it says (`TubeEmission`), and the record from which another
 * process could carry it on (`TubeRecord`). Text from the wire never becomes an event type: src/registry/tube-service.ts maps.
 */
import type { CloseReason, Failure, FailureCode } from './failure.js';
import type { BreakerState } from './policies/breaker.js';
import type {
  Evidence,
  NetworkChangeSource,
  NetworkChangeType,
  RestartTrigger,
  Route,
  Verdict,
} from './policies/recovery.js';
import type {
  ChannelRecord,
  Description,
  DtlsRole,
  PeerKind,
  SelectedPair,
  TransportEvent,
  TransportSample,
  TransportState,
} from './ports/transport.port.js';
import type { TubeSettings } from './settings.js';

/** Top-level states of a tube (contract section 3). */
export const tubeStates = ['initializing', 'connecting', 'connected', 'degraded', 'failed', 'closed'] as const;
export type TubeState = (typeof tubeStates)[number];

/** What a node knows that concerns all of its tubes; told to each of them when it changes. */
export interface NodeFacts {
  /** The way from this host to the peer of this tube. */
  readonly route: Route;
  /** The storm governor holds restarts back. */
  readonly held: boolean;
  /** Of the tubes of this node: how many turned suspect within the window of the governor, in [0, 1]. */
  readonly suspectShare: number;
}

/** Events of the registry (on behalf of the gateway) to a tube. `requestId` comes back in the emission that answers the call. */
export type TubeRequest =
  /** The first event of every tube: build generation 1, answering `offer` if there is one; a resumed tube restarts instead. */
  | {
      readonly type: 'tube.begin';
      readonly offer: { readonly sdp: string; readonly requestId: string } | null;
      /** Of a resumed tube: why it has to be; by default its actor crashed. */
      readonly cause?: Extract<RestartTrigger, 'crash' | 'service_restart'>;
      readonly atMs: number;
    }
  | {
      readonly type: 'tube.remoteDescription';
      readonly requestId: string;
      readonly description: Description;
      /** Which generation it belongs to; null = the one that waits for it. */
      readonly generation: number | null;
      readonly atMs: number;
    }
  | {
      readonly type: 'tube.remoteCandidate';
      readonly requestId: string;
      readonly candidate: string;
      readonly mid: string;
      readonly generation: number | null;
      readonly atMs: number;
    }
  | {
      readonly type: 'tube.restart';
      readonly requestId: string;
      readonly trigger: RestartTrigger;
      /** The peer will answer with a new RTCPeerConnection: open the channels in-band again. */
      readonly fresh: boolean;
      readonly atMs: number;
    }
  | { readonly type: 'tube.close'; readonly reason: CloseReason; readonly atMs: number }
  /** Something showed that the peer, or its controller, cares: signalling, `update_activity`. */
  | { readonly type: 'tube.activity'; readonly atMs: number }
  /** Application data of ours was accepted for sending; at most one per second. */
  | { readonly type: 'tube.dataSent'; readonly atMs: number }
  | { readonly type: 'tube.operationFailed'; readonly atMs: number }
  | { readonly type: 'tube.peerSignalling'; readonly online: boolean; readonly atMs: number }
  /** Another process or page of the peer is there and holds nothing: what we hold with the one before is dead. */
  | { readonly type: 'tube.peerReplaced'; readonly atMs: number }
  /** A network changed: that of this host, or one that the peer or a controller reports. `detail` is for people, bounded. */
  | {
      readonly type: 'tube.networkChanged';
      readonly change: NetworkChangeType;
      readonly source: Exclude<NetworkChangeSource, 'tube'>;
      readonly detail: string;
      /** Of a change of this host: its way to the peer after it. Of others: null, it is as it was. */
      readonly route: Route | null;
      readonly atMs: number;
    }
  /** The node let go of held restarts, or holds them; or its way to the peer is another. */
  | { readonly type: 'tube.nodeChanged'; readonly node: Partial<NodeFacts>; readonly atMs: number };

/** What the keepalive, health and restart children report to their tube. */
export type ChildReport =
  | { readonly type: 'keepalive.ping'; readonly seq: number }
  | { readonly type: 'keepalive.missed'; readonly missed: number; readonly seq: number; readonly timeoutMs: number }
  /** `missedPingsToDegrade` pings in a row stayed unanswered. */
  | { readonly type: 'keepalive.suspect'; readonly missed: number }
  /** `missedPingsToRestart` in a row. Repeated for every further missed ping. */
  | { readonly type: 'keepalive.lost'; readonly missed: number }
  | { readonly type: 'keepalive.restored' }
  | { readonly type: 'health.poll' }
  /** Of every poll. */
  | ({ readonly type: 'health.polled' } & QualityFinding)
  /** It is another one than that of the poll before. */
  | ({ readonly type: 'health.verdict' } & QualityFinding)
  /** `poorPollsToRestart` poor polls in a row, or unhealthy. */
  | { readonly type: 'health.restartAdvised'; readonly trigger: 'poor_quality' | 'unhealthy' }
  /** Restarts for quality in a row that did not help, the one that is advised next included; 0 when the path was good for long enough. */
  | { readonly type: 'health.poorRestarts'; readonly count: number }
  | {
      readonly type: 'restart.begin';
      readonly attempt: number;
      readonly trigger: RestartTrigger;
      readonly fresh: boolean;
    }
  /** The attempt failed or was superseded after `afterMs` (null: not by a timer): drop the generation that was coming up. */
  | { readonly type: 'restart.abandon'; readonly failure: Failure; readonly afterMs: number | null }
  /** `requestId`: the call that waits for it; it is told the decision's `code` when the answer is not a new offer. */
  | { readonly type: 'restart.decided'; readonly decision: RestartDecision; readonly requestId: string | null }
  | { readonly type: 'restart.giveUp'; readonly reason: CloseReason; readonly close: boolean }
  | { readonly type: 'restart.breakerChanged'; readonly breaker: BreakerState };

export type TubeEvent = TubeRequest | TransportEvent | ChildReport | InternalEvent;

/** Timers of the tube itself. */
export type InternalEvent =
  | { readonly type: 'session.warningDue' }
  | { readonly type: 'session.timedOut' }
  | { readonly type: 'session.keepaliveDue' }
  /** The TURN credentials of a relayed path have lived half of their life. */
  | { readonly type: 'turn.refreshDue' };

export const qualityVerdicts = ['good', 'warning', 'poor'] as const;
export type QualityVerdict = (typeof qualityVerdicts)[number];

/** What a health poll found of the path that carries data. */
export interface QualityFinding {
  readonly verdict: QualityVerdict;
  /** In [0, 1]; 1 is best. */
  readonly score: number;
  /** In [0, 1]; null when nothing is known of it. */
  readonly lossRatio: number | null;
  readonly rttMs: number | null;
}

/** One decision of the restart machine with its evidence; logged under `webrtc_ice_restart`. */
export interface RestartDecision {
  readonly action: 'do' | 'wait' | 'skip' | 'give_up';
  /** What the decision table said (policies/recovery.ts); null where another rule decided first: backoff, breaker, one at a time. */
  readonly verdict: Verdict | null;
  readonly evidence: Evidence;
  /** The reason as a code; null when nothing is refused or held back but by time. */
  readonly code: FailureCode | null;
  /** The reason for people; never compared. */
  readonly why: string;
  readonly trigger: RestartTrigger;
  readonly attempt: number;
  readonly delayMs: number;
}

/** What a tube says to the world; `src/registry` adds identity and passes it to gateway, metrics and log. */
export type TubeEmission =
  | { readonly type: 'state'; readonly state: TubeState; readonly reason: string }
  | { readonly type: 'transportState'; readonly generation: number; readonly state: TransportState }
  /** A local description is ready. `purpose: restart` is an attempt of a restart. */
  | {
      readonly type: 'description';
      readonly generation: number;
      readonly description: Description;
      readonly purpose: 'initial' | 'restart';
      /** The call that asked for it, where one did (`answer` to a peer's offer). */
      readonly requestId: string | null;
    }
  | { readonly type: 'candidate'; readonly generation: number; readonly candidate: string; readonly mid: string }
  /** A description of the peer is applied, or a candidate of it is taken. */
  | {
      readonly type: 'accepted';
      readonly what: Description['type'] | 'candidate';
      readonly requestId: string;
      readonly generation: number;
    }
  | { readonly type: 'refused'; readonly requestId: string; readonly failure: Failure }
  | { readonly type: 'decision'; readonly decision: RestartDecision }
  | {
      readonly type: 'attemptStarted';
      readonly generation: number;
      readonly attempt: number;
      readonly trigger: RestartTrigger;
    }
  | {
      readonly type: 'attemptEnded';
      readonly generation: number;
      readonly trigger: RestartTrigger;
      readonly outcome: 'success' | 'failure';
      readonly failure: Failure | null;
      readonly durationMs: number;
    }
  /** A trigger of contract section 7 was taken up. */
  | {
      readonly type: 'networkChange';
      readonly change: NetworkChangeType;
      readonly source: NetworkChangeSource;
      readonly detail: string;
      readonly evidence: Evidence;
    }
  /** The candidate pair that a generation uses, once it is up and whenever it is another. */
  | { readonly type: 'selectedPair'; readonly generation: number; readonly pair: SelectedPair }
  | { readonly type: 'cutOver'; readonly generation: number; readonly from: number | null }
  | { readonly type: 'generationClosed'; readonly generation: number }
  | {
      readonly type: 'recovered';
      readonly attempts: number;
      readonly trigger: RestartTrigger;
      readonly outageMs: number;
    }
  | { readonly type: 'keepalive'; readonly lastActivityAtMs: number }
  | { readonly type: 'ping'; readonly outcome: 'pong' | 'missed'; readonly rttMs: number | null }
  | { readonly type: 'sessionWarning'; readonly leftMs: number }
  | { readonly type: 'channelOpened'; readonly channel: ChannelRecord }
  | { readonly type: 'channelClosed'; readonly label: string; readonly id: number; readonly reason: string }
  /** What a health poll found; for those who count and measure, not for controllers. */
  | ({ readonly type: 'polled' } & QualityFinding)
  /** The verdict of the polls is another one. */
  | ({ readonly type: 'quality' } & QualityFinding)
  | { readonly type: 'sampled'; readonly generation: number; readonly sample: TransportSample }
  | { readonly type: 'breaker'; readonly breaker: BreakerState }
  | { readonly type: 'record'; readonly record: TubeRecord }
  | { readonly type: 'failure'; readonly failure: Failure; readonly generation: number }
  | { readonly type: 'closed'; readonly reason: CloseReason };

/** Who a tube is; never changes. */
export interface TubeIdentity {
  readonly tubeId: string;
  readonly conversationId: string;
  /** Whose tokens may see it. */
  readonly tenant: string;
  /** SHA-256 (hex) of the peer token; the token itself is never kept. */
  readonly peerTokenDigest: string;
  readonly createdAtMs: number;
  /** SHA-256 (hex) of what makes a repeated `create_tube` the same call; absent when its creator gave no key. */
  readonly creationDigest?: string;
}

/**
 * All that another process needs to carry a tube on as a new generation: JSON, a few hundred bytes. (Not a snapshot of the machine: timers,
 * children and native handles do not survive a process; facts do.)
 */
export interface TubeRecord extends TubeIdentity {
  readonly settings: TubeSettings;
  readonly generation: number;
  readonly activeGeneration: number | null;
  readonly peerKind: PeerKind;
  readonly dtlsRole: DtlsRole | null;
  readonly channels: readonly ChannelRecord[];
  /** Session id of the peer's last description: another one is another RTCPeerConnection. */
  readonly peerSession: string | null;
  /** `direct`: the peer has had a signalling socket of its own, so offers wait for that. */
  readonly signalling: 'relayed' | 'direct';
}
