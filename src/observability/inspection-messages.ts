/**
 * Makes the messages of the Stately inspection protocol (@statelyai/inspect) of what XState's inspection tells of one tube's actors. Only data that
 * may be seen goes in (inspection-view.ts): the library itself never gets hold of an actor. Pure but for the clock of the library.
 */
import type { createInspector } from '@statelyai/inspect';
import type { AnyActorRef, AnyEventObject } from 'xstate';
import { definitionOf } from '../charts/export.js';
import type {
  ActorMessage,
  EventMessage,
  InspectedSnapshot,
  InspectMessage,
  SnapshotMessage,
} from '../operator/inspection.types.js';
import { eventView, viewOf } from './inspection-view.js';

type CreateInspector = typeof createInspector;
type StatelyMessage = Parameters<Parameters<CreateInspector>[0]['send']>[0];

/** The parts of a snapshot that are read; a callback's has no value and no context. */
interface Snapshot {
  readonly status: string;
  readonly value?: unknown;
  readonly context?: object;
}

/** What the tube's own actor is called; its id has the id of the tube in it. */
const tubeName = 'tube';

export const isChart = (ref: AnyActorRef): boolean => definitionOf(nameOf(ref)) !== null;

/** `tube`, `restart`, `transport.2`. */
const nameOf = ({ id }: AnyActorRef): string => (id.startsWith(`${tubeName}.`) ? tubeName : id);

function snapshotView(snapshot: unknown): InspectedSnapshot {
  // An actor is told of before it has a snapshot.
  const { status = 'active', value, context } = (snapshot ?? {}) as Partial<Snapshot>;
  return value === undefined || context === undefined ? { status } : { status, value, context: viewOf(context) };
}

export class InspectionMessages {
  readonly #inspector: ReturnType<CreateInspector>;
  #made: StatelyMessage | null = null;

  private constructor(create: CreateInspector) {
    this.#inspector = create({ send: (message) => void (this.#made = message) });
  }

  /** Loads the library: a service that nobody inspects never does. */
  static async load(): Promise<InspectionMessages> {
    const { createInspector } = await import('@statelyai/inspect');
    return new InspectionMessages(createInspector);
  }

  actor(ref: AnyActorRef, tubeSession: string): ActorMessage {
    const name = nameOf(ref);
    return this.#message<ActorMessage>(tubeSession, () => this.#inspector.actor(ref.sessionId), {
      name,
      parentId: ref.sessionId === tubeSession ? undefined : tubeSession,
      definition: definitionOf(name) ?? JSON.stringify({ id: name }),
      snapshot: snapshotView(ref.getSnapshot()),
    });
  }

  event(ref: AnyActorRef, event: AnyEventObject, source: AnyActorRef | undefined, tubeSession: string): EventMessage {
    return this.#message<EventMessage>(tubeSession, () => this.#inspector.event(ref.sessionId, eventView(event)), {
      sourceId: source?.sessionId,
    });
  }

  snapshot(
    ref: AnyActorRef,
    snapshot: unknown,
    event: { readonly type: string },
    transitions: readonly string[],
    tubeSession: string,
  ): SnapshotMessage {
    const told = (): void => this.#inspector.snapshot(ref.sessionId, {}, { event: eventView(event) });
    return this.#message<SnapshotMessage>(tubeSession, told, { snapshot: snapshotView(snapshot), transitions });
  }

  /** The library writes the message; what it cannot know of an actor that it does not see is ours. */
  #message<Message extends InspectMessage>(rootId: string, tell: () => void, ours: Partial<Message>): Message {
    tell();
    return { ...this.#made, rootId, ...ours } as unknown as Message;
  }
}
