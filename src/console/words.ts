/**
 * Words and tones that the console alone has: what a state means, how things should strike the eye, faults. What it shares with the command line is in
 * src/operator/words.ts. Pure.
 */
import type { IncidentOutcome } from '../operator/incident.types.js';
import type { Fault, NextStep, TubeRow } from '../operator/operator.types.js';
import { nextWords as nextStepWords } from '../operator/words.js';
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

/** What happens next by itself, with the time that is left. */
export const nextWords = (next: NextStep, nowMs: number): string => nextStepWords(next, nowMs, duration);

/** The whole sentence of the page of a tube, also when nothing is due. */
export function nextSentence({ state, next, incident }: TubeRow, nowMs: number): string {
  if (next !== null) return nextWords(next, nowMs);
  if (state === 'connected')
    return incident === null ? 'nothing: it is well' : 'counters are forgotten once it is stable';
  if (state === 'closed') return 'nothing: it is over';
  if (state === 'degraded') return 'an attempt is running, or the next ping decides';
  return state;
}

/** Close reasons of tubes that never had a path. */
const neverConnected: readonly string[] = ['connect_timeout', 'gather_timeout'];

/** Of a tube without incidents. Before its first path it has none either, and of one that is closed only the reason is left. */
export function noIncidentWords({ state, reason }: Pick<TubeRow, 'state' | 'reason'>): string {
  if (state === 'initializing' || state === 'connecting') return 'None: it has not been connected yet.';
  if (state === 'failed' || (state === 'closed' && neverConnected.includes(reason)))
    return 'None: it has never been connected.';
  return state === 'closed' ? 'There was none.' : 'None. The path has been sound since the tube was connected.';
}

export const outcomeTones: Readonly<Record<IncidentOutcome, Tone>> = {
  open: 'doubt',
  recovered: 'good',
  stood_down: 'calm',
  failed: 'bad',
  closed: 'bad',
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
