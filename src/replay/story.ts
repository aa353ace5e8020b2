/** A replay as text for people: where it begins, the path with its reasons, a time line, the incidents, and whether it agrees. Pure. */
import type { FlightEntry } from '../operator/flight.types.js';
import type { Incident } from '../operator/incident.types.js';
import type { Replay } from './replay-flight.js';
import { bandsOf, type Band } from './bands.js';

const seconds = (ms: number): string => (ms / 1000).toFixed(3);
const short = (ms: number): string => (Math.abs(ms) < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

const begins: Readonly<Record<string, string>> = {
  'start.created': 'from its creation',
  'start.resumed': 'from its record, after a restart of the service',
  'start.connected': 'carried on as connected: what came before was not kept',
};

/** Entries that say why; the rest is the path itself. */
function reasonOf(entry: FlightEntry): string | null {
  switch (entry.kind) {
    case 'decision': {
      const { evidence: seen } = entry;
      const pause = entry.delay_ms > 0 ? `, in ${short(entry.delay_ms)}` : '';
      const looked = `path ${seen.path}, ${String(seen.missed_pings)} pings missing, silent for ${short(seen.silent_ms)}, transport ${seen.transport_state}, peer ${seen.peer_signalling}, route ${seen.route}${seen.held ? ', held' : ''}`;
      return `decides: ${entry.action}${pause} (${entry.trigger}): ${entry.reason} [${looked}]`;
    }
    case 'ping_missed':
      return 'a ping is missed';
    case 'network_change':
      return `${entry.change} (${entry.source}${entry.detail === '' ? '' : `: ${entry.detail}`})`;
    case 'attempt_started':
      return `attempt ${String(entry.attempt)} begins: generation ${String(entry.generation)}`;
    case 'attempt_ended':
      return `attempt ends: ${entry.code ?? entry.outcome} after ${short(entry.duration_ms)}`;
    case 'cut_over':
      return `data takes generation ${String(entry.generation)}`;
    case 'recovered':
      return `recovered, ${String(entry.attempts)} attempts, outage ${short(entry.outage_ms)}`;
    case 'breaker':
      return `breaker ${entry.breaker}`;
    case 'quality':
      return `quality ${entry.verdict}, score ${entry.score.toFixed(2)}`;
    case 'refused':
    case 'failure':
      return `${entry.kind}: ${entry.code}`;
    case 'crashed':
      return 'its actor crashes and is started again';
    default:
      return null;
  }
}

interface Line {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
}

function linesOf({ path, entries }: Replay): Line[] {
  const steps = path.map(({ at_ms, machine, state, cause }) => ({
    atMs: at_ms,
    who: machine,
    what: `${state}   <- ${cause}`,
  }));
  const reasons = entries.flatMap((entry) => {
    const what = reasonOf(entry);
    return what === null ? [] : [{ atMs: entry.at_ms, who: '', what }];
  });
  // What a step says is said before it is taken.
  return [...reasons, ...steps].sort((a, b) => a.atMs - b.atMs);
}

const marks: Readonly<Record<Band['state'], string>> = {
  initializing: '.',
  connecting: ':',
  connected: '=',
  degraded: '~',
  failed: 'x',
  closed: ' ',
};

/** One character per stretch of time; trouble that is shorter is still shown. */
function timeLine(replay: Replay, width: number): string {
  const spanMs = Math.max(1, replay.to_ms - replay.from_ms);
  const cells = Array.from({ length: width }, () => ' ');
  const bands = bandsOf(replay);
  for (const band of [
    ...bands.filter(({ state }) => state === 'connected'),
    ...bands.filter(({ state }) => state !== 'connected'),
  ]) {
    const from = Math.floor(((band.fromMs - replay.from_ms) / spanMs) * width);
    const to = Math.max(from + 1, Math.ceil(((band.toMs - replay.from_ms) / spanMs) * width));
    cells.fill(marks[band.state], Math.min(from, width - 1), Math.min(to, width));
  }
  return cells.join('');
}

function incidentLine(incident: Incident): string {
  const lengths = Object.entries(incident.phases).map(([phase, ms]) => `${phase} ${short(ms)}`);
  const cost = incident.outage_ms === null ? '' : `, outage ${short(incident.outage_ms)}`;
  const phases = lengths.length === 0 ? '' : ` (${lengths.join(', ')})`;
  const attempts = `${String(incident.attempts)} attempt${incident.attempts === 1 ? '' : 's'}`;
  return `incident ${String(incident.number)}: ${incident.trigger}, ${incident.outcome}, ${attempts}${cost}${phases}`;
}

/** @param width of the time line, characters */
export function storyOf(replay: Replay, width: number): string[] {
  const { from_ms: fromMs, to_ms: toMs, start } = replay;
  const from = new Date(fromMs).toISOString();
  const head = `tube ${replay.tube_id}: ${String(replay.inputs)} inputs, ${short(toMs - fromMs)} from ${from}, ${begins[start?.event ?? ''] ?? 'nothing to play'}`;
  const said = linesOf(replay).map(
    ({ atMs, who, what }) => `${`+${seconds(atMs - fromMs)}`.padStart(12)}  ${who.padEnd(8)}${what}`,
  );
  const line =
    start === null
      ? []
      : [
          '',
          `  ${timeLine(replay, width)}`,
          `  ${Object.entries(marks)
            .slice(0, 5)
            .map(([state, mark]) => `${mark} ${state}`)
            .join('   ')}`,
        ];
  const incidents = replay.incidents.map(incidentLine);
  const missing = replay.is_another_beginning
    ? ['the beginning is missing: what was recorded first had to go for want of memory']
    : [];
  return [head, ...missing, '', ...said, ...line, '', ...incidents, ...verdictOf(replay)];
}

function verdictOf({ agrees, met, skew_ms: skewMs, divergences, from_ms: fromMs, start }: Replay): string[] {
  if (start === null) return ['nothing was recorded: there is nothing to compare'];
  if (agrees)
    return [
      `agrees with what was recorded: ${String(met)} changes of state, decisions and attempts, at most ${short(skewMs)} apart`,
    ];
  const named = divergences.map(({ kind, at_ms: atMs, what }) => {
    const words = { missing: 'recorded, not met', extra: 'met, not recorded', apart: 'at another time' }[kind];
    return `  +${seconds(atMs - fromMs)}  ${words}: ${what}`;
  });
  return [`diverges from what was recorded (${String(met)} met):`, ...named];
}
