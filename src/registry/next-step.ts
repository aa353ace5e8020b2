/**
 * What a tube does next by itself, read off what it says: its decisions, and the timers that its states run on (machines/restart.machine.ts,
 * tube.machine.ts). Pure; tube-story.ts keeps the result.
 */
import type { RestartDecision, TubeState } from '../../machines/events.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { NextStep } from '../operator/operator.types.js';
import type { TubeNotice } from './notice.js';

/** @param settings null: not known yet, and neither are times */
export function nextStep(
  present: NextStep | null,
  { emission, atMs }: Pick<TubeNotice, 'emission' | 'atMs'>,
  settings: TubeSettings | null,
): NextStep | null {
  const after = (delayMs: number | undefined): number | null => (delayMs === undefined ? null : atMs + delayMs);
  switch (emission.type) {
    case 'state':
      return ofState(present, emission.state, after, settings);
    case 'decision':
      return ofDecision(present, emission.decision, after, settings);
    case 'description':
      if (emission.purpose !== 'restart' || emission.description.type !== 'offer') return present;
      return { what: 'answer_timeout', at_ms: after(settings?.answerTimeoutMs) };
    case 'attemptEnded':
      // The last one is dropped after the tube was given up.
      return present?.what === 'close' ? present : null;
    case 'attemptStarted':
    case 'closed':
      return null;
    case 'accepted':
      return emission.what === 'candidate' ? present : null;
    default:
      return present;
  }
}

type After = (delayMs: number | undefined) => number | null;

function ofState(
  present: NextStep | null,
  state: TubeState,
  after: After,
  settings: TubeSettings | null,
): NextStep | null {
  if (state === 'connecting') return { what: 'connect_timeout', at_ms: after(settings?.connectTimeoutMs) };
  if (state === 'failed') return { what: 'close', at_ms: after(settings?.failedRetentionMs) };
  // The decision about the trouble may have been told before the state.
  return state === 'degraded' && present?.what !== 'connect_timeout' && present?.what !== 'close' ? present : null;
}

function ofDecision(
  present: NextStep | null,
  { action, verdict, code, delayMs, evidence }: RestartDecision,
  after: After,
  settings: TubeSettings | null,
): NextStep | null {
  if (action === 'skip') return present;
  if (action !== 'wait') return null;
  if (code === 'restart_breaker_open') return { what: 'attempt', at_ms: after(settings?.breakerOpenMs) };
  if (verdict === 'wait_for_network')
    return { what: evidence.route === 'none' ? 'wait_for_network' : 'wait_for_storm', at_ms: null };
  if (delayMs > 0) return { what: 'attempt', at_ms: after(delayMs) };
  return { what: 'wait_for_peer', at_ms: null };
}
