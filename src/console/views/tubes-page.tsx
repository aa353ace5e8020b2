/**
 * The list of tubes, and above it the three things to know first: how many are in which state, whether it is us or them, and whether it gets worse.
 * The table is windowed; what a batch of changes costs here is the drawing of the rows that can be seen.
 */
import type { JSX } from 'preact';
import { useApp } from '../app.js';
import { second, serverNow } from '../clock.js';
import { count } from '../format.js';
import { Problem } from '../parts/card.js';
import { Icon, StateMark } from '../parts/marks.js';
import { VirtualList } from '../parts/virtual-list.js';
import { links } from '../route.js';
import type { TubeState } from '../socket/operator-calls.js';
import type { TubeQuery, TubeTable } from '../store/tube-table.js';
import { Pulse } from './pulse.js';
import { rowHeightPx, TubeCells, TubeHead } from './tube-row.js';

/** The worst first; `closed` is no state of a tube that is here. */
const chipStates: readonly TubeState[] = ['failed', 'degraded', 'connecting', 'initializing', 'connected'];

export function TubesPage(): JSX.Element {
  const { tubes } = useApp();
  void tubes.revision.value;
  const { table } = tubes;
  return (
    <div class="tubes-page">
      <header class="page-head">
        <h1 tabIndex={-1}>Tubes</h1>
        <SearchField query={table.query} changed={(query) => tubes.setQuery(query)} />
        <a href={links.closed}>Recently closed</a>
      </header>
      <Pulse />
      <StateChips table={table} changed={(query) => tubes.setQuery(query)} />
      <Problem text={tubes.problem.value} />
      {tubes.isLoaded.value ? (
        <div class="list-frame" onPointerMove={() => tubes.holdStill()}>
          <TubeList table={table} changed={(query) => tubes.setQuery(query)} />
        </div>
      ) : (
        <Loading />
      )}
    </div>
  );
}

function Loading(): JSX.Element {
  return (
    <p class="empty" role="status">
      The list is being loaded …
    </p>
  );
}

interface QueryProps {
  readonly query: TubeQuery;
  readonly changed: (query: TubeQuery) => void;
}

function SearchField({ query, changed }: QueryProps): JSX.Element {
  return (
    <label class="search">
      <span class="quiet">Search by conversation, id, reason or pair</span>
      <Icon name="search" />
      <input
        type="search"
        value={query.search}
        placeholder="Conversation, id, reason …"
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => changed({ ...query, search: event.currentTarget.value })}
      />
    </label>
  );
}

interface TableProps {
  readonly table: TubeTable;
  readonly changed: (query: TubeQuery) => void;
}

function StateChips({ table, changed }: TableProps): JSX.Element {
  const { query, counts } = table;
  const toggle = (state: TubeState): void => {
    const states = new Set(query.states);
    if (!states.delete(state)) states.add(state);
    changed({ ...query, states });
  };
  return (
    <div class="chips" role="group" aria-label="Filter by state">
      <button
        type="button"
        class="chip"
        aria-pressed={query.states.size === 0}
        onClick={() => changed({ ...query, states: new Set() })}
      >
        All <b>{count(table.size)}</b>
      </button>
      {chipStates.map((state) => (
        <button
          key={state}
          type="button"
          class={`chip ${counts[state] === 0 ? 'is-empty' : ''}`}
          aria-pressed={query.states.has(state)}
          onClick={() => toggle(state)}
        >
          <StateMark state={state} /> <b>{count(counts[state])}</b>
        </button>
      ))}
    </div>
  );
}

function TubeList({ table, changed }: TableProps): JSX.Element {
  // Countdowns and lengths of time move by the second.
  void second.value;
  const nowMs = serverNow();
  const { view, query, size } = table;
  if (view.length === 0) return size === 0 ? <NoTubes /> : <NoMatch query={query} changed={changed} />;
  return (
    <VirtualList
      label={`Tubes, ${count(view.length)} of ${count(size)}`}
      count={view.length}
      rowHeightPx={rowHeightPx()}
      head={<TubeHead query={query} changed={changed} />}
      keyOf={(index) => view[index]?.tube_id ?? ''}
      renderRow={(index) => {
        const row = view[index];
        return row === undefined ? null : <TubeCells row={row} nowMs={nowMs} />;
      }}
    />
  );
}

function NoTubes(): JSX.Element {
  return (
    <div class="empty">
      <p>There are no tubes yet.</p>
      <p class="hint">A backend opens one with create_tube; or see one at work without a backend:</p>
      <a class="button primary" href={links.try}>
        Open one from this browser
      </a>
    </div>
  );
}

function NoMatch({ query, changed }: QueryProps): JSX.Element {
  return (
    <div class="empty">
      <p>No tube is like that now.</p>
      <button type="button" onClick={() => changed({ ...query, states: new Set(), search: '' })}>
        Show all
      </button>
    </div>
  );
}
