// The list of tubes: whatever comes in whatever order, what is shown is what the rows say, sorted and filtered as if it had been made anew.
import { describe, expect, test } from '@jest/globals';
import type { TubeRow, TubesBatch } from '../../src/operator/operator.types.js';
import { comparatorOf, sortKeys } from '../../src/console/store/tube-order.js';
import { everyTube, TubeTable } from '../../src/console/store/tube-table.js';
import { fakeRow, fakeRows } from '../support/fake-rows.js';
import { Random } from '../support/random.js';

const nowMs = Date.UTC(2026, 0, 1);
const batch = (fields: Partial<TubesBatch>): TubesBatch => ({
  at_ms: nowMs,
  begins: false,
  complete: true,
  changed: [],
  gone: [],
  ...fields,
});
const rows = fakeRows(400, 5, nowMs);

function filled(): TubeTable {
  const table = new TubeTable();
  table.apply(batch({ begins: true, complete: false, changed: rows.slice(0, 250) }));
  table.apply(batch({ changed: rows.slice(250) }));
  return table;
}

/** What a fold over single rows must come to. */
function expectedCounts(all: Iterable<TubeRow>): Record<string, number> {
  const counts: Record<string, number> = {
    initializing: 0,
    connecting: 0,
    connected: 0,
    degraded: 0,
    failed: 0,
    closed: 0,
  };
  for (const { state } of all) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

describe('the table of tubes', () => {
  test('shows nothing of a list that is still coming in, and all of it when it is complete', () => {
    const table = new TubeTable();
    expect(table.apply(batch({ begins: true, complete: false, changed: rows.slice(0, 250) }))).toBe(false);
    expect(table.view).toHaveLength(0);
    expect(table.apply(batch({ changed: rows.slice(250) }))).toBe(true);
    expect(table.view).toHaveLength(400);
    expect(table.counts).toEqual(expectedCounts(rows));
  });

  test('keeps what it shows while the list is told anew, and forgets what is not in it any more', () => {
    const table = filled();
    table.apply(batch({ begins: true, complete: false, changed: rows.slice(0, 10) }));
    expect(table.view).toHaveLength(400);
    table.apply(batch({ changed: rows.slice(10, 20) }));
    expect(table.view).toHaveLength(20);
    expect(table.size).toBe(20);
  });

  test.each(sortKeys.flatMap((sort) => [false, true].map((descending) => ({ sort, descending }))))(
    'is in the order of $sort (descending $descending) after a thousand changes, as if sorted anew',
    ({ sort, descending }) => {
      const random = new Random(9);
      const table = filled();
      table.setQuery({ ...everyTube, sort, descending });
      const now = new Map(rows.map((row) => [row.tube_id, row]));
      for (let round = 0; round < 20; round += 1) {
        const changed = Array.from({ length: 50 }, () => fakeRow(random.below(450), random, nowMs + round));
        const gone = [...now.keys()].filter(() => random.chance(0.01));
        for (const row of changed) now.set(row.tube_id, row);
        // Of one batch: what is gone is gone before what has changed.
        const left = gone.filter((id) => !changed.some(({ tube_id: other }) => other === id));
        for (const id of left) now.delete(id);
        table.apply(batch({ changed, gone: left }));
      }
      expect(table.view).toEqual([...now.values()].sort(comparatorOf(sort, descending)));
      expect(table.counts).toEqual(expectedCounts(now.values()));
      expect(table.size).toBe(now.size);
    },
  );

  test('counts a row that is told twice in one batch once', () => {
    const table = filled();
    const [row] = rows as [TubeRow];
    table.apply(
      batch({
        changed: [
          { ...row, state: 'failed' },
          { ...row, state: 'degraded' },
        ],
      }),
    );
    expect(table.size).toBe(400);
    expect(Object.values(table.counts).reduce((sum, value) => sum + value)).toBe(400);
    expect(table.view.filter(({ tube_id: id }) => id === row.tube_id)).toEqual([{ ...row, state: 'degraded' }]);
  });

  test('keeps rows at their places while it is held, with what is new in them, and sorts them afterwards', () => {
    const table = filled();
    const places = table.view.map(({ tube_id: id }) => id);
    const last = table.view.at(-1) as TubeRow;
    const first = table.view[0] as TubeRow;
    table.hold();
    table.apply(batch({ changed: [{ ...last, state: 'failed', since_ms: nowMs * 2 }], gone: [first.tube_id] }));
    expect(table.view.map(({ tube_id: id }) => id)).toEqual(places.slice(1));
    expect(table.view.at(-1)?.state).toBe('failed');
    table.release();
    expect(table.view[0]?.tube_id).toBe(last.tube_id);
  });

  test('lets through the states and words that are asked for, also of what changes later', () => {
    const table = filled();
    table.setQuery({ ...everyTube, states: new Set(['failed']), search: 'CRANE' });
    expect(table.view.every(({ state, conversation_id: name }) => state === 'failed' && name.startsWith('crane'))).toBe(
      true,
    );
    const before = table.view.length;
    const [, door] = rows as [TubeRow, TubeRow];
    table.apply(batch({ changed: [{ ...door, conversation_id: 'crane-new', state: 'failed' }] }));
    expect(table.view).toHaveLength(before + 1);
    table.apply(batch({ changed: [{ ...door, conversation_id: 'crane-new', state: 'connected' }] }));
    expect(table.view).toHaveLength(before);
  });
});

test.each([
  ['all attempts are used', 'failed', 'restart_exhausted', null],
  ['restart_exhausted', 'failed', 'restart_exhausted', null],
  ['Address changed', 'degraded', 'a restart runs', 'ip_change'],
  ['ip_change', 'degraded', 'a restart runs', 'ip_change'],
] as const)('is found by what the screen says and by the code: %s', (search, state, reason, trigger) => {
  const table = filled();
  table.apply(batch({ gone: rows.map(({ tube_id: id }) => id) }));
  const [row] = rows as [TubeRow];
  const incident = trigger === null ? null : { started_at_ms: nowMs, trigger, attempts: 1 };
  const other = { ...row, tube_id: 'other', state: 'connected' as const, reason: 'a path works', incident: null };
  table.apply(batch({ changed: [{ ...row, state, reason, incident }, other] }));
  table.setQuery({ ...everyTube, search });
  expect(table.view.map(({ tube_id: id }) => id)).toEqual([row.tube_id]);
});

test('what is not known comes last, in both directions', () => {
  const [first, second] = rows as [TubeRow, TubeRow];
  const known = { ...first, rtt_ms: 5 };
  const unknown = { ...second, rtt_ms: null };
  for (const descending of [false, true])
    expect([unknown, known].sort(comparatorOf('rtt', descending))).toEqual([known, unknown]);
});

test('what needs attention comes first: the failed, the degraded, and of equals what happened last', () => {
  const [row] = rows as [TubeRow];
  const failed = { ...row, tube_id: 'a', state: 'failed' as const, since_ms: 1 };
  const older = { ...row, tube_id: 'b', state: 'degraded' as const, since_ms: 1 };
  const newer = { ...row, tube_id: 'c', state: 'degraded' as const, since_ms: 2 };
  const well = { ...row, tube_id: 'd', state: 'connected' as const, since_ms: 9 };
  const order = [well, older, newer, failed].sort(comparatorOf('attention', false));
  expect(order.map(({ tube_id: id }) => id)).toEqual(['a', 'c', 'b', 'd']);
});
