/**
 * The wire's codes in the words of a person on call: states, triggers, next steps, phases, outcomes. Pure. A code that is not known here (a newer
 * service) is shown as it is, with spaces.
 */
import type { IncidentOutcome, Phase } from '../operator/incident.types.js';
import type { Fault, NextStep, TubeRow } from '../operator/operator.types.js';
import { duration } from './format.js';
import type { TubeState } from './socket/operator-calls.js';

export type Tone = 'good' | 'work' | 'doubt' | 'bad' | 'calm';

export const stateTones: Readonly<Record<TubeState, Tone>> = {
  initializing: 'work',
  connecting: 'work',
  connected: 'good',
  degraded: 'doubt',
  failed: 'bad',
  closed: 'calm',
};

export const stateSentences: Readonly<Record<TubeState, string>> = {
  initializing: 'The service builds its end and describes it.',
  connecting: 'The two ends look for a path to each other.',
  connected: 'Data flows.',
  degraded: 'The path is in doubt or a restart is running. A path that still works goes on carrying data.',
  failed: 'Given up for now. A restart by hand, or the peer coming back, tries again.',
  closed: 'The tube is closed; everything is released.',
};

const plain = (code: string): string => code.replaceAll('_', ' ');

const triggers: Readonly<Record<string, string>> = {
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

export const triggerWords = (trigger: string): string => triggers[trigger] ?? plain(trigger);

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

const routes: Readonly<Record<string, string>> = {
  same: 'this host’s way to the peer is as it was',
  moved: 'packets of this host would leave from another address',
  none: 'this host has no way to the peer',
  unknown: 'this host’s way to the peer is not known',
};

export const routeWords = (route: string): string => routes[route] ?? plain(route);

/** What happens next by itself, with the time that is left. */
export function nextWords({ what, at_ms: atMs }: NextStep, nowMs: number): string {
  const leftMs = atMs === null ? null : atMs - nowMs;
  const due = leftMs === null ? '' : leftMs < 1000 ? 'now' : `in ${duration(leftMs)}`;
  switch (what) {
    case 'attempt':
      return `next attempt ${due}`.trimEnd();
    case 'answer_timeout':
      return `awaits the answer${due === '' ? '' : `, gives up on it ${due}`}`;
    case 'wait_for_peer':
      return 'waits for the peer to be back';
    case 'wait_for_network':
      return 'waits for this host’s network';
    case 'wait_for_storm':
      return 'held back: many tubes fell at once';
    case 'wait_for_controller':
      return `waits for a controller, restarts ${due === '' ? 'without one later' : `without one ${due}`}`;
    case 'connect_timeout':
      return `gives up connecting ${due}`.trimEnd();
    case 'close':
      return `is closed ${due}`.trimEnd();
    default:
      return plain(what);
  }
}

/** The whole sentence of the page of a tube, also when nothing is due. */
export function nextSentence({ state, next, incident }: TubeRow, nowMs: number): string {
  if (next !== null) return nextWords(next, nowMs);
  if (state === 'connected')
    return incident === null ? 'nothing: it is well' : 'counters are forgotten once it is stable';
  if (state === 'closed') return 'nothing: it is over';
  if (state === 'degraded') return 'an attempt is running, or the next ping decides';
  return plain(state);
}

interface PhaseWords {
  readonly name: string;
  readonly meaning: string;
}

export const phaseWords: Readonly<Record<Phase, PhaseWords>> = {
  detect: { name: 'Noticing', meaning: 'the path was dead and nobody knew' },
  decide: { name: 'Deciding', meaning: 'known; waiting and failed attempts until the one that worked' },
  signal: { name: 'Offer and answer', meaning: 'the offer was made, sent and answered' },
  connect: { name: 'Connecting', meaning: 'ICE, DTLS and channels came up' },
  resume: { name: 'Data again', meaning: 'until something came over the new path' },
};

interface OutcomeWords {
  readonly name: string;
  readonly tone: Tone;
}

export const outcomeWords: Readonly<Record<IncidentOutcome, OutcomeWords>> = {
  open: { name: 'still open', tone: 'doubt' },
  recovered: { name: 'recovered', tone: 'good' },
  stood_down: { name: 'false alarm', tone: 'calm' },
  failed: { name: 'given up', tone: 'bad' },
  closed: { name: 'closed meanwhile', tone: 'bad' },
};

interface FaultWords {
  readonly name: string;
  readonly meaning: string;
}

export const faultWords: Readonly<Record<Fault, FaultWords>> = {
  black_hole: { name: 'Black hole', meaning: 'the present path drops everything, silently, for 30 s' },
  connection_closed: { name: 'Connection closed', meaning: 'its native connection ends' },
  network_change: { name: 'Network change', meaning: 'as if this host’s address had changed' },
};
