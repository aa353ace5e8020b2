/**
 * What live inspection costs the tubes: one event to a tube's chart while nobody watches, while another tube is watched, to the tube that is
 * watched (batches made and dropped), and after the last watcher has left. In turns, so that a slow moment of the machine hits all of them.
 */
import { fromCallback } from 'xstate';
import type { TransportCommand, TransportInput } from '../machines/ports/transport.port.js';
import { tubeMachine } from '../machines/tube.machine.js';
import { Inspection } from '../src/observability/inspection.js';
import { TubeRegistry } from '../src/registry/tube-registry.js';
import { defaultSettings } from '../test/support/settings.js';

/** Microseconds per event, medians of the rounds. */
export interface InspectionCosts {
  readonly unwatchedUs: number;
  readonly besideUs: number;
  readonly watchedUs: number;
  readonly afterUs: number;
}

const tubes = 1000;
const eventsPerRound = 20_000;
const rounds = 7;

const fail = (_: unknown, error: unknown): void => {
  throw error;
};

function openRegistry(): TubeRegistry {
  const transport = fromCallback<TransportCommand, TransportInput>(() => undefined);
  const registry = new TubeRegistry({
    tubeLogic: tubeMachine.provide({ actors: { transport } }),
    crashRestarts: 0,
    crashWindowMs: 30_000,
    now: () => 0,
    clock: { setTimeout: () => 0, clearTimeout: () => undefined },
    release: () => undefined,
    crashed: fail,
    bug: fail,
  });
  for (let n = 0; n < tubes; n += 1) {
    const identity = {
      tubeId: `tube-${String(n)}`,
      conversationId: 'c',
      tenant: 't',
      peerTokenDigest: '',
      createdAtMs: 0,
    };
    registry.open({ kind: 'create', identity, settings: defaultSettings, atMs: 0 }, null);
  }
  return registry;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

export async function inspectionCosts(): Promise<InspectionCosts> {
  const registry = openRegistry();
  const batches: (() => void)[] = [];
  const inspection = new Inspection({
    root: registry.root,
    tube: (tubeId) => registry.entries.get(tubeId)?.ref,
    schedule: (work) => void batches.push(work),
    bug: fail,
  });
  /** Twenty events to a batch. Tube 0 is the one that is watched. */
  const measure = (tubeOf: (event: number) => number): number => {
    const startedAtMs = performance.now();
    for (let n = 0; n < eventsPerRound; n += 1) {
      registry.deliver(`tube-${String(tubeOf(n))}`, { type: 'tube.activity', atMs: n });
      if (n % 20 === 0) for (const batch of batches.splice(0)) batch();
    }
    return ((performance.now() - startedAtMs) * 1000) / eventsPerRound;
  };
  const others = (event: number): number => 1 + (event % (tubes - 1));
  const taken = { unwatched: [] as number[], beside: [] as number[], watched: [] as number[], after: [] as number[] };
  measure(others);
  for (let round = 0; round < rounds; round += 1) {
    taken.unwatched.push(measure(others));
    const stop = await inspection.watch('tube-0', () => undefined);
    taken.beside.push(measure(others));
    taken.watched.push(measure(() => 0));
    stop();
    taken.after.push(measure(others));
  }
  registry.leave();
  return {
    unwatchedUs: median(taken.unwatched),
    besideUs: median(taken.beside),
    watchedUs: median(taken.watched),
    afterUs: median(taken.after),
  };
}
