/**
 * `holdfast replay`: plays a flight file with the same machines, or the flight of a tube of a running service, and prints the path, the incidents and
 * whether it agrees with what was recorded. What it does is src/replay's; this reads, writes and says it.
 */
import { writeFileSync } from 'node:fs';
import { drawReplay } from '../replay/drawing.js';
import { FlightFileError, parseFlight, readFlight, type Flight } from '../replay/flight-file.js';
import { replayFlight, type Replay } from '../replay/replay-flight.js';
import { storyOf } from '../replay/story.js';
import { CliError, exitCodes, usageError, type Call, type ExitCode } from './command.js';
import { withService } from './service.js';
import { harmless } from './table.js';
import { resolveTubes } from './tubes.js';

/** Of the time line, characters, where the terminal says nothing else. */
const usualColumns = 100;

/** Resolves with `no` when the replay diverges. Rejects with CliError. */
export async function run(call: Call): Promise<ExitCode> {
  const { switches, values, terminal } = call;
  const [path] = call.args;
  if ((path === undefined) === (values['tube'] === undefined))
    throw usageError('give either a flight file or --tube ID; see holdfast replay --help');
  if (path !== undefined && values['save'] !== undefined)
    throw usageError('--save keeps the flight of --tube ID; that of a file is kept already');
  const replay = await guarded(path ?? 'the answer', async () => {
    const flight = path === undefined ? await fetchFlight(call) : readFlight(path);
    terminal.progress(`playing ${String(flight.inputs.length)} inputs`);
    return replayFlight(flight);
  });
  terminal.progress(null);
  if (values['svg'] !== undefined) write(values['svg'], drawReplay(replay));
  if (switches.has('json')) terminal.print(JSON.stringify(replay));
  else tell(replay, call);
  return replay.agrees ? exitCodes.done : exitCodes.no;
}

function tell(replay: Replay, { terminal }: Call): void {
  const columns = Math.min(terminal.columns(), usualColumns + 4) - 4;
  const lines = storyOf(replay, Math.max(20, columns));
  const verdict = lines.findIndex((line) => /^(agrees|diverges)/.test(line));
  for (const [index, line] of lines.entries()) {
    const isVerdict = verdict >= 0 && index >= verdict;
    // Details of network changes are texts of others.
    const text = harmless(line);
    terminal.print(isVerdict ? terminal.paint(text, replay.agrees ? 'green' : 'red') : text);
  }
}

async function fetchFlight(call: Call): Promise<Flight> {
  return withService(call, async (service) => {
    call.terminal.progress('asking the service');
    const [tubeId] = await resolveTubes(service, [call.values['tube'] ?? ''], true);
    const { flight } = await service.call('export_history', { tube_id: tubeId });
    const { save } = call.values;
    if (save !== undefined) write(save, `${JSON.stringify(flight)}\n`);
    return parseFlight(flight);
  });
}

/** A file that cannot be played is told in one line. */
async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FlightFileError) throw usageError(`${what}: ${error.message}`);
    throw error;
  }
}

function write(path: string, content: string): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw new CliError(exitCodes.usage, `${path} cannot be written: ${(error as Error).message}`);
  }
}
