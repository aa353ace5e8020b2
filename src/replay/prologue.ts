/**
 * How a tube is brought to where the inputs of a flight file begin: created, carried on from a record, or, when its beginning was dropped, connected
 * and quiet. Moments to be played before the first input; none of them happened like this, and nothing of them is told.
 */
import type { TubeIdentity, TubeRecord } from '../../machines/events.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { Flight } from './flight-file.js';
import type { InputOf } from './flight-inputs.js';
import { eventOf, type Moment } from './input-events.js';

type Connected = InputOf<'start.connected'>;
type Resumed = InputOf<'start.resumed'>;

export const identityOf = ({ tube_id: tubeId, created_at_ms: createdAtMs }: Flight): TubeIdentity => ({
  tubeId,
  conversationId: '',
  tenant: '',
  peerTokenDigest: '',
  createdAtMs,
});

/** The record from which another process carried the tube on. `generation`: the newest that it had built. */
export function recordOf(flight: Flight, start: Connected | Resumed, generation: number): TubeRecord {
  return {
    ...identityOf(flight),
    settings: flight.settings,
    generation,
    activeGeneration: null,
    peerKind: start.peer_kind,
    dtlsRole: start.dtls_role,
    channels: start.channels,
    peerSession: null,
    signalling: start.event === 'start.resumed' && start.signalling !== 'relayed' ? 'direct' : 'relayed',
  };
}

/** More than the longest pause after which a chart forgets what was: then nothing is left of how the tube was connected. */
const marginMs = 1000;

/** When the moments begin: early enough for all that is remembered. */
export function beginOf(start: Connected, settings: TubeSettings): number {
  const { incidentResetMs, healthCheckIntervalMs, turnCredentialTtlMs } = settings;
  const quietMs = Math.max(incidentResetMs, healthCheckIntervalMs) + marginMs;
  const isRelayed = start.pair !== null && [start.pair.local.type, start.pair.remote.type].includes('relay');
  // A relayed path is renewed so long after its pair was found; of another one it does not matter when that was.
  const pairMs = isRelayed && turnCredentialTtlMs > 0 ? start.pair.at_ms : Infinity;
  return Math.max(0, Math.min(start.at_ms - quietMs, start.session_since_ms, pairMs));
}

/** From a tube that waits for its first answer, or for leave to restart, to the one that `start` describes. Oldest first. */
export function momentsBefore(start: Connected, settings: TubeSettings): Moment[] {
  const beginMs = beginOf(start, settings);
  return [
    ...connecting(start, beginMs),
    ...keptBusy(start, settings, beginMs),
    ...(start.pair === null ? [] : [pairFound(start, start.pair, beginMs)]),
    ...pongOf(start, beginMs),
    ...known(start),
  ].sort((a, b) => a.atMs - b.atMs);
}

function connecting(start: Connected, atMs: number): Moment[] {
  const { generation, peer_kind, dtls_role, channels } = start;
  const applied = { same_connection: false, new_connection: false, dtls_role: dtls_role ?? ('active' as const) };
  const at_ms = atMs;
  return [
    { type: 'tube.nodeChanged' as const, node: { held: false }, atMs },
    eventOf({ event: 'transport.described', at_ms, generation, type: 'offer' }, atMs),
    eventOf({ event: 'tube.remoteDescription', at_ms, type: 'answer', generation }, atMs),
    eventOf({ event: 'transport.remoteApplied', at_ms, generation, peer_kind, ...applied }, atMs),
    eventOf({ event: 'transport.stateChanged', at_ms, generation, state: 'connected' }, atMs),
    eventOf({ event: 'transport.up', at_ms, generation, channels }, atMs),
  ].map((event) => ({ atMs, event }));
}

/** Data, so that the session does not end before what is known of it begins. */
function keptBusy(
  { generation, session_since_ms: sinceMs }: Connected,
  settings: TubeSettings,
  beginMs: number,
): Moment[] {
  const stepMs = Math.max(1000, Math.min(settings.sessionTimeoutMs, settings.sessionWarningMs) / 2);
  const moments: Moment[] = [];
  const data = (atMs: number): void =>
    void moments.push({ atMs, event: { type: 'transport.heard', data: true, generation, atMs } });
  for (let atMs = beginMs + stepMs; atMs < sinceMs; atMs += stepMs) data(atMs);
  if (sinceMs > beginMs) data(sinceMs);
  return moments;
}

function pairFound({ generation }: Connected, pair: NonNullable<Connected['pair']>, beginMs: number): Moment {
  const atMs = Math.max(pair.at_ms, beginMs);
  const { local, remote } = pair;
  return { atMs, event: eventOf({ event: 'transport.selectedPair', at_ms: atMs, generation, local, remote }, atMs) };
}

/** One that came before all of this still tells that the peer answers. */
function pongOf({ generation, last_pong: pong }: Connected, beginMs: number): Moment[] {
  if (pong === null) return [];
  const { rtt_ms: rttMs } = pong;
  const atMs = Math.max(pong.at_ms, beginMs);
  return [{ atMs, event: { type: 'transport.pong', generation, seq: null, rttMs, atMs } }];
}

/** What was known when the inputs begin. */
function known(start: Connected): Moment[] {
  const { generation, signalling, route, held, suspect_share: suspectShare } = start;
  const atMs = start.at_ms - 1;
  const online = signalling === 'online';
  const socket = { type: 'tube.peerSignalling' as const, online, atMs };
  const node = { type: 'tube.nodeChanged' as const, node: { route, held, suspectShare }, atMs };
  const heard = { type: 'transport.heard' as const, data: false, generation, atMs: start.last_heard_ms };
  const activity = { type: 'tube.activity' as const, atMs: start.last_activity_ms };
  const breaker = { type: 'restart.breakerChanged' as const, breaker: start.breaker };
  const events = [...(signalling === 'relayed' ? [] : [socket]), node, breaker, heard, activity];
  return events.map((event) => ({ atMs, event }));
}
