/** From the tube views of the port to wire objects, and the paging of lists. Pure; times are milliseconds since the epoch. */
import { probeLabel } from '../channels/wire.js';
import { settingsToWire } from '../config/tube-settings.js';
import { AppError } from '../errors.js';
import type { WireObject } from './answers.js';
import type { ListTubes } from './control-wire.js';
import type { PathQuality, TubeStats, TubeView } from './tubes.port.js';

export function stateToWire(view: TubeView): WireObject {
  const { incident } = view;
  return {
    tube_id: view.identity.tubeId,
    state: view.state,
    transport_state: view.transportState,
    generation: view.generation,
    active_generation: view.activeGeneration,
    incident:
      incident === null
        ? null
        : { started_at_ms: incident.startedAtMs, trigger: incident.trigger, attempts: incident.attempts },
    last_activity_at_ms: view.lastActivityAtMs,
  };
}

export function tubeToWire(view: TubeView, lastSeq: number): WireObject {
  return {
    ...stateToWire(view),
    conversation_id: view.identity.conversationId,
    trickle_ice: view.settings.trickleIce,
    peer_kind: view.peerKind,
    channels: view.channels
      .filter(({ label }) => label !== probeLabel)
      .map(({ label, id, class: kind }) => ({ label, id, class: kind })),
    created_at_ms: view.identity.createdAtMs,
    last_seq: lastSeq,
  };
}

/** What a tube runs by, in the words of `settings` of `create_tube`, after the names of what the numbers came from. Nothing in it is secret. */
export function settingsOf({ settings }: TubeView): WireObject {
  const { trickleIce: _saidBesides, profile = null, recoveryPolicy = null, ...numbers } = settings;
  return { profile, recovery_policy: recoveryPolicy, ...settingsToWire(numbers) };
}

/** To 0.01 ms: what is below is noise of the clock. */
const rounded = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 100) / 100);

/** Scores and loss to four digits: probes are some hundred. */
const ratio = (value: number | null): number | null => (value === null ? null : Math.round(value * 10_000) / 10_000);

function qualityToWire({ verdict, scores, samples, limits }: PathQuality): WireObject {
  return {
    score: ratio(scores.at(-1) ?? null),
    verdict,
    scores: scores.map(ratio),
    loss_rates: samples.map(({ lossRatio }) => ratio(lossRatio)),
    rtts_ms: samples.map(({ rttMs }) => rounded(rttMs)),
    thresholds: {
      warning: { loss_rate: limits.warnLossRatio, rtt_ms: limits.warnRttMs },
      poor: { score: limits.poorScore, loss_rate: limits.poorLossRatio, rtt_ms: limits.poorRttMs },
    },
  };
}

export function statsToWire(stats: TubeStats): WireObject {
  return {
    bytes_sent: stats.bytesSent,
    bytes_received: stats.bytesReceived,
    packet_loss_rate: stats.loss?.ratio ?? null,
    loss_to_peer: stats.loss?.toPeer ?? null,
    loss_from_peer: stats.loss?.fromPeer ?? null,
    rtt_ms: rounded(stats.rttMs),
    jitter_ms: rounded(stats.loss?.jitterMs ?? null),
    buffered_bytes: stats.bufferedBytes,
    messages_sent: stats.messagesSent,
    messages_received: stats.messagesReceived,
    selected_pair: stats.selectedPair,
    generations: stats.generations,
    quality: stats.quality === null ? null : qualityToWire(stats.quality),
  };
}

/** Oldest first; the cursor is the place of the last tube told, so it stays good when that tube is gone. */
interface Place {
  readonly createdAtMs: number;
  readonly tubeId: string;
}

const placeOf = ({ identity }: TubeView): Place => ({ createdAtMs: identity.createdAtMs, tubeId: identity.tubeId });

function compare(left: Place, right: Place): number {
  if (left.createdAtMs !== right.createdAtMs) return left.createdAtMs - right.createdAtMs;
  return left.tubeId < right.tubeId ? -1 : Number(left.tubeId > right.tubeId);
}

const encodeCursor = ({ createdAtMs, tubeId }: Place): string =>
  Buffer.from(`${String(createdAtMs)}~${tubeId}`).toString('base64url');

function decodeCursor(cursor: string): Place {
  const [createdAt = '', tubeId] = Buffer.from(cursor, 'base64url').toString('latin1').split('~');
  const createdAtMs = Number(createdAt);
  if (tubeId === undefined || createdAt === '' || !Number.isFinite(createdAtMs))
    throw new AppError('input_schema', 'cursor: not one of ours');
  return { createdAtMs, tubeId };
}

/** Throws AppError `input_schema` for a cursor that is not one of ours. */
export function pageOf(
  views: Iterable<TubeView>,
  { state, conversationId, limit, cursor }: ListTubes,
): { page: TubeView[]; nextCursor: string | null } {
  const after = cursor === undefined ? null : decodeCursor(cursor);
  const matching = [...views].filter(
    (view) =>
      (state === undefined || view.state === state) &&
      (conversationId === undefined || view.identity.conversationId === conversationId) &&
      (after === null || compare(placeOf(view), after) > 0),
  );
  const page = matching.sort((left, right) => compare(placeOf(left), placeOf(right))).slice(0, limit);
  const last = page.at(-1);
  const isMore = last !== undefined && matching.length > limit;
  return { page, nextCursor: isMore ? encodeCursor(placeOf(last)) : null };
}
