/** Runs a child machine under a parent that only writes down what it is told, on a test clock. */
import { createActor, fromTransition, type ActorRefFrom, type AnyStateMachine, type InputFrom } from 'xstate';
import { TestClock } from './test-clock.js';

export interface Told {
  readonly type: string;
  readonly atMs: number;
  readonly [key: string]: unknown;
}

export function runChild<Machine extends AnyStateMachine>(machine: Machine, input: InputFrom<Machine>) {
  const clock = new TestClock();
  const startMs = clock.nowMs;
  const told: Told[] = [];
  const parent = createActor(
    fromTransition((state: null, event: { type: string }) => {
      told.push({ ...event, atMs: clock.nowMs - startMs });
      return state;
    }, null),
    { clock: clock },
  );
  parent.start();
  const child = createActor(machine, { parent, id: 'child', input }) as unknown as ActorRefFrom<Machine>;
  (child as unknown as { start(): void }).start();
  return {
    clock,
    child,
    told,
    /** What was told since the last call. */
    take: (): Told[] => told.splice(0),
    types: (): string[] => told.map(({ type }) => type),
    elapsedMs: (): number => clock.nowMs - startMs,
  };
}
