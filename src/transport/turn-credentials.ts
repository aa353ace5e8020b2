/**
 * Credentials of a TURN server that shares a secret with this service ("TURN REST API", coturn's `use-auth-secret`), and the list of ICE servers that
 * one end of a tube is built with. Pure: the time comes in. src/app.ts asks for every generation of ours and for every offer to a peer.
 */
import { createHmac } from 'node:crypto';
import type { IceServer } from '../channels/connection.port.js';

/** Of tubes whose credentials are not renewed (`turnCredentialTtlMs` 0): a path may outlive its credentials, but not be made with expired ones. */
const unrenewedTtlMs = 7 * 24 * 3_600_000;

export interface IceServerSource {
  /** Handed out as they are configured; what they need to log in does not expire. */
  readonly iceServers: readonly IceServer[];
  readonly turnUrls: readonly string[];
  /** Null without `turnUrls`. */
  readonly turnSecret: string | null;
}

export interface TurnCredentials {
  /** `<seconds since the epoch at which it expires>:<tube id>` */
  readonly username: string;
  readonly credential: string;
}

/**
 * Good for every server that knows the secret, until `expiresAtMs` (since the epoch, rounded up to seconds). draft-uberti-behave-turn-rest-00 §2.2;
 * TURN (RFC 8656 §5) knows nothing of it: to it they are long-term credentials like any other.
 */
export function turnCredentials(secret: string, tubeId: string, expiresAtMs: number): TurnCredentials {
  const username = `${Math.ceil(expiresAtMs / 1000)}:${tubeId}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}

/** The configured servers, and those of the shared secret with credentials that live for `ttlMs` from `nowMs` on; 0: for a week. */
export function iceServersFor(
  { iceServers, turnUrls, turnSecret }: IceServerSource,
  tubeId: string,
  ttlMs: number,
  nowMs: number,
): readonly IceServer[] {
  if (turnSecret === null || turnUrls.length === 0) return iceServers;
  const expiresAtMs = nowMs + (ttlMs === 0 ? unrenewedTtlMs : ttlMs);
  return [...iceServers, { urls: turnUrls, ...turnCredentials(turnSecret, tubeId, expiresAtMs) }];
}

/** Of all servers, in no particular order. */
export const iceUrlsOf = ({ iceServers, turnUrls }: Pick<IceServerSource, 'iceServers' | 'turnUrls'>): string[] => [
  ...iceServers.flatMap(({ urls }) => urls),
  ...turnUrls,
];
