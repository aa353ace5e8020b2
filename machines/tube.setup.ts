/**
 * The last third of the tube's vocabulary: what is done about trouble, in the words of the chart (tube.machine.ts), its guards and its delays. What
 * the tube says is in tube.reports.ts, what it does with generations in tube.generations.ts. Built-in actions only.
 */
import { enqueueActions, stateIn } from 'xstate';
import type { TubeEvent } from './events.js';
import type { Failure } from './failure.js';
import type { Description } from './ports/transport.port.js';
import { judge, type RestartTrigger } from './policies/recovery.js';
import {
  awaitsAnswer,
  incidentTimeLeftMs,
  initial,
  isSuspicion,
  provesPath,
  type OfGeneration,
  type TubeContext,
} from './tube.context.js';
import { evidenceOf, leftAlone, nodeFactsOf, presentedBy } from './tube.evidence.js';
import { tubeGenerations } from './tube.generations.js';

type Call<Type extends TubeEvent['type']> = Omit<Extract<TubeEvent, { type: Type }>, 'type'>;

/** What an action of this file is given: it takes the named actions of the files before. */
type Step = Parameters<Parameters<typeof tubeGenerations.enqueueActions>[0]>[0];

/** Since when no path is known to work, where the trouble itself says nothing of that. */
const outageSince = ({ active }: TubeContext, atMs: number): number | null => (active === null ? atMs : null);
const rttOf = ({ rtt }: TubeContext): number | null => rtt?.smoothedMs ?? null;
/** What the restart child is asked for: another generation, for nobody in particular. */
const another = { fresh: false, requestId: null };

export const tubeSetup = tubeGenerations.extend({
  actions: {
    // Trouble: each opens the incident (or goes on with it), and all but the first and last ask for a new generation.
    doubtPath: enqueueActions(({ context: { lastHeardAtMs: atMs }, enqueue }: Step) => {
      enqueue({ type: 'openIncident', params: { trigger: 'missed_pings', atMs, outageSinceMs: atMs, ask: null } });
    }),
    restartOnSilence: enqueueActions(({ context: { lastHeardAtMs: atMs }, enqueue }: Step) => {
      enqueue({ type: 'openIncident', params: { trigger: 'missed_pings', atMs, outageSinceMs: atMs, ask: another } });
    }),
    restartOnAdvice: enqueueActions(({ context, enqueue }: Step, { trigger }: { trigger: RestartTrigger }) => {
      const atMs = context.lastActivityAtMs;
      enqueue({ type: 'openIncident', params: { trigger, atMs, outageSinceMs: null, ask: another } });
    }),
    /** A network changed. What the table says about it is left to the restart child, which may have to wait. */
    restartOnNetwork: enqueueActions(({ context, enqueue }: Step, params: Call<'tube.networkChanged'>) => {
      const { source, detail, route, atMs } = params;
      const isCutOff = route === 'moved' || route === 'none';
      enqueue({
        type: 'openIncident',
        params: {
          trigger: presentedBy(params).trigger,
          atMs,
          outageSinceMs: isCutOff ? atMs : outageSince(context, atMs),
          noticed: { source, detail, route },
          ask: another,
        },
      });
      // After the trigger: a restart that waits for the network must hear of it as one thing, not as two.
      enqueue({ type: 'noteNode', params: { node: nodeFactsOf(params) } });
      if (isCutOff) enqueue({ type: 'askPath', params: { type: 'keepalive.doubt' } });
    }),
    /** The path is asked all the same: a ping costs nothing. */
    leaveAlone: enqueueActions(({ context, enqueue }: Step, params: Call<'tube.networkChanged'>) => {
      enqueue({ type: 'noteNode', params: { node: nodeFactsOf(params) } });
      enqueue.emit({ type: 'decision', decision: leftAlone(context, params) });
      enqueue({ type: 'askPath', params: { type: 'keepalive.look' } });
    }),
    restartOnExpiry: enqueueActions(({ context, enqueue }: Step) => {
      const atMs = context.lastActivityAtMs;
      enqueue({ type: 'openIncident', params: { trigger: 'turn_expiry', atMs, outageSinceMs: null, ask: another } });
    }),
    /** A generation that is coming up already needs no second request. */
    restartOnLoss: enqueueActions(({ context, enqueue }: Step, { atMs }: { atMs: number }) => {
      const ask = context.pending === null ? another : null;
      enqueue({ type: 'openIncident', params: { trigger: 'transport_failure', atMs, outageSinceMs: atMs, ask } });
      enqueue({ type: 'losePath', params: { atMs } });
    }),
    /** The peer that the path led to is gone, and another one is there. */
    restartOnReplacement: enqueueActions(({ context, enqueue }: Step, { atMs }: { atMs: number }) => {
      const ask = context.pending === null ? another : null;
      const outageSinceMs = context.lastHeardAtMs;
      enqueue({ type: 'openIncident', params: { trigger: 'peer_request', atMs, outageSinceMs, ask } });
      enqueue({ type: 'losePath', params: { atMs: outageSinceMs } });
    }),
    /** The first handshake failed after the answer: channels are opened in-band again. */
    restartHandshake: enqueueActions(({ enqueue }: Step, { atMs }: { atMs: number }) => {
      enqueue({ type: 'dropPending', params: { failure: null, afterMs: null } });
      const ask = { fresh: true, requestId: null };
      enqueue({ type: 'openIncident', params: { trigger: 'transport_failure', atMs, outageSinceMs: atMs, ask } });
    }),
    restartOnResume: enqueueActions(({ context, enqueue }: Step, { cause, atMs }: Call<'tube.begin'>) => {
      const outageSinceMs = outageSince(context, atMs);
      const trigger = cause ?? 'crash';
      const unattendedMs = outageSinceMs === null ? 0 : Math.max(0, atMs - context.lastHeardAtMs);
      enqueue({ type: 'openIncident', params: { trigger, atMs, outageSinceMs, unattendedMs, ask: another } });
    }),
    restartOnReturn: enqueueActions(({ enqueue }: Step, params: Call<'tube.peerSignalling'>) => {
      const { atMs } = params;
      enqueue({ type: 'noteSignalling', params });
      enqueue({ type: 'openIncident', params: { trigger: 'peer_request', atMs, outageSinceMs: atMs, ask: another } });
    }),
    restartOnRequest: enqueueActions(({ context, enqueue }: Step, params: Call<'tube.restart'>) => {
      const { trigger, fresh, requestId, atMs } = params;
      const outageSinceMs = outageSince(context, atMs);
      enqueue({ type: 'openIncident', params: { trigger, atMs, outageSinceMs, ask: { fresh, requestId } } });
    }),
    /** While a restart runs the restart child decides what becomes of another request. */
    passRequest: enqueueActions(({ context, enqueue }: Step, params: Call<'tube.restart'>) => {
      const { trigger, fresh, requestId, atMs } = params;
      const evidence = evidenceOf(context, { trigger, source: 'tube', atMs });
      enqueue({ type: 'tellRestart', params: { type: 'restart.trigger', trigger, fresh, requestId, evidence, atMs } });
    }),
    /** The peer restarts by itself: its offer is answered with a new generation, in place of one of ours that is not up yet. */
    answerOffer: enqueueActions(({ context, enqueue }: Step, params: Call<'tube.remoteDescription'>) => {
      const { requestId, description, atMs } = params;
      const trigger = 'peer_offer';
      const attempt = (context.incident?.attempts ?? 0) + 1;
      const outageSinceMs = outageSince(context, atMs);
      const overtaken: Failure = { code: 'restart_in_progress', detail: 'the peer offers' };
      enqueue({ type: 'openIncident', params: { trigger, atMs, outageSinceMs, ask: null } });
      enqueue({ type: 'noteActivity', params: { atMs } });
      enqueue({ type: 'dropPending', params: { failure: overtaken, afterMs: null } });
      enqueue({
        type: 'openGeneration',
        params: {
          init: { as: 'answerer', inBand: false, requestId, attempt, trigger, startedAtMs: atMs },
          mode: { kind: 'answer', sdp: description.sdp, requestId },
        },
      });
      enqueue('emitAttemptStarted');
      enqueue.sendTo('restart', { type: 'restart.adopted', trigger, rttMs: rttOf(context) });
    }),

    /** The path proved itself with the last activity. */
    emitRestored: enqueueActions(({ context, enqueue }: Step) => {
      enqueue({ type: 'emitRecovered', params: { atMs: context.lastHeardAtMs } });
    }),

    // Generations that are asked for.
    openFirst: enqueueActions(({ enqueue }: Step, params: Call<'tube.begin'>) => {
      enqueue({ type: 'openGeneration', params: initial(params.offer, params.atMs) });
    }),
    /** A generation that is still coming up is replaced within its attempt; otherwise this is a new attempt. */
    beginAttempt: enqueueActions(({ context, enqueue }: Step, { attempt, trigger, fresh }: Call<'restart.begin'>) => {
      const startedAtMs = context.lastActivityAtMs;
      enqueue({ type: 'dropPending', params: { failure: null, afterMs: null } });
      enqueue({
        type: 'openGeneration',
        params: {
          init: { as: 'offerer', inBand: fresh, requestId: null, attempt, trigger, startedAtMs },
          mode: { kind: 'offer' },
        },
      });
      if (context.pending === null) enqueue('emitAttemptStarted');
    }),
    /** The answer to our offer is applied. `channelsLost`: by a connection that knows none of their stream ids. */
    tellAnswered: enqueueActions(({ context, enqueue }: Step, params: Call<'transport.remoteApplied'>) => {
      const channelsLost = params.newConnection && context.pending?.inBand === false;
      enqueue({ type: 'tellRestart', params: { type: 'generation.answered', channelsLost, rttMs: rttOf(context) } });
    }),
  },
  guards: {
    isResumed: ({ context }) => context.generation > 0,
    cannotComeBack: ({ context }) => context.generation > 0 && context.active === null && !context.settings.trickleIce,
    isActive: ({ context }, params: OfGeneration) => params.generation === context.active,
    hasPath: ({ context }) => context.active !== null,
    canReplacePath: ({ context }) => context.active !== null && context.settings.trickleIce,
    losesPath: ({ context }, params: OfGeneration) =>
      params.generation === context.active && context.settings.trickleIce,
    comesBack: ({ context }, params: { online: boolean }) => params.online && context.settings.trickleIce,
    isPending: ({ context }, params: OfGeneration) =>
      params.generation === context.pending?.generation && context.live.includes(params.generation),
    isCurrent: ({ context }, params: OfGeneration) =>
      params.generation === context.active || params.generation === context.pending?.generation,
    trickles: ({ context }) => context.settings.trickleIce,
    answeredAndTrickles: ({ context }) => context.pending?.answered === true && context.settings.trickleIce,
    hasIncident: ({ context }) => context.incident !== null,
    /** We answered the peer's own offer and it turned out to be unusable. */
    isRefusedOffer: ({ context: { pending } }, params: OfGeneration) =>
      params.generation === pending?.generation && pending.as === 'answerer' && !pending.answered,
    provesPath: ({ context }, params: Call<'transport.heard'> | Call<'transport.pong'>) => provesPath(context, params),
    isProvingData: ({ context }, params: Call<'transport.heard'>) => params.data && provesPath(context, params),
    isData: (_, params: { data: boolean }) => params.data,
    hasNoPath: ({ context }) => context.active === null,
    pathIsSound: stateIn('#tube.degraded.restarting.overlapping'),
    mustClose: (_, params: { close: boolean }) => params.close,
    isIdle: ({ context }) => context.pending === null,
    pathIsDoubted: ({ context: { incident } }) => incident !== null && incident.outageSinceMs !== null,
    /** The attempt failed, so nothing but a doubt about this path asked for it. One that a newer trigger superseded proves nothing. */
    wasSuspicion: ({ context: { pending, incident } }, params: { failure: Failure }) =>
      isSuspicion(pending?.trigger ?? incident?.trigger) && params.failure.code !== 'restart_in_progress',
    callsForRestart: ({ context }, params: Call<'tube.networkChanged'>) =>
      context.settings.trickleIce && judge(evidenceOf(context, presentedBy(params))).verdict !== 'leave_alone',
    /** What the host reports says that the old path is dead. */
    cutsPathOff: ({ context }, { route }: Call<'tube.networkChanged'>) =>
      context.settings.trickleIce && (route === 'moved' || route === 'none'),
    breakerIsLeftOpen: ({ context }) => context.incident === null && context.breaker.kind === 'open',
    awaitsAnswer: ({ context }, params: { description: Description; generation: number | null }) =>
      awaitsAnswer(context, params.description, params.generation),
    mayOffer: ({ context: { pending, settings } }, params: { description: Description }) =>
      params.description.type === 'offer' && settings.trickleIce && (pending === null || pending.answered),
    knowsGeneration: ({ context }, params: { generation: number | null }) =>
      context.live.includes(params.generation ?? context.pending?.generation ?? context.active ?? -1),
  },
  delays: {
    connectTimeout: ({ context }) => context.settings.connectTimeoutMs,
    initializeTimeout: ({ context }) => context.settings.iceGatherTimeoutMs + context.settings.connectTimeoutMs,
    incidentReset: ({ context }) => context.settings.incidentResetMs,
    incidentDeadline: ({ context }) => incidentTimeLeftMs(context),
    breakerOpen: ({ context }) => context.settings.breakerOpenMs,
    failedRetention: ({ context }) => context.settings.failedRetentionMs,
  },
});
