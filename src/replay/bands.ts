/** A replay as stretches of time, for drawing: in which state the tube was, and when each generation carried data. Pure. */
import type { TubeState } from '../../machines/events.js';
import type { Replay } from './replay-flight.js';

export interface Band {
  readonly state: TubeState;
  readonly fromMs: number;
  readonly toMs: number;
}

/** States of the tube, without gaps. */
export function bandsOf({ path, to_ms: endMs }: Pick<Replay, 'path' | 'to_ms'>): Band[] {
  const steps = path
    .filter(({ machine }) => machine === 'tube')
    .map(({ at_ms: fromMs, state }) => ({ fromMs, state: state.split('.')[0] as TubeState }));
  const changes = steps.filter(({ state }, index) => state !== steps[index - 1]?.state);
  return changes.map((change, index) => ({ ...change, toMs: changes[index + 1]?.fromMs ?? endMs }));
}

export interface Carrier {
  readonly generation: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Generations that came up, from their attempt (or the beginning) to their end. */
export function carriersOf({ entries, from_ms: beginMs, to_ms: endMs, start }: Replay): Carrier[] {
  const generations = new Map<number, { fromMs: number; toMs: number }>();
  if (start?.event === 'start.connected') generations.set(start.generation, { fromMs: beginMs, toMs: endMs });
  for (const { kind, at_ms: atMs, generation } of entries) {
    const known = generations.get(generation);
    if (kind === 'generation_closed' && known !== undefined) known.toMs = atMs;
    else if (known === undefined && (kind === 'attempt_started' || kind === 'description'))
      generations.set(generation, { fromMs: atMs, toMs: endMs });
  }
  return [...generations].map(([generation, span]) => ({ generation, ...span }));
}
