/**
 * The decision table of recovery: what is known when a trigger comes, and what follows from it (contract section 4). Pure and complete: the first row
 * that fits decides. When a restart is *allowed* by backoff, breaker and attempts is the restart machine's business, not this table's.
 */
import type { TransportState } from '../ports/transport.port.js';

/** What started a restart (contract section 4). `service_restart`: another process carries the tube on. */
export const restartTriggers = [
  'missed_pings',
  'transport_failure',
  'manual',
  'peer_request',
  'peer_offer',
  'poor_quality',
  'unhealthy',
  'crash',
  'interface_change',
  'ip_change',
  'turn_expiry',
  'service_restart',
] as const;
export type RestartTrigger = (typeof restartTriggers)[number];

/** Contract section 7. The last three are what a tube finds out by itself; a controller may report any of them. */
export const networkChangeTypes = [
  'interface_change',
  'ip_change',
  'connection_timeout',
  'ice_failure',
  'quality_degradation',
] as const;
export type NetworkChangeType = (typeof networkChangeTypes)[number];

/** Who noticed a network change: this host, the peer's end, a controller, or the tube by what its path does. */
export const networkChangeSources = ['host', 'peer', 'controller', 'tube'] as const;
export type NetworkChangeSource = (typeof networkChangeSources)[number];

/** Whether the peer is known to have a signalling socket of its own. `relayed`: not that we know of. */
export type PeerSignalling = 'relayed' | 'online' | 'offline';

/**
 * The way of this host to a peer (to the relay, if there is one), compared with what it was when the path came up. `same`: packets would leave from the same address. `moved`: from
 * another one, so the old path is dead. `none`: nothing leads there. `unknown`: not told.
 */
export type Route = 'unknown' | 'same' | 'moved' | 'none';

/** Whether the active path works: nothing missing, pings missing (or known to be cut off), or there is none. */
export type PathHealth = 'sound' | 'doubted' | 'none';

/** Everything that a decision looks at, and what is logged with it. */
export interface Evidence {
  readonly trigger: RestartTrigger;
  readonly source: NetworkChangeSource;
  readonly path: PathHealth;
  /** Pings in a row without an answer. */
  readonly missedPings: number;
  /** Which: the numbers of the last ten of them, on the active path. */
  readonly missedSeqs: readonly number[];
  /** Since the peer was last heard over the path, milliseconds. */
  readonly silentMs: number;
  readonly transport: TransportState;
  readonly signalling: PeerSignalling;
  readonly route: Route;
  /** Restarts of this tube are held back: by the storm governor, or until a controller follows it (`waitsToBeFollowed`). */
  readonly held: boolean;
  /** Of the tubes of this node that turned suspect lately, in [0, 1]. */
  readonly suspectShare: number;
}

export const recoveryVerdicts = [
  'restart_now',
  'wait_for_peer',
  'wait_for_network',
  'wait_for_controller',
  'leave_alone',
] as const;
export type Verdict = (typeof recoveryVerdicts)[number];

export interface Ruling {
  readonly verdict: Verdict;
  /** For people; never compared. */
  readonly why: string;
}

interface Row extends Ruling {
  readonly fits: (evidence: Evidence) => boolean;
}

const networkTriggers: readonly RestartTrigger[] = ['interface_change', 'ip_change'];

export const isNetworkTrigger = (trigger: RestartTrigger): boolean => networkTriggers.includes(trigger);

/**
 * The process before this one ended, and nobody could be told of an offer yet. A storm that holds the tube says so by the share of suspects, which is
 * never 0 then. The trigger says nothing of it: while such a tube waits, its peer may report a change of its network.
 */
export const waitsToBeFollowed = ({ held, suspectShare }: Pick<Evidence, 'held' | 'suspectShare'>): boolean =>
  held && suspectShare === 0;

const leaveAlone: Row = {
  fits: ({ trigger, source, path, route }) =>
    isNetworkTrigger(trigger) && source === 'host' && path === 'sound' && (route === 'same' || route === 'unknown'),
  verdict: 'leave_alone',
  why: 'the way to the peer is as it was',
};

/** Of a sound path that a change of this host does not concern. */
export const leftAlone: Ruling = leaveAlone;

const table: readonly Row[] = [
  {
    fits: ({ trigger }) => trigger === 'peer_offer',
    verdict: 'restart_now',
    why: 'the peer offers',
  },
  leaveAlone,
  {
    fits: ({ signalling }) => signalling === 'offline',
    verdict: 'wait_for_peer',
    why: 'the signalling of the peer is down',
  },
  // What this node guesses about itself holds no person up. A peer only says what it sees, and may see our own trouble.
  { fits: ({ trigger }) => trigger === 'manual', verdict: 'restart_now', why: 'it was asked for' },
  { fits: ({ route }) => route === 'none', verdict: 'wait_for_network', why: 'this host has no way to the peer' },
  { fits: waitsToBeFollowed, verdict: 'wait_for_controller', why: 'no controller follows the tube yet' },
  {
    fits: ({ held }) => held,
    verdict: 'wait_for_network',
    why: 'many tubes of this node failed at the same time: the fault is ours',
  },
  {
    fits: ({ route }) => route === 'moved',
    verdict: 'restart_now',
    why: 'packets would leave from another address now',
  },
  { fits: ({ path }) => path === 'none', verdict: 'restart_now', why: 'there is no path' },
  { fits: ({ path }) => path === 'doubted', verdict: 'restart_now', why: 'the path is silent' },
  { fits: () => true, verdict: 'restart_now', why: 'restart now' },
];

/** The first row that fits. */
export function judge(evidence: Evidence): Ruling {
  const row = table.find(({ fits }) => fits(evidence));
  // The last row fits everything.
  return row ?? { verdict: 'restart_now', why: 'restart now' };
}
