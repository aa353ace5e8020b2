/**
 * The calls of operators, with the types of their answers (docs/api.md, src/operator). Nothing is kept here; every function asks once and rejects
 * with ControlError.
 */
import type { FlightEntry, FlightFact } from '../../operator/flight.types.js';
import type {
  ClosedTubeRow,
  Fault,
  IncidentsAnswer,
  LogLevelRow,
  NodeView,
  SamplePoint,
  TubeRow,
} from '../../operator/operator.types.js';
import type { Session } from './session.js';

export type TubeState = TubeRow['state'];
type Fact<Kind extends FlightFact['kind']> = Extract<FlightFact, { kind: Kind }>;
export type CandidateEnd = Fact<'selected_pair'>['local'];

/** `get_tube` with `history`. */
export interface TubeDetail {
  readonly tube_id: string;
  readonly conversation_id: string;
  readonly state: TubeState;
  readonly transport_state: string;
  readonly generation: number;
  readonly active_generation: number | null;
  readonly trickle_ice: boolean;
  readonly peer_kind: string;
  readonly channels: readonly { readonly label: string; readonly id: number; readonly class: string }[];
  readonly created_at_ms: number;
  readonly last_activity_at_ms: number;
  /** Signals that the controller was sent. */
  readonly last_seq: number;
  readonly history: readonly FlightEntry[];
  readonly history_dropped: number;
}

/** `get_connection_stats`. */
export interface ConnectionStats {
  readonly bytes_sent: number;
  readonly bytes_received: number;
  readonly packet_loss_rate: number | null;
  readonly rtt_ms: number | null;
  readonly jitter_ms: number | null;
  readonly buffered_bytes: number;
  readonly messages_sent: number;
  readonly messages_received: number;
  readonly selected_pair: { readonly local: CandidateEnd; readonly remote: CandidateEnd } | null;
  readonly generations: readonly { readonly generation: number; readonly state: string; readonly active: boolean }[];
  readonly quality: {
    readonly score: number | null;
    /** Null before the first poll. */
    readonly verdict: Fact<'quality'>['verdict'] | null;
    readonly scores: readonly number[];
  } | null;
}

export const getTube = (session: Session, tubeId: string): Promise<TubeDetail> =>
  session.call('get_tube', { tube_id: tubeId, history: true });

export const getStats = (session: Session, tubeId: string): Promise<ConnectionStats> =>
  session.call('get_connection_stats', { tube_id: tubeId });

export const getIncidents = (session: Session, tubeId: string): Promise<IncidentsAnswer> =>
  session.call('get_incidents', { tube_id: tubeId });

export async function getSamples(session: Session, tubeId: string): Promise<readonly SamplePoint[]> {
  const { samples } = await session.call<{ samples: readonly SamplePoint[] }>('get_samples', { tube_id: tubeId });
  return samples;
}

export async function listClosed(session: Session): Promise<readonly ClosedTubeRow[]> {
  const { tubes } = await session.call<{ tubes: readonly ClosedTubeRow[] }>('list_closed');
  return tubes;
}

export const getNode = (session: Session): Promise<NodeView> => session.call('get_node');

export async function getLogLevels(session: Session): Promise<readonly LogLevelRow[]> {
  const { levels } = await session.call<{ levels: readonly LogLevelRow[] }>('get_log_levels');
  return levels;
}

/** `ttlMs` null: it stays. */
export const setLogLevel = (session: Session, target: string, level: string, ttlMs: number | null): Promise<object> =>
  session.call('set_log_level', { target, level, ...(ttlMs === null ? {} : { ttl_ms: ttlMs }) });

export const restartTube = (session: Session, tubeId: string): Promise<object> =>
  session.call('restart_ice', { tube_id: tubeId });

export const closeTube = (session: Session, tubeId: string): Promise<object> =>
  session.call('close_tube', { tube_id: tubeId, reason: 'closed in the console' });

export const injectFault = (session: Session, tubeId: string, fault: Fault, durationMs: number): Promise<object> =>
  session.call('inject_fault', { tube_id: tubeId, fault, duration_ms: durationMs });

/** The flight file (docs/replay.md). */
export async function exportHistory(session: Session, tubeId: string): Promise<object> {
  const { flight } = await session.call<{ flight: object }>('export_history', { tube_id: tubeId });
  return flight;
}
