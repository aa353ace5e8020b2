/**
 * What a tube does next by itself, read off what it says: its decisions, and the timers that its states run on (machines/restart.machine.ts,
 * tube.machine.ts). Pure; tube-story.ts keeps the result.
 */
import type { RestartDecision, TubeState } from '../../machines/events.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { NextStep } from '../operator/operator.types.js';
import type { TubeNotice } from './notice.js';

/** The settings of a tube, as far as they are known yet, and of the node: how long a tube that is carried on waits for a controller. */
export type StepSettings = Partial<TubeSettings> & { readonly followedWithinMs: number };

/**
 * @param state of the tube, when it said this
 * @param settings where one is not known, neither is the time
 */
export function nextStep(
  present: NextStep | null,
  { emission, atMs }: Pick<TubeNotice, 'emission' | 'atMs'>,
  state: TubeState,
  settings: StepSettings,
): NextStep | null {
  const after = (delayMs: number | undefined): number | null => (delayMs === undefined ? null : atMs + delayMs);
  switch (emission.type) {
    case 'state':
      return ofState(emission.state, after, settings);
    case 'decision':
      // The last decision of a restart that was called off comes after the tube is connected again.
      return state === 'degraded' ? ofDecision(present, emission.decision, after, settings) : present;
    case 'description':
      // With a call that asked for it, it is the answer to that.
      if (emission.purpose !== 'restart' || emission.requestId !== null) return present;
      return { what: 'answer_timeout', at_ms: after(settings.answerTimeoutMs) };
    case 'attemptEnded':
      // The last one is dropped after the tube was given up.
      return present?.what === 'close' ? present : null;
    case 'attemptStarted':
    case 'closed':
      return null;
    case 'accepted':
      return emission.what === 'candidate' || state === 'connecting' ? present : null;
    default:
      return present;
  }
}

type After = (delayMs: number | undefined) => number | null;

function ofState(state: TubeState, after: After, settings: StepSettings): NextStep | null {
  if (state === 'connecting') return { what: 'connect_timeout', at_ms: after(settings.connectTimeoutMs) };
  if (state === 'failed') return { what: 'close', at_ms: after(settings.failedRetentionMs) };
  return null;
}

/** Counts from the start of the process, however often it is decided meanwhile. */
const ofUnfollowed = (present: NextStep | null, after: After, { followedWithinMs }: StepSettings): NextStep =>
  present?.what === 'wait_for_controller' ? present : { what: 'wait_for_controller', at_ms: after(followedWithinMs) };

function ofDecision(
  present: NextStep | null,
  { action, verdict, code, delayMs, evidence }: RestartDecision,
  after: After,
  settings: StepSettings,
): NextStep | null {
  if (action === 'skip') return present;
  if (action !== 'wait') return null;
  if (code === 'restart_breaker_open') return { what: 'attempt', at_ms: after(settings.breakerOpenMs) };
  if (verdict === 'wait_for_controller') return ofUnfollowed(present, after, settings);
  if (verdict === 'wait_for_network')
    return { what: evidence.route === 'none' ? 'wait_for_network' : 'wait_for_storm', at_ms: null };
  // A pause that was not over yet goes on when the peer is back; without a verdict, it went while an offer waited for its answer.
  if (verdict === 'wait_for_peer' || delayMs === 0) return { what: 'wait_for_peer', at_ms: null };
  return { what: 'attempt', at_ms: after(delayMs) };
}
