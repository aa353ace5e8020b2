/** Which tubes are carried on, when they restart, and what is kept of those that live. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { TubeRecord } from '../../machines/events.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import { TubeRegistry } from '../../src/registry/tube-registry.js';
import type { RecordStore, StoreObserver } from '../../src/store/record-store.port.js';
import { TubeStore } from '../../src/tube-store.js';
import { recordOf } from '../support/records.js';
import { defaultSettings } from '../support/settings.js';
import { TestClock } from '../support/test-clock.js';
import { identity } from '../support/tube-harness.js';

const replayWindowMs = 120_000;

class FakeStore implements RecordStore {
  readonly outlivesProcess = true;
  failingSinceMs: number | null = null;
  readonly kept = new Map<string, TubeRecord>();
  lastAliveAtMs: number | null = null;
  flushes = 0;
  closes = 0;

  async load() {
    return { records: [...this.kept.values()], lastAliveAtMs: this.lastAliveAtMs };
  }
  put(record: TubeRecord): void {
    this.kept.set(record.tubeId, record);
  }
  delete(tubeId: string): void {
    this.kept.delete(tubeId);
  }
  async secret(): Promise<Uint8Array> {
    return Buffer.alloc(32, 9);
  }
  async flush(): Promise<boolean> {
    this.flushes += 1;
    return true;
  }
  async close(): Promise<void> {
    this.closes += 1;
  }
}

function run({ peerTokenSecret = null as string | null } = {}) {
  const clock = new TestClock();
  const store = new FakeStore();
  const none = (): void => undefined;
  const registry = new TubeRegistry({
    tubeLogic: tubeMachine,
    crashRestarts: 0,
    crashWindowMs: 1000,
    now: clock.now,
    clock,
    release: none,
    crashed: none,
    bug: (where, error) => {
      throw new Error(`${where}: ${String(error)}`);
    },
  });
  const paced: [string, () => void][] = [];
  const lines: unknown[] = [];
  const log = (level: string) => (fields: object, msg: string) => void lines.push([level, fields, msg]);
  const stored: unknown[] = [];
  let observer: StoreObserver | null = null;
  const tubes = new TubeStore({
    open: async (given) => {
      observer = given;
      return store;
    },
    peerTokenSecret,
    registry,
    pace: (tubeId, work) => void paced.push([tubeId, work]),
    signalReplayWindowMs: replayWindowMs,
    metrics: { stored: (...args) => void stored.push(args) },
    log: { info: log('info'), error: log('error') },
    now: clock.now,
  });
  const told = (): StoreObserver => {
    if (observer === null) throw new Error('not open');
    return observer;
  };
  return { clock, store, registry, tubes, paced, lines, stored, told };
}

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'performance'] }));
afterEach(() => void jest.useRealTimers());

const isHeld = (registry: TubeRegistry, tubeId: string): boolean | undefined =>
  registry.entries.get(tubeId)?.ref.getSnapshot().context.node.held;

describe('the tubes of a store', () => {
  test('are carried on oldest first, and restart when somebody follows them', async () => {
    const { store, tubes, registry, paced } = run();
    store.put(recordOf('young', { createdAtMs: 2 }));
    store.put(recordOf('old', { createdAtMs: 1 }));
    expect((await tubes.start()).map(({ tubeId }) => tubeId)).toEqual(['old', 'young']);
    expect([...registry.entries.keys()]).toEqual(['old', 'young']);
    expect(isHeld(registry, 'young')).toBe(true);
    tubes.release('young');
    tubes.release('young');
    tubes.release('unknown');
    expect(paced.map(([tubeId]) => tubeId)).toEqual(['young']);
    expect([tubes.isHeld('young'), tubes.isHeld('old'), tubes.isHeld('unknown')]).toEqual([false, true, false]);
    expect(isHeld(registry, 'young')).toBe(true);
    paced[0]?.[1]();
    expect([isHeld(registry, 'young'), isHeld(registry, 'old')]).toEqual([false, true]);
  });

  test('restart without anybody after the time in which a controller comes back', async () => {
    const { store, tubes, paced } = run();
    for (const tubeId of ['a', 'b', 'gone']) store.put(recordOf(tubeId));
    await tubes.start();
    tubes.release('a');
    jest.advanceTimersByTime(replayWindowMs - 1);
    expect(paced.map(([tubeId]) => tubeId)).toEqual(['a']);
    jest.advanceTimersByTime(1);
    expect(paced.map(([tubeId]) => tubeId)).toEqual(['a', 'b', 'gone']);
    await tubes.stop();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('are over when their session would have ended while there was no service', async () => {
    const { store, tubes, registry, clock, lines } = run();
    store.lastAliveAtMs = clock.nowMs - 600_001;
    store.put(recordOf('short', { settings: { ...defaultSettings, sessionTimeoutMs: 600_000 } }));
    store.put(recordOf('long', { settings: { ...defaultSettings, sessionTimeoutMs: 600_001 } }));
    await tubes.start();
    expect([...registry.entries.keys()]).toEqual(['long']);
    expect(registry.entries.get('long')?.ref.getSnapshot().context.lastHeardAtMs).toBe(store.lastAliveAtMs);
    expect([...store.kept.keys()]).toEqual(['long']);
    const fields = { resumed: 1, expired: 1, away_ms: 600_001 };
    expect(lines).toEqual([['info', fields, 'tubes of the process before are carried on']]);
  });

  test('are all there when the clock was set back', async () => {
    const { store, tubes, registry, clock } = run();
    store.lastAliveAtMs = clock.nowMs + 1_000_000_000;
    store.put(recordOf('a'));
    await tubes.start();
    expect(registry.entries.size).toBe(1);
    expect(registry.entries.get('a')?.ref.getSnapshot().context.lastHeardAtMs).toBe(clock.nowMs);
  });

  test('are deleted when they cannot restart', async () => {
    const { store, tubes, registry } = run();
    store.put(recordOf('a', { settings: { ...defaultSettings, trickleIce: false } }));
    await tubes.start();
    expect([registry.entries.size, store.kept.size]).toEqual([0, 0]);
  });

  test('nothing is said of a store without any', async () => {
    const { tubes, lines } = run();
    expect(await tubes.start()).toEqual([]);
    expect(lines).toEqual([]);
  });
});

describe('the tubes that live', () => {
  test('are kept from their first generation to their end', async () => {
    const { store, tubes, registry, clock } = run();
    await tubes.start();
    registry.open({ kind: 'create', identity, settings: defaultSettings, atMs: clock.nowMs }, null);
    expect(store.kept.get(identity.tubeId)).toMatchObject({ ...identity, generation: 1 });
    await tubes.saved();
    expect(store.flushes).toBe(1);
    registry.deliver(identity.tubeId, { type: 'tube.close', reason: 'requested', atMs: clock.nowMs });
    expect(store.kept.size).toBe(0);
  });

  test('stay in the store when the process leaves them, and go when it closes them', async () => {
    for (const [how, left] of [
      ['leave', 1],
      ['stop', 0],
    ] as const) {
      const { store, tubes, registry, clock } = run();
      await tubes.start();
      registry.open({ kind: 'create', identity, settings: defaultSettings, atMs: clock.nowMs }, null);
      registry[how]();
      await tubes.stop();
      expect([how, store.kept.size, store.closes]).toEqual([how, left, 1]);
    }
  });
});

describe('a store that fails', () => {
  test('is not waited for, and makes the node unready after 10 s', async () => {
    const { store, tubes, clock } = run();
    expect(tubes.isSound).toBe(true);
    await tubes.start();
    store.failingSinceMs = clock.nowMs;
    await tubes.saved();
    expect([store.flushes, tubes.isSound]).toEqual([0, true]);
    clock.advance(9999);
    expect(tubes.isSound).toBe(true);
    clock.advance(1);
    expect(tubes.isSound).toBe(false);
    store.failingSinceMs = null;
    expect(tubes.isSound).toBe(true);
  });

  test('is told in the log, and its operations in the metrics', async () => {
    const { tubes, lines, stored, told } = run();
    await tubes.start();
    told().done('write', 'ok', 0.001);
    told().failing(new Error('disk full'));
    told().recovered();
    told().skipped('a', 'not a record');
    told().forgotten(1);
    told().forgotten(1);
    expect(stored).toEqual([['write', 'ok', 0.001]]);
    expect(lines.map((line) => (line as unknown[])[0])).toEqual(['error', 'info', 'error', 'error']);
  });
});

test('the key of peer tokens is that of the store, or made of the configured secret', async () => {
  const { tubes } = run();
  expect(() => tubes.peerTokenKey()).toThrow();
  await tubes.start();
  expect(tubes.peerTokenKey()).toEqual(Buffer.alloc(32, 9));
  const keys = [];
  for (const peerTokenSecret of ['a'.repeat(32), 'a'.repeat(32), 'b'.repeat(32)]) {
    const configured = run({ peerTokenSecret });
    await configured.tubes.start();
    keys.push(Buffer.from(configured.tubes.peerTokenKey()).toString('hex'));
  }
  expect([keys[0] === keys[1], keys[0] === keys[2], keys[0]?.length]).toEqual([true, false, 64]);
});
