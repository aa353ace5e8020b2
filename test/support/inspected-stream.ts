/** Reads a stream of /inspect as the page of stately.ai does: through @statelyai/inspect's own receiver, in a window that is made up. */
import { createBrowserReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import type { ActorMessage, InspectMessage, SnapshotMessage } from '../../src/operator/inspection.types.js';

type Listener = (event: { readonly data: unknown }) => void;

export class InspectedStream {
  readonly sent: InspectMessage[] = [];
  /** What the receiver let through. */
  readonly received: StatelyInspectionEvent[] = [];
  /** What the page behind the receiver was told first. */
  readonly greetings: unknown[] = [];
  readonly #listeners: Listener[] = [];

  constructor() {
    const opener = { postMessage: (data: unknown) => void this.greetings.push(data) };
    const page = {
      opener,
      addEventListener: (_type: string, listener: Listener) => void this.#listeners.push(listener),
    };
    const window = Object.assign(page, { self: page, top: page }) as unknown as Window;
    createBrowserReceiver({ window }).subscribe((event) => void this.received.push(event));
  }

  take(messages: readonly InspectMessage[]): void {
    for (const message of messages) {
      this.sent.push(message);
      for (const listener of this.#listeners) listener({ data: message });
    }
  }

  get actors(): ActorMessage[] {
    return this.sent.filter((message) => message.type === '@xstate.actor');
  }

  /** Snapshots of all actors of a name, in order. */
  snapshots(name: string): SnapshotMessage[] {
    const sessions = new Set(this.actors.filter((actor) => actor.name === name).map(({ sessionId }) => sessionId));
    return this.sent.filter(
      (message): message is SnapshotMessage => message.type === '@xstate.snapshot' && sessions.has(message.sessionId),
    );
  }

  /** State values, without repetitions. */
  walk(name: string): string[] {
    const values = this.snapshots(name).map(({ snapshot }) => JSON.stringify(snapshot.value));
    return values.filter((value, place) => value !== values[place - 1]);
  }

  /** What a page that draws from the stream would stumble over. */
  flaws(): string[] {
    const known = new Set<string>();
    const over = new Set<string>();
    return this.sent.flatMap((message) => {
      const flaws: string[] = [];
      const { sessionId, type } = message;
      if (type === '@xstate.actor') {
        if (message.parentId !== undefined && !known.has(message.parentId)) flaws.push(`${message.name} has no parent`);
        JSON.parse(message.definition);
        known.add(sessionId);
      } else if (!known.has(sessionId)) flaws.push(`${type} of an actor that was not told of`);
      if (type === '@xstate.event' && typeof message.event.type !== 'string') flaws.push('an event without a type');
      if (over.has(sessionId) && type === '@xstate.snapshot') flaws.push(`${sessionId} goes on after its end`);
      if (type === '@xstate.snapshot' && message.snapshot.status !== 'active') over.add(sessionId);
      return flaws;
    });
  }
}
