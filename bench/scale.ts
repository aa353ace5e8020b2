/**
 * What opening, connecting and closing one tube costs when many are there: the registry with its charts on a transport that answers at once.
 * The 100,000th must cost what the 1,000th costs (machines/registry.ts, src/registry/indexed-scheduler.ts).
 */
import { fromCallback } from 'xstate';
import type { TransportCommand, TransportEvent, TransportInput } from '../machines/ports/transport.port.js';
import { tubeMachine } from '../machines/tube.machine.js';
import { TubeRegistry } from '../src/registry/tube-registry.js';
import { defaultSettings } from '../test/support/settings.js';

export interface StepCosts {
  readonly tubes: number;
  readonly openUs: number;
  readonly connectUs: number;
  readonly closeUs: number;
  readonly heapKiBPerTube: number;
}

/** Describes itself when it is built; the rest is sent by the benchmark. */
const instantTransport = fromCallback<TransportCommand, TransportInput>(({ input: { generation }, sendBack }) => {
  sendBack({
    type: 'transport.described',
    generation,
    atMs: 0,
    description: { type: 'offer', sdp: 'v=0' },
  } satisfies TransportEvent);
});

const microseconds = (startedAtMs: number, count: number): number => ((performance.now() - startedAtMs) * 1000) / count;

/** Fills a registry up to each size, and measures `sample` tubes on top of it. */
export function scaleCosts(sizes: readonly number[], sample: number): StepCosts[] {
  const registry = new TubeRegistry({
    tubeLogic: tubeMachine.provide({ actors: { transport: instantTransport } }),
    crashRestarts: 5,
    crashWindowMs: 30_000,
    now: () => Date.now(),
    clock: {
      setTimeout: (fn, delayMs) => setTimeout(fn, delayMs),
      clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
    },
    release: () => undefined,
    crashed: (_, error) => {
      throw error;
    },
    bug: (_, error) => {
      throw error;
    },
  });
  let made = 0;
  const heapBefore = process.memoryUsage().heapUsed;
  const open = (): string => {
    const tubeId = `tube-${String((made += 1))}`;
    const identity = { tubeId, conversationId: 'scale', tenant: 'default', peerTokenDigest: '', createdAtMs: 0 };
    registry.open({ kind: 'create', identity, settings: defaultSettings, atMs: 0 }, null);
    return tubeId;
  };
  const connect = (tubeId: string): void => {
    registry.deliver(tubeId, {
      type: 'tube.remoteDescription',
      requestId: 'r',
      description: { type: 'answer', sdp: 'v=0' },
      generation: null,
      atMs: 0,
    });
    registry.deliver(tubeId, {
      type: 'transport.remoteApplied',
      generation: 1,
      requestId: 'r',
      peerKind: 'overlap',
      sameConnection: false,
      newConnection: false,
      dtlsRole: 'active',
      atMs: 0,
    });
    registry.deliver(tubeId, { type: 'transport.up', generation: 1, atMs: 0 });
  };
  const costs = sizes.map((tubes) => {
    while (registry.entries.size < tubes) connect(open());
    const heapKiBPerTube = (process.memoryUsage().heapUsed - heapBefore) / 1024 / registry.entries.size;
    let startedAtMs = performance.now();
    const ids = Array.from({ length: sample }, open);
    const openUs = microseconds(startedAtMs, sample);
    startedAtMs = performance.now();
    ids.forEach(connect);
    const connectUs = microseconds(startedAtMs, sample);
    startedAtMs = performance.now();
    for (const tubeId of ids) registry.deliver(tubeId, { type: 'tube.close', reason: 'requested', atMs: 0 });
    return { tubes, openUs, connectUs, closeUs: microseconds(startedAtMs, sample), heapKiBPerTube };
  });
  registry.stop();
  return costs;
}
