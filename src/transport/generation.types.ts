/**
 * What a generation shares with its tube and its surroundings: small interfaces that transport-host.ts implements and tests fake.
 */
import type { PeerKind, TransportEvent } from '../../machines/ports/transport.port.js';

export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** For measuring; never goes back. Milliseconds. */
  monotonicMs(): number;
  /** Runs `fn` once after `delayMs`; the returned function cancels. */
  schedule(fn: () => void, delayMs: number): () => void;
}

/** The peer as its last applied description shows it. */
export interface Remote {
  readonly kind: PeerKind;
  /** It kept its RTCPeerConnection: the session id is that of its description before. */
  readonly sameConnection: boolean;
  /** A plain peer came with another one (a page was reloaded, say). */
  readonly newConnection: boolean;
  /** It answers probes. */
  readonly probes: boolean;
}

/** What the generations of one tube know together. */
export interface TubeFacts {
  /** Our instance, for the mark of every description. */
  readonly instance: string;
  /** Labels that the peer opened, in any generation. */
  readonly peerLabels: Set<string>;
  /** Session id of the remote description applied last, by this process or the one before; null when there was none. */
  sessionId(): string | null;
  /** Of our library: the instance that our sequence numbers belong to. */
  remoteInstance(): string | null;
  /** A remote description was applied. */
  noteRemote(sdp: string): Remote;
  /** Forgets labels that no live generation has. */
  prunePeerLabels(): void;
  /** Application messages delivered so far. */
  deliveries(): number;
}

type WithoutOrigin<Event> = Event extends unknown ? Omit<Event, 'generation' | 'atMs'> : never;

/** A transport event before it is stamped with generation and time. */
export type GenerationReport = WithoutOrigin<TransportEvent>;

/** An error as the detail of a failure: for people, bounded. */
export const detailOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 300);
