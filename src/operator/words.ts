/**
 * The codes of the wire in the words of a person on call: triggers, routes, phases, outcomes, next steps, evidence, and which state needs somebody most.
 * For the console and the command line; how they write lengths of time and ratios they bring along. Pure. A code that is not known here (a newer
 * service) is shown as it is, with spaces.
 */
import type { TubeState } from '../../machines/events.js';
import type { RestartTrigger, Route } from '../../machines/policies/recovery.js';
import { isUnfollowed } from './evidence.js';
import type { WireEvidence } from './flight.types.js';
import type { Incident, IncidentOutcome, Phase } from './incident.types.js';
import type { NextStep } from './operator.types.js';

const plain = (code: string): string => code.replaceAll('_', ' ');

/** The worst first. */
export const urgency: Readonly<Record<TubeState, number>> = {
  failed: 0,
  degraded: 1,
  connecting: 2,
  initializing: 3,
  connected: 4,
  closed: 5,
};

const triggers: Readonly<Record<RestartTrigger, string>> = {
  missed_pings: 'pings unanswered',
  transport_failure: 'connection broke',
  manual: 'asked for by hand',
  peer_request: 'the peer asked for it',
  peer_offer: 'the peer offered anew',
  poor_quality: 'quality is poor',
  unhealthy: 'silent, and operations fail',
  crash: 'its actor crashed',
  interface_change: 'network interface changed',
  ip_change: 'address changed',
  turn_expiry: 'TURN credentials run out',
  service_restart: 'the service was restarted',
};

/** Why there is trouble. */
export const triggerWords = (trigger: string): string => triggers[trigger as RestartTrigger] ?? plain(trigger);

const reasons: Readonly<Record<string, string>> = {
  ...triggers,
  restart_exhausted: 'all attempts are used up',
  breaker_open: 'too many attempts failed in a row',
  answer_timeout: 'the peer did not answer',
  trickle_disabled: 'it cannot restart without trickle',
  connect_timeout: 'it never came about',
  gather_timeout: 'no candidates were found in time',
  session_timeout: 'no data for too long',
  peer_closed: 'the peer said goodbye',
  requested: 'asked for',
  limit: 'a limit was reached',
  crashed: 'it crashed too often',
  shutdown: 'the service was stopped',
  replaced: 'another took its place',
  internal: 'internal error',
};

/** Of a state or a close reason. */
export const reasonWords = (reason: string): string => reasons[reason] ?? plain(reason);

const routes: Readonly<Record<Route, string>> = {
  same: 'this host’s way to the peer is as it was',
  moved: 'packets of this host would leave from another address',
  none: 'this host has no way to the peer',
  unknown: 'this host’s way to the peer is not known',
};

export const routeWords = (route: string): string => routes[route as Route] ?? plain(route);

interface NamedWords {
  readonly name: string;
  readonly meaning: string;
}

export const phaseWords: Readonly<Record<Phase, NamedWords>> = {
  detect: { name: 'Noticing', meaning: 'the path was dead and nobody knew' },
  decide: { name: 'Deciding', meaning: 'known; waiting and failed attempts until the one that worked' },
  signal: { name: 'Offer and answer', meaning: 'the offer was made, sent and answered' },
  connect: { name: 'Connecting', meaning: 'ICE, DTLS and channels came up' },
  resume: { name: 'Data again', meaning: 'until something came over the new path' },
};

const outcomes: Readonly<Record<IncidentOutcome, string>> = {
  open: 'still open',
  recovered: 'recovered',
  stood_down: 'false alarm',
  failed: 'given up',
  closed: 'closed meanwhile',
};

export const outcomeWords = (outcome: string): string => outcomes[outcome as IncidentOutcome] ?? plain(outcome);

/** Writes a length of time. */
type Length = (ms: number) => string;

/** What happens next by itself, with the time that is left. The time comes early: lists cut off what does not fit. */
export function nextWords({ what, at_ms: atMs }: NextStep, nowMs: number, length: Length): string {
  const leftMs = atMs === null ? null : atMs - nowMs;
  const isNow = leftMs !== null && leftMs < 1000;
  const due = leftMs === null ? '' : isNow ? ' now' : ` in ${length(leftMs)}`;
  const more = leftMs === null ? '' : ` ${length(leftMs)} more`;
  switch (what) {
    case 'attempt':
      return `next attempt${due}`;
    case 'answer_timeout':
      return isNow ? 'gives up on the answer now' : `waits${more} for the answer, then gives up on it`;
    case 'wait_for_peer':
      return 'waits for the peer to be back';
    case 'wait_for_network':
      return 'waits for this host’s network';
    case 'wait_for_storm':
      return 'held back: many tubes fell at once';
    case 'wait_for_controller':
      return isNow ? 'restarts without a controller now' : `waits${more} for a controller, then restarts without one`;
    case 'connect_timeout':
      return `gives up connecting${due}`;
    case 'close':
      return `is closed${due}`;
    default:
      return plain(what);
  }
}

const paths: Readonly<Record<WireEvidence['path'], string>> = {
  sound: 'the path worked',
  doubted: 'the path was in doubt',
  none: 'there was no path',
};

const peers: Readonly<Record<WireEvidence['peer_signalling'], string>> = {
  online: 'the peer’s signalling was there',
  offline: 'the peer’s signalling was down',
  relayed: 'the peer is signalled through the controller',
};

interface Units {
  readonly length: Length;
  /** Writes a ratio in [0, 1]. */
  readonly percent: (ratio: number) => string;
}

/** What the first decision of an incident looked at, in sentences. */
export function evidenceSentences(evidence: WireEvidence, { length, percent }: Units): readonly string[] {
  const { missed_pings: missed, silent_ms: silentMs, transport_state: transport } = evidence;
  const pings = missed === 1 ? '1 ping' : `${missed} pings`;
  const share = percent(evidence.suspect_share);
  return [
    paths[evidence.path],
    missed === 0 ? 'no ping was missing' : `${pings} in a row unanswered`,
    ...(silentMs > 0 ? [`nothing heard for ${length(silentMs)}`] : []),
    `the connection said “${transport}”`,
    routeWords(evidence.route),
    peers[evidence.peer_signalling],
    ...(isUnfollowed(evidence)
      ? ['no controller followed the tube yet, after a restart of the service']
      : evidence.held
        ? [`restarts were held back, because ${share} of this node’s tubes were suspect`]
        : []),
  ];
}

/**
 * Of incidents, newest first, those before the oldest that is told: they are numbered from 1 and only so many are kept. `count`: all that the tube had, where
 * that is known. Null when none is missing.
 */
export function forgottenWords(incidents: readonly Pick<Incident, 'number'>[], count = 0): string | null {
  const oldest = incidents.at(-1)?.number ?? count + 1;
  if (oldest === 1) return null;
  return oldest === 2
    ? '1 earlier incident is not kept any more.'
    : `${oldest - 1} earlier incidents are not kept any more.`;
}
