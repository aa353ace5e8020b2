/**
 * The clock of the registry, watched: tells a tap (input-recorder.ts) which timers of tubes fire and which are cancelled, each before it does, and asks it
 * for the moment from which they count. It changes nothing: timers are due when they were.
 */
import type { AnyActorRef } from 'xstate';
import type { Clock } from './indexed-scheduler.js';
import type { TimerOfTube } from './timer-order.js';

/** Called for every timer of a tube. It must not throw. */
export interface TimerTap {
  /** What the clock of a replay of this tube shows. */
  replayedMs(tubeId: string): number;
  fires(tubeId: string, timer: TimerOfTube): void;
  cancelled(tubeId: string, timer: TimerOfTube): void;
}

interface Watched {
  readonly tubeId: string;
  readonly timer: TimerOfTube;
  readonly handle: unknown;
}

/** Of no tube. */
interface Other {
  readonly timer: null;
  readonly handle: unknown;
}

/** As machines/registry.ts names its children. */
const prefix = 'tube.';

/** A tube is a child of the root, and what watches its path or restarts it a child of the tube. */
function tubeIdOf(source: AnyActorRef): string | null {
  for (let actor: AnyActorRef | undefined = source; actor !== undefined; actor = actor._parent)
    if (actor.id.startsWith(prefix)) return actor.id.slice(prefix.length);
  return null;
}

export class TimerWatch implements Clock {
  readonly #clock: Clock;
  readonly #tap: TimerTap;
  readonly #pending = new Set<Watched>();
  #set = 0;

  constructor(clock: Clock, tap: TimerTap) {
    this.#clock = clock;
    this.#tap = tap;
  }

  readonly setTimeout: Clock['setTimeout'] = (fn, delayMs, source, name) => {
    const tubeId = source === undefined ? null : tubeIdOf(source);
    if (tubeId !== null && name !== undefined) return this.#watched(tubeId, name, fn, delayMs);
    return { timer: null, handle: this.#clock.setTimeout(fn, delayMs) } satisfies Other;
  };

  readonly clearTimeout = (handle: unknown): void => {
    const known = handle as Watched | Other;
    if (known.timer !== null && this.#pending.delete(known)) this.#tap.cancelled(known.tubeId, known.timer);
    this.#clock.clearTimeout(known.handle);
  };

  /** Timers of a tube that have not fired yet, some of which may be due. Looks at those of all tubes. */
  pendingOf(tubeId: string): TimerOfTube[] {
    const own = [...this.#pending].filter((watched) => watched.tubeId === tubeId);
    return own.map(({ timer }) => timer);
  }

  #watched(tubeId: string, name: string, fn: () => void, delayMs: number): Watched {
    const timer = { name, dueMs: this.#tap.replayedMs(tubeId) + delayMs, set: (this.#set += 1) };
    const fire = (): void => {
      this.#pending.delete(watched);
      this.#tap.fires(tubeId, timer);
      fn();
    };
    const watched: Watched = { tubeId, timer, handle: this.#clock.setTimeout(fire, delayMs) };
    this.#pending.add(watched);
    return watched;
  }
}
