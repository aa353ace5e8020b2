/**
 * What the restart machine knows, what it is told, and the pure steps from one knowledge to the next. Data only: JSON, no refs, no handles; the
 * chart (restart.machine.ts) says when a step is taken.
 */
import type { ChildReport, RestartDecision } from './events.js';
import type { FailureCode } from './failure.js';
import { backoffMs } from './policies/backoff.js';
import { afterFailure, type BreakerState } from './policies/breaker.js';
import { drawRandom } from './policies/random.js';
import { isNetworkTrigger, judge, type Evidence, type Verdict, type RestartTrigger } from './policies/recovery.js';
import type { TubeSettings } from './settings.js';

export interface RestartContext {
  readonly settings: TubeSettings;
  readonly breaker: BreakerState;
  readonly trigger: RestartTrigger;
  readonly fresh: boolean;
  readonly requestId: string | null;
  /** Attempts made in this incident. */
  readonly attempts: number;
  /** Of them those that failed since the last that did not: what the limit and the backoff are about. */
  readonly failures: number;
  /** Generations that replaced an answered but dead one within the current attempt. */
  readonly replacements: number;
  /** Answered generations in a row, over all attempts, that were replaced because they did not come up in time. */
  readonly stalls: number;
  /** Of the path, as it was when the last answer came; null: never measured. */
  readonly rttMs: number | null;
  /** Wait before the next attempt, milliseconds. */
  readonly delayMs: number;
  /** When the last attempt ended well or was called off, milliseconds since the epoch. */
  readonly endedAtMs: number;
  /** What is known of the path, the peer and the node; kept up to date by the tube. */
  readonly evidence: Evidence;
  readonly random: number;
}

export interface RestartInput {
  readonly settings: TubeSettings;
  readonly breaker: BreakerState;
  readonly evidence: Evidence;
  /** Seed of the jitter, an unsigned 32-bit integer. */
  readonly seed: number;
}

export interface Trigger {
  readonly trigger: RestartTrigger;
  readonly fresh: boolean;
  readonly requestId: string | null;
  readonly evidence: Evidence;
  readonly atMs: number;
}

/** What may change while a restart waits or runs. */
export type EvidencePatch = Partial<Pick<Evidence, 'path' | 'signalling' | 'route' | 'held' | 'suspectShare'>>;

export type RestartEvent =
  | ({ readonly type: 'restart.trigger' } & Trigger)
  /** The peer made its own restart offer; the tube answers it, and this attempt is already under way. */
  | { readonly type: 'restart.adopted'; readonly trigger: RestartTrigger; readonly rttMs: number | null }
  | { readonly type: 'generation.described' }
  /** `channelsLost`: it was answered by a connection that knows none of the stream ids that this generation attaches to. */
  | { readonly type: 'generation.answered'; readonly channelsLost: boolean; readonly rttMs: number | null }
  | { readonly type: 'generation.up'; readonly atMs: number }
  | { readonly type: 'generation.failed' }
  /** The old path turned out to be sound: call the restart off. */
  | { readonly type: 'restart.standDown'; readonly atMs: number }
  | { readonly type: 'restart.evidence'; readonly patch: EvidencePatch };

/** Asked for by somebody who knows: these do not wait for the backoff either. */
const explicitTriggers: readonly RestartTrigger[] = ['manual', 'peer_request', 'turn_expiry'];
/** Within one attempt. */
export const maxReplacements = 4;
/** ICE, DTLS and SCTP take four to five round trips when nothing is lost; one lost flight may be repeated. */
const roundTripsToConnect = 8;

/** Goes ahead of the backoff: a new network voids old failures. */
export const isAheadTrigger = (trigger: RestartTrigger): boolean =>
  isNetworkTrigger(trigger) || explicitTriggers.includes(trigger);

/** A trigger is taken up; the wait counts from the end of the attempt before. */
export function accept(context: RestartContext, asked: Trigger): Partial<RestartContext> {
  const { trigger, fresh, requestId, evidence, atMs } = asked;
  const draw = drawRandom(context.random);
  // An attempt that worked is no reason to wait longer than after the first.
  const step = context.attempts === 0 ? 0 : Math.max(1, context.failures);
  const waitMs = isAheadTrigger(trigger) ? 0 : backoffMs(context.settings.restartBackoffMs, step, draw.value);
  const delayMs = Math.max(0, waitMs - Math.max(0, atMs - context.endedAtMs));
  // Another network is another path.
  const stalls = isNetworkTrigger(trigger) ? 0 : context.stalls;
  return { trigger, fresh, requestId, evidence, random: draw.state, delayMs, stalls };
}

/**
 * How long an answered generation may take to come up, milliseconds: what is usual, more where the way is known to be long, and twice as long after each
 * that took longer, for the way may be longer than was measured. Never more than the attempt has.
 */
export function patienceMs({ settings, rttMs, stalls }: Pick<RestartContext, 'settings' | 'rttMs' | 'stalls'>): number {
  const usualMs = Math.max(settings.answeredConnectTimeoutMs, roundTripsToConnect * (rttMs ?? 0));
  return Math.min(settings.generationTimeoutMs, Math.round(usualMs * 2 ** stalls));
}

/** The path works, if poorly: an attempt to better it that fails counts towards nothing that could end the tube. */
export const isBettering = ({ trigger, evidence }: Pick<RestartContext, 'trigger' | 'evidence'>): boolean =>
  trigger === 'poor_quality' && evidence.path === 'sound';

export function afterFailedAttempt(context: RestartContext): Partial<RestartContext> {
  const draw = drawRandom(context.random);
  const isFree = isBettering(context);
  const failures = isFree ? context.failures : context.failures + 1;
  return {
    breaker: isFree ? context.breaker : afterFailure(context.breaker, context.settings.breakerFailureThreshold),
    failures,
    delayMs: backoffMs(context.settings.restartBackoffMs, Math.max(1, failures), draw.value),
    random: draw.state,
    requestId: null,
  };
}

export interface DecisionParams {
  readonly action: RestartDecision['action'];
  readonly why: string;
  readonly verdict?: Verdict;
  readonly code?: FailureCode;
}

/** What the decision table says, as things are now. */
export const verdictOf = ({ evidence }: Pick<RestartContext, 'evidence'>): Verdict => judge(evidence).verdict;

const waitCodes: Partial<Record<Verdict, FailureCode>> = {
  wait_for_peer: 'restart_peer_away',
  wait_for_network: 'restart_no_network',
  wait_for_controller: 'restart_no_network',
};

/** A decision in the words of the table. */
export function ruled(context: RestartContext, action: 'do' | 'wait'): ReturnType<typeof decision> {
  const { verdict, why } = judge(context.evidence);
  const code = waitCodes[verdict];
  return decision(context, { action, verdict, why, ...(code === undefined ? {} : { code }) });
}

/** Why a trigger is not taken up. */
export const skips = {
  inBackoff: { action: 'skip', why: 'backoff', code: 'restart_in_progress' },
  withoutPeer: { action: 'skip', why: 'the signalling of the peer is down', code: 'restart_peer_away' },
  withoutNetwork: { action: 'skip', why: 'this node waits for its own network', code: 'restart_no_network' },
  whileOpen: { action: 'skip', why: 'the circuit breaker is open', code: 'restart_breaker_open' },
  duplicate: { action: 'skip', why: 'ICE restart already in progress', code: 'restart_in_progress' },
} as const satisfies Record<string, DecisionParams>;

/** @param asked the trigger that is decided on, where it is not the one that the restart is about */
export function decision(
  context: RestartContext,
  params: DecisionParams,
  asked?: { trigger: RestartTrigger; requestId: string | null; evidence: Evidence },
): Extract<ChildReport, { type: 'restart.decided' }> {
  const waits = params.action === 'wait' ? context.delayMs : 0;
  return {
    type: 'restart.decided',
    decision: {
      action: params.action,
      code: params.code ?? null,
      why: params.why,
      verdict: params.verdict ?? null,
      evidence: asked?.evidence ?? context.evidence,
      trigger: asked?.trigger ?? context.trigger,
      attempt: context.attempts,
      delayMs: waits,
    },
    requestId: asked === undefined ? context.requestId : asked.requestId,
  };
}
