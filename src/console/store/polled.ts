/**
 * What a view asks for again and again while it is looked at. A failure leaves what was known before, and says why there is nothing newer; but that the
 * service cannot be reached is said once for all of them, above the page (shell.tsx).
 */
import { signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ControlError } from '../socket/control-client.js';

export interface Polled<Value> {
  /** Null until the first answer. */
  readonly value: ReadonlySignal<Value | null>;
  /** Empty when the last question was answered, or could not be asked. */
  readonly problem: ReadonlySignal<string>;
  /** Asks now. */
  refresh(): void;
}

/** After a question that was not answered: the socket is coming back, perhaps. */
const retryMs = 1000;

class Poll<Value> implements Polled<Value> {
  readonly value: Signal<Value | null> = signal(null);
  readonly problem = signal('');
  /** What to ask; the newest that the view gave. */
  ask: () => Promise<Value>;
  everyMs = 0;
  #timer = 0;
  #running = 0;

  constructor(ask: () => Promise<Value>) {
    this.ask = ask;
  }

  refresh = (): void => void this.#once();

  start(): () => void {
    void this.#once();
    return () => {
      this.#running += 1;
      clearTimeout(this.#timer);
    };
  }

  async #once(): Promise<void> {
    const run = (this.#running += 1);
    clearTimeout(this.#timer);
    let isMissing = false;
    if (!document.hidden) {
      try {
        const value = await this.ask();
        if (run !== this.#running) return;
        this.value.value = value;
        this.problem.value = '';
      } catch (error) {
        if (run !== this.#running) return;
        isMissing = true;
        const isOffline = error instanceof ControlError && error.code === 'offline';
        this.problem.value = isOffline ? '' : error instanceof Error ? error.message : String(error);
      }
    }
    this.#timer = setTimeout(this.refresh, isMissing ? Math.min(retryMs, this.everyMs) : this.everyMs);
  }
}

/** Asks at once, then `everyMs` after each answer; of another thing when `key` changes. */
export function usePolled<Value>(key: string, everyMs: number, ask: () => Promise<Value>): Polled<Value> {
  const poll = useMemo(() => new Poll(ask), [key]);
  poll.ask = ask;
  poll.everyMs = everyMs;
  useEffect(() => poll.start(), [poll]);
  return poll;
}
