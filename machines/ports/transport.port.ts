/**
 * The transport port: what a tube says to, and hears from, the actor that drives one generation (one native PeerConnection). Types and
 * a stub only; the real actor is src/transport/transport.actor.ts. Driving rule: after `transport.closed` nothing more is heard of a
 * generation, and every command to it is ignored.
 */
import { fromCallback } from 'xstate';
import type { Failure } from '../failure.js';
import type { ProbeCounts } from '../policies/loss.js';
import type { ChannelClass, TubeSettings } from '../settings.js';

/** `RTCSessionDescription` (webrtc-pc §4.6.2), raw SDP. */
export interface Description {
  readonly type: 'offer' | 'answer';
  readonly sdp: string;
}

/** `RTCPeerConnectionState` (webrtc-pc §4.3.3). */
export type TransportState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

/** DTLS role of the service; once negotiated it stays for the life of a tube (RFC 8842 §5.5). */
export type DtlsRole = 'active' | 'passive';

/**
 * What the peer can do, read off its descriptions. `plain`: any W3C peer; it applies a re-offer to its same RTCPeerConnection, so its old
 * path ends with the answer. `overlap`: our library; it builds a second RTCPeerConnection and both paths carry data for a while.
 */
export type PeerKind = 'plain' | 'overlap';

/** A data channel as it must be known to be attached again in the next generation, by this process or another. */
export interface ChannelRecord {
  readonly label: string;
  /** SCTP stream id (RFC 8832 §6). */
  readonly id: number;
  readonly class: ChannelClass;
}

/** How one generation is brought up. `adopt` takes over a live native connection that a crashed tube actor left behind. */
export type GenerationMode =
  | { readonly kind: 'offer' }
  | { readonly kind: 'answer'; readonly sdp: string; readonly requestId: string }
  | { readonly kind: 'adopt' };

export interface TransportInput {
  readonly tubeId: string;
  readonly generation: number;
  readonly mode: GenerationMode;
  /** Channels to attach by stream id. Empty in generation 1 and after `fresh`: then the settings' channels are opened in-band. */
  readonly channels: readonly ChannelRecord[];
  /** The role negotiated before; null in generation 1. */
  readonly dtlsRole: DtlsRole | null;
  readonly peerKind: PeerKind;
  /** Session id (`o=`, RFC 8866 §5.2) of the peer's last description, where another process applied it. */
  readonly peerSession?: string | null;
  readonly settings: TubeSettings;
}

export type TransportCommand =
  | { readonly type: 'transport.applyAnswer'; readonly requestId: string; readonly sdp: string }
  | {
      readonly type: 'transport.addCandidate';
      readonly requestId: string;
      /** `""` = end of candidates (RFC 8838 §8.2). */
      readonly candidate: string;
      readonly mid: string;
    }
  | { readonly type: 'transport.ping'; readonly seq: number }
  | { readonly type: 'transport.sample' }
  /** From now on outgoing data takes this generation. */
  | { readonly type: 'transport.activate' }
  | { readonly type: 'transport.close' };

/** One end of the candidate pair in use. */
export interface CandidateEnd {
  /** host, srflx, prflx or relay (RFC 8445 §5.1.1.1). */
  readonly type: string;
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
}

/** The candidate pair in use (RFC 8445 §4). */
export interface SelectedPair {
  readonly local: CandidateEnd;
  readonly remote: CandidateEnd;
}

/** One health poll. Counters are of this generation since it was built. */
export interface TransportSample {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly bufferedBytes: number;
  readonly pingsSent: number;
  readonly pongsReceived: number;
  /** The burst that this poll made; null with a peer that answers none, or when none could be made. */
  readonly probes: ProbeCounts | null;
  /** Null when it is not known, or when our own data waited to be sent: then it says more of our queue than of the path. */
  readonly rttMs: number | null;
  readonly selectedPair: { readonly local: string; readonly remote: string } | null;
}

interface OfGeneration {
  readonly generation: number;
  /** Wall clock, milliseconds since the epoch. */
  readonly atMs: number;
}

export type TransportEvent =
  | ({ readonly type: 'transport.described'; readonly description: Description } & OfGeneration)
  | ({ readonly type: 'transport.candidate'; readonly candidate: string; readonly mid: string } & OfGeneration)
  | ({
      readonly type: 'transport.remoteApplied';
      readonly requestId: string;
      readonly peerKind: PeerKind;
      /** The peer kept its RTCPeerConnection (same `o=` session id): its old path ends here. */
      readonly sameConnection: boolean;
      /** A plain peer came with another RTCPeerConnection than before: it knows none of the channels' stream ids. */
      readonly newConnection: boolean;
      readonly dtlsRole: DtlsRole;
      /** Of the description; absent when it has none. */
      readonly session?: string | null;
    } & OfGeneration)
  /** A candidate was accepted (added, or kept until the remote description comes). */
  | ({ readonly type: 'transport.candidateAccepted'; readonly requestId: string } & OfGeneration)
  /** A remote description or candidate was refused; the generation goes on as if it had not come. */
  | ({ readonly type: 'transport.refused'; readonly requestId: string; readonly failure: Failure } & OfGeneration)
  | ({ readonly type: 'transport.stateChanged'; readonly state: TransportState } & OfGeneration)
  /** ICE is connected: from here a plain peer has certainly applied our description. */
  | ({ readonly type: 'transport.iceConnected' } & OfGeneration)
  /** The control channel is open: data has gone round the new path. */
  | ({
      readonly type: 'transport.up';
      /** What it has by now, open or about to be: the peer may know a channel before we know that it does. */
      readonly channels?: readonly ChannelRecord[];
    } & OfGeneration)
  /** After `up`, and again when a sample shows another pair. */
  | ({ readonly type: 'transport.selectedPair'; readonly pair: SelectedPair } & OfGeneration)
  | ({ readonly type: 'transport.down'; readonly cause: 'disconnected' | 'failed' | 'closed' } & OfGeneration)
  | ({ readonly type: 'transport.channelOpened'; readonly channel: ChannelRecord } & OfGeneration)
  | ({
      readonly type: 'transport.channelClosed';
      readonly label: string;
      readonly id: number;
      readonly reason: string;
    } & OfGeneration)
  | ({ readonly type: 'transport.pong'; readonly seq: number | null; readonly rttMs: number | null } & OfGeneration)
  /** The peer showed itself; at most one per second. `data`: it was application data. */
  | ({ readonly type: 'transport.heard'; readonly data: boolean } & OfGeneration)
  /** The answer to `transport.sample`, when the path has been probed: with our library 2 s later, else at once. */
  | ({ readonly type: 'transport.sampled'; readonly sample: TransportSample } & OfGeneration)
  /** Once when the generation is up, and whenever a sample finds another pair. */

  /** The generation could not be built or described. */
  | ({ readonly type: 'transport.failed'; readonly failure: Failure } & OfGeneration)
  | ({ readonly type: 'transport.closed' } & OfGeneration);

/** Stub with the right types; `machine.provide({actors: {transport}})` at boot brings the real one. */
export const transportStub = fromCallback<TransportCommand, TransportInput>(() => undefined);
