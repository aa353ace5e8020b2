/**
 * A scheduler for XState's actor system that keeps timers per source actor. The built-in one walks every pending timer of the system whenever
 * any actor stops: with 10,000 tubes 0.5 ms per state change. `scheduler` is in the exported type but undocumented, so xstate is pinned and
 * test/registry/indexed-scheduler.test.ts holds the contract.
 */
import type { AnyActor, AnyActorRef, EventObject } from 'xstate';

export interface Clock {
  /** `source`: the actor whose timer it is; `name`: as that actor calls it. For who watches the clock (timer-watch.ts) or plays it (sim-clock.ts). */
  setTimeout(fn: () => void, delayMs: number, source?: AnyActorRef, name?: string): unknown;
  clearTimeout(handle: unknown): void;
}

interface RelayingSystem {
  _relay(source: AnyActorRef, target: AnyActorRef, event: EventObject): void;
}

type Scheduler = AnyActor['system']['scheduler'];

/** Replaces the scheduler of `root`'s system; call between `createActor` and `start`. Returns the number of timers pending. */
export function installIndexedScheduler(root: AnyActor, clock: Clock): () => number {
  const system = root.system as unknown as RelayingSystem;
  const timers = new Map<AnyActorRef, Map<string, unknown>>();
  let unnamed = 0;
  let pending = 0;

  const cancel = (source: AnyActorRef, id: string): void => {
    const own = timers.get(source);
    if (own === undefined || !own.has(id)) return;
    clock.clearTimeout(own.get(id));
    own.delete(id);
    pending -= 1;
    if (own.size === 0) timers.delete(source);
  };

  const scheduler: Scheduler = {
    schedule: (source, target, event, delayMs, id = `unnamed.${String((unnamed += 1))}`) => {
      cancel(source, id);
      const own = timers.get(source) ?? new Map<string, unknown>();
      timers.set(source, own);
      pending += 1;
      const fire = (): void => {
        own.delete(id);
        pending -= 1;
        if (own.size === 0) timers.delete(source);
        system._relay(source, target, event);
      };
      own.set(id, clock.setTimeout(fire, delayMs, source, id));
    },
    cancel,
    cancelAll: (source) => {
      for (const id of [...(timers.get(source)?.keys() ?? [])]) cancel(source, id);
    },
  };
  root.system.scheduler = scheduler;
  return () => pending;
}
