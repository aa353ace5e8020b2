/**
 * Plays scenarios in several processes at a time: nearly all of a run is waiting. Each process has a network and a browser of its own and hands back
 * what came out as JSON. What measures the CPU has the machine for itself, at the end.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from './report.js';
import type { RunResult, Scenario } from './scenario.js';
import type { PeerKind } from './setting.js';
import { sleep } from './time.js';

export interface Task {
  readonly scenario: Scenario;
  readonly kind: PeerKind;
}

/** Two that look for a free network in the same moment would find the same one. */
const betweenStartsMs = 2500;

interface Saved {
  readonly profile: string;
  /** JSON has no Infinity. */
  readonly runs: readonly (Omit<RunResult, 'outageMs'> & { readonly outageMs: number | null })[];
}

/** In the child: what `readOutcome` takes. */
export const saveOutcome = (file: string, { profile, runs }: Outcome): Promise<void> =>
  writeFile(file, JSON.stringify({ profile, runs }));

async function readOutcome(file: string, { scenario, kind }: Task): Promise<Outcome | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  const { profile, runs } = JSON.parse(text) as Saved;
  return {
    scenario,
    kind,
    profile,
    runs: runs.map((result) => ({ ...result, outageMs: result.outageMs ?? Infinity })),
  };
}

/** Outcomes in the order of the tasks, without those that could not be played. `options` go to every process as they are. */
export async function playSideBySide(
  tasks: readonly Task[],
  jobs: number,
  options: readonly string[],
): Promise<Outcome[]> {
  const folder = await mkdtemp(join(tmpdir(), 'hflab-outcomes-'));
  const outcomes = new Map<Task, Outcome | null>();
  const work = async (queue: Task[], worker: number): Promise<void> => {
    await sleep(worker * betweenStartsMs);
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
      const file = join(folder, `${task.scenario.name}-${task.kind}.json`);
      await playAlone(task, [...options, '--json', file]);
      outcomes.set(task, await readOutcome(file, task));
    }
  };
  const shared = tasks.filter(({ scenario }) => scenario.watchCpu !== true);
  await Promise.all(Array.from({ length: jobs }, (_, worker) => work(shared, worker)));
  await work(
    tasks.filter(({ scenario }) => scenario.watchCpu === true),
    0,
  );
  await rm(folder, { recursive: true });
  return tasks.flatMap((task) => outcomes.get(task) ?? []);
}

/** In a process of its own, whose lines are printed together when it has ended. */
async function playAlone({ scenario, kind }: Task, options: readonly string[]): Promise<void> {
  const file = process.argv[1];
  if (file === undefined) throw new Error('this program does not know its own file');
  const child = spawn(process.execPath, [file, scenario.name, '--peer', kind, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = (): void => void child.kill();
  process.once('exit', kill);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(child, 'close');
  process.off('exit', kill);
  console.log(text.replace(/\n\d of \d as they should be\n$/, ''));
}
