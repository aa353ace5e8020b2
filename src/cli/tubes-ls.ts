/**
 * `holdfast tubes ls`: the tubes of a tenant once, oldest first, with since when, why and what comes next as `watch` tells it; with --closed those that
 * ended lately. Asks list_tubes for what a tube is, and the rows of watch_tubes for how it goes; an older service has the first only.
 */
import type { ClosedTubeRow, TubeRow } from '../operator/operator.types.js';
import { triggerWords } from '../operator/words.js';
import { exitCodes, usageError, type Call, type ExitCode } from './command.js';
import { withService, type Fields, type Service } from './service.js';
import { tableLines, type Column } from './table.js';
import type { Terminal } from './terminal.js';
import { doing, rowsNow } from './tube-rows.js';
import { closedTubes, filterOf, listTubes, shownId, summaryOf, type ListedTube } from './tubes.js';
import { shortLength, stateColour } from './words.js';

/** As `get_tube` has it; `row` is null where the service is older. */
interface TubeWithRow extends ListedTube {
  readonly row: TubeRow | null;
}

export async function ls(call: Call): Promise<ExitCode> {
  const { terminal, switches, values } = call;
  const isClosed = switches.has('closed');
  if (isClosed && values['state'] !== undefined) throw usageError('--closed and --state do not go together');
  const filter = filterOf(call);
  return withService(call, async (service) => {
    if (isClosed) {
      await service.learnTime();
      const closed = await closedTubes(service);
      const fitting = closed.filter((tube) => [undefined, tube.conversation_id].includes(filter.conversation_id));
      const columns = closedColumns(service.clock.now(), terminal);
      return tell(call, fitting, columns, `closed lately: ${fitting.length}`);
    }
    const tubes = await readTubes(service, filter, (count) => terminal.progress(`reading tubes: ${count} …`));
    return tell(call, tubes, listColumns(service.clock.now(), terminal), summaryOf(tubes));
  });
}

/** The rows come last, and what they say counts: a tube that is not among them, or does not fit any more, is left out. */
async function readTubes(
  service: Service,
  filter: Fields & { readonly state?: string },
  found: (count: number) => void,
): Promise<TubeWithRow[]> {
  const listed = await listTubes(service, filter, found);
  const rows = listed.length === 0 ? null : await rowsNow(service);
  if (rows === null) return listed.map((tube) => ({ ...tube, row: null }));
  return listed.flatMap((tube) => {
    const row = rows.get(tube.tube_id);
    if (row === undefined || (filter.state !== undefined && row.state !== filter.state)) return [];
    return [{ ...tube, state: row.state, generation: row.generation, row }];
  });
}

function tell<Row>(
  { terminal, switches }: Call,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  summary: string,
): ExitCode {
  terminal.progress(null);
  if (switches.has('json')) {
    terminal.print(JSON.stringify(rows, null, terminal.isTerminal ? 2 : 0));
  } else if (rows.length === 0) {
    terminal.tell('No tube fits.');
  } else {
    for (const line of tableLines(rows, columns, terminal.columns(), terminal.paint)) terminal.print(line);
    terminal.tell(summary);
  }
  return exitCodes.done;
}

const listColumns = (nowMs: number, terminal: Terminal): readonly Column<TubeWithRow>[] => [
  { title: 'TUBE', text: (tube) => shownId(tube.tube_id, terminal) },
  { title: 'CONVERSATION', text: (tube) => tube.conversation_id, atLeast: 8 },
  { title: 'STATE', text: (tube) => tube.state, colour: (tube) => stateColour(tube.state) },
  { title: 'FOR', text: ({ row }) => (row === null ? '' : shortLength(nowMs - row.since_ms)), right: true },
  { title: 'GEN', text: (tube) => String(tube.generation), right: true, optional: true },
  { title: 'AGE', text: (tube) => shortLength(nowMs - tube.created_at_ms), right: true, optional: true },
  {
    title: 'ACTIVE',
    text: (tube) => `${shortLength(nowMs - tube.last_activity_at_ms)} ago`,
    right: true,
    optional: true,
  },
  {
    title: 'DOING',
    text: ({ row, incident }) => (row === null ? oldWords(incident, nowMs) : doing(row, nowMs).join(', ')),
    atLeast: 12,
  },
];

/** Of an older service: the incident of list_tubes, which counts until the tube was stable for a minute. */
function oldWords(incident: ListedTube['incident'], nowMs: number): string {
  if (incident === null) return '';
  const attempts = incident.attempts === 0 ? '' : `, attempts ${incident.attempts}`;
  return `${shortLength(nowMs - incident.started_at_ms)}, ${triggerWords(incident.trigger)}${attempts}`;
}

const closedColumns = (nowMs: number, terminal: Terminal): readonly Column<ClosedTubeRow>[] => [
  { title: 'TUBE', text: (tube) => shownId(tube.tube_id, terminal) },
  { title: 'CONVERSATION', text: (tube) => tube.conversation_id, atLeast: 8 },
  { title: 'CLOSED', text: (tube) => `${shortLength(nowMs - tube.closed_at_ms)} ago`, right: true },
  { title: 'LIVED', text: (tube) => shortLength(tube.closed_at_ms - tube.created_at_ms), right: true },
  { title: 'REASON', text: (tube) => tube.reason },
];
