/**
 * The flight recorder: of every live tube, and of those that closed lately, the last things that happened to it (flight-entry.ts), bounded per tube
 * by count and for all tubes together by memory. A listener of the registry outside of the actors, so a tube that crashes keeps its history. It
 * changes nothing and decides nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import type { FlightEntry, FlightFact } from '../operator/flight.types.js';
import { factOf } from './flight-entry.js';
import type { TubeNotice } from './notice.js';

export interface FlightRecorderOptions {
  /** Of one tube; 0 = nothing is recorded. */
  readonly maxEntries: number;
  /** Of all tubes together, as estimated by `sizeOf`. */
  readonly maxBytes: number;
  /** Closed tubes whose history is kept; within `maxBytes`, where they are the first to lose theirs. Default 0. */
  readonly maxClosed?: number;
}

export interface FlightHistory {
  /** Oldest first. */
  readonly entries: readonly FlightEntry[];
  /** Entries that had to go. */
  readonly dropped: number;
}

interface Kept {
  readonly atMs: number;
  readonly seq: number;
  readonly generation: number;
  readonly fact: FlightFact;
  count: number;
  lastAtMs: number;
}

interface History {
  readonly kept: Kept[];
  /** Of the last entry that there was. */
  seq: number;
  generation: number;
  dropped: number;
}

/** Making room goes on down to this part of `maxBytes`, so that it is not done for every entry. */
const roomRatio = 0.95;
/** `Kept` with its place in a list, two boxed times and the hidden costs of a heap. */
const keptBytes = 136;

/** Bytes of heap, rather too many: most texts are shared constants. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 32;
  for (const key in value) size += 8 + sizeOf((value as Readonly<Record<string, unknown>>)[key]);
  return size;
}

const bytesOf = ({ fact }: Kept): number => keptBytes + sizeOf(fact);

function toEntry({ atMs, seq, generation, fact, count, lastAtMs }: Kept): FlightEntry {
  const repeated = count === 1 ? {} : { count, last_at_ms: lastAtMs };
  return { at_ms: atMs, seq, generation, ...fact, ...repeated };
}

export class FlightRecorder {
  readonly #options: FlightRecorderOptions;
  readonly #tubes = new Map<string, History>();
  /** Those that hold something; first the one that was quiet longest. */
  readonly #quietFirst = new Set<History>();
  /** Ids of tubes that closed, oldest first. */
  readonly #closed = new Set<string>();
  #bytes = 0;

  constructor(options: FlightRecorderOptions) {
    this.#options = options;
  }

  /** A listener for `TubeRegistry.onNotice`. */
  observe(notice: TubeNotice): void {
    const { identity, emission, atMs } = notice;
    const fact = factOf(notice);
    const generation = 'generation' in emission ? emission.generation : notice.generation;
    if (fact !== null) this.#note(identity.tubeId, fact, generation, atMs);
    if (emission.type === 'closed') this.#retire(identity.tubeId);
  }

  /** The actor of a tube failed and the tube is carried on. */
  crashed(tubeId: string, atMs: number): void {
    const generation = this.#tubes.get(tubeId)?.generation;
    if (generation !== undefined) this.#note(tubeId, { kind: 'crashed' }, generation, atMs);
  }

  /** Empty for a tube that is not known, or forgotten. */
  history(tubeId: string): FlightHistory {
    const history = this.#tubes.get(tubeId);
    return { entries: history?.kept.map(toEntry) ?? [], dropped: history?.dropped ?? 0 };
  }

  /** `seq` of its last entry; 0 when there is none. */
  lastEntry(tubeId: string): number {
    return this.#tubes.get(tubeId)?.seq ?? 0;
  }

  /** What the entries take, estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Tubes that are remembered. */
  get size(): number {
    return this.#tubes.size;
  }

  #note(tubeId: string, fact: FlightFact, generation: number, atMs: number): void {
    if (this.#options.maxEntries === 0) return;
    const history = this.#historyOf(tubeId);
    history.generation = generation;
    this.#quietFirst.delete(history);
    this.#quietFirst.add(history);
    const last = history.kept.at(-1);
    if (last?.generation === generation && isDeepStrictEqual(last.fact, fact)) {
      last.count += 1;
      last.lastAtMs = atMs;
      return;
    }
    const kept = { atMs, seq: (history.seq += 1), generation, fact, count: 1, lastAtMs: atMs };
    history.kept.push(kept);
    this.#bytes += bytesOf(kept);
    if (history.kept.length > this.#options.maxEntries) this.#dropOldest(history);
    if (this.#bytes > this.#options.maxBytes) this.#makeRoom();
  }

  #historyOf(tubeId: string): History {
    const known = this.#tubes.get(tubeId);
    if (known !== undefined) return known;
    const history: History = { kept: [], seq: 0, generation: 1, dropped: 0 };
    this.#tubes.set(tubeId, history);
    return history;
  }

  #makeRoom(): void {
    const enough = this.#options.maxBytes * roomRatio;
    for (const tubeId of this.#closed) {
      if (this.#bytes <= enough) return;
      this.#forget(tubeId);
    }
    for (const history of this.#quietFirst) {
      while (this.#bytes > enough && history.kept.length > 0) this.#dropOldest(history);
      if (history.kept.length === 0) this.#quietFirst.delete(history);
      if (this.#bytes <= enough) return;
    }
  }

  #dropOldest(history: History): void {
    const oldest = history.kept.shift();
    if (oldest === undefined) return;
    this.#bytes -= bytesOf(oldest);
    history.dropped += 1;
  }

  #retire(tubeId: string): void {
    this.#closed.add(tubeId);
    for (const oldest of this.#closed) {
      if (this.#closed.size <= (this.#options.maxClosed ?? 0)) return;
      this.#forget(oldest);
    }
  }

  #forget(tubeId: string): void {
    this.#closed.delete(tubeId);
    const history = this.#tubes.get(tubeId);
    if (history === undefined) return;
    this.#tubes.delete(tubeId);
    this.#quietFirst.delete(history);
    for (const kept of history.kept) this.#bytes -= bytesOf(kept);
  }
}
