/**
 * `holdfast tubes show`: all that a service tells of one tube: state, path and measurements, generations, and its incidents with their phases. Also of a
 * tube that was closed lately. Asks; decides nothing.
 */
import { isOwnLabel } from '../channels/wire.js';
import { phases, type Incident } from '../operator/incident.types.js';
import type { IncidentsAnswer, TubeRow } from '../operator/operator.types.js';
import {
  evidenceSentences,
  forgottenWords,
  nextWords,
  outcomeWords,
  phaseWords,
  reasonWords,
  triggerWords,
} from '../operator/words.js';
import { exitCodes, type Call, type ExitCode } from './command.js';
import { Refusal, UnknownCall, withService, type Fields, type Service } from './service.js';
import { harmless, tableLines } from './table.js';
import type { Terminal } from './terminal.js';
import { resolveTubes, type ListedTube } from './tubes.js';
import { length, moment, percent, roundTrip, size, stateColour } from './words.js';

interface Tube extends ListedTube {
  readonly trickle_ice: boolean;
  readonly channels: readonly { readonly label: string; readonly id: number; readonly class: string }[];
}

interface TubeWithRow extends Tube {
  /** Absent: the service is older. */
  readonly row?: TubeRow | null;
}

interface End {
  readonly type: string;
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
}

interface Stats {
  readonly bytes_sent: number;
  readonly bytes_received: number;
  readonly messages_sent: number;
  readonly messages_received: number;
  readonly buffered_bytes: number;
  readonly packet_loss_rate: number | null;
  readonly rtt_ms: number | null;
  readonly jitter_ms: number | null;
  readonly selected_pair: { readonly local: End; readonly remote: End } | null;
  readonly generations: readonly { readonly generation: number; readonly state: string; readonly active: boolean }[];
  readonly quality: { readonly verdict: string | null; readonly score: number | null } | null;
}

/** What is known of a tube; null: it is closed, or the service is older than the call. */
interface Known {
  readonly tube: Tube | null;
  readonly stats: Stats | null;
  readonly row: TubeRow | null;
  readonly incidents: readonly Incident[] | null;
}

export function show(call: Call): Promise<ExitCode> {
  const { terminal, switches } = call;
  return withService(call, async (service) => {
    const [tubeId = ''] = await resolveTubes(service, call.args, true);
    const known = await ask(service, tubeId);
    await service.learnTime();
    const nowMs = service.clock.now();
    if (switches.has('json')) {
      terminal.print(JSON.stringify({ tube_id: tubeId, ...known }, null, terminal.isTerminal ? 2 : 0));
      return exitCodes.done;
    }
    if (known.tube === null) terminal.print(`Tube ${tubeId} is closed.`);
    else for (const line of tubeLines(known.tube, known, terminal, nowMs)) terminal.print(line);
    if (known.incidents === null)
      terminal.tell('This service does not tell incidents: it is older than this command line.');
    else
      for (const line of incidentsLines(known.incidents, known.row?.incidents, terminal, nowMs, switches.has('all')))
        terminal.print(line);
    return exitCodes.done;
  });
}

async function ask(service: Service, tubeId: string): Promise<Known> {
  const incidents = await incidentsOf(service, tubeId);
  try {
    const { row = null, ...tube } = (await service.call('get_tube', { tube_id: tubeId })) as unknown as TubeWithRow;
    const stats = (await service.call('get_connection_stats', { tube_id: tubeId })) as unknown as Stats;
    return { tube, stats, row, incidents };
  } catch (error) {
    // Closed lately: its incidents are still told.
    if (!(error instanceof Refusal) || error.code !== 'tube_closed' || incidents === null) throw error;
    return { tube: null, stats: null, row: null, incidents };
  }
}

/** Null: the service does not know the call. Of a tube that is not there: [], and the next call says so. */
async function incidentsOf(service: Service, tubeId: string): Promise<readonly Incident[] | null> {
  try {
    const { incidents } = (await service.call('get_incidents', { tube_id: tubeId })) as Fields & IncidentsAnswer;
    return incidents;
  } catch (error) {
    // Closed, and its incidents are forgotten.
    if (error instanceof Refusal && error.code === 'tube_closed') throw error;
    if (error instanceof Refusal) return [];
    if (error instanceof UnknownCall) return null;
    throw error;
  }
}

type Line = readonly [name: string, value: string | null];

function tubeLines(tube: Tube, { stats, row, incidents }: Known, { paint }: Terminal, nowMs: number): string[] {
  const next = row?.next ?? null;
  const state = paint(tube.state, stateColour(tube.state) ?? 'bold');
  // Of an older service: the incident counts until the tube was stable for a while.
  const open = row === null ? tube.incident : row.incident;
  const lines: Line[] = [
    [
      'state',
      row === null ? state : `${state} for ${length(nowMs - row.since_ms)}: ${harmless(reasonWords(row.reason))}`,
    ],
    ['trouble', open === null ? null : `for ${length(nowMs - open.started_at_ms)}: ${troubleWords(open)}`],
    ['next', next === null ? null : nextWords(next, nowMs, length)],
    [
      'transport',
      `${tube.transport_state}; newest generation ${tube.generation}, data takes ${tube.active_generation ?? 'none'}`,
    ],
    [
      'peer',
      `${tube.peer_kind === 'overlap' ? 'our library' : 'plain WebRTC'}${tube.trickle_ice ? '' : ', without trickle: it cannot be restarted'}`,
    ],
    ['made', `${moment(tube.created_at_ms)}, ${length(nowMs - tube.created_at_ms)} ago`],
    ['last activity', `${length(nowMs - tube.last_activity_at_ms)} ago`],
    ...(stats === null ? [] : statsLines(stats)),
    [
      'channels',
      tube.channels
        .filter(({ label }) => !isOwnLabel(label))
        .map(({ label, id, class: kind }) => `${label} (${kind}, stream ${id})`)
        .join(', ') || 'none yet',
    ],
    ['incidents', countWords(row, incidents)],
  ];
  const shown = lines.filter((line): line is readonly [string, string] => line[1] !== null);
  return [
    `${paint(tube.tube_id, 'bold')}  ${harmless(tube.conversation_id)}`,
    ...shown.map(([name, value]) => `  ${paint(name.padEnd(14), 'grey')} ${value}`),
  ];
}

const troubleWords = ({ trigger, attempts }: { readonly trigger: string; readonly attempts: number }): string =>
  `${triggerWords(trigger)}; attempts ${attempts}`;

/** Of all that it had; of an older service, of those that it tells. */
function countWords(row: TubeRow | null, incidents: readonly Incident[] | null): string | null {
  if (row !== null) return `${row.incidents}, ${row.recovered} recovered`;
  if (incidents === null) return null;
  return `${incidents.length}, ${incidents.filter(({ outcome }) => outcome === 'recovered').length} recovered`;
}

const endText = ({ type, address, port }: End): string =>
  `${type} ${address.includes(':') ? `[${address}]` : address}:${port}`;

function statsLines(stats: Stats): Line[] {
  const { selected_pair: pair, rtt_ms: rtt, packet_loss_rate: loss, jitter_ms: jitter, quality } = stats;
  const measured = [
    rtt === null ? null : `round trip ${roundTrip(rtt)}`,
    loss === null ? null : `loss ${percent(loss)}`,
    jitter === null ? null : `jitter ${roundTrip(jitter)}`,
    quality === null || quality.verdict === null
      ? null
      : `quality ${quality.verdict}${quality.score === null ? '' : ` (${quality.score.toFixed(2)})`}`,
  ].filter((part) => part !== null);
  return [
    [
      'path',
      pair === null ? 'none' : `${endText(pair.local)} → ${harmless(endText(pair.remote))} over ${pair.local.protocol}`,
    ],
    ['measured', measured.length === 0 ? null : measured.join(', ')],
    [
      'sent',
      `${size(stats.bytes_sent)}, messages ${stats.messages_sent}${stats.buffered_bytes === 0 ? '' : `; ${size(stats.buffered_bytes)} wait`}`,
    ],
    ['received', `${size(stats.bytes_received)}, messages ${stats.messages_received}`],
    [
      'generations',
      stats.generations
        .map(({ generation, state, active }) => `${generation} ${state}${active ? ' (active)' : ''}`)
        .join(', ') || 'none',
    ],
  ];
}

const shownIncidents = 3;

function incidentsLines(
  incidents: readonly Incident[],
  count: number | undefined,
  terminal: Terminal,
  nowMs: number,
  all: boolean,
): string[] {
  const shown = all ? incidents : incidents.slice(0, shownIncidents);
  const left = incidents.length - shown.length;
  const forgotten = left === 0 ? forgottenWords(incidents, count) : null;
  return [
    ...shown.flatMap((incident) => ['', ...incidentLines(incident, terminal, nowMs)]),
    ...(left === 0 ? [] : ['', `${left} older ${left === 1 ? 'incident' : 'incidents'}: --all shows them.`]),
    ...(forgotten === null ? [] : ['', forgotten]),
  ];
}

const units = { length, percent };

function incidentLines(incident: Incident, terminal: Terminal, nowMs: number): string[] {
  const {
    number,
    started_at_ms: startedAtMs,
    ended_at_ms: endedAtMs,
    outcome,
    evidence,
    outage_ms: outageMs,
  } = incident;
  const lasted = length((endedAtMs ?? nowMs) - startedAtMs);
  const colour = outcome === 'recovered' || outcome === 'stood_down' ? 'green' : outcome === 'open' ? 'yellow' : 'red';
  const generations =
    incident.to_generation === null
      ? `generation ${incident.from_generation}`
      : `generation ${incident.from_generation} → ${incident.to_generation}`;
  const facts = [
    `${triggerWords(incident.trigger)}; ${generations}; attempts ${incident.attempts}`,
    outageMs === null ? null : `without a path for ${length(outageMs)}`,
    evidence === null ? null : `known at the first decision: ${evidenceSentences(evidence, units).join('; ')}`,
  ].filter((part) => part !== null);
  return [
    `Incident ${number}  ${moment(startedAtMs)}, ${lasted}: ${terminal.paint(outcomeWords(outcome), colour)}`,
    ...facts.map((fact) => `  ${fact}`),
    ...phaseLines(incident, terminal).map((line) => `    ${line}`),
  ];
}

/** None when it came to none. */
function phaseLines(incident: Incident, { paint, columns }: Terminal): string[] {
  const past = phases.flatMap((phase) => {
    const tookMs = incident.phases[phase];
    return tookMs === undefined ? [] : [{ phase, tookMs }];
  });
  if (past.length === 0) return [];
  return tableLines(
    past,
    [
      { title: 'PHASE', text: ({ phase }) => phase },
      { title: 'TOOK', text: ({ tookMs }) => length(tookMs), right: true },
      { title: 'WHAT', text: ({ phase }) => phaseWords[phase].meaning, atLeast: 10 },
    ],
    columns() - 4,
    paint,
  );
}
