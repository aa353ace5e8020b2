// What a service tells of its tubes, kept up to date over batches and lost connections; and what the watching views make of it.
import { describe, expect, test } from '@jest/globals';
import { doing, TubeRows, type RowChange } from '../../src/cli/tube-rows.js';
import { ScreenView } from '../../src/cli/tubes-watch.js';
import { ServerClock } from '../../src/cli/server-clock.js';
import type { Service } from '../../src/cli/service.js';
import type { TubeRow, TubesBatch } from '../../src/operator/operator.types.js';
import { fakeTerminal } from './fake-terminal.js';

const row = (id: string, more: Partial<TubeRow> = {}): TubeRow => ({
  tube_id: id,
  conversation_id: `room-${id}`,
  state: 'connected',
  since_ms: 0,
  reason: '',
  created_at_ms: 0,
  generation: 1,
  incident: null,
  next: null,
  rtt_ms: 20,
  loss: 0,
  score: 1,
  pair: 'host/host udp',
  recovered: 0,
  incidents: 0,
  ...more,
});

const batch = (changed: readonly TubeRow[], more: Partial<TubesBatch> = {}): TubesBatch => ({
  at_ms: 1000,
  begins: false,
  complete: false,
  changed,
  gone: [],
  ...more,
});

function follow() {
  const told: { changes: readonly RowChange[]; first: boolean }[] = [];
  const listener = {
    changed: (changes: readonly RowChange[], first: boolean) => void told.push({ changes, first }),
    online: () => undefined,
    ended: () => undefined,
  };
  const clock = new ServerClock();
  const rows = new TubeRows({ clock } as Service, listener);
  return { rows, told, clock, ids: () => [...rows.rows.keys()].sort() };
}

describe('the rows', () => {
  test('are a first picture in batches, and changes after it', () => {
    const { rows, told, ids } = follow();
    rows.take(batch([row('a'), row('b')], { begins: true }));
    rows.take(batch([row('c')], { complete: true }));
    rows.take(batch([row('a', { state: 'degraded' })], { gone: ['b'] }));
    expect(ids()).toEqual(['a', 'c']);
    expect(told.map(({ first }) => first)).toEqual([true, true, false]);
    expect(told[2]?.changes).toMatchObject([
      { before: { state: 'connected' }, now: { state: 'degraded' } },
      { before: { tube_id: 'b' }, now: null },
    ]);
  });

  test('lose what ended while the connection was lost', () => {
    const { rows, told, ids } = follow();
    rows.take(batch([row('a'), row('b')], { begins: true, complete: true }));
    rows.take(batch([row('b')], { begins: true }));
    expect(ids()).toEqual(['a', 'b']);
    rows.take(batch([row('c')], { complete: true }));
    expect(ids()).toEqual(['b', 'c']);
    expect(told.at(-1)?.changes).toMatchObject([{ now: { tube_id: 'c' } }, { before: { tube_id: 'a' }, now: null }]);
  });

  test('tell what time it is at the service', () => {
    const { rows, clock } = follow();
    const atMs = Date.now() - 900_000;
    rows.take(batch([], { at_ms: atMs, begins: true, complete: true }));
    expect(Math.abs(clock.now() - atMs)).toBeLessThan(1000);
  });

  test('take no notice of the end of a tube that they never had', () => {
    const { rows, told } = follow();
    rows.take(batch([], { begins: true, complete: true, gone: ['x'] }));
    expect(told[0]?.changes).toEqual([]);
  });
});

test('why is told of trouble only: a new tube has none', () => {
  const next = { what: 'connect_timeout', at_ms: 20_000 } as const;
  expect(doing(row('a', { state: 'connecting', reason: 'described', next }), 0)).toEqual([
    'gives up connecting in 20 s',
  ]);
  expect(doing(row('a', { state: 'failed', reason: 'restart_exhausted' }), 0)).toEqual(['all attempts are used up']);
});

describe('the screen', () => {
  const screen = (height: number, rows: readonly TubeRow[], columns = 120) => {
    const terminal = fakeTerminal({ isTerminal: true, columns, rows: height });
    const view = new ScreenView(terminal, () => true, { url: 'http://h', clock: new ServerClock() });
    view.changed([], true, new Map(rows.map((one) => [one.tube_id, one])));
    const lines = view.lines(10_000);
    view.end();
    return { lines, terminal };
  };

  test('has troubled tubes first, with what they do next', () => {
    const incident = { started_at_ms: 0, trigger: 'missed_pings', attempts: 2 } as const;
    const { lines } = screen(
      20,
      [
        row('a'),
        row('b', { state: 'degraded', since_ms: 4000, incident, next: { what: 'attempt', at_ms: 15_000 } }),
        row('c', { state: 'failed' }),
      ],
      200,
    );
    expect(lines[0]).toContain('3 tubes: 1 connected, 1 degraded, 1 failed');
    expect(lines.slice(3).map((line) => line.slice(0, 1))).toEqual(['c', 'b', 'a']);
    expect(lines[4]).toContain('pings unanswered, attempts 2, next attempt in 5.0 s');
  });

  test('counts from the clock of the service', () => {
    const terminal = fakeTerminal({ isTerminal: true, columns: 200, rows: 20 });
    const clock = new ServerClock();
    const atMs = Date.now() - 900_000;
    clock.learn(atMs);
    const view = new ScreenView(terminal, () => true, { url: 'http://h', clock });
    view.changed([], true, new Map([['a', row('a', { since_ms: atMs - 42_000 })]]));
    view.online(true);
    view.end();
    expect(terminal.written.join('')).toMatch(/connected +42s/);
  });

  test.each([80, 60, 48])('is no wider than a terminal of %i columns, and still says what is done', (columns) => {
    const incident = { started_at_ms: 0, trigger: 'missed_pings', attempts: 2 } as const;
    const { lines } = screen(20, [row('a'), row('b', { state: 'degraded', incident, incidents: 3 })], columns);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    expect(lines[3]).toMatch(/degraded .*pings unan/);
  });

  test('is as high as the terminal, and says how many are left out', () => {
    const many = Array.from({ length: 500 }, (_, at) => row(String(1000 + at)));
    const { lines, terminal } = screen(12, many);
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)).toContain('and 492 more');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(120);
    expect(terminal.written[0]).toBe('\u001b[?1049h\u001b[?25l');
    expect(terminal.written.at(-1)).toBe('\u001b[?25h\u001b[?1049l');
  });
});
