/**
 * What operators ask of a node and what they are answered: the calls `watch_tubes`, `get_node`, `get_incidents`, `set_log_level` and the like on
 * `/control`, as the wire has them. Types only, shared by the gateway that answers, the console and the command line that ask. Times are milliseconds
 * since the epoch (`_at_ms`) or lengths (`_ms`); ratios are in [0, 1].
 */
import type { TubeState } from '../../machines/events.js';
import type { CloseReason } from '../../machines/failure.js';
import type { RestartTrigger, Route } from '../../machines/policies/recovery.js';
import type { Side } from './evidence.js';
import type { Incident } from './incident.types.js';

/** What the tube does next by itself, if nothing happens before. */
export interface NextStep {
  readonly what:
    /** The restart after the pause of the backoff or the breaker. */
    | 'attempt'
    /** The offer stays unanswered: a failed attempt. */
    | 'answer_timeout'
    /** Waits for the peer's signalling, this host's network, or the storm governor: no time is known. */
    | 'wait_for_peer'
    | 'wait_for_network'
    | 'wait_for_storm'
    /** Carried on after a restart of the service: a controller follows it, or it restarts at about that time without one. */
    | 'wait_for_controller'
    /** First connection: it is given up; where the peer has answered, it is tried anew. */
    | 'connect_timeout'
    /** A failed tube is closed. */
    | 'close';
  readonly at_ms: number | null;
}

/** One line of the console's list. */
export interface TubeRow {
  readonly tube_id: string;
  readonly conversation_id: string;
  readonly state: TubeState;
  /** Since when it is in this state, and why. */
  readonly since_ms: number;
  readonly reason: string;
  readonly created_at_ms: number;
  readonly generation: number;
  /** The incident that is open. */
  readonly incident: Pick<Incident, 'started_at_ms' | 'trigger' | 'attempts'> | null;
  readonly next: NextStep | null;
  /** The last that was measured. */
  readonly rtt_ms: number | null;
  readonly loss: number | null;
  readonly score: number | null;
  /** Types of the candidates in use: `host/srflx udp`. */
  readonly pair: string | null;
  /** Incidents that ended well, and all of them. */
  readonly recovered: number;
  readonly incidents: number;
}

/** A tube that has ended. */
export interface ClosedTubeRow {
  readonly tube_id: string;
  readonly conversation_id: string;
  readonly created_at_ms: number;
  readonly closed_at_ms: number;
  readonly reason: CloseReason;
}

/**
 * The event `tubes`: after `watch_tubes` first all rows of the tenant in batches (`begins` on the first, `complete` on the last of them), from the first
 * of them on also what has changed (neither of the two), at most twice a second. After a reconnection `watch_tubes` has to be called again.
 */
export interface TubesBatch {
  readonly at_ms: number;
  readonly begins: boolean;
  readonly complete: boolean;
  readonly changed: readonly TubeRow[];
  /** Ids of tubes that have ended. */
  readonly gone: readonly string[];
}

export interface WatchTubesAnswer {
  readonly total: number;
}

/** One minute of a node, for "is it getting worse". Incidents that somebody wanted (`manual`, `turn_expiry`, `service_restart`) count only as outages and losses. */
export interface TrendMinute {
  readonly at_ms: number;
  readonly started: number;
  readonly recovered: number;
  /** Tubes that were given up or lost. */
  readonly lost: number;
  /** Of the outages that ended in this minute; null when none did. */
  readonly outage_median_ms: number | null;
  readonly outage_worst_ms: number | null;
}

/** `get_node`: the machine and the process behind the tubes. Counts are of all tenants; nothing in it names a tube. */
export interface NodeView {
  readonly node_id: string;
  readonly version: string;
  readonly started_at_ms: number;
  readonly now_ms: number;
  readonly profile: string;
  readonly recovery_policy: string;
  readonly draining: boolean;
  readonly tubes: Readonly<Record<TubeState, number>>;
  /** `used` and `limit` by resource: sockets, ice_agents, creates. */
  readonly limits: Readonly<Record<string, { readonly used: number; readonly limit: number }>>;
  readonly storm: { readonly active: boolean; readonly since_ms: number | null; readonly held: number };
  readonly event_loop: { readonly p50_ms: number; readonly p99_ms: number; readonly utilization: number };
  readonly memory: { readonly rss_bytes: number; readonly heap_used_bytes: number };
  readonly store: { readonly kind: 'memory' | 'embedded'; readonly sound: boolean };
  /** Fault injection is allowed (`HOLDFAST_FAULT_INJECTION`). */
  readonly fault_injection: boolean;
  readonly network: {
    readonly watching: 'events' | 'polling';
    readonly interfaces: readonly {
      readonly name: string;
      readonly addresses: readonly string[];
    }[];
    readonly last_change: { readonly at_ms: number; readonly type: string; readonly detail: string } | null;
  };
  /**
   * The tubes that are down or in doubt, each by the incident that is open, or that it was given up in: what is wrong, and whose fault it looks like.
   * One that was given up before it was ever connected has the reason for its trigger, an unknown route and no clear side.
   */
  readonly blame: {
    readonly triggers: Readonly<Partial<Record<RestartTrigger | CloseReason, number>>>;
    readonly routes: Readonly<Partial<Record<Route, number>>>;
    readonly sides: Readonly<Record<Side, number>>;
  };
  /** The last 60 minutes, oldest first; the last is not over. */
  readonly trend: readonly TrendMinute[];
}

/** `get_incidents`: of one tube, newest first, with the present one; the fold of its history. Also of a tube that was closed lately. */
export interface IncidentsAnswer {
  readonly tube_id: string;
  readonly incidents: readonly Incident[];
}

/** `list_closed`: of the tenant, newest first. */
export interface ClosedTubesAnswer {
  readonly tubes: readonly ClosedTubeRow[];
}

/** One point of a tube's measurements, for plots: what was known last at that moment. Bytes are those of all generations together, as the last health poll counted them. */
export interface SamplePoint {
  readonly at_ms: number;
  readonly rtt_ms: number | null;
  readonly loss: number | null;
  /** Of messages over all paths of the tube, since it is in this process. */
  readonly bytes_in: number;
  readonly bytes_out: number;
}

/** `get_samples`: the last 15 minutes at most, oldest first; a point each 30 s while all is well, and each 4 s in trouble or while somebody asks for them. */
export interface SamplesAnswer {
  readonly tube_id: string;
  readonly samples: readonly SamplePoint[];
}

/** `get_log_levels`; `set_log_level` answers with the row of its target. */
export interface LogLevelsAnswer {
  readonly levels: readonly LogLevelRow[];
}

export interface LogLevelRow {
  readonly target: string;
  readonly level: string;
  /** When it goes back to `base` by itself; null when it stays. */
  readonly until_ms: number | null;
  /** As configured, or as it was set for good since. */
  readonly base: string;
}

/** `inject_fault` (where the node allows it): what breaks, for how long. */
export const faults = ['black_hole', 'connection_closed', 'network_change'] as const;
/**
 * `black_hole`: the present path is deaf and dumb until `duration_ms` are over or a new generation has taken over; `connection_closed`: its
 * native connection ends; `network_change`: as if this host's address towards the peer had changed.
 */
export type Fault = (typeof faults)[number];
