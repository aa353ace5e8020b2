// `watch_tubes`: all rows in batches, then what changes, gathered and made once per tenant; nothing while nobody watches.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { TubeIdentity } from '../../machines/events.js';
import type { TubesBatch } from '../../src/operator/operator.types.js';
import { rowOf } from '../support/fake-desk.js';
import { Harness, otherToken, until, type TestController } from '../support/gateway-harness.js';

let harness: Harness;
let controller: TestController;

beforeEach(async () => {
  harness = await new Harness().start();
  controller = await harness.controller();
});
afterEach(() => harness.stop());

const identityOf = (tenant = 'acme'): TubeIdentity => ({
  tubeId: randomUUID(),
  conversationId: 'talk',
  tenant,
  peerTokenDigest: '00',
  createdAtMs: 1000,
});

function fill(count: number, tenant = 'acme'): TubeIdentity[] {
  const identities = Array.from({ length: count }, () => identityOf(tenant));
  for (const identity of identities) harness.desk.put(identity);
  return identities;
}

/** What it was told, and the rows as a client keeps them. */
class Watcher {
  readonly batches: TubesBatch[] = [];
  readonly rows = new Map<string, TubesBatch['changed'][number]>();

  constructor(readonly controller: TestController) {
    controller.socket.on('tubes', (batch: TubesBatch) => {
      this.batches.push(batch);
      if (batch.begins) this.rows.clear();
      for (const row of batch.changed) this.rows.set(row.tube_id, row);
      for (const tubeId of batch.gone) this.rows.delete(tubeId);
    });
  }

  async begin(): Promise<number> {
    const before = this.batches.length;
    const answer = await this.controller.call('watch_tubes');
    expect(answer.ok).toBe(true);
    await until(() => this.batches.slice(before).some(({ complete }) => complete), 'all rows');
    return Number(answer['total']);
  }
}

describe('who watches', () => {
  test('is told all rows of the tenant, in batches of 500', async () => {
    const tubes = fill(1_201);
    fill(3, 'other');
    const watcher = new Watcher(controller);
    expect(await watcher.begin()).toBe(1_201);
    expect(watcher.batches.map(({ begins, complete, changed }) => [begins, complete, changed.length])).toEqual([
      [true, false, 500],
      [false, false, 500],
      [false, true, 201],
    ]);
    expect([...watcher.rows.keys()].sort()).toEqual(tubes.map(({ tubeId }) => tubeId).sort());
    expect(watcher.rows.get(tubes[0]!.tubeId)).toEqual(rowOf(tubes[0]!));
  });

  test('is told that there is none', async () => {
    const watcher = new Watcher(controller);
    expect(await watcher.begin()).toBe(0);
    expect(watcher.batches).toMatchObject([{ begins: true, complete: true, changed: [], gone: [] }]);
  });

  test('is told what changes, new and gone tubes, each once, at most twice a second', async () => {
    const [first, second] = fill(2);
    const watcher = new Watcher(controller);
    await watcher.begin();
    const startedAtMs = Date.now();
    const news = identityOf();
    for (let generation = 2; generation <= 40; generation += 1) {
      harness.desk.put(first!, rowOf(first!, generation));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    harness.desk.put(news);
    harness.desk.remove(second!);
    await until(() => watcher.rows.size === 2 && watcher.rows.has(news.tubeId), 'the changes');
    await until(() => watcher.rows.get(first!.tubeId)?.generation === 40, 'the newest row');
    const changes = watcher.batches.slice(1);
    expect(changes.length).toBeLessThanOrEqual(2 + Math.ceil((Date.now() - startedAtMs) / 500));
    expect(changes.some(({ begins, complete }) => begins || complete)).toBe(false);
    expect(changes.flatMap(({ gone }) => gone)).toEqual([second!.tubeId]);
    expect(watcher.rows.has(second!.tubeId)).toBe(false);
  });

  test('hears nothing of another tenant', async () => {
    fill(1);
    const other = new Watcher(await harness.controller(otherToken));
    expect(await other.begin()).toBe(0);
    const watcher = new Watcher(controller);
    await watcher.begin();
    fill(1);
    await until(() => watcher.rows.size === 2, 'the new tube');
    expect(other.batches).toHaveLength(1);
  });

  test('may ask again, but not at once', async () => {
    fill(600);
    const watcher = new Watcher(controller);
    await watcher.begin();
    expect((await controller.call('watch_tubes')).error?.code).toBe('rate_exceeded');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await watcher.begin();
    expect(watcher.batches.filter(({ begins }) => begins)).toHaveLength(2);
    expect(watcher.rows.size).toBe(600);
  });
});

describe('nobody listens', () => {
  test('before somebody watches, after the last one stopped, and after its connection is gone', async () => {
    const [tube] = fill(1);
    expect(harness.desk.listeners).toBe(0);
    const second = await harness.controller();
    const watchers = [new Watcher(controller), new Watcher(second)];
    for (const watcher of watchers) await watcher.begin();
    expect(harness.desk.listeners).toBe(1);
    expect(await controller.call('unwatch_tubes')).toEqual({ ok: true });
    expect(await controller.call('unwatch_tubes')).toEqual({ ok: true });
    harness.desk.put(tube!, rowOf(tube!, 2));
    await until(() => watchers[1]!.rows.get(tube!.tubeId)?.generation === 2, 'the change');
    expect(watchers[0]!.batches).toHaveLength(1);
    second.socket.disconnect();
    await until(() => harness.desk.listeners === 0, 'nobody listens');
    // Nothing is left that would tell of it.
    harness.desk.put(tube!, rowOf(tube!, 3));
  });
});

test('rows are not repeated to who lost its connection: it asks again', async () => {
  const [tube] = fill(1);
  const watcher = new Watcher(controller);
  await watcher.begin();
  controller.dropConnection();
  harness.desk.put(tube!, rowOf(tube!, 2));
  await until(() => controller.sessions.length === 2, 'the connection is back');
  expect(controller.sessions[1]).toMatchObject({ recovered: true });
  expect(watcher.batches).toHaveLength(1);
  await until(() => harness.desk.listeners === 0, 'nobody listens');
  await new Promise((resolve) => setTimeout(resolve, 260));
  await watcher.begin();
  expect(watcher.rows.get(tube!.tubeId)?.generation).toBe(2);
});

test('who does not read is told no more rows than it may leave waiting', async () => {
  const tight = await new Harness({ maxSocketBufferBytes: 1024 * 1024 }).start();
  try {
    for (let count = 0; count < 40_000; count += 1) {
      const identity = { ...identityOf(), conversationId: 'x'.repeat(200) };
      tight.desk.put(identity);
    }
    const slow = await tight.controller();
    slow.socket.io.reconnection(false);
    const { ws } = slow.socket.io.engine.transport as unknown as {
      ws: { _socket: { pause(): void; destroy(): void } };
    };
    const tcp = ws._socket;
    tcp.pause();
    slow.socket.emit('watch_tubes');
    await until(() => tight.desk.listeners === 1, 'the first batch');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    // Of 20 MB the system's own buffers take some; the rest is not made, so nobody has to be cut off for it.
    const told = tight.seen.messages.filter(([event]) => event === 'tubes').length;
    expect(told).toBeLessThan(60);
    expect(tight.seen.connections).toEqual([['control', 1]]);
    tcp.destroy();
    await until(() => tight.desk.listeners === 0, 'nobody listens');
  } finally {
    await tight.stop();
  }
});
