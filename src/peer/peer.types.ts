/**
 * The public types of the peer library: options, events and statistics. Field names are camelCase here and snake_case on the wire.
 */
import type { SelectedPair } from '../../machines/ports/transport.port.js';
import type { IceServer } from '../channels/connection.port.js';
import type { LaneStats } from '../channels/lane.js';
import type { FailureReason, RestartPhase } from './generation-set.js';
import type { PeerError } from './peer-error.js';
import type { Signalling, SignallingStatus } from './signalling.port.js';

export interface PeerOptions {
  /** Of the service, for example `https://holdfast.example`; the library adds `/peer`. Not needed with `signalling`. */
  readonly url?: string;
  /** The `peer_token` that `create_tube` returned. Not needed with `signalling`. */
  readonly token?: string;
  /** Instead of the library's own socket: descriptions and candidates travel by the application (docs/peer.md). */
  readonly signalling?: Signalling;
  /** Used instead of the ICE servers that come with each offer. */
  readonly iceServers?: readonly IceServer[];
  /** Largest message, in bytes. Default 262144; the service's own limit applies as well. */
  readonly maxMessageBytes?: number;
  /** Unsent and unacknowledged bytes that a `reliable` channel keeps; above it `send` throws `channel_full`. Default 4 MiB. */
  readonly replayBufferBytes?: number;
  /** Unsent bytes above which a `latest` channel drops its oldest messages. Default 4 MiB. */
  readonly dropAboveBufferedBytes?: number;
  /** A generation that is not up after this is given up; a working one is kept. Default 20000. */
  readonly generationTimeoutMs?: number;
  /** How long the old generation still receives after the cut-over. Default 3000. */
  readonly generationLingerMs?: number;
  /** Tubes without trickle: how long an answer waits for candidates. Default 10000. */
  readonly gatherTimeoutMs?: number;
}

/**
 * `new`: before `connect`. `connecting`: no generation has worked yet. `connected`: data flows. `restarting`: a new generation is coming up;
 * data flows as long as the old one works. `disconnected`: no path and none coming up; `reliable` messages are kept. `closed`: final.
 */
export type PeerState = 'new' | 'connecting' | 'connected' | 'restarting' | 'disconnected' | 'closed';

export interface PeerEvents {
  /** `reason`: why, where somebody said so; with `closed` the service's close reason or an error code. */
  state: { readonly state: PeerState; readonly previous: PeerState; readonly reason: string | null };
  /** Outgoing data takes this generation from now on. */
  generation: { readonly generation: number };
  message: { readonly channel: string; readonly data: string | Uint8Array };
  /** A restart does not close a channel; `closed` means that the service gave it up. */
  channel: { readonly channel: string; readonly state: 'opened' | 'closed' };
  signalling: SignallingStatus;
  /** One per phase of a restart. `durationMs`: since the offer came. `reason` with `failed` only. */
  restart: {
    readonly generation: number;
    readonly phase: RestartPhase;
    readonly durationMs: number;
    readonly reason?: FailureReason;
  };
  /** Nothing here needs a reaction: the library goes on, or says `closed`. */
  error: PeerError;
}

export interface PeerStats {
  readonly state: PeerState;
  readonly instance: string;
  /** The one that carries data. */
  readonly generation: number | null;
  readonly pendingGeneration: number | null;
  /** Generations that came up since `connect`, without the first. */
  readonly restarts: number;
  /** Of the active generation's connection. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly rttMs: number | null;
  readonly selectedPair: SelectedPair | null;
  readonly pingsAnswered: number;
  /** Offers and candidates of generations that are gone. */
  readonly staleOffers: number;
  readonly staleCandidates: number;
  /** Candidates beyond the caps, and those that the connection refused. */
  readonly droppedCandidates: number;
  readonly channels: readonly LaneStats[];
}
