/**
 * The signalling port: how descriptions and candidates travel between the peer library and the service. `SocketSignalling` (signalling.ts)
 * is the `/peer` namespace; an application that relays signalling itself passes an object of its own as `options.signalling`.
 *
 * Driving rule: nothing is called before `start` and nothing after `stop`. The library checks every frame that it receives.
 */
import type { IceServer } from '../channels/connection.port.js';
import type { PeerError } from './peer-error.js';

/**
 * `online`: there is a network again, or the host woke up; `offline`: there is none; `connection_type`: another interface or route, Wi-Fi for
 * Ethernet say; `ip_change`: another address of the same interface.
 */
export type NetworkChangeType = 'online' | 'offline' | 'connection_type' | 'ip_change';

/** A change that the operating system or the browser reported. */
export interface NetworkChange {
  readonly type: NetworkChangeType;
  /** For people: connection type or interfaces; never parsed. */
  readonly data: string;
}

/** What the library sends. Names and fields are those of the wire. */
export type OutgoingMessage =
  | {
      readonly event: 'answer';
      readonly data: { readonly type: 'answer'; readonly sdp: string; readonly generation: number };
    }
  | {
      readonly event: 'icecandidate';
      /** `candidate: ""` = end of candidates (RFC 8838 §8.2). */
      readonly data: { readonly candidate: string; readonly sdpMid: string; readonly generation: number };
    }
  | { readonly event: 'restart_request'; readonly data: { readonly reason: string } }
  | { readonly event: 'network_change'; readonly data: NetworkChange }
  /** The application closed the peer, and `stop` follows: the tube may end. Of no use later, so nobody needs to keep it. */
  | { readonly event: 'bye'; readonly data: Readonly<Record<string, never>> };

export interface SignallingStatus {
  /** `draining`: the service is about to go away; the socket will be lost and come back elsewhere. */
  readonly status: 'online' | 'offline' | 'reconnecting' | 'draining';
  /** Attempts since the last success; 1 is the first reconnection. Only with `reconnecting`. */
  readonly attempt?: number;
  /** Wait before that attempt, in milliseconds. Only with `reconnecting`. */
  readonly delayMs?: number;
}

/** Who we are, for the `hello` frame. */
export interface Hello {
  readonly instance: string;
  /** The newest generation that we hold, up or coming up; 0 = none. */
  readonly generation: number;
  readonly library: string;
}

/** What a signalling implementation tells the library. None of these throws. */
export interface SignallingHandlers {
  /** A frame from the service: `offer`, `ice_restart_offer`, `icecandidate`, `closed`, `draining`. SDP may be raw or base64. */
  receive(event: string, data: unknown): void;
  status(status: SignallingStatus): void;
  /** Something went wrong that does not end signalling. */
  error(error: PeerError): void;
  /** Signalling is over for good, the token is refused for example. The peer closes. */
  fatal(error: PeerError): void;
  hello(): Hello;
}

export interface Signalling {
  start(handlers: SignallingHandlers): void;
  /** Takes the message and sends it when it can. Never throws. */
  send(message: OutgoingMessage): void;
  /** The network is back: whatever waits for a reconnection should do it now. */
  networkBack?(): void;
  /** Idempotent. */
  stop(): void;
}

export interface OfferFrame {
  readonly sdp: string;
  readonly generation: number;
  readonly trickleIce: boolean;
  readonly iceServers: readonly IceServer[];
}

export interface CandidateFrame {
  readonly candidate: string;
  readonly mid: string;
  /** Null when the relay lost it: the newest generation. */
  readonly generation: number | null;
}

const maxSdpLength = 256 * 1024;
const maxCandidateLength = 4096;
const maxIceServers = 32;

/** Null when it is not an offer. */
export function parseOffer(data: unknown): OfferFrame | null {
  if (!isRecord(data) || typeof data.sdp !== 'string' || data.sdp.length > maxSdpLength) return null;
  const sdp = rawSdp(data.sdp);
  const generation = data.generation;
  if (sdp === null || typeof generation !== 'number' || !Number.isSafeInteger(generation) || generation < 1)
    return null;
  return { sdp, generation, trickleIce: data.trickle_ice !== false, iceServers: parseIceServers(data.ice_servers) };
}

/** Null when it is not a candidate. */
export function parseCandidate(data: unknown): CandidateFrame | null {
  if (!isRecord(data) || typeof data.candidate !== 'string' || data.candidate.length > maxCandidateLength) return null;
  const generation = Number.isSafeInteger(data.generation) ? Number(data.generation) : null;
  const mid = typeof data.sdpMid === 'string' && data.sdpMid.length <= 64 ? data.sdpMid : '0';
  return { candidate: data.candidate, mid, generation };
}

/** Reads a list of `RTCIceServer`; entries that are none are left out. */
function parseIceServers(data: unknown): IceServer[] {
  if (!Array.isArray(data)) return [];
  return data.slice(0, maxIceServers).flatMap((entry: unknown) => {
    if (!isRecord(entry)) return [];
    const listed: unknown[] = Array.isArray(entry.urls) ? entry.urls : [entry.urls];
    const urls = listed.filter((url): url is string => typeof url === 'string');
    if (urls.length === 0) return [];
    return [
      {
        urls,
        ...(typeof entry.username === 'string' ? { username: entry.username } : {}),
        ...(typeof entry.credential === 'string' ? { credential: entry.credential } : {}),
      },
    ];
  });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Signals on `/control` carry SDP in base64, and a relay may pass them on as they are. */
function rawSdp(sdp: string): string | null {
  if (sdp.startsWith('v=')) return sdp;
  try {
    const decoded = atob(sdp);
    return decoded.startsWith('v=') ? decoded : null;
  } catch {
    return null;
  }
}
