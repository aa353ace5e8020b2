/**
 * The records of this node's tubes: written down whenever a tube says that they changed, and the tubes of the process before this one carried on from
 * them. Composition only: src/store keeps, the registry resumes, and each tube restarts by itself when it is released.
 */
import { createHash } from 'node:crypto';
import type { TubeIdentity, TubeRecord } from '../machines/events.js';
import type { Log } from './observability/logger.js';
import type { Metrics } from './observability/metrics.js';
import type { TubeNotice } from './registry/notice.js';
import type { TubeRegistry } from './registry/tube-registry.js';
import { EmbeddedStore } from './store/embedded-store.js';
import { MemoryStore } from './store/memory-store.js';
import type { RecordStore, StoredTubes, StoreObserver } from './store/record-store.port.js';

export interface TubeStoreOptions {
  /** Rejects with StoreError. */
  readonly open: (observer: StoreObserver) => Promise<RecordStore>;
  /** In place of the secret of the store. */
  readonly peerTokenSecret: string | null;
  readonly registry: TubeRegistry;
  /** Runs what starts a restart when the node has room for one. */
  readonly pace: (tubeId: string, work: () => void) => void;
  /** How long a tube that is carried on waits for a controller; as long as one may be away without missing a signal. */
  readonly signalReplayWindowMs: number;
  readonly metrics: Pick<Metrics, 'stored'>;
  readonly log: Pick<Log, 'info' | 'error'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** @param dataDir null: in memory, for this process only */
export async function openStore(dataDir: string | null, observer: StoreObserver): Promise<RecordStore> {
  return dataDir === null ? new MemoryStore() : EmbeddedStore.open(dataDir, observer);
}

/** A create waits this long for its record; it takes a millisecond or two, beside the making of its description. */
const savedWithinMs = 250;
/** A store that fails for longer makes the node unready. */
const failingTooLongMs = 10_000;
/** Between so many resumed tubes the event loop turns. */
const resumedAtOnce = 50;

type Outcome = 'resumed' | 'expired';

export class TubeStore {
  readonly #options: TubeStoreOptions;
  /** Tubes that are carried on and have not restarted yet. */
  readonly #held = new Set<string>();
  #releaseAll: NodeJS.Timeout | undefined;
  #store: RecordStore | null = null;
  #peerTokenKey: Uint8Array | null = null;

  constructor(options: TubeStoreOptions) {
    this.#options = options;
    options.registry.onNotice((notice) => this.#observe(notice));
  }

  /** Tubes are left to the next process when this one stops. */
  get outlivesProcess(): boolean {
    return this.#store?.outlivesProcess ?? false;
  }

  /** Once. The tubes that are carried on; each waits to be released. Rejects with StoreError. */
  async start(): Promise<readonly TubeIdentity[]> {
    const { open, peerTokenSecret, metrics, log } = this.#options;
    const store = await open(observerOf(metrics, log));
    this.#store = store;
    this.#peerTokenKey =
      peerTokenSecret === null ? await store.secret() : createHash('sha256').update(peerTokenSecret).digest();
    return this.#carryOn(await store.load());
  }

  /**
   * Lets a tube that is carried on restart: somebody follows it. Before that, what its peer has to say would be acknowledged and told to nobody, and an
   * offer that a controller has to pass on would be lost.
   */
  release(tubeId: string): void {
    if (!this.#held.delete(tubeId)) return;
    this.#options.pace(tubeId, () => this.#options.registry.release(tubeId));
  }

  /** It is carried on, and nobody has followed it yet. */
  isHeld(tubeId: string): boolean {
    return this.#held.has(tubeId);
  }

  /** 32 bytes. Throws before the start. */
  peerTokenKey(): Uint8Array {
    if (this.#peerTokenKey === null) throw new Error('the store is not open');
    return this.#peerTokenKey;
  }

  /** Resolves when what the tubes said until now is kept, and after 250 ms in any case; a store that fails now is not waited for. */
  async saved(): Promise<void> {
    if (this.#store?.failingSinceMs === null) await this.#store.flush(savedWithinMs);
  }

  /** False when records have not been kept for 10 s. */
  get isSound(): boolean {
    const sinceMs = this.#store?.failingSinceMs ?? null;
    return sinceMs === null || this.#options.now() - sinceMs < failingTooLongMs;
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    clearTimeout(this.#releaseAll);
    await this.#store?.close();
  }

  #observe({ identity, emission }: TubeNotice): void {
    if (emission.type === 'record') this.#store?.put(emission.record);
    else if (emission.type === 'closed') {
      this.#store?.delete(identity.tubeId);
      this.#held.delete(identity.tubeId);
    }
  }

  /** Oldest first. What is not carried on is over. */
  async #carryOn({ records, lastAliveAtMs }: StoredTubes): Promise<readonly TubeIdentity[]> {
    const awayMs = lastAliveAtMs === null ? 0 : Math.max(0, this.#options.now() - lastAliveAtMs);
    const counts: Record<Outcome, number> = { resumed: 0, expired: 0 };
    const carriedOn: TubeRecord[] = [];
    for (const record of [...records].sort((a, b) => a.createdAtMs - b.createdAtMs)) {
      const outcome = this.#judge(record, awayMs);
      counts[outcome] += 1;
      if (outcome === 'resumed') {
        carriedOn.push(record);
        this.#held.add(record.tubeId);
        this.#options.registry.resume(record, this.#options.now() - awayMs);
      } else this.#store?.delete(record.tubeId);
      if (counts.resumed % resumedAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#releaseLater();
    if (records.length > 0) this.#tell(counts, awayMs);
    return carriedOn;
  }

  #releaseLater(): void {
    this.#releaseAll = setTimeout(() => {
      for (const tubeId of [...this.#held]) this.release(tubeId);
    }, this.#options.signalReplayWindowMs).unref();
  }

  /**
   * `expired`: without data for longer than its session lasts, because there was no service. Limits are for newcomers: these were admitted
   * once, and what they are now is no reason to end them.
   */
  #judge({ settings }: TubeRecord, awayMs: number): Outcome {
    return awayMs > settings.sessionTimeoutMs ? 'expired' : 'resumed';
  }

  #tell(counts: Readonly<Record<Outcome, number>>, awayMs: number): void {
    this.#options.log.info({ ...counts, away_ms: awayMs }, 'tubes of the process before are carried on');
  }
}

function observerOf(metrics: TubeStoreOptions['metrics'], log: TubeStoreOptions['log']): StoreObserver {
  let forgotten = 0;
  return {
    done: (operation, outcome, seconds) => metrics.stored(operation, outcome, seconds),
    failing: (err) => log.error({ err }, 'records of tubes cannot be written; it is tried again'),
    recovered: () => log.info({}, 'records of tubes are written again'),
    skipped: (tubeId, reason) =>
      log.error({ tube_id: tubeId, reason }, 'a record cannot be read; it is left where it is'),
    forgotten: (count) => {
      if (forgotten === 0) log.error({}, 'records of closed tubes cannot be deleted; some will be found again');
      forgotten += count;
    },
  };
}
