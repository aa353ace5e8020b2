/** The store of a service without a folder: it keeps records as long as the process lives, and so nothing for the next one. */
import { randomBytes } from 'node:crypto';
import type { TubeRecord } from '../../machines/events.js';
import type { RecordStore, StoredTubes } from './record-store.port.js';

export class MemoryStore implements RecordStore {
  readonly outlivesProcess = false;
  readonly failingSinceMs = null;
  readonly #records = new Map<string, TubeRecord>();
  readonly #secret = randomBytes(32);

  async load(): Promise<StoredTubes> {
    return { records: [...this.#records.values()], lastAliveAtMs: null };
  }

  put(record: TubeRecord): void {
    this.#records.set(record.tubeId, record);
  }

  delete(tubeId: string): void {
    this.#records.delete(tubeId);
  }

  async secret(): Promise<Uint8Array> {
    return this.#secret;
  }

  async flush(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {
    this.#records.clear();
  }
}
