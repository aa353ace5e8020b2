/**
 * Live inspection: streams what the actors of a chosen tube are told, and where they are, to those who watch it. It listens to XState's inspection of
 * the whole system only while somebody watches any tube; nothing that it does reaches an actor. The gateway (src/gateway/inspect.ts) brings the
 * watchers, after it has checked whose tube it is.
 */
import type { AnyActorRef, InspectionEvent, Subscription } from 'xstate';
import { transitionId, type Transition } from '../charts/walk.js';
import { AppError } from '../errors.js';
import type { InspectMessage } from '../operator/inspection.types.js';
import { InspectionMessages, isChart } from './inspection-messages.js';
import { Watcher, type InspectBatch } from './inspection-watcher.js';

export type { InspectBatch };

/** The registry actor, as far as it is needed. */
export interface InspectedRoot {
  readonly sessionId: string;
  readonly system: { inspect(observer: { next(event: InspectionEvent): void }): Subscription };
}

export interface InspectionOptions {
  readonly root: InspectedRoot;
  /** The actor of a live tube. */
  tube(tubeId: string): AnyActorRef | undefined;
  schedule(work: () => void, delayMs: number): void;
  /** Something here threw: a bug of ours that must not reach the tube. */
  bug(where: string, error: unknown): void;
}

/** Of this node. Each costs about what a log line costs, per event of its tube. */
const maxWatchers = 32;

/** One tube that is watched. */
interface Stream {
  readonly tubeId: string;
  /** Session of the tube's actor; another one after a crash. */
  root: string;
  /** Its live actors by session, parents before children. */
  readonly actors: Map<string, AnyActorRef>;
  readonly watchers: Set<Watcher>;
}

const actorIdOf = (tubeId: string): string => `tube.${tubeId}`;

export class Inspection {
  readonly #options: InspectionOptions;
  /** By the id of the tube's actor, which outlives a crash. */
  readonly #streams = new Map<string, Stream>();
  readonly #bySession = new Map<string, Stream>();
  /** Transitions since the last snapshot, by session. */
  readonly #taken = new Map<string, string[]>();
  #messages: Promise<InspectionMessages> | null = null;
  #subscription: Subscription | null = null;
  #watchers = 0;

  constructor(options: InspectionOptions) {
    this.#options = options;
  }

  /** Whether the actors of this process are being listened to: only while somebody watches. */
  get isListening(): boolean {
    return this.#subscription !== null;
  }

  /**
   * Streams a tube to `send` until the result is called or the tube is gone: first its actors and where they are, then whatever happens. Nothing is
   * begun, and no place is taken, once `isWanted` says no. Rejects with AppError `limit_subscriptions` or `tube_unknown`.
   */
  async watch(
    tubeId: string,
    send: (batch: InspectBatch) => void,
    isWanted: () => boolean = () => true,
  ): Promise<() => void> {
    const messages = await (this.#messages ??= InspectionMessages.load());
    if (!isWanted()) return () => undefined;
    if (this.#watchers >= maxWatchers) throw new AppError('limit_subscriptions');
    return this.#begin(tubeId, send, messages);
  }

  #begin(tubeId: string, send: (batch: InspectBatch) => void, messages: InspectionMessages): () => void {
    const stream = this.#streams.get(actorIdOf(tubeId)) ?? this.#open(tubeId);
    const watcher = new Watcher({
      send: (batch) => this.#guard('a watcher', () => send(batch)),
      schedule: (work, delayMs) => this.#options.schedule(() => this.#guard('a batch', work), delayMs),
      present: () => present(stream, messages),
      isOver: () => this.#options.tube(tubeId) === undefined,
      ended: () => this.#leave(stream, watcher),
    });
    stream.watchers.add(watcher);
    this.#watchers += 1;
    this.#subscription ??= this.#options.root.system.inspect({
      next: (event) => this.#guard('inspection', () => this.#observe(event, messages)),
    });
    return () => {
      watcher.stop();
      this.#leave(stream, watcher);
    };
  }

  #open(tubeId: string): Stream {
    const ref = this.#options.tube(tubeId);
    if (ref === undefined) throw new AppError('tube_unknown');
    const stream: Stream = { tubeId, root: ref.sessionId, actors: new Map(), watchers: new Set() };
    this.#streams.set(actorIdOf(tubeId), stream);
    this.#adopt(stream, ref);
    return stream;
  }

  /** An actor and those that it has already. */
  #adopt(stream: Stream, ref: AnyActorRef): void {
    stream.actors.set(ref.sessionId, ref);
    this.#bySession.set(ref.sessionId, stream);
    const { children = {} } = (ref.getSnapshot() ?? {}) as { children?: Record<string, AnyActorRef | undefined> };
    for (const child of Object.values(children)) if (child !== undefined) this.#adopt(stream, child);
  }

  /** Idempotent. The last watcher of all ends the listening. */
  #leave(stream: Stream, watcher: Watcher): void {
    if (!stream.watchers.delete(watcher)) return;
    this.#watchers -= 1;
    if (stream.watchers.size > 0) return;
    this.#streams.delete(actorIdOf(stream.tubeId));
    for (const session of stream.actors.keys()) this.#forget(session);
    if (this.#streams.size > 0) return;
    this.#subscription?.unsubscribe();
    this.#subscription = null;
  }

  #forget(session: string): void {
    this.#bySession.delete(session);
    this.#taken.delete(session);
  }

  /** For every step of every actor of this process, while somebody watches: the look-up comes first. */
  #observe(told: InspectionEvent, messages: InspectionMessages): void {
    const ref = told.actorRef as AnyActorRef;
    if (told.type === '@xstate.actor') {
      this.#born(ref, messages);
      return;
    }
    const stream = this.#bySession.get(ref.sessionId);
    if (stream === undefined) return;
    if (told.type === '@xstate.event')
      publish(stream, messages.event(ref, told.event, told.sourceRef as AnyActorRef | undefined, stream.root));
    else if (told.type === '@xstate.microstep')
      this.#note(ref.sessionId, told._transitions as unknown as readonly Transition[]);
    else if (told.type === '@xstate.snapshot') this.#moved(stream, ref, told, messages);
  }

  /** A child of an actor that is watched, or the successor of a tube that crashed. */
  #born(ref: AnyActorRef, messages: InspectionMessages): void {
    const parent = ref._parent?.sessionId ?? '';
    const successor = parent === this.#options.root.sessionId ? this.#streams.get(ref.id) : undefined;
    if (successor !== undefined) successor.root = ref.sessionId;
    const stream = successor ?? this.#bySession.get(parent);
    if (stream === undefined) return;
    stream.actors.set(ref.sessionId, ref);
    this.#bySession.set(ref.sessionId, stream);
    publish(stream, messages.actor(ref, stream.root));
  }

  #note(session: string, transitions: readonly Transition[]): void {
    const ids = transitions.map(transitionId).filter((id) => !id.endsWith(':-1'));
    if (ids.length > 0) this.#taken.set(session, [...(this.#taken.get(session) ?? []), ...ids]);
  }

  #moved(
    stream: Stream,
    ref: AnyActorRef,
    { snapshot, event }: Extract<InspectionEvent, { type: '@xstate.snapshot' }>,
    messages: InspectionMessages,
  ): void {
    const { sessionId } = ref;
    const transitions = this.#taken.get(sessionId) ?? [];
    this.#taken.delete(sessionId);
    const isOver = snapshot.status !== 'active';
    // A transport says nothing by being told something.
    if (isChart(ref) || isOver) publish(stream, messages.snapshot(ref, snapshot, event, transitions, stream.root));
    if (!isOver) return;
    stream.actors.delete(sessionId);
    this.#forget(sessionId);
  }

  #guard(where: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.bug(where, error);
    }
  }
}

function publish(stream: Stream, message: InspectMessage): void {
  for (const watcher of stream.watchers) watcher.push(message);
}

/** All actors of a tube and where they are, as if they had just come about. */
function present({ actors, root }: Stream, messages: InspectionMessages): InspectMessage[] {
  return [...actors.values()].flatMap((ref) => {
    const actor = messages.actor(ref, root);
    return isChart(ref) ? [actor, messages.snapshot(ref, ref.getSnapshot(), { type: '' }, [], root)] : [actor];
  });
}
