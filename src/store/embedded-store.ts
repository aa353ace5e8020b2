/**
 * The store in a folder of this host, on LevelDB: one process at a time owns it. Every batch is written through to the disk (fsync) off the event loop,
 * so what `flush` confirmed outlives a kill and a loss of power. Beside the records lie a secret and the time at which the process was last alive.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { TubeRecord } from '../../machines/events.js';
import { decodeRecord, encodeRecord } from './record-codec.js';
import {
  StoreError,
  type RecordStore,
  type StoredTubes,
  type StoreObserver,
  type StoreOperation,
} from './record-store.port.js';
import { WriteQueue, type Change } from './write-queue.js';

const folderName = 'tubes';
const tubePrefix = 'tube/';
/** The character after `/`. */
const afterTubes = 'tube0';
const aliveKey = 'alive';
const secretKey = 'secret';

/** The outage of a tube after a crash of the service is told so much too long at most. */
const aliveEveryMs = 2000;
/** For what is left when the store closes; a shutdown has other things to do as well. */
const closeWithinMs = 3000;
/** Records read at once: some milliseconds of decoding. */
const readBatch = 100;

function schedule(fn: () => void, delayMs: number): () => void {
  const timer = setTimeout(fn, delayMs);
  return () => clearTimeout(timer);
}

export class EmbeddedStore implements RecordStore {
  readonly outlivesProcess = true;
  readonly #db: ClassicLevel;
  readonly #observer: StoreObserver;
  readonly #queue: WriteQueue;
  #failingSinceMs: number | null = null;
  /** LevelDB refuses every write after one that failed, until it is opened anew. */
  #mustReopen = false;
  #alive: NodeJS.Timeout | null = null;
  #closed: Promise<void> | null = null;

  private constructor(db: ClassicLevel, observer: StoreObserver) {
    this.#db = db;
    this.#observer = observer;
    this.#queue = new WriteQueue({
      write: (batch) => timed(observer, 'write', () => this.#write(batch)),
      schedule,
      failing: (error) => {
        this.#failingSinceMs = Date.now();
        observer.failing(error);
      },
      recovered: () => {
        this.#failingSinceMs = null;
        observer.recovered();
      },
      forgotten: (count) => observer.forgotten(count),
    });
  }

  /** @param dataDir made when it is not there. Rejects with StoreError: another process has it, it cannot be written, it is damaged. */
  static async open(dataDir: string, observer: StoreObserver): Promise<EmbeddedStore> {
    try {
      return new EmbeddedStore(await timed(observer, 'open', () => openDatabase(join(dataDir, folderName))), observer);
    } catch (error) {
      throw new StoreError(explain(dataDir, error), { cause: error });
    }
  }

  get failingSinceMs(): number | null {
    return this.#failingSinceMs;
  }

  async load(): Promise<StoredTubes> {
    try {
      const stored = await timed(this.#observer, 'load', () => this.#read());
      this.#stayAlive();
      return stored;
    } catch (error) {
      throw new StoreError(`The records of tubes cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  put(record: TubeRecord): void {
    this.#queue.set(tubePrefix + record.tubeId, () => encodeRecord(record));
  }

  delete(tubeId: string): void {
    this.#queue.set(tubePrefix + tubeId, null);
  }

  async secret(): Promise<Uint8Array> {
    try {
      const known = await this.#db.get(secretKey);
      if (known !== undefined) return Buffer.from(known, 'base64');
      const made = randomBytes(32);
      await this.#db.put(secretKey, made.toString('base64'), { sync: true });
      return made;
    } catch (error) {
      throw new StoreError(`The secret of the store cannot be kept: ${messageOf(error)}`, { cause: error });
    }
  }

  flush(withinMs: number): Promise<boolean> {
    return this.#queue.flush(withinMs);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // The last sign of life counts: how long tubes were without a service is told from here on.
    if (this.#alive !== null) this.#noteAlive();
    clearInterval(this.#alive ?? undefined);
    await this.#queue.stop(closeWithinMs);
    await this.#db.close().catch(() => undefined);
  }

  #stayAlive(): void {
    this.#noteAlive();
    this.#alive ??= setInterval(() => this.#noteAlive(), aliveEveryMs).unref();
  }

  #noteAlive(): void {
    this.#queue.set(aliveKey, () => String(Date.now()));
  }

  async #read(): Promise<StoredTubes> {
    const records: TubeRecord[] = [];
    const iterator = this.#db.iterator({ gte: tubePrefix, lt: afterTubes });
    try {
      for (let some = await iterator.nextv(readBatch); some.length > 0; some = await iterator.nextv(readBatch)) {
        for (const [key, text] of some) {
          const decoded = decodeRecord(text);
          if (decoded.ok) records.push(decoded.record);
          else this.#observer.skipped(key.slice(tubePrefix.length), decoded.why);
        }
      }
    } finally {
      await iterator.close();
    }
    const alive = Number((await this.#db.get(aliveKey)) ?? Number.NaN);
    return { records, lastAliveAtMs: Number.isFinite(alive) ? alive : null };
  }

  async #write(batch: ReadonlyMap<string, Change>): Promise<void> {
    if (this.#mustReopen) {
      await this.#db.close();
      await this.#db.open();
      this.#mustReopen = false;
    }
    const operations = [...batch].map(([key, change]) =>
      change === null ? ({ type: 'del', key } as const) : ({ type: 'put', key, value: change() } as const),
    );
    try {
      await this.#db.batch(operations, { sync: true });
    } catch (error) {
      this.#mustReopen = true;
      throw error;
    }
  }
}

async function openDatabase(folder: string): Promise<ClassicLevel> {
  // For good: LevelDB makes files as long as it lives, and from threads of its own.
  process.umask(0o077);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const db = new ClassicLevel(folder);
  await db.open();
  return db;
}

async function timed<Result>(
  observer: StoreObserver,
  operation: StoreOperation,
  work: () => Promise<Result>,
): Promise<Result> {
  const startedAtMs = performance.now();
  let outcome: 'ok' | 'error' = 'error';
  try {
    const result = await work();
    outcome = 'ok';
    return result;
  } finally {
    observer.done(operation, outcome, (performance.now() - startedAtMs) / 1000);
  }
}

/** LevelDB's own error is the cause of "not open". */
function rootOf(error: unknown): { readonly code: string; readonly message: string } {
  const { cause, code, message } = error as { cause?: unknown; code?: unknown; message?: unknown };
  return cause === undefined ? { code: String(code), message: String(message) } : rootOf(cause);
}

const messageOf = (error: unknown): string => rootOf(error).message;

function explain(dataDir: string, error: unknown): string {
  const { code, message } = rootOf(error);
  const folder = JSON.stringify(dataDir);
  if (code === 'LEVEL_LOCKED')
    return `dataDir ${folder} is in use by another process: every service needs one of its own.`;
  if (code === 'LEVEL_CORRUPTION') {
    return `dataDir ${folder} is damaged: ${message}. Move it away to start without its tubes.`;
  }
  return `dataDir ${folder} cannot be used: ${message}`;
}
