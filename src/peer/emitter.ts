/**
 * Typed events whose handlers cannot break the emitter: what a handler throws, or rejects with, goes to `failed` and the other handlers
 * still run. Used for the hooks of `HoldfastPeer`.
 */
type Handler<Event> = (event: Event) => unknown;

export class Emitter<Events extends object> {
  readonly #handlers: { [Name in keyof Events]?: Set<Handler<Events[Name]>> } = {};
  readonly #failed: (name: keyof Events, cause: unknown) => void;

  constructor(failed: (name: keyof Events, cause: unknown) => void) {
    this.#failed = failed;
  }

  /** Returns the unsubscriber. A handler that is subscribed twice is called once. */
  on<Name extends keyof Events>(name: Name, handler: Handler<Events[Name]>): () => void {
    const handlers = (this.#handlers[name] ??= new Set());
    handlers.add(handler);
    return () => {
      handlers.delete(handler);
    };
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    // A copy: a handler may unsubscribe itself or another one.
    for (const handler of [...(this.#handlers[name] ?? [])]) {
      try {
        const result = handler(event);
        if (result instanceof Promise) result.catch((cause: unknown) => this.#failed(name, cause));
      } catch (cause) {
        this.#failed(name, cause);
      }
    }
  }
}
