/**
 * The vocabulary of the tube chart: its types, children, actions, guards and delays. Built-in actions only, each a named step; the chart itself is
 * tube.machine.ts. The transport child is a stub here; src/app.ts provides the real one, once.
 */
import { assign, emit, enqueueActions, setup, stateIn } from 'xstate';
import type { RestartTrigger, TubeEmission, TubeEvent, TubeState } from './events.js';
import type { CloseReason, Failure, FailureCode } from './failure.js';
import { healthMachine } from './health.machine.js';
import { keepaliveMachine } from './keepalive.machine.js';
import { afterOpenWait, type BreakerState } from './policies/breaker.js';
import {
  transportStub,
  type ChannelRecord,
  type Description,
  type DtlsRole,
  type GenerationMode,
  type PeerKind,
  type TransportCommand,
  type TransportSample,
  type TransportState,
} from './ports/transport.port.js';
import type { RestartEvent } from './restart.context.js';
import { restartMachine } from './restart.machine.js';
import {
  attemptEnded,
  awaitsAnswer,
  endOutage,
  failureOf,
  incidentTimeLeftMs,
  isSuspicion,
  openIncident,
  patchPending,
  qualityOf,
  raise,
  seedOf,
  toRecord,
  transportInput,
  withChannel,
  withoutChannel,
  withoutPath,
  type GenerationInit,
  type IncidentParams,
  type OfGeneration,
  type PendingGeneration,
  type TubeContext,
  type TubeInput,
} from './tube.context.js';

/** Transport children are named after their generation. */
const transportId = (generation: number): string => `transport.${String(generation)}`;

export const tubeSetup = setup({
  types: {
    context: {} as TubeContext,
    events: {} as TubeEvent,
    input: {} as TubeInput,
    emitted: {} as TubeEmission,
    tags: {} as 'usable' | 'recovering' | 'terminal',
  },
  actors: { transport: transportStub, keepalive: keepaliveMachine, health: healthMachine, restart: restartMachine },
  actions: {
    // What the world is told.
    emitState: emit((_, params: { state: TubeState; reason: string }) => ({ type: 'state', ...params })),
    emitClosed: emit(({ context }) => ({ type: 'closed', reason: context.closeReason })),
    emitFailure: emit(({ context }, params: { failure: Failure }) => ({
      type: 'failure',
      failure: params.failure,
      generation: context.generation,
    })),
    emitRefused: emit((_, params: { requestId: string; failure: Failure }) => ({
      type: 'refused',
      requestId: params.requestId,
      failure: params.failure,
    })),
    emitAccepted: emit((_, params: { requestId: string; generation: number }) => ({
      type: 'accepted',
      requestId: params.requestId,
      generation: params.generation,
    })),
    emitDescription: emit(({ context }, params: { description: Description }) => ({
      type: 'description',
      generation: context.pending?.generation ?? context.generation,
      description: params.description,
      purpose: (context.pending?.attempt ?? 0) === 0 ? 'initial' : 'restart',
      requestId: context.pending?.requestId ?? null,
    })),
    emitCandidate: emit((_, params: { generation: number; candidate: string; mid: string }) => ({
      type: 'candidate',
      ...params,
    })),
    emitRecord: emit(({ context }) => ({ type: 'record', record: toRecord(context) })),
    emitQuality: emit((_, params: Omit<Extract<TubeEmission, { type: 'quality' }>, 'type'>) => ({
      type: 'quality',
      ...params,
    })),
    emitPing: emit((_, params: { outcome: 'pong' | 'missed'; rttMs: number | null }) => ({ type: 'ping', ...params })),
    emitKeepalive: emit(({ context }) => ({ type: 'keepalive', lastActivityAtMs: context.lastActivityAtMs })),
    emitSessionWarning: emit(({ context }) => ({
      type: 'sessionWarning',
      leftMs: Math.max(0, context.settings.sessionTimeoutMs - context.settings.sessionWarningMs),
    })),
    emitSampled: emit((_, params: { generation: number; sample: TransportSample }) => ({ type: 'sampled', ...params })),
    emitConnected: emit(({ context }, params: { atMs: number }) => ({
      type: 'connected',
      generation: context.generation,
      durationMs: params.atMs - context.identity.createdAtMs,
    })),
    emitDecision: enqueueActions(
      (
        { enqueue },
        params: {
          decision: Extract<TubeEmission, { type: 'decision' }>['decision'];
          requestId: string | null;
          code: FailureCode | null;
        },
      ) => {
        enqueue.emit({ type: 'decision', decision: params.decision });
        if (params.requestId !== null && params.code !== null) {
          enqueue.emit({
            type: 'refused',
            requestId: params.requestId,
            failure: failureOf(params.code, params.decision.why),
          });
        }
      },
    ),
    emitRecovered: enqueueActions(({ context: { incident }, enqueue }, params: { atMs: number }) => {
      if (incident === null) return;
      const { attempts, trigger, outageMs, ...over } = endOutage(incident, params.atMs);
      enqueue.emit({ type: 'recovered', attempts, trigger, outageMs });
      enqueue.assign({ incident: { ...over, attempts, trigger, outageMs: 0 } });
    }),
    refuseRestart: enqueueActions(
      ({ context, enqueue }, params: { requestId: string; trigger: RestartTrigger; code: FailureCode }) => {
        const { requestId, trigger, code } = params;
        const why = code === 'restart_trickle_disabled' ? 'trickle ICE is off' : 'the first connection is not up yet';
        enqueue.emit({
          type: 'decision',
          decision: { action: 'skip', why, trigger, attempt: context.incident?.attempts ?? 0, delayMs: 0 },
        });
        enqueue.emit({ type: 'refused', requestId, failure: failureOf(code, why) });
      },
    ),
    refuseOffer: enqueueActions(({ context: { pending }, enqueue }, params: { failure: Failure }) => {
      if (pending === null || pending.requestId === null) return;
      enqueue.sendTo(transportId(pending.generation), { type: 'transport.close' });
      enqueue.assign({ pending: null });
      enqueue.emit({ type: 'refused', requestId: pending.requestId, failure: params.failure });
    }),

    // What is learnt.
    noteActivity: assign((_, params: { atMs: number }) => ({ lastActivityAtMs: params.atMs })),
    noteSignalling: assign((_, params: { online: boolean }) => ({ signalling: params.online ? 'online' : 'offline' })),
    noteDescribed: assign(({ context }, params: { atMs: number }) =>
      patchPending(context, { described: true, startedAtMs: params.atMs }),
    ),
    noteRemote: assign(({ context }, params: { peerKind: PeerKind; sameConnection: boolean; dtlsRole: DtlsRole }) => ({
      ...patchPending(context, { answered: true, sameConnection: params.sameConnection }),
      peer: { ...context.peer, kind: params.peerKind, dtlsRole: context.peer.dtlsRole ?? params.dtlsRole },
    })),
    noteTransportState: enqueueActions(
      ({ context, enqueue }, params: { generation: number; state: TransportState }) => {
        const shown = context.active ?? context.pending?.generation;
        if (params.generation === shown) enqueue.assign({ transportState: params.state });
        enqueue.emit({ type: 'transportState', ...params });
      },
    ),
    noteChannel: enqueueActions(({ context, enqueue }, params: { channel: ChannelRecord }) => {
      enqueue.assign({ peer: withChannel(context.peer, params.channel) });
      enqueue.emit({ type: 'channelOpened', channel: params.channel });
      enqueue.emit(({ context: next }) => ({ type: 'record', record: toRecord(next) }));
    }),
    noteChannelGone: enqueueActions(({ context, enqueue }, params: { label: string; id: number; reason: string }) => {
      enqueue.assign({ peer: withoutChannel(context.peer, params.id) });
      enqueue.emit({ type: 'channelClosed', ...params });
      enqueue.emit(({ context: next }) => ({ type: 'record', record: toRecord(next) }));
    }),
    noteBreaker: enqueueActions(({ enqueue }, params: { breaker: BreakerState }) => {
      enqueue.assign({ breaker: params.breaker });
      enqueue.emit({ type: 'breaker', breaker: params.breaker });
    }),
    halfOpenBreaker: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ breaker: afterOpenWait(context.breaker) });
      enqueue.emit(({ context: { breaker } }) => ({ type: 'breaker', breaker }));
    }),
    endOutage: assign(({ context: { incident, lastActivityAtMs } }) => ({
      incident: incident === null ? null : endOutage(incident, lastActivityAtMs),
    })),
    setCloseReason: assign((_, params: { reason: CloseReason }) => ({ closeReason: params.reason })),

    // Generations.
    openGeneration: enqueueActions(({ enqueue }, params: { init: GenerationInit; mode: GenerationMode }) => {
      enqueue.assign(({ context }) => raise(context, params.init));
      enqueue.spawnChild('transport', {
        id: ({ context }) => transportId(context.generation),
        input: ({ context }) => transportInput(context, params.mode, params.init.inBand),
      });
      enqueue.emit(({ context }) => ({ type: 'record', record: toRecord(context) }));
      const { trigger, attempt } = params.init;
      if (trigger !== null)
        enqueue.emit(({ context }) => ({ type: 'attemptStarted', generation: context.generation, attempt, trigger }));
    }),
    answerOffer: enqueueActions(
      ({ context, enqueue }, params: { requestId: string; description: Description; atMs: number }) => {
        const { requestId, description, atMs } = params;
        const attempt = (context.incident?.attempts ?? 0) + 1;
        enqueue.assign(({ context: now }) =>
          raise(now, { as: 'answerer', inBand: false, requestId, attempt, trigger: 'peer_offer', startedAtMs: atMs }),
        );
        enqueue.spawnChild('transport', {
          id: ({ context: now }) => transportId(now.generation),
          input: ({ context: now }) => transportInput(now, { kind: 'answer', sdp: description.sdp, requestId }, false),
        });
        enqueue.sendTo('restart', { type: 'restart.adopted', trigger: 'peer_offer' });
        enqueue.emit(({ context: now }) => ({ type: 'record', record: toRecord(now) }));
        const generation = context.generation + 1;
        enqueue.emit({ type: 'attemptStarted', generation, attempt, trigger: 'peer_offer' });
      },
    ),
    adoptGeneration: enqueueActions(({ context, enqueue }) => {
      if (context.active === null) return;
      enqueue.spawnChild('transport', {
        id: transportId(context.active),
        input: { ...transportInput(context, { kind: 'adopt' }, false), generation: context.active },
      });
    }),
    command: enqueueActions(
      ({ context, enqueue }, params: { generation: number | null; command: TransportCommand }) => {
        const { generation, command } = params;
        if (generation === null || !context.live.includes(generation)) return;
        enqueue.sendTo(transportId(generation), command);
      },
    ),
    dropPending: enqueueActions(
      ({ context: { live, pending }, enqueue }, params: { failure: Failure | null; afterMs: number | null }) => {
        if (pending === null) return;
        // It may have closed itself.
        if (live.includes(pending.generation))
          enqueue.sendTo(transportId(pending.generation), { type: 'transport.close' });
        enqueue.assign({ pending: null });
        if (pending.trigger === null || params.failure === null) return;
        enqueue.emit(attemptEnded(pending, pending.trigger, params.failure, params.afterMs ?? 0));
      },
    ),
    /** The pending generation carries data from now on; the one before lingers, so that what is in flight arrives. */
    cutOver: enqueueActions(({ context: { active, pending, settings }, enqueue }, params: { atMs: number }) => {
      if (pending === null) return;
      const { generation, trigger, startedAtMs } = pending;
      enqueue.sendTo(transportId(generation), { type: 'transport.activate' });
      if (active !== null) {
        enqueue.sendTo(
          transportId(active),
          { type: 'transport.close' },
          { delay: settings.generationLingerMs, id: `linger.${String(active)}` },
        );
      }
      enqueue.assign({ active: generation, pending: null, transportState: 'connected' });
      enqueue.emit({ type: 'cutOver', generation, from: active });
      if (trigger !== null) enqueue.emit(attemptEnded(pending, trigger, null, params.atMs - startedAtMs));
      enqueue.emit(({ context }) => ({ type: 'record', record: toRecord(context) }));
    }),
    forgetGeneration: enqueueActions(({ context, enqueue }, params: OfGeneration) => {
      if (!context.live.includes(params.generation)) return;
      enqueue.cancel(`linger.${String(params.generation)}`);
      enqueue.stopChild(transportId(params.generation));
      enqueue.assign({ live: context.live.filter((generation) => generation !== params.generation) });
      enqueue.emit({ type: 'generationClosed', generation: params.generation });
      if (params.generation !== context.active) return;
      enqueue.stopChild('keepalive');
      enqueue.stopChild('health');
      enqueue.assign({ active: null });
    }),

    // The path: what pings and health polls judge.
    watchPath: enqueueActions(({ context, enqueue }) => {
      if (context.active === null) return;
      const input = { settings: context.settings };
      enqueue.stopChild('keepalive');
      enqueue.stopChild('health');
      enqueue.spawnChild('keepalive', { id: 'keepalive', input });
      enqueue.spawnChild('health', { id: 'health', input });
    }),
    /** The active path is gone (or its peer let it go): nothing carries data until the next cut-over. */
    losePath: enqueueActions(({ context, enqueue }, params: { atMs: number }) => {
      if (context.active === null) return;
      enqueue.sendTo(transportId(context.active), { type: 'transport.close' });
      enqueue.stopChild('keepalive');
      enqueue.stopChild('health');
      enqueue.assign(withoutPath(context, params.atMs));
      enqueue.emit(({ context: next }) => ({ type: 'record', record: toRecord(next) }));
    }),
    /** A peer that keeps its connection is on the new path only: `when` says which side's description decided that. */
    endOldPath: enqueueActions(({ context, enqueue }, params: { atMs: number; when: PendingGeneration['as'] }) => {
      const { active, pending } = context;
      if (active === null || pending?.sameConnection !== true || pending.as !== params.when) return;
      enqueue.sendTo(transportId(active), { type: 'transport.close' });
      enqueue.stopChild('keepalive');
      enqueue.stopChild('health');
      enqueue.assign(withoutPath(context, params.atMs));
    }),
    tellKeepalive: enqueueActions(({ context, enqueue }, params: { rttMs: number | null } | { heard: true }) => {
      if (context.active === null) return;
      enqueue.sendTo(
        'keepalive',
        'heard' in params ? { type: 'keepalive.heard' } : { type: 'keepalive.pong', rttMs: params.rttMs },
      );
      enqueue.sendTo('health', { type: 'health.heard' });
    }),
    tellHealth: enqueueActions(
      ({ context, enqueue }, params: { sample: TransportSample } | { degraded: boolean } | { failed: true }) => {
        if (context.active === null) return;
        if ('sample' in params) enqueue.sendTo('health', { type: 'health.sample', sample: qualityOf(params.sample) });
        else if ('degraded' in params) enqueue.sendTo('health', { type: 'health.pace', degraded: params.degraded });
        else enqueue.sendTo('health', { type: 'health.operationFailed' });
      },
    ),

    // The incident and its restart child, which live and end together.
    openIncident: enqueueActions(({ context, enqueue }, params: IncidentParams) => {
      const { trigger, atMs, outageSinceMs, ask } = params;
      enqueue.assign({ incident: openIncident(context, trigger, atMs, outageSinceMs) });
      if (context.incident === null) {
        const { settings, breaker, signalling } = context;
        enqueue.spawnChild('restart', {
          id: 'restart',
          input: { settings, breaker, peerAway: signalling === 'offline', seed: seedOf(context) },
        });
      }
      if (ask !== null) enqueue.sendTo('restart', { type: 'restart.trigger', trigger, ...ask, atMs });
    }),
    closeIncident: enqueueActions(({ context, enqueue }) => {
      if (context.incident === null) return;
      enqueue.stopChild('restart');
      enqueue.assign({ incident: null });
    }),
    standDown: enqueueActions(({ context, enqueue }) => {
      if (context.incident !== null)
        enqueue.sendTo('restart', { type: 'restart.standDown', atMs: context.lastActivityAtMs });
    }),
    tellRestart: enqueueActions(({ context, enqueue }, params: { event: RestartEvent }) => {
      if (context.incident !== null) enqueue.sendTo('restart', params.event);
    }),

    // Session: data resets both timers (contract section 5).
    startSession: enqueueActions(({ context, enqueue }) => {
      for (const id of ['session.warning', 'session.timeout']) enqueue.cancel(id);
      enqueue.raise(
        { type: 'session.warningDue' },
        { id: 'session.warning', delay: context.settings.sessionWarningMs },
      );
      enqueue.raise({ type: 'session.timedOut' }, { id: 'session.timeout', delay: context.settings.sessionTimeoutMs });
    }),
    startKeepaliveSignal: enqueueActions(({ context, enqueue }) => {
      const id = 'session.keepalive';
      enqueue.cancel(id);
      enqueue.raise({ type: 'session.keepaliveDue' }, { id, delay: context.settings.keepaliveSignalIntervalMs });
    }),
  },
  guards: {
    isResumed: ({ context }) => context.generation > 0,
    isActive: ({ context }, params: OfGeneration) => params.generation === context.active,
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
    isData: (_, params: { data: boolean }) => params.data,
    hasNoPath: ({ context }) => context.active === null,
    pathIsSound: stateIn('#tube.degraded.restarting.overlapping'),
    mustClose: (_, params: { close: boolean }) => params.close,
    isIdle: ({ context }) => context.pending === null,
    pathIsDoubted: ({ context: { incident } }) => incident !== null && incident.outageSinceMs !== null,
    /** The attempt failed, so nothing but a doubt about this path asked for it. One that a newer trigger superseded proves nothing. */
    wasSuspicion: ({ context }, params: { failure: Failure }) =>
      isSuspicion(context.incident?.trigger) && params.failure.code !== 'restart_in_progress',
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
