/**
 * Where the records of tubes are kept, so that they outlive the process (machines/events.ts `TubeRecord`). Putting and deleting never wait and never
 * throw: the store writes behind, newest record of each tube, and tells its observer when it cannot. src/tube-store.ts uses it.
 */
import type { TubeRecord } from '../../machines/events.js';

export interface StoredTubes {
  /** Those that can be read, in no order. */
  readonly records: readonly TubeRecord[];
  /** When the process before this one was last seen alive, milliseconds since the epoch, up to two seconds early, where it did not end in order; null when there was none. */
  readonly lastAliveAtMs: number | null;
}

export interface RecordStore {
  /** What is kept here is there for the next process. */
  readonly outlivesProcess: boolean;
  /** Since when writes have been failing, milliseconds since the epoch; null while they do not. */
  readonly failingSinceMs: number | null;
  /** Once, before anything is put. Rejects with StoreError. */
  load(): Promise<StoredTubes>;
  put(record: TubeRecord): void;
  delete(tubeId: string): void;
  /** 32 random bytes that belong to these records, made when first asked for. Rejects with StoreError. */
  secret(): Promise<Uint8Array>;
  /** Resolves with true when everything put or deleted until now is kept, with false when that takes longer. */
  flush(withinMs: number): Promise<boolean>;
  /** Keeps what it can within some seconds; nothing is taken afterwards. Idempotent, never rejects. */
  close(): Promise<void>;
}

export type StoreOperation = 'open' | 'load' | 'write';

/** Told what a store does. None of it may throw. */
export interface StoreObserver {
  done(operation: StoreOperation, outcome: 'ok' | 'error', seconds: number): void;
  /** Writes fail from now on; they are repeated. */
  failing(error: unknown): void;
  /** They succeed again. */
  recovered(): void;
  /** A record that cannot be read stays where it is. `why` is for people. */
  skipped(tubeId: string, why: string): void;
  /** So many records of closed tubes could not be deleted and will be found again. */
  forgotten(count: number): void;
}

/** The store cannot be had; the message says what to do about it. */
export class StoreError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreError';
  }
}
