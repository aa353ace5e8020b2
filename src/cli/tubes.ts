/**
 * `holdfast tubes ls`, `restart` and `close`, and how a tube is named on the command line. Talks to a running service (service.ts); `show` and `watch`
 * have files of their own.
 */
import { tubeStates } from '../../machines/events.js';
import { hintOf } from '../config/names.js';
import type { ClosedTubeRow, ClosedTubesAnswer } from '../operator/operator.types.js';
import { triggerWords } from '../operator/words.js';
import { CliError, exitCodes, failed, usageError, type Call, type ExitCode } from './command.js';
import { Refusal, withService, type Fields, type Service } from './service.js';
import { tableLines, type Column } from './table.js';
import type { Terminal } from './terminal.js';
import { shortLength, stateColour } from './words.js';

/** What `list_tubes` tells of a tube, as far as it is read here. */
export interface ListedTube {
  readonly tube_id: string;
  readonly conversation_id: string;
  readonly state: string;
  readonly transport_state: string;
  readonly generation: number;
  readonly active_generation: number | null;
  readonly peer_kind: string;
  readonly incident: { readonly started_at_ms: number; readonly trigger: string; readonly attempts: number } | null;
  readonly created_at_ms: number;
  readonly last_activity_at_ms: number;
}

/** Throws CliError for a state that there is not. */
export function filterOf({ values }: Pick<Call, 'values'>): { state?: string; conversation_id?: string } {
  const { state, conversation } = values;
  if (state !== undefined && !tubeStates.some((known) => known === state))
    throw usageError(
      `there is no state ${JSON.stringify(state)}${hintOf(state, tubeStates)}; states are ${tubeStates.join(', ')}`,
    );
  return {
    ...(state === undefined ? {} : { state }),
    ...(conversation === undefined ? {} : { conversation_id: conversation }),
  };
}

const pageSize = 1000;

/** All of them, page by page. */
export async function listTubes(
  service: Service,
  filter: Fields,
  found: (count: number) => void = () => undefined,
): Promise<ListedTube[]> {
  const tubes: ListedTube[] = [];
  let cursor: unknown = null;
  do {
    const answer = await service.call('list_tubes', {
      ...filter,
      limit: pageSize,
      ...(cursor === null ? {} : { cursor }),
    });
    tubes.push(...(answer['tubes'] as ListedTube[]));
    found(tubes.length);
    cursor = answer['next_cursor'];
  } while (typeof cursor === 'string');
  return tubes;
}

export async function ls(call: Call): Promise<ExitCode> {
  const { terminal, switches } = call;
  const filter = filterOf(call);
  if (switches.has('closed')) {
    if (filter.state !== undefined) throw usageError('--closed and --state do not go together');
    const closed = await withService(call, (service) => closedTubes(service));
    const fitting = closed.filter((tube) => [undefined, tube.conversation_id].includes(filter.conversation_id));
    return tell(call, fitting, closedColumns(Date.now(), terminal), `closed lately: ${fitting.length}`);
  }
  const tubes = await withService(call, (service) =>
    listTubes(service, filter, (count) => terminal.progress(`reading tubes: ${count} …`)),
  );
  return tell(call, tubes, listColumns(Date.now(), terminal), summaryOf(tubes));
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

/** Tubes that ended lately, the newest first. */
async function closedTubes(service: Service): Promise<readonly ClosedTubeRow[]> {
  const { tubes } = (await service.call('list_closed')) as Fields & ClosedTubesAnswer;
  return tubes;
}

const shortIdLength = 8;

/** On a terminal the beginning of it, which is enough to name a tube; whole for programs. */
export const shownId = (tubeId: string, { isTerminal }: Terminal): string =>
  isTerminal ? tubeId.slice(0, shortIdLength) : tubeId;

const listColumns = (nowMs: number, terminal: Terminal): readonly Column<ListedTube>[] => [
  { title: 'TUBE', text: (tube) => shownId(tube.tube_id, terminal) },
  { title: 'CONVERSATION', text: (tube) => tube.conversation_id, atLeast: 8 },
  { title: 'STATE', text: (tube) => tube.state, colour: (tube) => stateColour(tube.state) },
  { title: 'TRANSPORT', text: (tube) => tube.transport_state },
  { title: 'GEN', text: (tube) => String(tube.generation), right: true },
  { title: 'AGE', text: (tube) => shortLength(nowMs - tube.created_at_ms), right: true },
  { title: 'ACTIVE', text: (tube) => `${shortLength(nowMs - tube.last_activity_at_ms)} ago`, right: true },
  { title: 'TROUBLE', text: ({ incident }) => (incident === null ? '' : troubleOf(incident, nowMs)), atLeast: 7 },
];

const closedColumns = (nowMs: number, terminal: Terminal): readonly Column<ClosedTubeRow>[] => [
  { title: 'TUBE', text: (tube) => shownId(tube.tube_id, terminal) },
  { title: 'CONVERSATION', text: (tube) => tube.conversation_id, atLeast: 8 },
  { title: 'CLOSED', text: (tube) => `${shortLength(nowMs - tube.closed_at_ms)} ago`, right: true },
  { title: 'LIVED', text: (tube) => shortLength(tube.closed_at_ms - tube.created_at_ms), right: true },
  { title: 'REASON', text: (tube) => tube.reason },
];

const troubleOf = (incident: NonNullable<ListedTube['incident']>, nowMs: number): string =>
  `${shortLength(nowMs - incident.started_at_ms)}, ${triggerWords(incident.trigger)}${incident.attempts === 0 ? '' : `, attempts ${incident.attempts}`}`;

/** `12 tubes: 10 connected, 2 degraded`. */
export function summaryOf(tubes: readonly { readonly state: string }[]): string {
  const counts = tubeStates
    .map((state) => ({ state, count: tubes.filter((tube) => tube.state === state).length }))
    .filter(({ count }) => count > 0);
  const parts = counts.map(({ state, count }) => `${count} ${state}`).join(', ');
  return `${tubes.length} ${tubes.length === 1 ? 'tube' : 'tubes'}${parts === '' ? '' : `: ${parts}`}`;
}

const wholeId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const beginningOfId = /^[0-9a-f-]{4,36}$/i;

/**
 * Ids from what was typed: whole ids, or beginnings of at least four characters that fit one tube only. `closedToo`: of those that ended lately, where no
 * other fits.
 */
export async function resolveTubes(service: Service, typed: readonly string[], closedToo = false): Promise<string[]> {
  const wrong = typed.find((text) => !beginningOfId.test(text));
  if (wrong !== undefined)
    throw usageError(
      `${JSON.stringify(wrong)} is no tube id, nor the first four or more characters of one; see holdfast tubes ls`,
    );
  const wanted = typed.map((text) => text.toLowerCase());
  if (wanted.every((text) => wholeId.test(text))) return wanted;
  const ids = (await listTubes(service, {})).map((tube) => tube.tube_id);
  const isMissing = wanted.some((text) => !ids.some((id) => id.startsWith(text)));
  if (closedToo && isMissing) ids.push(...(await closedTubes(service)).map((tube) => tube.tube_id));
  return wanted.map((text) => theOne(text, ids));
}

function theOne(beginning: string, ids: readonly string[]): string {
  if (wholeId.test(beginning)) return beginning;
  const fitting = ids.filter((id) => id.startsWith(beginning));
  const [first] = fitting;
  if (first === undefined) throw new CliError(exitCodes.no, `there is no tube ${beginning}…; see holdfast tubes ls`);
  if (fitting.length > 1)
    throw new CliError(
      exitCodes.no,
      `${fitting.length} tubes begin with ${beginning}: ${fitting.slice(0, 5).join(', ')}; type more of it`,
    );
  return first;
}

/**
 * Does one thing to each tube. A refusal is told and does not keep the others from it; a service that cannot be talked to any more does. For programs
 * all that came of it is one array.
 */
export async function forEachTube(
  call: Call,
  service: Service,
  work: (tubeId: string) => Promise<Fields & { readonly text: string }>,
): Promise<ExitCode> {
  const { terminal, switches } = call;
  const json = switches.has('json');
  const results: Fields[] = [];
  let code: ExitCode = exitCodes.done;
  for (const tubeId of await resolveTubes(service, call.args)) {
    try {
      const { text, ...fields } = await work(tubeId);
      results.push({ tube_id: tubeId, ok: true, ...fields });
      if (!json) terminal.print(`${tubeId}  ${text}`);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      code = error.exitCode;
      results.push({ tube_id: tubeId, ...failed(error) });
      if (!json) terminal.tell(`holdfast: ${tubeId}: ${error.message}`);
      if (!(error instanceof Refusal)) break;
    }
  }
  if (json) terminal.print(JSON.stringify(results, null, terminal.isTerminal ? 2 : 0));
  return code;
}

export async function close(call: Call): Promise<ExitCode> {
  if (!call.switches.has('yes')) await askToClose(call);
  const { reason } = call.values;
  return withService(call, (service) =>
    forEachTube(call, service, async (tubeId) => {
      const answer = await service.call('close_tube', { tube_id: tubeId, ...(reason === undefined ? {} : { reason }) });
      const before = answer['already_closed'] === true;
      return { already_closed: before, text: before ? 'was closed already' : 'closed' };
    }),
  );
}

/** Rejects with CliError when the answer is no, or nobody is there to give one. */
async function askToClose({ terminal, args }: Call): Promise<void> {
  if (!terminal.canAsk)
    throw usageError('closing a tube ends its connection for good; add --yes where nobody can be asked');
  const what = args.length === 1 ? `tube ${args[0]}` : `${args.length} tubes`;
  if (!(await terminal.confirm(`Close ${what} for good?`))) throw new CliError(exitCodes.no, 'nothing was closed');
}
