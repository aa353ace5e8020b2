/** Writing behind, on a disk that the test holds in its hand. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { WriteQueue, type Change } from '../../src/store/write-queue.js';
import { TestClock } from '../support/test-clock.js';

type Batch = Record<string, string | null>;

/** Lets what is due in microtasks happen. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let clock: TestClock;
let seen: string[];
let batches: Batch[];
/** What the disk does with the next batch: by default it takes it. */
let disk: () => Promise<void>;
let queue: WriteQueue;

beforeEach(() => {
  clock = new TestClock();
  seen = [];
  batches = [];
  disk = async () => undefined;
  queue = new WriteQueue({
    write: async (batch) => {
      batches.push(Object.fromEntries([...batch].map(([key, change]) => [key, change === null ? null : change()])));
      await disk();
    },
    schedule: (fn, delayMs) => {
      const timer = clock.setTimeout(fn, delayMs);
      return () => clock.clearTimeout(timer);
    },
    failing: (error) => void seen.push(`failing ${String(error)}`),
    recovered: () => void seen.push('recovered'),
    forgotten: (count) => void seen.push(`forgotten ${String(count)}`),
  });
});

const set = (key: string, value: string | null): void => queue.set(key, value === null ? null : () => value);

/** A disk that takes the next batch when it is told to. */
function slowDisk(): { readonly finish: (error?: Error) => Promise<void> } {
  let finish: (error?: Error) => void = () => undefined;
  disk = () =>
    new Promise<void>((resolve, reject) => {
      finish = (error) => (error === undefined ? resolve() : reject(error));
    });
  return {
    finish: async (error) => {
      finish(error);
      await settle();
    },
  };
}

describe('a queue of writes', () => {
  test('writes together what is set together, the newest of each key', async () => {
    set('a', '1');
    set('b', '1');
    set('a', '2');
    set('b', null);
    expect(queue.size).toBe(2);
    await settle();
    expect(batches).toEqual([{ a: '2', b: null }]);
    expect(queue.size).toBe(0);
  });

  test('has one batch on its way at a time, and no more memory than keys', async () => {
    const slow = slowDisk();
    set('a', '0');
    await settle();
    for (let n = 1; n <= 1000; n += 1) set('a', String(n));
    await settle();
    expect(batches).toEqual([{ a: '0' }]);
    expect(queue.size).toBe(2);
    await slow.finish();
    expect(batches).toEqual([{ a: '0' }, { a: '1000' }]);
  });

  test('cuts what has piled up into batches, oldest first', async () => {
    for (let n = 0; n < 450; n += 1) set(String(n), 'x');
    await settle();
    await settle();
    expect(batches.map((batch) => Object.keys(batch).length)).toEqual([200, 200, 50]);
    expect(Object.keys(batches[0] ?? {})).toContain('0');
  });

  test('repeats what failed with growing pauses, and tells of it once', async () => {
    disk = () => Promise.reject(new Error('disk full'));
    set('a', '1');
    await settle();
    expect(seen).toEqual(['failing Error: disk full']);
    const pausesMs = [100, 200, 400, 800, 1600, 3200, 5000, 5000];
    for (const [index, pauseMs] of pausesMs.entries()) {
      clock.advance(pauseMs - 1);
      await settle();
      expect(batches).toHaveLength(index + 1);
      clock.advance(1);
      await settle();
      expect(batches).toHaveLength(index + 2);
    }
    disk = async () => undefined;
    clock.advance(5000);
    await settle();
    expect(seen).toEqual(['failing Error: disk full', 'recovered']);
    expect(queue.size).toBe(0);
    disk = () => Promise.reject(new Error('again'));
    set('a', '2');
    await settle();
    clock.advance(100);
    await settle();
    expect(seen.at(-1)).toBe('failing Error: again');
    expect(batches.at(-1)).toEqual({ a: '2' });
  });

  test('repeats a failed batch with what is newer by now, in its old place', async () => {
    const slow = slowDisk();
    set('a', 'old');
    set('b', 'old');
    await settle();
    set('c', 'new');
    set('b', null);
    await slow.finish(new Error('no'));
    clock.advance(100);
    await settle();
    expect(batches[1]).toEqual({ a: 'old', b: null, c: 'new' });
    expect(Object.keys(batches[1] ?? {})).toEqual(['a', 'b', 'c']);
  });

  test('flushes when what was set until then is written, whatever is set later', async () => {
    const slow = slowDisk();
    set('a', '1');
    await settle();
    set('a', '2');
    set('b', '1');
    let kept: boolean | null = null;
    void queue.flush(1000).then((done) => (kept = done));
    set('c', '1');
    await slow.finish();
    expect(kept).toBeNull();
    // What supersedes a value that is waited for is waited for in its place.
    set('d', '1');
    await slow.finish();
    expect(batches[1]).toEqual({ a: '2', b: '1', c: '1' });
    expect(kept).toBe(true);
    expect(queue.size).toBe(1);
  });

  test('flushes not before a value that replaces a failed one is written', async () => {
    const slow = slowDisk();
    for (let n = 0; n < 300; n += 1) set(String(n), 'x');
    await settle();
    let kept: boolean | null = null;
    void queue.flush(60_000).then((done) => (kept = done));
    set('0', 'newer');
    await slow.finish(new Error('no'));
    clock.advance(100);
    await settle();
    expect(batches.at(-1)?.['0']).toBe('newer');
    await slow.finish();
    expect(kept).toBeNull();
    await slow.finish();
    expect(kept).toBe(true);
  });

  test('says that a flush took too long', async () => {
    slowDisk();
    set('a', '1');
    const kept = queue.flush(250);
    await settle();
    clock.advance(250);
    expect(await kept).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test('stops with a last try, whatever the pause, and takes nothing more', async () => {
    disk = () => Promise.reject(new Error('no'));
    set('a', '1');
    await settle();
    disk = async () => undefined;
    const stopped = queue.stop(1000);
    set('late', '1');
    expect(await stopped).toBe(true);
    expect(batches.at(-1)).toEqual({ a: '1' });
    expect(clock.pending).toBe(0);
  });

  test('stops in time when the disk does not recover', async () => {
    disk = () => Promise.reject(new Error('no'));
    set('a', '1');
    const stopped = queue.stop(1000);
    for (let n = 0; n < 10; n += 1) {
      await settle();
      clock.advance(100);
    }
    expect(await stopped).toBe(false);
    const tries = batches.length;
    clock.advance(60_000);
    await settle();
    expect([batches.length, queue.size, clock.pending]).toEqual([tries, 0, 0]);
  });

  test('keeps a bounded number of deletes, and says which it forgot', async () => {
    const slow = slowDisk();
    set('live', '1');
    await settle();
    for (let n = 0; n < 50_003; n += 1) set(`gone ${String(n)}`, null);
    set('live', '2');
    expect(seen).toEqual(['forgotten 1', 'forgotten 1', 'forgotten 1']);
    // The batch on its way, its newer value, and the deletes.
    expect(queue.size).toBe(50_002);
    await slow.finish();
    expect(Object.keys(batches[1] ?? {})[0]).toBe('gone 3');
  });

  test('does not make a value that is superseded', async () => {
    const slow = slowDisk();
    set('a', '1');
    await settle();
    let made = 0;
    const counted: Change = () => {
      made += 1;
      return 'x';
    };
    for (let n = 0; n < 10; n += 1) queue.set('a', counted);
    await slow.finish();
    expect(made).toBe(1);
  });
});
