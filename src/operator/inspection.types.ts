/**
 * What a watcher of a tube's charts is told on `/inspect`: the messages of the Stately inspection protocol (@statelyai/inspect 0.7), sanitised, with
 * one addition of ours (`transitions`). Types only, shared by the service, the console and the bridge page.
 */

interface MessageBase {
  /** Of the actor that it is about. Another one for each actor, also of the same name: a restart child of a later incident is another actor. */
  readonly sessionId: string;
  /** Session of the tube's own actor. */
  readonly rootId: string;
  /** Milliseconds since the epoch, as text. */
  readonly createdAt: string;
  /** Of the protocol. */
  readonly _version: string;
}

export interface InspectedSnapshot {
  /** `active`, `done`, `stopped` or `error`; of a transport actor nothing else is told. */
  readonly status: string;
  /** State value of XState: `connected`, `{degraded: 'doubted'}`. */
  readonly value?: unknown;
  readonly context?: unknown;
}

/** An actor is there. Told of all that live when a watch begins, or begins again after messages were skipped. */
export interface ActorMessage extends MessageBase {
  readonly type: '@xstate.actor';
  /** `tube`, `restart`, `keepalive`, `health`, `transport.<generation>`. */
  readonly name: string;
  /** Undefined for the tube's own actor. */
  readonly parentId?: string | undefined;
  /** The chart as JSON; of a transport only its name. */
  readonly definition: string;
  readonly snapshot: InspectedSnapshot;
}

/** An actor was sent an event. */
export interface EventMessage extends MessageBase {
  readonly type: '@xstate.event';
  readonly sourceId?: string | undefined;
  readonly event: { readonly type: string };
}

/** Where an actor is now. Once it is not `active` any more nothing follows from it. */
export interface SnapshotMessage extends MessageBase {
  readonly type: '@xstate.snapshot';
  readonly event: { readonly type: string };
  readonly snapshot: InspectedSnapshot;
  /** The transitions that led there, as chart.types.ts names them (`ChartTransition.id`), in their order. */
  readonly transitions: readonly string[];
}

export type InspectMessage = ActorMessage | EventMessage | SnapshotMessage;

/** The second argument of the event `inspect`; the first is the list of messages. */
export interface InspectAbout {
  readonly tube_id: string;
  /** Messages left out of this batch because there were too many; what is there is told anew at its end. */
  readonly skipped: number;
  /** The tube is gone: nothing more follows, and it is not watched any more. */
  readonly ended: boolean;
}
