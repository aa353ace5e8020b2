/**
 * `holdfast tubes ls`, `restart` and `close`, and how a tube is named on the command line. Talks to a running service (service.ts); `show` and `watch`
 * have files of their own.
 */
import { tubeStates } from '../../machines/events.js';
import { hintOf } from '../config/names.js';
import { CliError, exitCodes, usageError, type Call, type ExitCode } from './command.js';
import { Refusal, withService, type Fields, type Service } from './service.js';
import { tableLines, type Column } from './table.js';
import { shortLength, stateColour, triggerWords } from './words.js';

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
  const tubes = await withService(call, (service) =>
    listTubes(service, filter, (count) => terminal.progress(`reading tubes: ${count} …`)),
  );
  terminal.progress(null);
  if (switches.has('json')) {
    terminal.print(JSON.stringify(tubes, null, terminal.isTerminal ? 2 : 0));
    return exitCodes.done;
  }
  if (tubes.length === 0) terminal.tell(Object.keys(filter).length === 0 ? 'There are no tubes.' : 'No tube fits.');
  else {
    const lines = tableLines(tubes, listColumns(Date.now()), terminal.columns(), terminal.paint);
    for (const line of lines) terminal.print(line);
    terminal.tell(summaryOf(tubes));
  }
  return exitCodes.done;
}

const listColumns = (nowMs: number): readonly Column<ListedTube>[] => [
  { title: 'TUBE', text: (tube) => tube.tube_id, atLeast: 9 },
  { title: 'CONVERSATION', text: (tube) => tube.conversation_id, atLeast: 8 },
  { title: 'STATE', text: (tube) => tube.state, colour: (tube) => stateColour(tube.state) },
  { title: 'TRANSPORT', text: (tube) => tube.transport_state },
  { title: 'GEN', text: (tube) => String(tube.generation), right: true },
  { title: 'AGE', text: (tube) => shortLength(nowMs - tube.created_at_ms), right: true },
  { title: 'ACTIVE', text: (tube) => `${shortLength(nowMs - tube.last_activity_at_ms)} ago`, right: true },
  { title: 'TROUBLE', text: ({ incident }) => (incident === null ? '' : troubleOf(incident, nowMs)), atLeast: 7 },
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

/** Ids from what was typed: whole ids, or beginnings of at least four characters that fit one tube only. */
export async function resolveTubes(service: Service, typed: readonly string[]): Promise<string[]> {
  const wrong = typed.find((text) => !beginningOfId.test(text));
  if (wrong !== undefined)
    throw usageError(
      `${JSON.stringify(wrong)} is no tube id, nor the first four or more characters of one; see holdfast tubes ls`,
    );
  if (typed.every((text) => wholeId.test(text))) return typed.map((text) => text.toLowerCase());
  const ids = (await listTubes(service, {})).map((tube) => tube.tube_id);
  return typed.map((text) => theOne(text.toLowerCase(), ids));
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

/** Does one thing to each tube; a refusal is told and does not keep the others from it. */
export async function forEachTube(
  call: Call,
  service: Service,
  work: (tubeId: string) => Promise<Fields & { readonly text: string }>,
): Promise<ExitCode> {
  let code: ExitCode = exitCodes.done;
  for (const tubeId of await resolveTubes(service, call.args)) {
    try {
      const { text, ...fields } = await work(tubeId);
      call.terminal.print(
        call.switches.has('json') ? JSON.stringify({ tube_id: tubeId, ok: true, ...fields }) : `${tubeId}  ${text}`,
      );
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      code = exitCodes.no;
      if (call.switches.has('json'))
        call.terminal.print(
          JSON.stringify({ tube_id: tubeId, ok: false, error: { code: error.code, message: error.message } }),
        );
      else call.terminal.tell(`holdfast: ${tubeId}: ${error.message}`);
    }
  }
  return code;
}

export function close(call: Call): Promise<ExitCode> {
  const { switches, values, terminal, args } = call;
  const reason = values['reason'];
  return withService(call, async (service) => {
    if (!switches.has('yes')) {
      if (!terminal.canAsk)
        throw usageError('closing a tube ends its connection for good; add --yes where nobody can be asked');
      const what = args.length === 1 ? `tube ${args[0]}` : `${args.length} tubes`;
      if (!(await terminal.confirm(`Close ${what} for good?`))) throw new CliError(exitCodes.no, 'nothing was closed');
    }
    return forEachTube(call, service, async (tubeId) => {
      const answer = await service.call('close_tube', { tube_id: tubeId, ...(reason === undefined ? {} : { reason }) });
      const before = answer['already_closed'] === true;
      return { already_closed: before, text: before ? 'was closed already' : 'closed' };
    });
  });
}
