/** The declarative half of a scenario: with what tubes, peers and network the stage is set. */
import type { Conditions } from '../../../src/demo/impairment.js';

/** `library`: our library in Node. `chromium`: a plain page on its one RTCPeerConnection. */
export type PeerKind = 'library' | 'chromium';
export const peerKinds: readonly PeerKind[] = ['library', 'chromium'];

export interface Setting {
  readonly name: string;
  /** Of the tube. Default production. */
  readonly profile?: string;
  /** Of `create_tube`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Of the service. */
  readonly flags?: readonly string[];
  /** Default 1. */
  readonly tubes?: number;
  /** Of peers. Default 1. */
  readonly processes?: number;
  /** Default 20. */
  readonly messageEveryMs?: number;
  /** The library is not told about its own network. */
  readonly unreported?: boolean;
  /** A NAT in front of the peer host. */
  readonly nat?: boolean;
  /** Media goes through the UDP relay, with these conditions at the start. */
  readonly path?: Partial<Conditions>;
  /** A TURN server in the router, and no other way for media. */
  readonly turn?: boolean;
  /** The CPU of the service is sampled. */
  readonly watchCpu?: boolean;
  /** A plain page makes a new RTCPeerConnection when its answer has led to nothing after this. Default: never. */
  readonly fallbackAfterMs?: number;
}
