/**
 * The second third of the tube's vocabulary: steps with generations (build, command, cut over, drop, forget), with the path that the active one is
 * (keepalive and health watch it), with the incident and its restart child, and with the session timers. Built-in actions only.
 */
import { enqueueActions } from 'xstate';
import type { Failure } from './failure.js';
import { updateRtt } from './policies/ping-timeout.js';
import { isNetworkTrigger } from './policies/recovery.js';
import type {
  ChannelRecord,
  Description,
  GenerationMode,
  SelectedPair,
  TransportSample,
} from './ports/transport.port.js';
import type { RestartEvent } from './restart.context.js';
import {
  attemptEnded,
  lingerId,
  openIncident,
  raise,
  seedOf,
  toRecord,
  transportId,
  transportInput,
  withChannel,
  withoutGeneration,
  withoutPath,
  type GenerationInit,
  type IncidentParams,
  type OfGeneration,
  type PendingGeneration,
} from './tube.context.js';
import { changeOf, evidenceOf } from './tube.evidence.js';
import { tubeReports } from './tube.reports.js';

export interface CutOverParams {
  readonly atMs: number;
  readonly channels?: readonly ChannelRecord[];
}

/** Reports of what was heard come a second apart. */
const quietWhileSendingMs = 1100;
const turnRefreshId = 'turn.refresh';
/** Whoever asks for credentials that live milliseconds gets no restart each of them. */
const minTurnRefreshMs = 1000;

export const tubeGenerations = tubeReports.extend({
  actions: {
    // Generations.
    openGeneration: enqueueActions(({ enqueue }, { init, mode }: { init: GenerationInit; mode: GenerationMode }) => {
      enqueue.assign(({ context }) => raise(context, init));
      enqueue.spawnChild('transport', {
        id: ({ context }) => transportId(context.generation),
        input: ({ context }) => transportInput(context, mode, init.inBand),
      });
      enqueue.emit(({ context: next }) => ({ type: 'record', record: toRecord(next) }));
    }),
    /** The generation that was just built is the first of an attempt. */
    emitAttemptStarted: enqueueActions(({ context: { pending }, enqueue }) => {
      if (pending === null || pending.trigger === null) return;
      const { generation, attempt, trigger } = pending;
      enqueue.emit({ type: 'attemptStarted', generation, attempt, trigger });
    }),
    adoptGeneration: enqueueActions(({ context, enqueue }) => {
      if (context.active === null) return;
      enqueue.spawnChild('transport', {
        id: transportId(context.active),
        input: { ...transportInput(context, { kind: 'adopt' }, false), generation: context.active },
      });
    }),
    applyAnswer: enqueueActions(
      ({ context, enqueue }, params: { requestId: string; description: Description; atMs: number }) => {
        const { requestId, description, atMs } = params;
        enqueue.assign({ lastActivityAtMs: atMs });
        const generation = context.pending?.generation;
        if (generation === undefined || !context.live.includes(generation)) return;
        enqueue.sendTo(transportId(generation), { type: 'transport.applyAnswer', requestId, sdp: description.sdp });
      },
    ),
    /** To the generation that it names, else to the one that comes up. */
    addCandidate: enqueueActions(
      (
        { context, enqueue },
        params: { requestId: string; candidate: string; mid: string; generation: number | null; atMs: number },
      ) => {
        const { requestId, candidate, mid, atMs } = params;
        enqueue.assign({ lastActivityAtMs: atMs });
        const generation = params.generation ?? context.pending?.generation ?? context.active;
        if (generation === null || !context.live.includes(generation)) return;
        enqueue.sendTo(transportId(generation), { type: 'transport.addCandidate', requestId, candidate, mid });
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
    /** The peer's own offer cannot be used, and the attempt that it was is over. */
    refuseOffer: enqueueActions(
      ({ context: { pending }, enqueue }, { failure, atMs }: { failure: Failure; atMs: number }) => {
        if (pending === null || pending.requestId === null) return;
        enqueue.sendTo(transportId(pending.generation), { type: 'transport.close' });
        enqueue.assign({ pending: null });
        enqueue.emit({ type: 'refused', requestId: pending.requestId, failure });
        if (pending.trigger === null) return;
        enqueue.emit(attemptEnded(pending, pending.trigger, failure, atMs - pending.startedAtMs));
      },
    ),
    /** The pending generation carries data from now on; the one before lingers, so that what is in flight arrives. */
    cutOver: enqueueActions(({ context: { active, pending, settings }, enqueue }, params: CutOverParams) => {
      if (pending === null) return;
      const { atMs, channels = [] } = params;
      const { generation, trigger, startedAtMs } = pending;
      enqueue.sendTo(transportId(generation), { type: 'transport.activate' });
      if (active !== null) {
        const linger = { delay: settings.generationLingerMs, id: lingerId(active) };
        enqueue.sendTo(transportId(active), { type: 'transport.close' }, linger);
      }
      enqueue.assign(({ context: { node, peer, poorRestarts } }) => ({
        active: generation,
        pending: null,
        peer: channels.reduce(withChannel, peer),
        transportState: 'connected',
        lastHeardAtMs: atMs,
        missedPings: 0,
        missedSeqs: [],
        node: { ...node, route: 'unknown' },
        // Another network is another path.
        poorRestarts: trigger !== null && isNetworkTrigger(trigger) ? 0 : poorRestarts,
      }));
      enqueue.emit({ type: 'cutOver', generation, from: active });
      if (trigger !== null) enqueue.emit(attemptEnded(pending, trigger, null, atMs - startedAtMs));
      enqueue.emit(({ context: next }) => ({ type: 'record', record: toRecord(next) }));
    }),
    forgetGeneration: enqueueActions(({ context, enqueue }, { generation }: OfGeneration) => {
      if (!context.live.includes(generation)) return;
      enqueue.cancel(lingerId(generation));
      enqueue.stopChild(transportId(generation));
      enqueue.assign(withoutGeneration(context, generation));
      enqueue.emit({ type: 'generationClosed', generation });
      if (generation !== context.active) return;
      enqueue.stopChild('keepalive');
      enqueue.stopChild('health');
    }),

    // The path: what pings and health polls judge.
    watchPath: enqueueActions(({ context: { active, settings, peer, poorRestarts }, enqueue }) => {
      if (active === null) return;
      enqueue.stopChild('keepalive');
      enqueue.stopChild('health');
      enqueue.spawnChild('keepalive', { id: 'keepalive', input: { settings } });
      enqueue.spawnChild('health', { id: 'health', input: { settings, peerKind: peer.kind, poorRestarts } });
    }),
    /** The active path is gone: nothing carries data until the next cut-over. */
    losePath: enqueueActions(({ context, enqueue }, { atMs }: { atMs: number }) => {
      if (context.active === null) return;
      enqueue.sendTo(transportId(context.active), { type: 'transport.close' });
      enqueue.stopChild('keepalive');
      enqueue.stopChild('health');
      enqueue.assign(withoutPath(context, atMs));
      enqueue.emit(({ context: next }) => ({ type: 'record', record: toRecord(next) }));
    }),
    /** A peer that keeps its connection is on the new path only: `when` says which side's description decided that. */
    endOldPath: enqueueActions(
      ({ context, enqueue }, { atMs, when }: { atMs: number; when: PendingGeneration['as'] }) => {
        const { active, pending } = context;
        if (active === null || pending?.sameConnection !== true || pending.as !== when) return;
        enqueue.sendTo(transportId(active), { type: 'transport.close' });
        enqueue.stopChild('keepalive');
        enqueue.stopChild('health');
        enqueue.assign(withoutPath(context, atMs));
        if (context.incident !== null) enqueue.sendTo('restart', { type: 'restart.evidence', patch: { path: 'none' } });
      },
    ),
    pingPath: enqueueActions(({ context: { active, live }, enqueue }, { seq }: { seq: number }) => {
      if (active !== null && live.includes(active))
        enqueue.sendTo(transportId(active), { type: 'transport.ping', seq });
    }),
    samplePath: enqueueActions(({ context: { active, live }, enqueue }) => {
      if (active !== null && live.includes(active)) enqueue.sendTo(transportId(active), { type: 'transport.sample' });
    }),
    notePong: enqueueActions(({ context, enqueue }, { rttMs, atMs }: { rttMs: number | null; atMs: number }) => {
      const rtt = rttMs === null ? context.rtt : updateRtt(context.rtt, rttMs);
      enqueue.assign({ lastActivityAtMs: atMs, lastHeardAtMs: atMs, missedPings: 0, missedSeqs: [], rtt });
      enqueue.sendTo('keepalive', { type: 'keepalive.pong', rttMs });
      enqueue.sendTo('health', { type: 'health.heard' });
      enqueue.emit({ type: 'ping', outcome: 'pong', rttMs });
    }),
    /** Something came over it: as good as a pong. */
    provePath: enqueueActions(({ enqueue }, { atMs }: { atMs: number }) => {
      enqueue.assign({ lastHeardAtMs: atMs, missedPings: 0, missedSeqs: [] });
      enqueue.sendTo('keepalive', { type: 'keepalive.heard' });
      enqueue.sendTo('health', { type: 'health.heard' });
    }),
    /** Ping now; where that is due, as if pings were missing already. */
    askPath: enqueueActions(({ context, enqueue }, { type }: { type: 'keepalive.look' | 'keepalive.doubt' }) => {
      if (context.active !== null) enqueue.sendTo('keepalive', { type });
    }),
    /** Who sends and hears nothing wants to know sooner than the next ping is due. */
    lookIfSilent: enqueueActions(({ context: { active, lastHeardAtMs }, enqueue }, { atMs }: { atMs: number }) => {
      if (active !== null && atMs - lastHeardAtMs > quietWhileSendingMs)
        enqueue.sendTo('keepalive', { type: 'keepalive.look' });
    }),
    /** A relayed path ends with its credentials: it is replaced in time. */
    notePair: enqueueActions(
      ({ context, enqueue }, { generation, pair }: { generation: number; pair: SelectedPair }) => {
        const { settings, renewed } = context;
        enqueue.emit({ type: 'selectedPair', generation, pair });
        // The way is measured anew from here.
        enqueue.assign({ node: { ...context.node, route: 'unknown' } });
        if (context.incident !== null)
          enqueue.sendTo('restart', { type: 'restart.evidence', patch: { route: 'unknown' } });
        // A plain peer pays for a restart with a pause, and a TURN server lets an allocation outlive the credentials that made it.
        const isRenewed = settings.turnCredentialTtlMs > 0 && context.peer.kind === 'overlap';
        const isRelayed = isRenewed && [pair.local.type, pair.remote.type].includes('relay');
        // The credentials are as old as the generation: another pair of it makes them no younger.
        if (isRelayed && renewed === generation) return;
        enqueue.cancel(turnRefreshId);
        enqueue.assign({ renewed: isRelayed ? generation : null });
        if (!isRelayed) return;
        const delay = Math.max(minTurnRefreshMs, settings.turnCredentialTtlMs / 2);
        enqueue.raise({ type: 'turn.refreshDue' }, { id: turnRefreshId, delay });
      },
    ),
    /** Not now, or not up yet: again in a while. */
    refreshTurnLater: enqueueActions(({ context: { settings }, enqueue }) => {
      enqueue.cancel(turnRefreshId);
      const delay = Math.max(minTurnRefreshMs, settings.turnCredentialTtlMs / 10);
      enqueue.raise({ type: 'turn.refreshDue' }, { id: turnRefreshId, delay });
    }),
    /** What an old generation says late is told, but is no news of the path. */
    noteSample: enqueueActions(
      ({ context, enqueue }, { generation, sample }: { generation: number; sample: TransportSample }) => {
        const { pingsSent, pongsReceived, probes, rttMs } = sample;
        enqueue.emit({ type: 'sampled', generation, sample });
        if (generation !== context.active) return;
        if (rttMs !== null) enqueue.assign({ rtt: updateRtt(context.rtt, rttMs) });
        enqueue.sendTo('health', { type: 'health.sample', sample: { pingsSent, pongsReceived, probes, rttMs } });
      },
    ),
    noteFailedOperation: enqueueActions(({ context, enqueue }) => {
      if (context.active !== null) enqueue.sendTo('health', { type: 'health.operationFailed' });
    }),
    setHealthPace: enqueueActions(({ context, enqueue }, { degraded }: { degraded: boolean }) => {
      if (context.active !== null) enqueue.sendTo('health', { type: 'health.pace', degraded });
    }),

    // The incident and its restart child, which live and end together.
    openIncident: enqueueActions(({ context, enqueue }, params: IncidentParams) => {
      const { trigger, atMs, outageSinceMs, unattendedMs, ask } = params;
      const { source, detail, route } = params.noticed ?? { source: 'tube', detail: '', route: null };
      const incident = openIncident(context, trigger, atMs, outageSinceMs, unattendedMs);
      const evidence = evidenceOf({ ...context, incident }, { trigger, source, atMs, route });
      enqueue.assign({ incident });
      if (context.incident === null) {
        const { settings, breaker } = context;
        enqueue.spawnChild('restart', { id: 'restart', input: { settings, breaker, evidence, seed: seedOf(context) } });
      } else if (evidence.path !== 'sound') {
        // A trigger may be skipped; that the path does not work is known all the same.
        enqueue.sendTo('restart', { type: 'restart.evidence', patch: { path: evidence.path } });
      }
      if (ask === null) return;
      enqueue.sendTo('restart', { type: 'restart.trigger', trigger, ...ask, evidence, atMs });
      const change = changeOf(trigger);
      if (change !== null) enqueue.emit({ type: 'networkChange', change, source, detail, evidence });
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
    tellRestart: enqueueActions(({ context, enqueue }, event: RestartEvent) => {
      if (context.incident !== null) enqueue.sendTo('restart', event);
    }),

    // Session: data resets both timers (contract section 5).
    startSession: enqueueActions(({ context: { settings }, enqueue }) => {
      for (const id of ['session.warning', 'session.timeout']) enqueue.cancel(id);
      enqueue.raise({ type: 'session.warningDue' }, { id: 'session.warning', delay: settings.sessionWarningMs });
      enqueue.raise({ type: 'session.timedOut' }, { id: 'session.timeout', delay: settings.sessionTimeoutMs });
    }),
    startKeepaliveSignal: enqueueActions(({ context, enqueue }) => {
      const id = 'session.keepalive';
      enqueue.cancel(id);
      enqueue.raise({ type: 'session.keepaliveDue' }, { id, delay: context.settings.keepaliveSignalIntervalMs });
    }),
  },
});
