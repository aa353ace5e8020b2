/**
 * What a tube knows, and the pure steps from one knowledge to the next. Data only: JSON, no refs, no handles; the chart (tube.machine.ts) says
 * when a step is taken.
 */
import type { NodeFacts, TubeEmission, TubeIdentity, TubeRecord } from './events.js';
import type { CloseReason, Failure } from './failure.js';
import type { RttEstimate } from './policies/ping-timeout.js';
import { closedBreaker, type BreakerState } from './policies/breaker.js';
import type {
  ChannelRecord,
  Description,
  DtlsRole,
  GenerationMode,
  PeerKind,
  TransportInput,
  TransportState,
} from './ports/transport.port.js';
import type { TubeSettings } from './settings.js';
import type { NetworkChangeSource, PeerSignalling, RestartTrigger, Route } from './policies/recovery.js';

/** What is known of the other end; all of it goes into the record. */
export interface PeerFacts {
  readonly kind: PeerKind;
  /** Our DTLS role as first negotiated. */
  readonly dtlsRole: DtlsRole | null;
  readonly channels: readonly ChannelRecord[];
  /** Session id of its last description. */
  readonly session: string | null;
}

/** The generation that is coming up. */
export interface PendingGeneration {
  readonly generation: number;
  readonly as: 'offerer' | 'answerer';
  /** The call whose offer this generation answers. */
  readonly requestId: string | null;
  /** Its local description is out. */
  readonly described: boolean;
  /** The remote description is applied. */
  readonly answered: boolean;
  /** Its channels are opened in-band, not attached by stream id. */
  readonly inBand: boolean;
  /** The peer keeps its RTCPeerConnection: its old path ends. */
  readonly sameConnection: boolean;
  /** 0 for the first generation of a tube. */
  readonly attempt: number;
  readonly trigger: RestartTrigger | null;
  readonly startedAtMs: number;
}

export type GenerationInit = Pick<
  PendingGeneration,
  'as' | 'inBand' | 'requestId' | 'attempt' | 'trigger' | 'startedAtMs'
>;

export interface Incident {
  /** The first sign of trouble, milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly trigger: RestartTrigger;
  readonly attempts: number;
  /** Those of them that led to a recovery which was told already. */
  readonly attemptsTold: number;
  /** Since when no path has been known to work; null while one does. */
  readonly outageSinceMs: number | null;
  /** Outages of this incident that are over and were not told yet. */
  readonly outageMs: number;
}

/** A sign of trouble; `ask` also asks the restart child for a new generation. */
export interface IncidentParams {
  readonly trigger: RestartTrigger;
  readonly atMs: number;
  /** Since when no path is known to work; null when one still does. */
  readonly outageSinceMs: number | null;
  /** How long there was nobody who could have restarted; by default 0. */
  readonly unattendedMs?: number;
  /** Who noticed, and what; by default the tube itself. */
  readonly noticed?: {
    readonly source: NetworkChangeSource;
    readonly detail: string;
    readonly route: Route | null;
  };
  readonly ask: { readonly fresh: boolean; readonly requestId: string | null } | null;
}

export interface OfGeneration {
  readonly generation: number;
}

export interface TubeContext {
  readonly identity: TubeIdentity;
  readonly settings: TubeSettings;
  readonly peer: PeerFacts;
  /** Newest generation. */
  readonly generation: number;
  /** The generation that carries outgoing data. */
  readonly active: number | null;
  readonly pending: PendingGeneration | null;
  /** Generations with a transport child: active, pending, lingering. */
  readonly live: readonly number[];
  readonly transportState: TransportState;
  readonly breaker: BreakerState;
  readonly incident: Incident | null;
  readonly signalling: PeerSignalling;
  readonly node: NodeFacts;
  /** The generation whose TURN credentials are renewed at half of their life; null when none is relayed. */
  readonly renewed: number | null;
  /** Pings in a row that the active path left unanswered. */
  readonly missedPings: number;
  /** The last of them, by their numbers; fewer than are missing where the path was doubted for another reason. */
  readonly missedSeqs: readonly number[];
  /** Smoothed over generations: how far away the peer is. Null until it was measured. */
  readonly rtt: RttEstimate | null;
  /** Restarts for quality in a row that did not help. */
  readonly poorRestarts: number;
  readonly lastActivityAtMs: number;
  /** When the peer was last heard over the path itself: a pong or data, not signalling. */
  readonly lastHeardAtMs: number;
  /** In `failed`: since when there has been no path. The outage goes on until the tube recovers after all. */
  readonly givenUpSinceMs: number | null;
  readonly closeReason: CloseReason;
}

/**
 * A tube is created, or carried on from its record. `signalling` is more than the record says: sockets do not survive a process, but they do survive
 * the crash of an actor. `held`: its restart waits until the node lets it go.
 */
export type TubeInput =
  | { readonly kind: 'create'; readonly identity: TubeIdentity; readonly settings: TubeSettings; readonly atMs: number }
  | {
      readonly kind: 'resume';
      readonly record: TubeRecord;
      readonly signalling: PeerSignalling;
      readonly held: boolean;
      /** Since when it had no supervisor, milliseconds since the epoch: its outage began then. By default it had one until now. */
      readonly silentSinceMs?: number;
      readonly atMs: number;
    };

export function createContext(input: TubeInput): TubeContext {
  return input.kind === 'create' ? created(input) : resumed(input);
}

const common = {
  transportState: 'new',
  breaker: closedBreaker,
  incident: null,
  givenUpSinceMs: null,
  missedPings: 0,
  missedSeqs: [],
  rtt: null,
  poorRestarts: 0,
  renewed: null,
  closeReason: 'requested',
} as const;

function created({ identity, settings, atMs }: Extract<TubeInput, { kind: 'create' }>): TubeContext {
  return {
    ...common,
    identity,
    settings,
    peer: { kind: 'plain', dtlsRole: null, channels: [], session: null },
    generation: 0,
    active: null,
    pending: null,
    live: [],
    signalling: 'relayed',
    node: { route: 'unknown', held: false, suspectShare: 0 },
    lastActivityAtMs: atMs,
    lastHeardAtMs: atMs,
  };
}

function resumed(input: Extract<TubeInput, { kind: 'resume' }>): TubeContext {
  const { record, signalling, held, silentSinceMs, atMs } = input;
  const { settings, generation, activeGeneration, peerKind, dtlsRole, channels, peerSession, ...rest } = record;
  const { signalling: _past, ...identity } = rest;
  return {
    ...common,
    identity,
    settings,
    peer: { kind: peerKind, dtlsRole, channels, session: peerSession },
    generation,
    active: activeGeneration,
    pending: null,
    live: activeGeneration === null ? [] : [activeGeneration],
    signalling,
    node: { route: 'unknown', held, suspectShare: 0 },
    lastActivityAtMs: atMs,
    // Clocks are set back, too.
    lastHeardAtMs: Math.min(silentSinceMs ?? atMs, atMs),
  };
}

/** A new pending generation on top of the newest one. */
export function raise(context: TubeContext, init: GenerationInit): Partial<TubeContext> {
  const generation = context.generation + 1;
  const pending = { ...init, generation, described: false, answered: false, sameConnection: false };
  const { incident } = context;
  return {
    generation,
    pending,
    live: [...context.live, generation],
    incident:
      incident === null ? null : { ...incident, attempts: init.attempt, trigger: init.trigger ?? incident.trigger },
  };
}

export function patchPending(context: TubeContext, patch: Partial<PendingGeneration>): Partial<TubeContext> {
  return context.pending === null ? {} : { pending: { ...context.pending, ...patch } };
}

/** Generation 1: offered, or the answer to the offer that came with the call. */
export function initial(
  offer: { readonly sdp: string; readonly requestId: string } | null,
  startedAtMs: number,
): { readonly init: GenerationInit; readonly mode: GenerationMode } {
  const init = { inBand: true, attempt: 0, trigger: null, startedAtMs };
  if (offer === null) return { init: { ...init, as: 'offerer', requestId: null }, mode: { kind: 'offer' } };
  return { init: { ...init, as: 'answerer', requestId: offer.requestId }, mode: { kind: 'answer', ...offer } };
}

/** Transport children are named after their generation. */
export const transportId = (generation: number): string => `transport.${String(generation)}`;

/** The timer that closes a generation after a cut-over. */
export const lingerId = (generation: number): string => `linger.${String(generation)}`;

/** The input of the transport child of `context.generation`. */
export function transportInput(context: TubeContext, mode: GenerationMode, inBand: boolean): TransportInput {
  return {
    tubeId: context.identity.tubeId,
    generation: context.generation,
    mode,
    channels: inBand ? [] : context.peer.channels,
    dtlsRole: context.peer.dtlsRole,
    peerKind: context.peer.kind,
    peerSession: context.peer.session,
    settings: context.settings,
  };
}

export function withChannel(peer: PeerFacts, channel: ChannelRecord): PeerFacts {
  const others = peer.channels.filter(({ label, id }) => label !== channel.label && id !== channel.id);
  return { ...peer, channels: [...others, channel] };
}

export function withoutChannel(peer: PeerFacts, id: number): PeerFacts {
  return { ...peer, channels: peer.channels.filter((channel) => channel.id !== id) };
}

export function openIncident(
  context: TubeContext,
  trigger: RestartTrigger,
  atMs: number,
  outageSinceMs: number | null,
  /** Of an outage that went before, which takes nothing of the time that restarting may take. */
  outageMs = 0,
): Incident {
  const { incident } = context;
  if (incident === null) {
    const since = context.givenUpSinceMs ?? outageSinceMs;
    return { startedAtMs: atMs, trigger, attempts: 0, attemptsTold: 0, outageSinceMs: since, outageMs };
  }
  // What is coming up is about the trigger that asked for it.
  const about = context.pending === null ? trigger : incident.trigger;
  return { ...incident, trigger: about, outageSinceMs: incident.outageSinceMs ?? outageSinceMs };
}

/**
 * Something that came over the active path shows that it works now. Not what came, or was asked, before the moment from which the path is known to be
 * dead: reports of what was heard are up to a second late, and a pong may have been on its way when the network changed.
 */
export function provesPath(
  { active, incident }: TubeContext,
  { generation, atMs, rttMs }: OfGeneration & { readonly atMs: number; readonly rttMs?: number | null },
): boolean {
  const sinceMs = incident?.outageSinceMs ?? null;
  return generation === active && (sinceMs === null || atMs - (rttMs ?? 0) > sinceMs);
}

/** A path works again since `atMs`. */
export function endOutage(incident: Incident, atMs: number): Incident {
  const { outageSinceMs, outageMs } = incident;
  if (outageSinceMs === null) return incident;
  return { ...incident, outageSinceMs: null, outageMs: outageMs + Math.max(0, atMs - outageSinceMs) };
}

/** No generation carries data from `atMs` on. */
export function withoutPath({ incident }: TubeContext, atMs: number): Partial<TubeContext> {
  if (incident === null) return { active: null };
  return { active: null, incident: { ...incident, outageSinceMs: incident.outageSinceMs ?? atMs } };
}

/** A generation has closed: it has no transport child any more. */
export function withoutGeneration({ live, active }: TubeContext, gone: number): Partial<TubeContext> {
  const others = live.filter((generation) => generation !== gone);
  return gone === active ? { live: others, active: null } : { live: others };
}

/** What is left of the time that restarting may take, counted from the present outage: a path that comes and goes is none. */
export function incidentTimeLeftMs({ settings, incident, lastActivityAtMs }: TubeContext): number {
  const passedMs = Math.max(0, lastActivityAtMs - (incident?.outageSinceMs ?? lastActivityAtMs));
  return Math.max(0, settings.incidentDeadlineMs - passedMs);
}

export function awaitsAnswer({ pending }: TubeContext, description: Description, generation: number | null): boolean {
  if (description.type !== 'answer' || pending?.as !== 'offerer' || !pending.described || pending.answered)
    return false;
  return generation === null || generation === pending.generation;
}

/** Why a description that nobody can use was refused. */
export function misfit(context: TubeContext, description: Description, generation: number | null): Failure {
  const { pending, settings } = context;
  if (description.type === 'offer') {
    return settings.trickleIce ? failureOf('signalling_unexpected_offer') : failureOf('restart_trickle_disabled');
  }
  if (generation !== null && generation !== pending?.generation)
    return failureOf('signalling_stale_generation', `generation ${String(generation)}`);
  return failureOf('signalling_unexpected_answer');
}

/** @param failure null for a success */
export function attemptEnded(
  { generation }: PendingGeneration,
  trigger: RestartTrigger,
  failure: Failure | null,
  durationMs: number,
): Extract<TubeEmission, { type: 'attemptEnded' }> {
  const outcome = failure === null ? 'success' : 'failure';
  return { type: 'attemptEnded', generation, trigger, outcome, failure, durationMs };
}

export function toRecord(context: TubeContext): TubeRecord {
  return {
    ...context.identity,
    settings: context.settings,
    generation: context.generation,
    activeGeneration: context.active,
    peerKind: context.peer.kind,
    dtlsRole: context.peer.dtlsRole,
    channels: context.peer.channels,
    peerSession: context.peer.session,
    signalling: context.signalling === 'relayed' ? 'relayed' : 'direct',
  };
}

/** FNV-1a of the identity and the time: a seed that differs from tube to tube and is the same when replayed. */
export function seedOf(context: TubeContext): number {
  let hash = 0x811c9dc5;
  for (const char of `${context.identity.tubeId}/${context.lastActivityAtMs}`)
    hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}

/** Doubts about a path that a failed attempt shows to be wrong: the path is kept and nothing more is tried. */
const suspicions: readonly RestartTrigger[] = ['missed_pings', 'poor_quality', 'unhealthy', 'transport_failure'];
export const isSuspicion = (trigger: RestartTrigger | undefined): boolean =>
  trigger !== undefined && suspicions.includes(trigger);

export const failureOf = (code: Failure['code'], detail = ''): Failure => ({ code, detail });
