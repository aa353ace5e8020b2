/**
 * What the commands of `holdfast tubes` share (the filter, reading the list, how a tube is named on the command line, one thing done to several), and
 * `close`. Talks to a running service (service.ts); the other commands have files of their own.
 */
import { tubeStates } from '../../machines/events.js';
import { hintOf } from '../config/names.js';
import type { ClosedTubeRow, ClosedTubesAnswer } from '../operator/operator.types.js';
import { CliError, exitCodes, failed, usageError, type Call, type ExitCode } from './command.js';
import { Refusal, withService, type Fields, type Service } from './service.js';
import type { Terminal } from './terminal.js';

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
  if (state === 'closed')
    throw usageError('a closed tube is not there any more; holdfast tubes ls --closed lists those that ended lately');
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

/** Tubes that ended lately, the newest first. */
export async function closedTubes(service: Service): Promise<readonly ClosedTubeRow[]> {
  const { tubes } = (await service.call('list_closed')) as Fields & ClosedTubesAnswer;
  return tubes;
}

const shortIdLength = 8;

/** On a terminal the beginning of it, which is enough to name a tube; whole for programs. */
export const shownId = (tubeId: string, { isTerminal }: Terminal): string =>
  isTerminal ? tubeId.slice(0, shortIdLength) : tubeId;

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
