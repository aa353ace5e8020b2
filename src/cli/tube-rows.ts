/**
 * The rows of all tubes as a service keeps them up to date (`watch_tubes`, event `tubes`): a map that follows it, over lost connections too, or is read
 * once. What is shown of them is the business of tubes-watch.ts and tubes-ls.ts; they share the words for what a tube does.
 */
import type { TubeRow, TubesBatch } from '../operator/operator.types.js';
import { nextWords, reasonWords, triggerWords } from '../operator/words.js';
import { CliError, exitCodes } from './command.js';
import { answerTimeoutMs, UnknownCall, type Service } from './service.js';
import { harmless } from './table.js';
import { length } from './words.js';

export interface RowChange {
  readonly atMs: number;
  /** Null: it was not known. */
  readonly before: TubeRow | null;
  /** Null: the tube has ended. */
  readonly now: TubeRow | null;
}

export interface RowListener {
  /** Changes of one batch, in its order; `first`: of the first picture, or of one after a lost connection. */
  changed(changes: readonly RowChange[], first: boolean): void;
  /** The connection is lost, and comes back by itself; or is there again. */
  online(isOnline: boolean): void;
  /** Nothing more will come. */
  ended(error: CliError): void;
}

export class TubeRows {
  readonly rows = new Map<string, TubeRow>();
  readonly #service: Service;
  readonly #listener: RowListener;
  /** Ids of the picture that is being told; null between pictures. */
  #picture: Set<string> | null = null;
  #isComplete = false;

  constructor(service: Service, listener: RowListener) {
    this.#service = service;
    this.#listener = listener;
  }

  /** The picture is whole. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Rejects with CliError: UnknownCall of an older service. */
  async start(): Promise<void> {
    const service = this.#service;
    service.on('tubes', (batch) => this.take(batch as TubesBatch));
    service.on('disconnect', (reason) => {
      if (service.isActive) this.#listener.online(false);
      else
        this.#listener.ended(
          new CliError(
            exitCodes.unavailable,
            `the service at ${service.url} closed the connection (${String(reason)})`,
          ),
        );
    });
    service.on('connect_error', (error) => {
      if (!service.isActive)
        this.#listener.ended(
          new CliError(
            exitCodes.unavailable,
            `the service at ${service.url} refused to take us back: ${(error as Error).message}`,
          ),
        );
    });
    service.on('connect', () => {
      service.call('watch_tubes').then(
        () => this.#listener.online(true),
        (error: unknown) => {
          if (error instanceof CliError) this.#listener.ended(error);
        },
      );
    });
    await service.call('watch_tubes');
  }

  take({ at_ms: atMs, begins, complete, changed, gone }: TubesBatch): void {
    this.#service.clock.learn(atMs);
    if (begins) {
      this.#picture = new Set();
      this.#isComplete = false;
    }
    const first = this.#picture !== null;
    const changes: RowChange[] = changed.map((row) => this.#put(row, atMs));
    changes.push(...gone.flatMap((id) => this.#drop(id, atMs)));
    // What ended while nobody told us is not in the new picture.
    if (complete && this.#picture !== null) {
      const missing = [...this.rows.keys()].filter((id) => this.#picture?.has(id) !== true);
      changes.push(...missing.flatMap((id) => this.#drop(id, atMs)));
      this.#picture = null;
      this.#isComplete = true;
    }
    this.#listener.changed(changes, first);
  }

  #put(row: TubeRow, atMs: number): RowChange {
    const before = this.rows.get(row.tube_id) ?? null;
    this.rows.set(row.tube_id, row);
    this.#picture?.add(row.tube_id);
    return { atMs, before, now: row };
  }

  #drop(id: string, atMs: number): RowChange[] {
    const before = this.rows.get(id);
    this.rows.delete(id);
    return before === undefined ? [] : [{ atMs, before, now: null }];
  }
}

/** All rows as they are now. Null: the service is older. Rejects with CliError. */
export async function rowsNow(service: Service): Promise<ReadonlyMap<string, TubeRow> | null> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const rows = await new Promise<ReadonlyMap<string, TubeRow>>((resolve, reject) => {
      const lost = (how: string) => () =>
        reject(new CliError(exitCodes.unavailable, `the service at ${service.url} ${how}; try again`));
      const following = new TubeRows(service, {
        changed: () => {
          timer?.refresh();
          if (following.isComplete) resolve(following.rows);
        },
        online: lost('closed the connection'),
        ended: reject,
      });
      timer = setTimeout(lost('does not tell its tubes'), answerTimeoutMs);
      following.start().catch(reject);
    });
    await service.call('unwatch_tubes');
    return rows;
  } catch (error) {
    if (error instanceof UnknownCall) return null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** What is wrong, and what comes next. */
export function doing({ incident, next, reason, state }: TubeRow, nowMs: number): string[] {
  const trouble =
    incident === null
      ? []
      : [triggerWords(incident.trigger), ...(incident.attempts === 0 ? [] : [`attempts ${incident.attempts}`])];
  // A tube that never was connected is in no trouble yet.
  const isTrouble = state === 'degraded' || state === 'failed';
  const why = incident === null && isTrouble && reason !== '' ? [harmless(reasonWords(reason))] : [];
  return [...trouble, ...why, ...(next === null ? [] : [nextWords(next, nowMs, length)])];
}
