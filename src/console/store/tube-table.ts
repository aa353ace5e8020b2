/**
 * The rows of the list of tubes: thousands of them, hundreds of changes a second, one sorted and filtered view. Pure, no sockets, no DOM. What a
 * batch costs depends on what changed, but for one pass over the view: counts are kept by the row, and changed rows are merged into an order
 * that is otherwise as it was.
 */
import type { TubeRow, TubesBatch } from '../../operator/operator.types.js';
import { reasonWords, triggerWords } from '../../operator/words.js';
import type { TubeState } from '../socket/operator-calls.js';
import { comparatorOf, type Compare, type SortKey } from './tube-order.js';

export interface TubeQuery {
  /** Empty: all. */
  readonly states: ReadonlySet<TubeState>;
  /** Part of a conversation, an id, a reason, a trigger (as words or as code) or a pair; case does not matter. */
  readonly search: string;
  readonly sort: SortKey;
  readonly descending: boolean;
}

export const everyTube: TubeQuery = { states: new Set(), search: '', sort: 'attention', descending: false };

export type StateCounts = Readonly<Record<TubeState, number>>;

const noTubes = (): Record<TubeState, number> => ({
  initializing: 0,
  connecting: 0,
  connected: 0,
  degraded: 0,
  failed: 0,
  closed: 0,
});

export class TubeTable {
  #rows = new Map<string, TubeRow>();
  #counts = noTubes();
  #view: TubeRow[] = [];
  #query = everyTube;
  #compare: Compare = comparatorOf(everyTube.sort, everyTube.descending);
  /** All rows anew, while they come in; the old ones are shown until then. */
  #incoming: Map<string, TubeRow> | null = null;
  #isHeld = false;

  /** What the query lets through, in its order. Not to be changed. */
  get view(): readonly TubeRow[] {
    return this.#view;
  }

  get counts(): StateCounts {
    return this.#counts;
  }

  get size(): number {
    return this.#rows.size;
  }

  get query(): TubeQuery {
    return this.#query;
  }

  row(tubeId: string): TubeRow | undefined {
    return this.#rows.get(tubeId);
  }

  /** True when what is shown may have changed. */
  apply(batch: TubesBatch): boolean {
    if (batch.begins) this.#incoming = new Map();
    const incoming = this.#incoming;
    if (incoming === null) {
      this.#change(batch);
      return batch.changed.length + batch.gone.length > 0;
    }
    for (const row of batch.changed) incoming.set(row.tube_id, row);
    for (const id of batch.gone) incoming.delete(id);
    if (!batch.complete) return false;
    this.#incoming = null;
    this.#replace(incoming);
    return true;
  }

  setQuery(query: TubeQuery): void {
    this.#query = query;
    this.#compare = comparatorOf(query.sort, query.descending);
    this.#rebuild();
  }

  /** Rows keep their places, though not what is in them, until `release`: somebody is about to press one. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#rebuild();
  }

  #replace(rows: Map<string, TubeRow>): void {
    this.#rows = rows;
    this.#counts = noTubes();
    for (const { state } of rows.values()) this.#counts[state] += 1;
    this.#rebuild();
  }

  #rebuild(): void {
    const fits = matcherOf(this.#query);
    this.#view = [...this.#rows.values()].filter(fits).sort(this.#compare);
  }

  #change({ changed, gone }: TubesBatch): void {
    const touched = new Set<string>();
    for (const id of gone) {
      touched.add(id);
      this.#forget(id);
    }
    for (const row of changed) {
      touched.add(row.tube_id);
      this.#forget(row.tube_id);
      this.#rows.set(row.tube_id, row);
      this.#counts[row.state] += 1;
    }
    if (touched.size === 0) return;
    if (this.#isHeld) {
      this.#view = this.#view.flatMap((row) => this.#rows.get(row.tube_id) ?? []);
      return;
    }
    const fits = matcherOf(this.#query);
    const news = [...touched].flatMap((id) => {
      const row = this.#rows.get(id);
      return row !== undefined && fits(row) ? [row] : [];
    });
    this.#view = merged(this.#view, touched, news.sort(this.#compare), this.#compare);
  }

  #forget(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#counts[row.state] -= 1;
    this.#rows.delete(id);
  }
}

/** The old order without what was touched, and the news, which are in order themselves, at their places. */
function merged(
  old: readonly TubeRow[],
  touched: ReadonlySet<string>,
  news: readonly TubeRow[],
  compare: Compare,
): TubeRow[] {
  const result: TubeRow[] = [];
  let next = 0;
  for (const row of old) {
    if (touched.has(row.tube_id)) continue;
    for (let fresh = news[next]; fresh !== undefined && compare(fresh, row) < 0; fresh = news[next]) {
      result.push(fresh);
      next += 1;
    }
    result.push(row);
  }
  for (; next < news.length; next++) result.push(news[next] as TubeRow);
  return result;
}

function matcherOf({ states, search }: TubeQuery): (row: TubeRow) => boolean {
  const wanted = search.trim().toLowerCase();
  return (row) => (states.size === 0 || states.has(row.state)) && (wanted === '' || textOf(row).includes(wanted));
}

/** Codes and the words that are shown for them. */
function textOf({ conversation_id: name, tube_id: id, reason, incident, pair }: TubeRow): string {
  const trigger = incident === null ? '' : `${incident.trigger}\n${triggerWords(incident.trigger)}`;
  return `${name}\n${id}\n${reason}\n${reasonWords(reason)}\n${trigger}\n${pair ?? ''}`.toLowerCase();
}
