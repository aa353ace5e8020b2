/**
 * `npm run lab -- <scenario>`: plays scenarios of the network laboratory and prints what they came to; `all`, or `--record`, writes docs/recovery.md as well. Needs
 * root, iproute2 and nftables. Whatever ends it, nothing is left behind; `clean` is for what was killed.
 */
import { parseArgs } from 'node:util';
import { scenarios } from './catalogue.js';
import { Laboratory } from './lab.js';
import { cleanLeftovers } from './netns.js';
import { record } from './record.js';
import { runLine, summaryLine, summaryOf, titleOf, type Outcome } from './report.js';
import { targetText, type Scenario } from './scenario.js';
import { playSideBySide, saveOutcome, type Task } from './side-by-side.js';
import { peerKinds, type PeerKind } from './setting.js';

const usage = `usage: npm run lab -- <scenario> … | all | list | clean
  --peer library|chromium   only with this peer (default: all of the scenario)
  --runs N                  runs of each (default: 10, or what the scenario says)
  --profile P               instead of the scenario's own
  --minutes N               of chaos (default 2)
  --seed S                  of everything random (default 1)
  --jobs N                  so many scenarios at a time (default 1; 3 on two cores)
  --json FILE               what came out of one scenario with one peer, for "all"
  --verbose                 what the service decided and when, for every run
  --record                  what came out goes into the page, as with "all"
  --out FILE                the page (default docs/recovery.md), with its record beside it (.json)`;

const usualRuns = 10;

function fail(text: string): never {
  console.error(text);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        peer: { type: 'string' },
        runs: { type: 'string' },
        profile: { type: 'string' },
        minutes: { type: 'string', default: '2' },
        seed: { type: 'string', default: '1' },
        verbose: { type: 'boolean', default: false },
        jobs: { type: 'string', default: '1' },
        json: { type: 'string' },
        record: { type: 'boolean', default: false },
        out: { type: 'string', default: 'docs/recovery.md' },
      },
    });
  } catch (error) {
    return fail(`${String(error)}\n${usage}`);
  }
}

const { values: options, positionals } = readArguments();
const [what = ''] = positionals;

function numberOf(name: 'runs' | 'seed' | 'minutes' | 'jobs', text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : fail(`--${name} must be a whole number above 0\n${usage}`);
}

const kindsOf = ({ targets }: Scenario): PeerKind[] => peerKinds.filter((kind) => kind in targets);

function list(): void {
  for (const scenario of scenarios) {
    const targets = kindsOf(scenario).map((kind) => `${kind}: ${targetText(scenario.targets[kind])}`);
    console.log(`${scenario.name}\n    ${scenario.what}\n    ${targets.join('; ')}`);
  }
}

function chosen(): Scenario[] {
  if (what === 'all') return [...scenarios];
  const found = scenarios.filter(({ name }) => positionals.includes(name));
  if (found.length < positionals.length || found.length === 0)
    fail(`no such scenario: ${positionals.join(', ') || '(none given)'}\n${usage}`);
  return found;
}

/** Runs of one scenario with one peer; null when it cannot be played here, which is said. */
async function play(lab: Laboratory, scenario: Scenario, kind: PeerKind): Promise<Outcome | null> {
  const profile = options.profile ?? scenario.profile ?? 'production';
  const runs = options.runs === undefined ? (scenario.runs ?? usualRuns) : numberOf('runs', options.runs);
  const seed = numberOf('seed', options.seed);
  console.log(`\n${titleOf({ scenario, kind, profile })}`);
  try {
    const results = await lab.play(scenario, {
      kind,
      runs,
      seed,
      minutes: numberOf('minutes', options.minutes),
      profile,
      onRun: (result, n) => {
        console.log(runLine(result, n, runs));
        if (options.verbose || result.faults.length > 0)
          for (const line of result.story) console.log(`        ${line}`);
      },
    });
    const outcome = { scenario, kind, profile, runs: results };
    console.log(summaryLine(outcome));
    return outcome;
  } catch (error) {
    console.log(`  not played: ${error instanceof Error ? error.message.trim() : String(error)}`);
    return null;
  }
}

async function main(): Promise<void> {
  if (what === 'list') return list();
  if (what === '') fail(usage);
  if (process.getuid?.() !== 0) fail('the network laboratory needs root: it makes network namespaces');
  if (what === 'clean') return console.log(`removed: ${(await cleanLeftovers()).join(', ') || 'nothing'}`);
  const selected = chosen();
  const kind = options.peer;
  if (kind !== undefined && !peerKinds.includes(kind as PeerKind)) fail(`--peer is library or chromium\n${usage}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const tasks = selected.flatMap((scenario) => kindsOf(scenario).map((played) => ({ scenario, kind: played })));
  const wanted = tasks.filter((task) => kind === undefined || task.kind === kind);
  const jobs = numberOf('jobs', options.jobs);
  const outcomes = jobs > 1 ? await playSideBySide(wanted, jobs, passedOn()) : await playInTurn(wanted);
  const [only] = outcomes;
  if (options.json !== undefined && only !== undefined) await saveOutcome(options.json, only);
  if (what === 'all' || options.record) {
    await record(outcomes, options.out);
    console.log(`\nwrote ${options.out}`);
  }
  const missed = outcomes.filter((outcome) => !summaryOf(outcome).passed);
  console.log(`\n${String(outcomes.length - missed.length)} of ${String(outcomes.length)} as they should be`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

async function playInTurn(tasks: readonly Task[]): Promise<Outcome[]> {
  const lab = await Laboratory.build(numberOf('seed', options.seed));
  process.once('exit', () => lab.topology.dispose());
  const outcomes: Outcome[] = [];
  for (const { scenario, kind } of tasks) {
    const outcome = await play(lab, scenario, kind);
    if (outcome !== null) outcomes.push(outcome);
  }
  await lab.close();
  return outcomes;
}

/** Of our options those that are about a single scenario. */
function passedOn(): string[] {
  const { runs, profile, minutes, seed, verbose } = options;
  const given = Object.entries({ runs, profile, minutes, seed });
  const flags = given.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  return verbose ? [...flags, '--verbose'] : flags;
}

await main();
process.exit();
