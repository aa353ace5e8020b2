/**
 * The words of the wire as sentences for people: lengths of time, sizes, states, triggers, phases, what a tube does next. Pure; times come in as
 * milliseconds since the epoch.
 */
import type { TubeState } from '../../machines/events.js';
import type { RestartTrigger } from '../../machines/policies/recovery.js';
import { isUnfollowed } from '../operator/evidence.js';
import type { WireEvidence } from '../operator/flight.types.js';
import type { IncidentOutcome, Phase } from '../operator/incident.types.js';
import type { NextStep } from '../operator/operator.types.js';
import type { Colour } from './terminal.js';

const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');

/** `480 ms`, `12.3 s`, `3 min 05 s`, `1 h 02 min`, `2 d 03 h`. */
export function length(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${two((seconds / 60) % 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${two((seconds / 3600) % 24)} h`;
}

/** For narrow columns: `12s`, `3m05`, `1h02`, `2d03`. */
export function shortLength(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two((seconds / 60) % 60)}`;
  return `${Math.floor(seconds / 86_400)}d${two((seconds / 3600) % 24)}`;
}

/** `12:03:04.567` of this machine's time zone. */
export function clock(atMs: number): string {
  const date = new Date(atMs);
  const text = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${text}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `2026-11-20 12:03:04` of this machine's time zone. */
export function moment(atMs: number): string {
  const date = new Date(atMs);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(atMs).slice(0, 8)}`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `640 B`, `1.2 MiB`. */
export function size(bytes: number): string {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power] ?? 'B'}`;
}

export const percent = (ratio: number): string => `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`;

/** Round trips on a local network are below a millisecond. */
export const roundTrip = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

const stateColours: Readonly<Record<TubeState, Colour>> = {
  initializing: 'blue',
  connecting: 'blue',
  connected: 'green',
  degraded: 'yellow',
  failed: 'red',
  closed: 'grey',
};

export const stateColour = (state: string): Colour | null => stateColours[state as TubeState] ?? null;

const triggers: Readonly<Record<RestartTrigger, string>> = {
  missed_pings: 'pings stayed unanswered',
  transport_failure: 'the connection itself failed',
  manual: 'it was asked for',
  peer_request: 'the peer asked for it',
  peer_offer: 'the peer made an offer',
  poor_quality: 'the quality was poor',
  unhealthy: 'nothing came, and operations failed',
  crash: "the tube's actor crashed",
  interface_change: 'a network interface changed',
  ip_change: 'an address changed',
  turn_expiry: 'TURN credentials run out',
  service_restart: 'the service was restarted',
};

/** Why there is trouble; the word itself where it is not known here. */
export const triggerWords = (trigger: string): string => triggers[trigger as RestartTrigger] ?? trigger;

const phaseTexts: Readonly<Record<Phase, string>> = {
  detect: 'the path was dead, and nobody knew',
  decide: 'known; until the attempt began that succeeded',
  signal: 'an offer was made, sent and answered',
  connect: 'ICE, DTLS and SCTP of the new generation',
  resume: 'until data or a pong came over the new path',
};

export const phaseWords = (phase: Phase): string => phaseTexts[phase];

const outcomes: Readonly<Record<IncidentOutcome, string>> = {
  open: 'still open',
  recovered: 'recovered by a new generation',
  stood_down: 'the old path was good again',
  failed: 'given up; the tube waits in failed',
  closed: 'the tube was closed meanwhile',
};

export const outcomeWords = (outcome: string): string => outcomes[outcome as IncidentOutcome] ?? outcome;

const steps: Readonly<Record<NextStep['what'], string>> = {
  attempt: 'the next attempt',
  answer_timeout: 'the attempt fails unless the peer answers',
  wait_for_peer: "waits for the peer's signalling",
  wait_for_network: "waits for this host's network",
  wait_for_storm: 'waits for the storm governor: many tubes failed at once',
  wait_for_controller: 'waits for a controller that follows it; restarts without one',
  connect_timeout: 'gives up unless it connects',
  close: 'is closed unless it is restarted',
};

/** `the next attempt in 12 s`; null where nothing is due. */
export function nextWords(next: NextStep | null, nowMs: number): string | null {
  if (next === null) return null;
  const words = steps[next.what] ?? next.what;
  return next.at_ms === null ? words : `${words} in ${length(next.at_ms - nowMs)}`;
}

const routes: Readonly<Record<WireEvidence['route'], string>> = {
  unknown: '',
  same: 'the way from this host to the peer is as it was',
  moved: 'packets would leave this host from another address',
  none: 'nothing leads from this host to the peer',
};

const paths: Readonly<Record<WireEvidence['path'], string>> = {
  sound: 'the path was sound',
  doubted: 'the path was in doubt',
  none: 'there was no path',
};

/** What the first decision of an incident looked at, in one line. */
export function evidenceWords(evidence: WireEvidence): string {
  const { missed_pings: missed, silent_ms: silentMs, peer_signalling: signalling } = evidence;
  return [
    paths[evidence.path],
    missed === 0 ? '' : `${missed} pings in a row unanswered`,
    `nothing heard for ${length(silentMs)}`,
    `transport ${evidence.transport_state}`,
    signalling === 'offline' ? "the peer's signalling was down" : '',
    routes[evidence.route],
    isUnfollowed(evidence) ? 'no controller followed the tube yet, after a restart of the service' : '',
    evidence.held && !isUnfollowed(evidence)
      ? `restarts were held back (${percent(evidence.suspect_share)} of the tubes suspect)`
      : '',
  ]
    .filter((part) => part !== '')
    .join('; ');
}
