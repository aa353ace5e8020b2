/**
 * The list of tubes kept up to date: asks the service to be told (`watch_tubes`) whenever the socket is there, and puts what comes into the table.
 * A page that nobody has looked at for a while stops being told, and asks again when it is looked at.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { TubeRow, TubesBatch, WatchTubesAnswer } from '../../operator/operator.types.js';
import { learnServerTime } from '../clock.js';
import { ControlError } from '../socket/control-client.js';
import type { Session } from '../socket/session.js';
import { TubeTable, type TubeQuery } from './tube-table.js';

const hiddenMs = 60_000;
/** Long enough to aim and press, too short to take an old list for the present one. */
const heldMs = 1500;

export class TubesFeed {
  readonly table = new TubeTable();
  readonly #session: Session;
  readonly #revision = signal(0);
  readonly #isLoaded = signal(false);
  readonly #problem = signal('');
  #hiddenTimer = 0;
  #holdTimer = 0;
  #isPaused = false;

  constructor(session: Session) {
    this.#session = session;
    session.token.subscribe(() => this.#clear());
    session.on('tubes', (payload) => this.#take(payload as TubesBatch));
    session.onOnline(() => void this.#watch());
    document.addEventListener('visibilitychange', () => this.#lookedAt(!document.hidden));
  }

  /** Moves whenever the table did: whoever shows of it reads this. */
  get revision(): ReadonlySignal<number> {
    return this.#revision;
  }

  get isLoaded(): ReadonlySignal<boolean> {
    return this.#isLoaded;
  }

  /** Why there is no list; empty when there is. */
  get problem(): ReadonlySignal<string> {
    return this.#problem;
  }

  /** The row now, for a view that is drawn again when any row changes. */
  row(tubeId: string): TubeRow | undefined {
    void this.#revision.value;
    return this.table.row(tubeId);
  }

  setQuery(query: TubeQuery): void {
    this.table.setQuery(query);
    this.#revision.value += 1;
  }

  /** Something moves over the list: for a moment rows do not change places under it. */
  holdStill(): void {
    clearTimeout(this.#holdTimer);
    this.table.hold();
    this.#holdTimer = setTimeout(() => {
      this.table.release();
      this.#revision.value += 1;
    }, heldMs);
  }

  #take(batch: TubesBatch): void {
    learnServerTime(batch.at_ms);
    if (this.table.apply(batch)) this.#revision.value += 1;
    if (batch.complete) this.#isLoaded.value = true;
  }

  /** The rows are those of another tenant, perhaps. */
  #clear(): void {
    this.table.apply({ at_ms: 0, begins: true, complete: true, changed: [], gone: [] });
    this.#isLoaded.value = false;
    this.#problem.value = '';
    this.#revision.value += 1;
  }

  async #watch(): Promise<void> {
    if (this.#isPaused) return;
    try {
      await this.#session.call<WatchTubesAnswer>('watch_tubes');
      this.#problem.value = '';
    } catch (error) {
      // Offline is told elsewhere, and coming back asks again.
      const code = error instanceof ControlError ? error.code : '';
      if (code !== 'offline') this.#problem.value = error instanceof Error ? error.message : String(error);
    }
  }

  #lookedAt(isVisible: boolean): void {
    clearTimeout(this.#hiddenTimer);
    if (!isVisible) {
      this.#hiddenTimer = setTimeout(() => {
        this.#isPaused = true;
        this.#session.tell('unwatch_tubes', {});
      }, hiddenMs);
    } else if (this.#isPaused) {
      this.#isPaused = false;
      void this.#watch();
    }
  }
}
