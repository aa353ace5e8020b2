/**
 * What a change of this host's network means to each path that it keeps: per path, the address from which packets left when it came up. After a change the
 * routing of the host is asked again, and the owner hears of the paths that the change concerns. It watches nothing and restarts nothing:
 * HostNetwork of the service and the peer library in Node say when something changed, and do with the news what they like.
 */
import type { Schedule } from './monitor-process.js';

/** Against what it was when the path came up. `none`: nothing leads there now. `unknown`: it was never known. */
export type WayNow = 'unknown' | 'same' | 'moved' | 'none';

/** How many paths a change found in each state. */
export type WayCounts = Readonly<Record<WayNow, number>>;

export interface RouteChange {
  /** `wake`: the host slept, and whatever it remembers of its network may be old. `again`: nothing new is known. */
  readonly cause: 'addresses' | 'routes' | 'wake' | 'again';
}

export interface WayNews<Change> {
  readonly way: WayNow;
  readonly change: Change;
  /** It is not as it was told last; else the owner should look all the same: nobody knows, or the host slept. */
  readonly isNews: boolean;
  /** False when the path was replaced, or something newer was told of it: this news is old. */
  readonly isCurrent: () => boolean;
}

export interface RouteWatchOptions<Key, Change extends RouteChange> {
  /** The local address that packets to each of these would leave from now; null = no way; no entry = not to be known. Never rejects. */
  readonly sourcesTo: (remotes: Iterable<string>) => Promise<ReadonlyMap<string, string | null>>;
  readonly schedule: Schedule;
  /** The way of a new path is known from here on. */
  readonly measured: (key: Key) => void;
  /** The change concerns it, or may. */
  readonly concerns: (key: Key, news: WayNews<Change>) => void;
  readonly judged: (change: Change, counts: WayCounts) => void;
}

/** Sources in the order of `remotes`, as one text; null: nothing leads to any; undefined: not known. */
type Sources = string | null | undefined;

interface Way {
  /** Where packets go first: the peer, or each server that may relay them. Empty: not known. */
  remotes: readonly string[];
  /** When the path came up. */
  first: Sources;
  /** As the owner was told last. */
  told: Sources;
}

/** While a path has no way the routes are looked at this often: a route may come back without a word. */
const lookAgainMs = 2000;

export class RouteWatch<Key, Change extends RouteChange> {
  readonly #options: RouteWatchOptions<Key, Change>;
  readonly #ways = new Map<Key, Way>();
  #judging: Promise<void> | null = null;
  #next: Change | null = null;
  #cancel: (() => void) | null = null;

  constructor(options: RouteWatchOptions<Key, Change>) {
    this.#options = options;
  }

  /**
   * A path is up, in place of any before it: from here its way is measured.
   * @param remotes where its packets go first; of several, one or all of them. Until a promise has told, its way is not known. It must not reject.
   */
  pathFound(key: Key, remotes: readonly string[] | Promise<readonly string[]>): void {
    const way: Way = { remotes: remotes instanceof Promise ? [] : remotes, first: undefined, told: undefined };
    this.#ways.set(key, way);
    if (remotes instanceof Promise) void remotes.then((found) => this.#measure(key, way, found));
    else void this.#measure(key, way, remotes);
  }

  /** Its path is kept, and so is what a change means to it. */
  knows(key: Key): boolean {
    return this.#ways.has(key);
  }

  /** The path is gone. */
  forget(key: Key): void {
    this.#ways.delete(key);
  }

  stop(): void {
    this.#ways.clear();
    this.#next = null;
    this.#cancel?.();
    this.#cancel = null;
  }

  /** One change is judged at a time; of those that come meanwhile the last counts. Resolves when all are told. */
  async changed(change: Change): Promise<void> {
    this.#next = change;
    this.#judging ??= this.#judgeAll().finally(() => {
      this.#judging = null;
    });
    return this.#judging;
  }

  async #judgeAll(): Promise<void> {
    for (let change = this.#next; change !== null; change = this.#next) {
      this.#next = null;
      await this.#judge(change);
    }
  }

  /** It is known from then on: until a change says otherwise, trouble with this path is not this host's routing. */
  async #measure(key: Key, way: Way, remotes: readonly string[]): Promise<void> {
    if (remotes.length === 0) return;
    const sources = await this.#options.sourcesTo(remotes);
    // One that nothing led to from the beginning is not the one in use.
    const usable = remotes.filter((remote) => typeof sources.get(remote) === 'string');
    way.remotes = usable.length === 0 ? remotes : usable;
    const source = sourcesOf(way, sources);
    way.first ??= source;
    way.told ??= source;
    if (this.#ways.get(key) === way && wayNow(way, way.told) === 'same') this.#options.measured(key);
  }

  async #judge(change: Change): Promise<void> {
    const remotes = new Set([...this.#ways.values()].flatMap((way) => way.remotes));
    const sources = await this.#options.sourcesTo(remotes);
    const counts = { unknown: 0, same: 0, moved: 0, none: 0 };
    for (const [key, way] of [...this.#ways]) {
      // Found while the routing was asked, or it could not be asked: nothing is known of it.
      if (!way.remotes.every((remote) => sources.has(remote))) continue;
      const source = sourcesOf(way, sources);
      const now = wayNow(way, source);
      counts[now] += 1;
      this.#tell(key, way, source, now, change);
    }
    this.#options.judged(change, counts);
    if (counts.none > 0) this.#lookAgain(change);
  }

  #tell(key: Key, way: Way, source: Sources, now: WayNow, change: Change): void {
    const isNews = now !== 'unknown' && source !== way.told;
    // What does not concern its way is no news to a path, not even to one in trouble: a host with containers changes all day.
    if (!isNews && (change.cause === 'again' || (now !== 'unknown' && change.cause !== 'wake'))) return;
    way.told = source;
    const isCurrent = (): boolean => this.#ways.get(key) === way && way.told === source;
    this.#options.concerns(key, { way: now, change, isNews, isCurrent });
  }

  #lookAgain(change: Change): void {
    this.#cancel ??= this.#options.schedule(() => {
      this.#cancel = null;
      void this.changed({ ...change, cause: 'again' });
    }, lookAgainMs);
  }
}

function sourcesOf({ remotes }: Way, sources: ReadonlyMap<string, string | null>): Sources {
  if (!remotes.some((remote) => sources.has(remote))) return undefined;
  const each = remotes.map((remote) => sources.get(remote) ?? null);
  return each.every((source) => source === null) ? null : each.join(' ');
}

function wayNow({ first }: Way, source: Sources): WayNow {
  // A remote that no route led to when the path came up is reached in some way that is not seen here.
  if (source === undefined || first === undefined || first === null) return 'unknown';
  if (source === null) return 'none';
  return source === first ? 'same' : 'moved';
}
