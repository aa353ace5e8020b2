/**
 * Text laid out for people: tables with aligned columns, cut to the width of a terminal, and paragraphs in lines. Pure. Text of others (ids of conversations, reasons) is made harmless: what moves
 * the cursor or changes colours never reaches a terminal.
 */
import type { Colour, Terminal } from './terminal.js';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly colour?: (row: Row) => Colour | null;
  readonly right?: boolean;
  /** May be cut to so many characters where the line is too long. */
  readonly atLeast?: number;
  /** Is left out where cutting is not enough; the last such column first. */
  readonly optional?: boolean;
}

const gap = '  ';

/** Control characters of ASCII and Latin-1, and those that turn the direction of text. */
const dangerous = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const lineWidth = 100;

/** Paragraphs broken into lines of at most 100 characters. */
export function wrap(text: string, indent = ''): string {
  const lines = text.split('\n').map((paragraph) => wrapParagraph(paragraph, indent));
  return lines.join('\n');
}

function wrapParagraph(paragraph: string, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > lineWidth) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line === '' ? '' : indent + line].join('\n');
}

/** Text of others, in one harmless line. */
export const harmless = (text: string): string => text.replaceAll(dangerous, '·');

export const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;

/** The lines of a table, the titles first. `width`: Infinity cuts nothing. */
export function tableLines<Row>(
  rows: readonly Row[],
  all: readonly Column<Row>[],
  width: number,
  paint: Terminal['paint'],
): string[] {
  const drafts = draftsOf(rows, all, width);
  const columns = drafts.map(({ column }) => column);
  const cells = rows.map((_, index) => drafts.map(({ texts }) => texts[index] ?? ''));
  const widths = fit(
    drafts.map(({ wanted }) => wanted),
    drafts.map(({ least }) => least),
    width,
  );
  const line = (texts: readonly string[], colourOf: (at: number) => Colour | null): string =>
    texts
      .map((text, at) => {
        const shown = cut(text, widths[at] ?? 0);
        const last = at === texts.length - 1;
        const padded =
          columns[at]?.right === true ? shown.padStart(widths[at] ?? 0) : last ? shown : shown.padEnd(widths[at] ?? 0);
        const colour = colourOf(at);
        return colour === null ? padded : paint(padded, colour);
      })
      .join(gap)
      .trimEnd();
  const titles = line(
    columns.map(({ title }) => title),
    () => 'grey',
  );
  return [titles, ...rows.map((row, index) => line(cells[index] ?? [], (at) => columns[at]?.colour?.(row) ?? null))];
}

interface Draft<Row> {
  readonly column: Column<Row>;
  readonly texts: readonly string[];
  readonly wanted: number;
  readonly least: number;
}

/** The columns that there is room for. */
function draftsOf<Row>(rows: readonly Row[], columns: readonly Column<Row>[], width: number): Draft<Row>[] {
  const drafts = columns.map((column) => {
    const texts = rows.map((row) => harmless(column.text(row)));
    const wanted = texts.reduce((widest, text) => Math.max(widest, text.length), column.title.length);
    return { column, texts, wanted, least: Math.min(wanted, column.atLeast ?? wanted) };
  });
  while (lengthOf(drafts.map(({ least }) => least)) > width) {
    const at = drafts.findLastIndex(({ column }) => column.optional === true);
    if (at < 0) break;
    drafts.splice(at, 1);
  }
  return drafts;
}

const lengthOf = (widths: readonly number[]): number =>
  widths.reduce((sum, one) => sum + one, gap.length * (widths.length - 1));

/** Takes what is too much from the widest column that may be cut, again and again. */
function fit(wanted: readonly number[], least: readonly number[], width: number): number[] {
  const widths = [...wanted];
  while (lengthOf(widths) > width) {
    const widest = widths
      .map((one, at) => ({ at, spare: one - (least[at] ?? 0), one }))
      .filter(({ spare }) => spare > 0)
      .sort((left, right) => right.one - left.one)[0];
    if (widest === undefined) break;
    widths[widest.at] = widest.one - 1;
  }
  return widths;
}
