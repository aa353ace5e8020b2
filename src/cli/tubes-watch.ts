/**
 * `holdfast tubes watch`: the tubes as they are now, kept up to date. On a terminal a table that is drawn again, troubled tubes first; elsewhere a line for
 * each change. Ends with Ctrl-C. Follows tube-rows.ts.
 */
import type { TubeRow } from '../operator/operator.types.js';
import { urgency } from '../operator/words.js';
import { exitCodes, type Call, type CliError, type ExitCode } from './command.js';
import { withService, type Service } from './service.js';
import { cut, harmless, tableLines, type Column } from './table.js';
import type { Terminal } from './terminal.js';
import { doing, TubeRows, type RowChange, type RowListener } from './tube-rows.js';
import { filterOf, shownId, summaryOf } from './tubes.js';
import { clock, percent, roundTrip, shortLength, stateColour } from './words.js';

export function watch(call: Call): Promise<ExitCode> {
  const { terminal, switches } = call;
  const { state, conversation_id: conversation } = filterOf(call);
  const fits = (row: TubeRow): boolean =>
    (state === undefined || row.state === state) &&
    (conversation === undefined || row.conversation_id === conversation);
  return withService(call, async (service) => {
    const view = switches.has('json')
      ? jsonView(terminal, fits)
      : terminal.isTerminal
        ? new ScreenView(terminal, fits, service)
        : linesView(terminal, fits);
    try {
      await new Promise<void>((resolve, reject) => {
        const off = terminal.onInterrupt(resolve);
        const rows = new TubeRows(service, {
          changed: (changes, first) => view.changed(changes, first, rows.rows),
          online: (isOnline) => view.online(isOnline),
          ended: (error: CliError) => {
            off();
            reject(error);
          },
        });
        rows.start().catch(reject);
      });
    } finally {
      view.end();
    }
    return exitCodes.done;
  });
}

interface View extends Pick<RowListener, 'online'> {
  changed(changes: readonly RowChange[], first: boolean, rows: ReadonlyMap<string, TubeRow>): void;
  end(): void;
}

type Filter = (row: TubeRow) => boolean;

/** Tubes that leave the filter are told once more. */
const concerns = (fits: Filter, { before, now }: RowChange): boolean =>
  (before !== null && fits(before)) || (now !== null && fits(now));

/** Every row, and every change of one: `{at_ms, tube}` or `{at_ms, gone}`. */
function jsonView(terminal: Terminal, fits: Filter): View {
  return {
    changed: (changes) => {
      for (const change of changes.filter((one) => concerns(fits, one))) {
        const { atMs, before, now } = change;
        terminal.print(
          JSON.stringify(now === null ? { at_ms: atMs, gone: before?.tube_id } : { at_ms: atMs, tube: now }),
        );
      }
    },
    online: (isOnline) => terminal.tell(connectionWords(isOnline)),
    end: () => undefined,
  };
}

const connectionWords = (isOnline: boolean): string =>
  isOnline ? 'holdfast: connected again' : 'holdfast: the connection is lost; trying again';

/** At first those in trouble only. */
function linesView(terminal: Terminal, fits: Filter): View {
  return {
    changed: (changes, first) => {
      for (const change of changes.filter((one) => concerns(fits, one) && isNews(one))) {
        if (first && change.before === null && change.now?.state === 'connected') continue;
        terminal.print(changeLine(change));
      }
    },
    online: (isOnline) => terminal.tell(connectionWords(isOnline)),
    end: () => undefined,
  };
}

/** Measurements alone are no news. */
function isNews({ before, now }: RowChange): boolean {
  if (before === null || now === null) return true;
  return (
    before.state !== now.state ||
    before.generation !== now.generation ||
    before.incident?.attempts !== now.incident?.attempts ||
    before.next?.what !== now.next?.what
  );
}

function changeLine({ atMs, before, now }: RowChange): string {
  const row = now ?? before;
  const from = before === null || before.state === now?.state ? '' : `${before.state} → `;
  const words =
    now === null ? [`${from}ended`] : [from + now.state, `generation ${now.generation}`, ...doing(now, atMs)];
  return [clock(atMs), row?.tube_id ?? '', harmless(row?.conversation_id ?? ''), words.join(', ')].join('  ');
}

/** Trouble first, then what changed last. */
const byTrouble = (left: TubeRow, right: TubeRow): number =>
  urgency[left.state] - urgency[right.state] ||
  right.since_ms - left.since_ms ||
  (left.tube_id < right.tube_id ? -1 : 1);

const columns = (nowMs: number, terminal: Terminal): readonly Column<TubeRow>[] => [
  { title: 'TUBE', text: (row) => shownId(row.tube_id, terminal) },
  { title: 'CONVERSATION', text: (row) => row.conversation_id, atLeast: 8 },
  { title: 'STATE', text: (row) => row.state, colour: (row) => stateColour(row.state) },
  { title: 'FOR', text: (row) => shortLength(nowMs - row.since_ms), right: true },
  { title: 'GEN', text: (row) => String(row.generation), right: true, optional: true },
  { title: 'RTT', text: ({ rtt_ms: rtt }) => (rtt === null ? '' : roundTrip(rtt)), right: true, optional: true },
  { title: 'LOSS', text: ({ loss }) => (loss === null ? '' : percent(loss)), right: true, optional: true },
  { title: 'PATH', text: ({ pair }) => pair ?? '', atLeast: 4, optional: true },
  {
    title: 'INC',
    text: (row) => (row.incidents === 0 ? '' : `${row.recovered}/${row.incidents}`),
    right: true,
    optional: true,
  },
  { title: 'DOING', text: (row) => doing(row, nowMs).join(', '), atLeast: 12 },
];

const drawEveryMs = 1000;
/** Changes are drawn at once, but no more often than this. */
const drawNoSoonerMs = 250;

/** A screen of its own, which is taken away again at the end. */
export class ScreenView implements View {
  readonly #terminal: Terminal;
  readonly #fits: Filter;
  readonly #service: Pick<Service, 'url' | 'clock'>;
  readonly #ticker: NodeJS.Timeout;
  #rows: ReadonlyMap<string, TubeRow> = new Map();
  #isOnline = true;
  #due: NodeJS.Timeout | null = null;

  constructor(terminal: Terminal, fits: Filter, service: Pick<Service, 'url' | 'clock'>) {
    this.#terminal = terminal;
    this.#fits = fits;
    this.#service = service;
    terminal.write('\u001b[?1049h\u001b[?25l');
    this.#ticker = setInterval(() => this.#draw(), drawEveryMs);
    this.#draw();
  }

  changed(_changes: readonly RowChange[], _first: boolean, rows: ReadonlyMap<string, TubeRow>): void {
    this.#rows = rows;
    this.#due ??= setTimeout(() => {
      this.#due = null;
      this.#draw();
    }, drawNoSoonerMs);
  }

  online(isOnline: boolean): void {
    this.#isOnline = isOnline;
    this.#draw();
  }

  end(): void {
    clearInterval(this.#ticker);
    if (this.#due !== null) clearTimeout(this.#due);
    this.#terminal.write('\u001b[?25h\u001b[?1049l');
  }

  #draw(): void {
    const { write } = this.#terminal;
    const lines = this.lines(this.#service.clock.now());
    write(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\n')}\u001b[J`);
  }

  /** What is on the screen: a head, and as many rows as there is room for. */
  lines(nowMs: number): string[] {
    const { paint, columns: width, rows: height } = this.#terminal;
    const rows = [...this.#rows.values()].filter(this.#fits).sort(byTrouble);
    const status = this.#isOnline ? '' : '  connection lost, trying again';
    const head = `  ${this.#service.url}  ${summaryOf(rows)}  ${clock(nowMs).slice(0, 8)}`;
    const room = Math.max(1, height() - 4);
    const left = rows.length - room;
    return [
      paint('holdfast', 'bold') +
        cut(head, Math.max(0, width() - 'holdfast'.length - status.length)) +
        (status === '' ? '' : paint(status, 'red')),
      '',
      ...tableLines(rows.slice(0, room), columns(nowMs, this.#terminal), width(), paint),
      ...(left > 0 ? [paint(`and ${left} more; Ctrl-C ends`, 'grey')] : []),
    ];
  }
}
