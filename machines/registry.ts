/**
 * The registry actor: supervisor of all tubes, as custom actor logic (a machine that spawns copies its children at every spawn; here they are in a Map).
 * OTP words: children are `temporary` from the outside and `transient` towards crashes, with restart intensity per child. It does no I/O; the
 * effects it needs (finaliser of handles, listener, clock) come in as `RegistryEffects`. Its snapshot is one object that never changes
 * identity, so opening the 100,000th tube costs what the 1,000th costs.
 */
import type { ActorLogic, ActorRefFrom, AnyActorRef, EventObject } from 'xstate';
import { createActor } from 'xstate';
import type { TubeEmission, TubeEvent, TubeIdentity, TubeRecord, TubeRequest, TubeState } from './events.js';
import type { CloseReason } from './failure.js';
import { admitRestart } from './policies/restart-intensity.js';
import type { TubeContext, TubeInput } from './tube.context.js';
import type { tubeMachine } from './tube.machine.js';
import type { PeerSignalling } from './policies/recovery.js';

export type TubeLogic = typeof tubeMachine;
export type TubeRef = ActorRefFrom<TubeLogic>;

/** One supervised tube. Mutable on purpose: it lives in the registry's Map and nowhere else. */
export interface TubeEntry {
  ref: TubeRef;
  readonly identity: TubeIdentity;
  state: TubeState;
  /** The last record that the tube wrote; null until it has built its first generation. */
  record: TubeRecord | null;
  /** Null until it said that it is closed. */
  closeReason: CloseReason | null;
  /** When it was restarted after crashes, milliseconds since the epoch. */
  crashesMs: readonly number[];
}

export type RegistryEvent =
  | {
      readonly type: 'registry.open';
      readonly input: Extract<TubeInput, { kind: 'create' }>;
      readonly begin: Extract<TubeRequest, { type: 'tube.begin' }>;
    }
  /** Carry on what another process held; it restarts when the node lets it go (`tube.nodeChanged`). */
  | { readonly type: 'registry.resume'; readonly record: TubeRecord; readonly silentSinceMs?: number }
  | { readonly type: 'registry.deliver'; readonly tubeId: string; readonly event: TubeEvent };

/** What the registry may cause; supplied by src/registry. None of them may throw. */
export interface RegistryEffects {
  readonly now: () => number;
  readonly crashRestarts: number;
  readonly crashWindowMs: number;
  /** Everything a tube emits, with the state it was in before. */
  readonly notice: (entry: TubeEntry, previousState: TubeState, emission: TubeEmission) => void;
  /** The tube is gone for good: release whatever it left behind. */
  readonly release: (tubeId: string, reason: CloseReason) => void;
  readonly crashed: (entry: TubeEntry, error: unknown, outcome: 'restarted' | 'given_up') => void;
}

export interface RegistrySnapshot {
  status: 'active';
  output: undefined;
  error: undefined;
  readonly tubes: Map<string, TubeEntry>;
  readonly toJSON: () => { readonly status: 'active'; readonly tubes: number };
}

export type RegistryLogic = ActorLogic<RegistrySnapshot, RegistryEvent>;
type RegistryScope = Parameters<RegistryLogic['transition']>[2];

const childId = (tubeId: string): string => `tube.${tubeId}`;
const errorPrefix = 'xstate.error.actor.tube.';
const donePrefix = 'xstate.done.actor.tube.';

/**
 * Stops an actor and all below it, leaves first. XState leaves the children of an errored actor running (statelyai/xstate#5153), and stopping
 * the errored actor again does not reach them.
 */
export function stopSubtree(ref: AnyActorRef): void {
  const snapshot = ref.getSnapshot() as { children?: Record<string, AnyActorRef | undefined> } | undefined;
  for (const child of Object.values(snapshot?.children ?? {})) {
    if (child !== undefined) stopSubtree(child);
  }
  ref.send({ type: 'xstate.stop' });
}

/** What a crashed tube knew; an actor that crashed at its very start has no context. */
function signallingOf(ref: TubeRef): PeerSignalling {
  const { context } = ref.getSnapshot() as { context?: TubeContext };
  return context?.signalling ?? 'relayed';
}

/** Of a tube whose process is gone: native connections and sockets went with it. */
function carriedOn(record: TubeRecord): { readonly record: TubeRecord; readonly signalling: PeerSignalling } {
  const signalling = record.signalling === 'direct' ? 'offline' : 'relayed';
  return { record: { ...record, activeGeneration: null }, signalling };
}

export function createRegistryLogic(tubeLogic: TubeLogic, effects: RegistryEffects): RegistryLogic {
  function start(scope: RegistryScope, input: TubeInput, begin: TubeEvent, crashesMs: readonly number[]): void {
    const identity = input.kind === 'create' ? input.identity : input.record;
    const ref = createActor(tubeLogic, { parent: scope.self, id: childId(identity.tubeId), input });
    const record = input.kind === 'resume' ? input.record : null;
    const entry: TubeEntry = { ref, identity, state: 'initializing', record, closeReason: null, crashesMs };
    scope.self.getSnapshot().tubes.set(identity.tubeId, entry);
    ref.on('*', (emission: TubeEmission) => {
      observe(entry, emission);
    });
    scope.defer(() => {
      ref.start();
      ref.send(begin);
    });
  }

  /** A second one of the same id would orphan the actor that runs. */
  function open(snapshot: RegistrySnapshot, scope: RegistryScope, input: TubeInput, begin: TubeEvent): void {
    const { tubeId } = input.kind === 'create' ? input.identity : input.record;
    if (!snapshot.tubes.has(tubeId)) start(scope, input, begin, []);
  }

  function observe(entry: TubeEntry, emission: TubeEmission): void {
    const previous = entry.state;
    if (emission.type === 'state') entry.state = emission.state;
    if (emission.type === 'record') entry.record = emission.record;
    if (emission.type === 'closed') entry.closeReason = emission.reason;
    effects.notice(entry, previous, emission);
  }

  function giveUp(snapshot: RegistrySnapshot, entry: TubeEntry, reason: CloseReason): void {
    snapshot.tubes.delete(entry.identity.tubeId);
    observe(entry, { type: 'state', state: 'closed', reason: 'crashed' });
    observe(entry, { type: 'closed', reason });
    effects.release(entry.identity.tubeId, reason);
  }

  function crash(snapshot: RegistrySnapshot, scope: RegistryScope, entry: TubeEntry, error: unknown): void {
    stopSubtree(entry.ref);
    const atMs = effects.now();
    const intensity = admitRestart(entry.crashesMs, atMs, effects.crashRestarts, effects.crashWindowMs);
    const { record } = entry;
    if (!intensity.allowed || record === null) {
      effects.crashed(entry, error, 'given_up');
      giveUp(snapshot, entry, 'crashed');
      return;
    }
    effects.crashed(entry, error, 'restarted');
    const input = { kind: 'resume', record, signalling: signallingOf(entry.ref), held: false, atMs } as const;
    start(scope, input, { type: 'tube.begin', offer: null, atMs }, intensity.recentMs);
  }

  function childEnded(
    snapshot: RegistrySnapshot,
    scope: RegistryScope,
    event: EventObject & { error?: unknown },
  ): void {
    const crashed = event.type.startsWith(errorPrefix);
    const tubeId = event.type.slice((crashed ? errorPrefix : donePrefix).length);
    const entry = snapshot.tubes.get(tubeId);
    if (entry === undefined) return;
    if (crashed) {
      crash(snapshot, scope, entry, event.error);
      return;
    }
    snapshot.tubes.delete(tubeId);
    effects.release(tubeId, entry.closeReason ?? 'internal');
  }

  return {
    getInitialSnapshot: () => {
      const tubes = new Map<string, TubeEntry>();
      return {
        status: 'active',
        output: undefined,
        error: undefined,
        tubes,
        toJSON: () => ({ status: 'active', tubes: tubes.size }),
      };
    },
    transition: (snapshot, event: RegistryEvent | EventObject, scope) => {
      const known = event as RegistryEvent;
      if (known.type === 'registry.deliver') snapshot.tubes.get(known.tubeId)?.ref.send(known.event);
      else if (known.type === 'registry.open') open(snapshot, scope, known.input, known.begin);
      else if (known.type === 'registry.resume') {
        const atMs = effects.now();
        const { record, silentSinceMs = atMs } = known;
        const input = { kind: 'resume', ...carriedOn(record), held: true, silentSinceMs, atMs } as const;
        open(snapshot, scope, input, { type: 'tube.begin', offer: null, cause: 'service_restart', atMs });
      } else if (event.type.startsWith(errorPrefix) || event.type.startsWith(donePrefix))
        childEnded(snapshot, scope, event);
      return snapshot;
    },
    getPersistedSnapshot: (snapshot) => snapshot,
  };
}
