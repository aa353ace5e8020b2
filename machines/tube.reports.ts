/**
 * The first third of the tube's vocabulary: its types and children, what it says (emissions), and what it learns. Goes on in tube.generations.ts
 * and ends in tube.setup.ts. Built-in actions only. The transport child is a stub here; src/app.ts provides the real one, once.
 */
import { assign, emit, enqueueActions, setup } from 'xstate';
import type { NodeFacts, QualityFinding, TubeEmission, TubeEvent, TubeState } from './events.js';
import type { CloseReason, Failure } from './failure.js';
import { healthMachine } from './health.machine.js';
import { keepaliveMachine } from './keepalive.machine.js';
import { afterOpenWait, type BreakerState } from './policies/breaker.js';
import {
  transportStub,
  type ChannelRecord,
  type Description,
  type DtlsRole,
  type PeerKind,
  type TransportState,
} from './ports/transport.port.js';
import { restartMachine } from './restart.machine.js';
import {
  endOutage,
  failureOf,
  misfit,
  patchPending,
  toRecord,
  withChannel,
  withoutChannel,
  type TubeContext,
  type TubeInput,
} from './tube.context.js';
import { decided, refusedRestart } from './tube.evidence.js';
import type { RestartTrigger } from './policies/recovery.js';

/** Of the pings that went unanswered: which they were. */
const keptMissedSeqs = 10;

type Decision = Extract<TubeEvent, { type: 'restart.decided' }>;
export interface RestartCall {
  readonly requestId: string;
  readonly trigger: RestartTrigger;
  readonly atMs: number;
}

export const tubeReports = setup({
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
    /** With what the trouble is about. */
    emitDegraded: emit(({ context }) => ({
      type: 'state',
      state: 'degraded',
      reason: context.incident?.trigger ?? 'missed_pings',
    })),
    emitState: emit((_, params: { state: TubeState; reason: string }) => ({ type: 'state', ...params })),
    emitClosed: emit(({ context }) => ({ type: 'closed', reason: context.closeReason })),
    emitRecord: emit(({ context }) => ({ type: 'record', record: toRecord(context) })),
    emitFailure: emit(({ context: { generation } }, { failure }: { failure: Failure }) => ({
      type: 'failure',
      failure,
      generation,
    })),
    emitAccepted: emit((_, { requestId, generation }: { requestId: string; generation: number }) => ({
      type: 'accepted',
      what: 'candidate',
      requestId,
      generation,
    })),
    emitRefused: emit((_, { requestId, failure }: { requestId: string; failure: Failure }) => ({
      type: 'refused',
      requestId,
      failure,
    })),
    /** It belongs to a generation that is gone. */
    refuseStale: emit((_, { requestId }: { requestId: string }) => ({
      type: 'refused',
      requestId,
      failure: failureOf('signalling_stale_generation'),
    })),
    refuseDescription: emit(
      ({ context }, params: { requestId: string; description: Description; generation: number | null }) => ({
        type: 'refused',
        requestId: params.requestId,
        failure: misfit(context, params.description, params.generation),
      }),
    ),
    refuseEarlyRestart: enqueueActions(({ context, enqueue }, call: RestartCall) => {
      for (const said of refusedRestart(context, call, 'restart_in_progress')) enqueue.emit(said);
    }),
    refuseWithoutTrickle: enqueueActions(({ context, enqueue }, call: RestartCall) => {
      for (const said of refusedRestart(context, call, 'restart_trickle_disabled')) enqueue.emit(said);
    }),
    emitCandidate: emit((_, params: { generation: number; candidate: string; mid: string }) => ({
      type: 'candidate',
      generation: params.generation,
      candidate: params.candidate,
      mid: params.mid,
    })),
    emitPolled: emit((_, { verdict, score, lossRatio, rttMs }: QualityFinding) => ({
      type: 'polled',
      verdict,
      score,
      lossRatio,
      rttMs,
    })),
    emitQuality: emit((_, { verdict, score, lossRatio, rttMs }: QualityFinding) => ({
      type: 'quality',
      verdict,
      score,
      lossRatio,
      rttMs,
    })),
    noteMissedPing: enqueueActions(({ context, enqueue }, { missed, seq }: { missed: number; seq: number }) => {
      enqueue.assign({ missedPings: missed, missedSeqs: [...context.missedSeqs, seq].slice(-keptMissedSeqs) });
      enqueue.emit({ type: 'ping', outcome: 'missed', rttMs: null });
    }),
    emitKeepalive: emit(({ context }) => ({ type: 'keepalive', lastActivityAtMs: context.lastActivityAtMs })),
    emitSessionWarning: emit(({ context }) => ({
      type: 'sessionWarning',
      leftMs: Math.max(0, context.settings.sessionTimeoutMs - context.settings.sessionWarningMs),
    })),
    emitDecision: enqueueActions(({ context, enqueue }, params: Decision) => {
      for (const said of decided(context, params)) enqueue.emit(said);
    }),
    emitRecovered: enqueueActions(({ context: { incident }, enqueue }, params: { atMs: number }) => {
      if (incident === null) return;
      const over = endOutage(incident, params.atMs);
      const { attempts, attemptsTold, trigger, outageMs } = over;
      enqueue.emit({ type: 'recovered', attempts: attempts - attemptsTold, trigger, outageMs });
      enqueue.assign({ incident: { ...over, attemptsTold: attempts, outageMs: 0 }, givenUpSinceMs: null });
    }),

    // What is learnt, and said where it matters to others.
    /** A first generation that could not be built. */
    blameFailure: assign((_, { failure }: { failure: Failure }) => ({
      closeReason: failure.code === 'transport_gather_timeout' ? 'gather_timeout' : 'internal',
    })),
    notePoorRestarts: assign((_, params: { count: number }) => ({ poorRestarts: params.count })),
    setCloseReason: assign((_, params: { reason: CloseReason }) => ({ closeReason: params.reason })),
    noteActivity: assign((_, params: { atMs: number }) => ({ lastActivityAtMs: params.atMs })),
    noteSignalling: enqueueActions(({ context, enqueue }, { online, atMs }: { online: boolean; atMs: number }) => {
      const signalling = online ? 'online' : 'offline';
      enqueue.assign({ signalling, lastActivityAtMs: atMs });
      if (context.incident !== null) enqueue.sendTo('restart', { type: 'restart.evidence', patch: { signalling } });
    }),
    noteNode: enqueueActions(({ context, enqueue }, { node }: { node: Partial<NodeFacts> }) => {
      enqueue.assign({ node: { ...context.node, ...node } });
      if (context.incident !== null) enqueue.sendTo('restart', { type: 'restart.evidence', patch: node });
    }),
    noteDescribed: enqueueActions(
      ({ context, enqueue }, { description, atMs }: { description: Description; atMs: number }) => {
        enqueue.assign(patchPending(context, { described: true, startedAtMs: atMs }));
        enqueue.emit({
          type: 'description',
          generation: context.pending?.generation ?? context.generation,
          description,
          purpose: (context.pending?.attempt ?? 0) === 0 ? 'initial' : 'restart',
          requestId: context.pending?.requestId ?? null,
        });
      },
    ),
    noteRemote: enqueueActions(
      (
        { context, enqueue },
        params: {
          requestId: string;
          generation: number;
          peerKind: PeerKind;
          sameConnection: boolean;
          dtlsRole: DtlsRole;
          session?: string | null;
        },
      ) => {
        const { requestId, generation, peerKind: kind, sameConnection, session = null } = params;
        enqueue.assign({
          ...patchPending(context, { answered: true, sameConnection }),
          peer: { ...context.peer, kind, session, dtlsRole: context.peer.dtlsRole ?? params.dtlsRole },
        });
        const what = context.pending?.as === 'answerer' ? 'offer' : 'answer';
        enqueue.emit({ type: 'accepted', what, requestId, generation });
      },
    ),
    noteTransportState: enqueueActions(
      ({ context, enqueue }, { generation, state }: { generation: number; state: TransportState }) => {
        const shown = context.active ?? context.pending?.generation;
        if (generation === shown) enqueue.assign({ transportState: state });
        enqueue.emit({ type: 'transportState', generation, state });
      },
    ),
    noteChannel: enqueueActions(({ context, enqueue }, { channel }: { channel: ChannelRecord }) => {
      enqueue.assign({ peer: withChannel(context.peer, channel) });
      enqueue.emit({ type: 'channelOpened', channel });
      enqueue.emit(({ context: next }) => ({ type: 'record', record: toRecord(next) }));
    }),
    noteChannelGone: enqueueActions(
      ({ context, enqueue }, { label, id, reason }: { label: string; id: number; reason: string }) => {
        enqueue.assign({ peer: withoutChannel(context.peer, id) });
        enqueue.emit({ type: 'channelClosed', label, id, reason });
        enqueue.emit(({ context: next }) => ({ type: 'record', record: toRecord(next) }));
      },
    ),
    noteBreaker: enqueueActions(({ enqueue }, { breaker }: { breaker: BreakerState }) => {
      enqueue.assign({ breaker });
      enqueue.emit({ type: 'breaker', breaker });
    }),
    halfOpenBreaker: enqueueActions(({ context, enqueue }) => {
      const breaker = afterOpenWait(context.breaker);
      enqueue.assign({ breaker });
      enqueue.emit({ type: 'breaker', breaker });
    }),
    endOutage: assign(({ context: { incident, lastHeardAtMs } }) => ({
      incident: incident === null ? null : endOutage(incident, lastHeardAtMs),
    })),
    rememberOutage: assign({ givenUpSinceMs: ({ context }) => context.incident?.outageSinceMs ?? null }),
  },
});
