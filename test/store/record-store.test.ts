/** What every store promises, and what only the one in a folder does. */
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ClassicLevel } from 'classic-level';
import { EmbeddedStore } from '../../src/store/embedded-store.js';
import { MemoryStore } from '../../src/store/memory-store.js';
import type { RecordStore, StoreObserver } from '../../src/store/record-store.port.js';
import { recordOf } from '../support/records.js';

const seen: string[] = [];
const observer: StoreObserver = {
  done: (operation, outcome, seconds) => void seen.push(`${operation} ${outcome} ${String(seconds >= 0)}`),
  failing: () => void seen.push('failing'),
  recovered: () => void seen.push('recovered'),
  skipped: (tubeId, why) => void seen.push(`skipped ${tubeId}: ${why}`),
  forgotten: (count) => void seen.push(`forgotten ${String(count)}`),
};

let folder: string;
const opened: RecordStore[] = [];
const openEmbedded = async (): Promise<RecordStore> => {
  const store = await EmbeddedStore.open(folder, observer);
  opened.push(store);
  return store;
};

beforeEach(async () => {
  seen.length = 0;
  folder = await mkdtemp(join(tmpdir(), 'holdfast-store-'));
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(folder, { recursive: true, force: true });
});

describe.each<[string, () => Promise<RecordStore>]>([
  ['in memory', async () => new MemoryStore()],
  ['in a folder', openEmbedded],
])('a store %s', (_name, open) => {
  test('gives back the newest record of each tube, and none that was deleted', async () => {
    const store = await open();
    expect(await store.load()).toMatchObject({ records: [] });
    store.put(recordOf('a'));
    store.put(recordOf('b'));
    store.put(recordOf('a', { generation: 2, channels: [{ label: 'data', id: 2, class: 'reliable' }] }));
    store.put(recordOf('c'));
    store.delete('c');
    store.delete('never there');
    expect(await store.flush(5000)).toBe(true);
    const { records } = await store.load();
    expect(records.map(({ tubeId, generation }) => [tubeId, generation]).sort()).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    expect(records.find(({ tubeId }) => tubeId === 'a')).toEqual(
      recordOf('a', { generation: 2, channels: [{ label: 'data', id: 2, class: 'reliable' }] }),
    );
  });

  test('takes a record of a tube that was deleted before', async () => {
    const store = await open();
    await store.load();
    store.put(recordOf('a'));
    store.delete('a');
    store.put(recordOf('a', { generation: 7 }));
    await store.flush(5000);
    expect((await store.load()).records).toEqual([recordOf('a', { generation: 7 })]);
  });

  test('has one secret of 32 bytes', async () => {
    const store = await open();
    const secret = await store.secret();
    expect(secret).toHaveLength(32);
    expect(Buffer.compare(await store.secret(), secret)).toBe(0);
  });

  test('has nothing to flush when nothing was put, and does not fail', async () => {
    const store = await open();
    expect(await store.flush(0)).toBe(true);
    expect(store.failingSinceMs).toBeNull();
  });

  test('closes more than once, and bears what comes late', async () => {
    const store = await open();
    await store.load();
    await Promise.all([store.close(), store.close()]);
    store.put(recordOf('late'));
    store.delete('late');
    await store.close();
  });
});

describe('a store in a folder', () => {
  const again = async (store: RecordStore): Promise<RecordStore> => {
    await store.close();
    return openEmbedded();
  };

  test('is there for the next process: records, secret, and when it was last alive', async () => {
    const first = await openEmbedded();
    expect(await first.load()).toEqual({ records: [], lastAliveAtMs: null });
    const secret = await first.secret();
    first.put(recordOf('a', { creationDigest: 'cd'.repeat(32), peerSession: '4711', signalling: 'direct' }));
    const beforeMs = Date.now();
    const second = await again(first);
    const { records, lastAliveAtMs } = await second.load();
    expect(records).toEqual([
      recordOf('a', { creationDigest: 'cd'.repeat(32), peerSession: '4711', signalling: 'direct' }),
    ]);
    expect(lastAliveAtMs).toBeGreaterThanOrEqual(beforeMs);
    expect(Buffer.compare(await second.secret(), secret)).toBe(0);
    expect(seen).toContain('open ok true');
    expect(seen).toContain('load ok true');
    expect(seen).toContain('write ok true');
  });

  test('keeps others out of its files', async () => {
    const store = await openEmbedded();
    store.put(recordOf('a'));
    await store.flush(5000);
    const files = join(folder, 'tubes');
    expect((await stat(files)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(files))
      expect([name, (await stat(join(files, name))).mode & 0o777]).toEqual([name, 0o600]);
  });

  test('skips what it cannot read, leaves it where it is, and reads the rest', async () => {
    await (await openEmbedded()).close();
    const raw = new ClassicLevel(join(folder, 'tubes'));
    const good = JSON.stringify({ v: 1, record: recordOf('good') });
    await raw.put('tube/good', good);
    await raw.put('tube/broken', good.slice(0, 100));
    await raw.put('tube/newer', JSON.stringify({ v: 2, record: { everything: 'else' } }));
    await raw.put('tube/odd', JSON.stringify({ v: 1, record: { ...recordOf('odd'), generation: 'x' } }));
    await raw.put('tube/no', '7');
    await raw.close();
    for (const store of [await openEmbedded(), null]) {
      const each = store ?? (await again(opened.at(-1) as RecordStore));
      expect((await each.load()).records).toEqual([recordOf('good')]);
    }
    const once = [
      'skipped broken: not a record',
      'skipped newer: written by a newer version (2, known up to 1)',
      'skipped no: not a record',
      'skipped odd: generation: invalid_type',
    ];
    expect(seen.filter((line) => line.startsWith('skipped'))).toEqual([...once, ...once]);
  });

  test('fills in what the writer of a record did not know yet', async () => {
    await (await openEmbedded()).close();
    const { pingIntervalMs: _unknown, ...settings } = recordOf('a').settings;
    const raw = new ClassicLevel(join(folder, 'tubes'));
    const record = { ...recordOf('a'), settings: { ...settings, ofTheFuture: 1 }, future: 2 };
    await raw.put('tube/a', JSON.stringify({ v: 1, record }));
    await raw.close();
    const [found] = (await (await openEmbedded()).load()).records;
    expect(found).toEqual(recordOf('a', { settings: { ...recordOf('a').settings, pingIntervalMs: 5000 } }));
  });

  test('is for one process at a time', async () => {
    await openEmbedded();
    await expect(openEmbedded()).rejects.toThrow(/in use by another process/);
  });

  test('says so when the folder cannot be one, or is damaged', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(EmbeddedStore.open(join(folder, 'file'), observer)).rejects.toThrow(/cannot be used: .*file/);
    await (await openEmbedded()).close();
    await writeFile(join(folder, 'tubes', 'CURRENT'), 'MANIFEST-999999\n');
    await expect(openEmbedded()).rejects.toThrow(/dataDir .*(damaged|cannot be used)/);
    expect(seen).toContain('open error true');
  });
});
