// Tables and the words of lengths and sizes: aligned, cut where they must be, and harmless.
import { describe, expect, test } from '@jest/globals';
import { harmless, tableLines, wrap, type Column } from '../../src/cli/table.js';
import { clock, length, shortLength, size } from '../../src/cli/words.js';

interface Row {
  readonly id: string;
  readonly text: string;
  readonly count: number;
}

const columns: readonly Column<Row>[] = [
  { title: 'ID', text: ({ id }) => id, atLeast: 4 },
  { title: 'COUNT', text: ({ count }) => String(count), right: true },
  { title: 'TEXT', text: ({ text }) => text, atLeast: 6 },
];
const rows = [
  { id: 'aaaaaaaaaaaa', text: 'short', count: 1 },
  { id: 'bb', text: 'a long text indeed', count: 200 },
];
const plain = (text: string): string => text;

describe('a table', () => {
  test('is aligned, numbers to the right, and not cut in a pipe', () => {
    expect(tableLines(rows, columns, Number.POSITIVE_INFINITY, plain)).toEqual([
      'ID            COUNT  TEXT',
      'aaaaaaaaaaaa      1  short',
      'bb              200  a long text indeed',
    ]);
  });

  test.each([40, 30, 20, 5])('fits into %i columns, or is as narrow as it can be', (width) => {
    const lines = tableLines(rows, columns, width, plain);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(width, 4 + 5 + 6 + 4));
    if (width === 30) expect(lines[2]).toMatch(/^bb +200 {2}a long te?x?…?/);
    if (width < 40) expect(lines.join('\n')).toContain('…');
  });

  test('leaves out what it can do without, the last first, before a line is too long', () => {
    const some = columns.map((column) => ({ ...column, optional: column.title !== 'TEXT' }));
    const titles = (width: number) => tableLines(rows, some, width, plain)[0]?.trim().split(/ +/);
    expect([19, 18, 11].map(titles)).toEqual([['ID', 'COUNT', 'TEXT'], ['ID', 'TEXT'], ['TEXT']]);
  });

  test('keeps its columns when colours are in it', () => {
    const lines = tableLines(
      rows,
      [{ ...columns[0], colour: () => 'red' } as Column<Row>, ...columns.slice(1)],
      100,
      (text) => `<${text}>`,
    );
    expect(lines[1]).toBe('<aaaaaaaaaaaa>      1  short');
    expect(lines[2]).toBe('<bb          >    200  a long text indeed');
  });

  test('lets nothing of others move the cursor, ring or turn the text', () => {
    const nasty = '\u001b[2J\u0007room\r\n\u009b31m\u202efoo';
    const line = tableLines([{ id: nasty, text: '', count: 0 }], columns, 100, plain)[1] ?? '';
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(harmless(nasty)).toBe('·[2J·room··' + '·31m·foo');
  });
});

test('paragraphs are broken into lines of at most 100 characters', () => {
  const lines = wrap(`${'word '.repeat(60)}end\nanother`, '  ').split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(lines.at(-1)).toBe('  another');
});

describe('words', () => {
  test.each([
    [0, '0 ms', '0s'],
    [480, '480 ms', '0s'],
    [1234, '1.2 s', '1s'],
    [59_400, '59 s', '59s'],
    [185_000, '3 min 05 s', '3m05'],
    [3_720_000, '1 h 02 min', '1h02'],
    [183_600_000, '2 d 03 h', '2d03'],
    [-5, '0 ms', '0s'],
  ])('%i ms is %s, or %s', (ms, long, short) => {
    expect([length(ms), shortLength(ms)]).toEqual([long, short]);
  });

  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1_300_000, '1.2 MiB'],
    [500 * 1024 * 1024, '500 MiB'],
    [1e15, '909 TiB'],
  ])('%i bytes are %s', (bytes, words) => {
    expect(size(bytes)).toBe(words);
  });

  test('a clock has milliseconds', () => {
    expect(clock(Date.now())).toMatch(/^\d\d:\d\d:\d\d\.\d{3}$/);
  });
});
