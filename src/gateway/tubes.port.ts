/**
 * What the gateway needs of the rest of the service; app.ts supplies it (src/registry/tube-service.ts and src/transport). Every promise
 * rejects with an AppError. A gateway never sees an actor or a native handle.
 */
import type { CloseReason, FailureCode } from '../../machines/failure.js';
import type { QualityVerdict, TubeIdentity, TubeState } from '../../machines/events.js';
import type {
  ChannelRecord,
  Description,
  PeerKind,
  SelectedPair,
  TransportState,
} from '../../machines/ports/transport.port.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { IceServer } from '../channels/connection.port.js';
import type { FlightFile } from '../replay/flight-file.js';
import type { FlightHistory } from '../registry/flight-recorder.js';
import type { TubeNotice } from '../registry/notice.js';
import type { QualityLimits } from '../../machines/policies/quality.js';
import type { NetworkChangeType, RestartTrigger } from '../../machines/policies/recovery.js';

export interface TubeView {
  readonly identity: TubeIdentity;
  readonly settings: TubeSettings;
  readonly state: TubeState;
  readonly transportState: TransportState;
  /** Newest generation. */
  readonly generation: number;
  /** The generation that carries outgoing data, if any. */
  readonly activeGeneration: number | null;
  readonly peerKind: PeerKind;
  readonly channels: readonly ChannelRecord[];
  readonly incident: {
    readonly startedAtMs: number;
    readonly trigger: RestartTrigger;
    readonly attempts: number;
  } | null;
  readonly lastActivityAtMs: number;
}

export interface TubeStats {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Ratios in [0, 1]; null when the peer never answered a ping or probe. Of one direction: only of peers that answer probes. */
  readonly loss: {
    readonly ratio: number;
    readonly toPeer: number | null;
    readonly fromPeer: number | null;
    readonly jitterMs: number | null;
  } | null;
  readonly rttMs: number | null;
  readonly bufferedBytes: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly selectedPair: SelectedPair | null;
  readonly generations: readonly {
    readonly generation: number;
    readonly state: TransportState;
    readonly active: boolean;
  }[];
  /** Null while there is no path. */
  readonly quality: PathQuality | null;
}

/** As the health polls of the present path found it. */
export interface PathQuality {
  /** Null until the first poll. */
  readonly verdict: QualityVerdict | null;
  /** The last ten, oldest first. */
  readonly scores: readonly number[];
  /** What the scores were made of. */
  readonly samples: readonly { readonly lossRatio: number | null; readonly rttMs: number | null }[];
  /** Beyond them the verdict is another one. */
  readonly limits: QualityLimits;
}

export interface Tubes {
  /** The offer, or the answer to `offerSdp`, with the generation it belongs to (1). On rejection nothing is left of the tube. */
  create(
    identity: TubeIdentity,
    settings: TubeSettings,
    offerSdp: string | null,
  ): Promise<{ generation: number; description: Description }>;
  /** An answer resolves with `answer: null`; a peer's own (restart) offer with the answer to it. `generation: null` = the one that waits for it. */
  remoteDescription(
    tubeId: string,
    description: Description,
    generation: number | null,
  ): Promise<{ generation: number; answer: Description | null }>;
  remoteCandidate(
    tubeId: string,
    candidate: string,
    mid: string,
    generation: number | null,
  ): Promise<{ generation: number }>;
  /** Resolves with the offer of the new generation, or with the pending one and `alreadyInProgress`. */
  restart(
    tubeId: string,
    trigger: RestartTrigger,
    fresh: boolean,
  ): Promise<{ generation: number; description: Description; alreadyInProgress: boolean }>;
  /** Idempotent. False when there is no such tube. */
  close(tubeId: string, reason: CloseReason): boolean;
  /** Resolves when a process that carries this one on would find the tubes as they are now; soon in any case. */
  saved(): Promise<void>;
  activity(tubeId: string): void;
  /** The peer's process or page is another one than before: its old path is dead, and it is offered a new generation. */
  peerReplaced(tubeId: string): void;
  /**
   * A network change that a peer or controller reports; `detail` is for people. Returns how many of the tubes are here. Reports of one source about
   * one tube are spaced: one may be taken up a little later, and in place of those before it.
   */
  networkChanged(
    tubeIds: readonly string[],
    change: NetworkChangeType,
    source: 'peer' | 'controller',
    detail: string,
  ): number;
  /** A controller follows the tube from now on: one that was carried on from its record has waited for that, and restarts. */
  followed(tubeId: string): void;
  /** The peer's own signalling socket came or went. */
  peerSignalling(tubeId: string, online: boolean): void;
  /** The offer that waits for an answer, if any, for a peer that connects late. */
  pendingOffer(tubeId: string): { generation: number; description: Description; purpose: 'initial' | 'restart' } | null;
  view(tubeId: string): TubeView | null;
  list(): Iterable<TubeView>;
  /** What happened to it lately; empty when it is not there. */
  history(tubeId: string): FlightHistory;
  /** Its history as a file that can be played again, also of a tube that closed lately; null when nothing is known of it. */
  flight(tubeId: string): FlightFile | null;
  stats(tubeId: string): Promise<TubeStats | null>;
  /** Null = accepted. */
  send(tubeId: string, channel: string, data: string | Uint8Array): FailureCode | null;
  /** Everything the tubes say, in order. Listeners are guarded. Returns the unsubscriber. */
  onNotice(listener: (notice: TubeNotice) => void): () => void;
  /** Application data from peers. */
  onMessage(listener: (tubeId: string, channel: string, data: string | Uint8Array) => void): () => void;
  /** ICE servers for the peer of a tube, with credentials made now: ask again for every offer. */
  iceServers(tubeId: string): readonly IceServer[];
  limits: Limits;
}

/** Run-time resource limits (contract section 9); wire names. */
export interface Limits {
  get(): Record<string, number>;
  /** Rejects unknown keys and wrong values with input_schema and changes nothing then. */
  set(patch: unknown): Record<string, number>;
  /** Null when another tube fits now; otherwise the limit that is reached. */
  capacity(): {
    readonly used: Record<string, number>;
    readonly free: Record<string, number>;
    readonly refusal: FailureCode | null;
  };
}
