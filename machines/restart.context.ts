/**
 * What the restart machine knows, what it is told, and the pure steps from one knowledge to the next. Data only: JSON, no refs, no handles; the
 * chart (restart.machine.ts) says when a step is taken.
 */
import type { ChildReport, RestartDecision, RestartTrigger } from './events.js';
import type { FailureCode } from './failure.js';
import { backoffMs } from './policies/backoff.js';
import { afterFailure, type BreakerState } from './policies/breaker.js';
import { drawRandom } from './policies/random.js';
import type { TubeSettings } from './settings.js';

export interface RestartContext {
  readonly settings: TubeSettings;
  readonly breaker: BreakerState;
  readonly trigger: RestartTrigger;
  readonly fresh: boolean;
  readonly requestId: string | null;
  /** Attempts made in this incident. */
  readonly attempts: number;
  /** Generations that replaced an answered but dead one within the current attempt. */
  readonly replacements: number;
  /** Wait before the next attempt, milliseconds. */
  readonly delayMs: number;
  /** When the last attempt ended well or was called off, milliseconds since the epoch. */
  readonly endedAtMs: number;
  readonly peerAway: boolean;
  readonly random: number;
}

export interface RestartInput {
  readonly settings: TubeSettings;
  readonly breaker: BreakerState;
  readonly peerAway: boolean;
  /** Seed of the jitter, an unsigned 32-bit integer. */
  readonly seed: number;
}

export interface Trigger {
  readonly trigger: RestartTrigger;
  readonly fresh: boolean;
  readonly requestId: string | null;
  readonly atMs: number;
}

export type RestartEvent =
  | ({ readonly type: 'restart.trigger' } & Trigger)
  /** The peer made its own restart offer; the tube answers it, and this attempt is already under way. */
  | { readonly type: 'restart.adopted'; readonly trigger: RestartTrigger }
  | { readonly type: 'generation.described' }
  /** `channelsLost`: it was answered by a connection that knows none of the stream ids that this generation attaches to. */
  | { readonly type: 'generation.answered'; readonly channelsLost: boolean }
  | { readonly type: 'generation.up'; readonly atMs: number }
  | { readonly type: 'generation.failed' }
  /** The old path turned out to be sound: call the restart off. */
  | { readonly type: 'restart.standDown'; readonly atMs: number }
  | { readonly type: 'peer.online' }
  | { readonly type: 'peer.offline' };

/** A new network voids old failures: these go ahead of the backoff, after a moment for the interface to settle. */
const networkTriggers: readonly RestartTrigger[] = ['interface_change', 'ip_change'];
/** Asked for by somebody who knows: these do not wait for the backoff either. */
const explicitTriggers: readonly RestartTrigger[] = ['manual', 'peer_request', 'turn_expiry'];
/** Within one attempt; generationTimeoutMs / answeredConnectTimeoutMs = 5 generations at most. */
export const maxReplacements = 4;

export const isNetworkTrigger = (trigger: RestartTrigger): boolean => networkTriggers.includes(trigger);
/** Goes ahead of the backoff. */
export const isAheadTrigger = (trigger: RestartTrigger): boolean =>
  isNetworkTrigger(trigger) || explicitTriggers.includes(trigger);

/** A trigger is taken up; the wait counts from the end of the attempt before. */
export function accept(context: RestartContext, { trigger, fresh, requestId, atMs }: Trigger): Partial<RestartContext> {
  const draw = drawRandom(context.random);
  const waitMs = isAheadTrigger(trigger)
    ? 0
    : backoffMs(context.settings.restartBackoffMs, context.attempts, draw.value);
  const delayMs = Math.max(0, waitMs - Math.max(0, atMs - context.endedAtMs));
  return { trigger, fresh, requestId, random: draw.state, delayMs };
}

export function afterFailedAttempt(context: RestartContext): Partial<RestartContext> {
  const draw = drawRandom(context.random);
  return {
    breaker: afterFailure(context.breaker, context.settings.breakerFailureThreshold),
    delayMs: backoffMs(context.settings.restartBackoffMs, context.attempts, draw.value),
    random: draw.state,
    requestId: null,
  };
}

export interface DecisionParams {
  readonly action: RestartDecision['action'];
  readonly why: string;
  readonly code?: FailureCode;
}

/** Why a trigger is not taken up. */
export const skips = {
  inBackoff: { action: 'skip', why: 'backoff', code: 'restart_in_progress' },
  withoutPeer: { action: 'skip', why: 'the signalling of the peer is down', code: 'restart_peer_away' },
  whileOpen: { action: 'skip', why: 'the circuit breaker is open', code: 'restart_breaker_open' },
  duplicate: { action: 'skip', why: 'ICE restart already in progress', code: 'restart_in_progress' },
} as const satisfies Record<string, DecisionParams>;

/** @param asked the trigger that is decided on, where it is not the one that the restart is about */
export function decision(
  context: RestartContext,
  params: DecisionParams,
  asked?: { trigger: RestartTrigger; requestId: string | null },
): Extract<ChildReport, { type: 'restart.decided' }> {
  const waits = params.action === 'wait' ? context.delayMs : 0;
  return {
    type: 'restart.decided',
    decision: {
      action: params.action,
      code: params.code ?? null,
      why: params.why,
      trigger: asked?.trigger ?? context.trigger,
      attempt: context.attempts,
      delayMs: waits,
    },
    requestId: asked === undefined ? context.requestId : asked.requestId,
  };
}
