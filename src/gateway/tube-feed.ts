/**
 * The rows of a tenant's tubes for those who watch them (`watch_tubes`, event `tubes`): first all of them, paced by the reader, then what changes,
 * gathered and made once for all watchers of the tenant. Nobody watches: nobody listens, and it costs nothing. A watcher that lost its connection asks
 * again; nothing is repeated to it.
 */
import type { TubeIdentity } from '../../machines/events.js';
import { AppError } from '../errors.js';
import type { TubeRow, TubesBatch } from '../operator/operator.types.js';
import type { GatewayObserver, Log } from './observer.port.js';
import { guarded } from './observer.port.js';
import type { OperatorDesk } from './operator.port.js';
import { whenDrained } from './slow-clients.js';
import { feedRoom, type GatewayNamespace, type GatewaySocket } from './sockets.js';

export interface TubeFeedOptions {
  readonly namespace: GatewayNamespace;
  readonly desk: Pick<OperatorDesk, 'row' | 'tubesOf' | 'onRow'>;
  /** So many bytes were handed to sockets, roughly. */
  readonly sent: (bytes: number) => void;
  readonly observer: Pick<GatewayObserver, 'message'>;
  readonly log: Log;
}

/** Of one event. */
const batchRows = 500;
/** From one gathering of changes to the next, and from the first change after a pause to its telling. */
const gatherMs = 500;
const firstMs = 25;
/** All rows are told to one socket at most so often. */
const minBeginMs = 250;
/** Of a row as JSON, for the accounts of slow clients. */
const rowBytes = 400;

/** One telling of all rows; another one of the same socket ends it. */
interface Beginning {
  readonly atMs: number;
  isWanted: boolean;
}

/** What changed for one tenant since it was told last. */
interface Gathered {
  readonly changed: Set<string>;
  timer: NodeJS.Timeout | null;
  toldAtMs: number;
}

export class TubeFeed {
  readonly #options: TubeFeedOptions;
  /** Of tenants that somebody watches, by the name of the room. */
  readonly #gathered = new Map<string, Gathered>();
  readonly #begun = new WeakMap<GatewaySocket, Beginning>();
  #unlisten: (() => void) | null = null;

  constructor(options: TubeFeedOptions) {
    this.#options = options;
    // Also when the last watcher loses its connection.
    options.namespace.adapter.on('delete-room', (room: string) => this.#forget(room));
  }

  /** Call `begin` once the answer is out. Throws AppError `rate_exceeded` when this socket has just begun. */
  watch(socket: GatewaySocket, tenant: string): { readonly total: number; readonly begin: () => void } {
    const before = this.#begun.get(socket);
    const beginning: Beginning = { atMs: performance.now(), isWanted: true };
    if (before !== undefined && beginning.atMs - before.atMs < minBeginMs) throw new AppError('rate_exceeded');
    if (before !== undefined) before.isWanted = false;
    this.#begun.set(socket, beginning);
    const tubeIds = [...this.#options.desk.tubesOf(tenant)];
    const begin = guarded(this.#options.log, 'feed.begin', () => {
      this.#tellAll(socket, tenant, tubeIds, beginning).catch((err: unknown) => {
        this.#options.log.error({ err, event: 'feed.begin' }, 'a gateway listener failed');
      });
    });
    return { total: tubeIds.length, begin };
  }

  /** Who does not watch may do so, too. */
  unwatch(socket: GatewaySocket, tenant: string): void {
    const beginning = this.#begun.get(socket);
    if (beginning !== undefined) beginning.isWanted = false;
    void socket.leave(feedRoom(tenant));
  }

  /** Tenants that are watched. */
  get size(): number {
    return this.#gathered.size;
  }

  stop(): void {
    for (const room of [...this.#gathered.keys()]) this.#forget(room);
  }

  /** Changes are told to it from the first batch on: a row may come with them before it comes in its batch. */
  async #tellAll(
    socket: GatewaySocket,
    tenant: string,
    tubeIds: readonly string[],
    beginning: Beginning,
  ): Promise<void> {
    for (let at = 0; at === 0 || at < tubeIds.length; at += batchRows) {
      if (!socket.connected || !beginning.isWanted) return;
      const changed = this.#rowsOf(tubeIds.slice(at, at + batchRows));
      const complete = at + batchRows >= tubeIds.length;
      socket.emit('tubes', this.#batch({ begins: at === 0, complete, changed, gone: [] }));
      if (at === 0) this.#follow(socket, feedRoom(tenant));
      if (!complete) await whenDrained(socket);
    }
  }

  #follow(socket: GatewaySocket, room: string): void {
    void socket.join(room);
    if (!this.#gathered.has(room)) this.#gathered.set(room, { changed: new Set(), timer: null, toldAtMs: -Infinity });
    this.#unlisten ??= this.#options.desk.onRow((identity) => this.#changed(identity));
  }

  #changed({ tenant, tubeId }: TubeIdentity): void {
    const room = feedRoom(tenant);
    const gathered = this.#gathered.get(room);
    if (gathered === undefined) return;
    gathered.changed.add(tubeId);
    if (gathered.timer !== null) return;
    const delayMs = Math.max(firstMs, gathered.toldAtMs + gatherMs - performance.now());
    gathered.timer = setTimeout(
      guarded(this.#options.log, 'feed.tell', () => this.#tell(room, gathered)),
      delayMs,
    );
  }

  #tell(room: string, gathered: Gathered): void {
    gathered.timer = null;
    gathered.toldAtMs = performance.now();
    const tubeIds = [...gathered.changed];
    gathered.changed.clear();
    for (let at = 0; at < tubeIds.length; at += batchRows) {
      const some = tubeIds.slice(at, at + batchRows);
      const changed = this.#rowsOf(some);
      const here = new Set(changed.map((row) => row.tube_id));
      const gone = some.filter((tubeId) => !here.has(tubeId));
      const batch = this.#batch({ begins: false, complete: false, changed, gone });
      this.#options.namespace.to(room).emit('tubes', batch);
    }
  }

  #rowsOf(tubeIds: readonly string[]): TubeRow[] {
    return tubeIds.flatMap((tubeId) => this.#options.desk.row(tubeId) ?? []);
  }

  #batch(batch: Omit<TubesBatch, 'at_ms'>): TubesBatch {
    this.#options.observer.message('tubes', 'out', 'ok');
    this.#options.sent(batch.changed.length * rowBytes);
    return { at_ms: Date.now(), ...batch };
  }

  #forget(room: string): void {
    const gathered = this.#gathered.get(room);
    if (gathered === undefined) return;
    if (gathered.timer !== null) clearTimeout(gathered.timer);
    this.#gathered.delete(room);
    if (this.#gathered.size > 0) return;
    this.#unlisten?.();
    this.#unlisten = null;
  }
}
