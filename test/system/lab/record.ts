/**
 * What the laboratory measured last, of each scenario with each peer: docs/recovery.json, from which docs/recovery.md is written. So one scenario can be
 * measured again without the others, and the page says of each row when and of what source it is.
 */
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { scenarios } from './catalogue.js';
import { recoveryPage, type Outcome, type Provenance, type RecordedOutcome } from './report.js';
import type { Figures, Scenario } from './scenario.js';
import { peerKinds, type PeerKind } from './setting.js';

/** JSON has no Infinity: null is "never ended". */
type SavedFigures = Omit<Figures, 'outageMs'> & { readonly outageMs: number | null };

interface SavedOutcome {
  readonly scenario: string;
  readonly peer: PeerKind;
  readonly profile: string;
  readonly measured: Provenance;
  readonly runs: readonly SavedFigures[];
}

/** Writes the outcomes into the record, and the page from all of it. `page` ends with `.md`; the record is beside it. */
export async function record(outcomes: readonly Outcome[], page: string): Promise<void> {
  const file = page.replace(/\.md$/, '.json');
  const measured = provenance();
  const known = new Map((await readRecord(file)).map((saved) => [`${saved.scenario} ${saved.peer}`, saved]));
  for (const outcome of outcomes) {
    const { scenario, kind, profile, runs } = outcome;
    known.set(`${scenario.name} ${kind}`, {
      scenario: scenario.name,
      peer: kind,
      profile,
      measured,
      runs: runs.map(savedFigures),
    });
  }
  // In the order of the catalogue, without what is not in it any more.
  const all = scenarios.flatMap(({ name, targets }) =>
    peerKinds.filter((kind) => kind in targets).map((kind) => `${name} ${kind}`),
  );
  const kept = all.flatMap((name) => known.get(name) ?? []);
  const missing = all.filter((name) => !known.has(name));
  await writeFile(file, `[\n${kept.map((saved) => JSON.stringify(saved)).join(',\n')}\n]\n`);
  await writeFile(page, recoveryPage(kept.map(recorded), missing));
}

async function readRecord(file: string): Promise<SavedOutcome[]> {
  const text = await readFile(file, 'utf8').catch(() => '[]');
  return JSON.parse(text) as SavedOutcome[];
}

function savedFigures({
  detectMs,
  firstByteMs,
  outageMs,
  attempts,
  sentMessages,
  lostMessages,
  faults,
}: Figures): SavedFigures {
  const figures = { detectMs, firstByteMs, attempts, sentMessages, lostMessages, faults };
  return { ...figures, outageMs: Number.isFinite(outageMs) ? outageMs : null };
}

function recorded({ scenario: name, peer: kind, profile, measured, runs }: SavedOutcome): RecordedOutcome {
  const scenario = scenarios.find((one: Scenario) => one.name === name);
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return {
    scenario,
    kind,
    profile,
    measured,
    runs: runs.map((figures) => ({ ...figures, outageMs: figures.outageMs ?? Infinity })),
  };
}

function provenance(): Provenance {
  const memory = `${String(Math.round(totalmem() / 2 ** 30))} GiB`;
  const machine = `Linux ${release()}, ${String(cpus().length)} cores (${cpus()[0]?.model ?? 'unknown'}), ${memory}, Node ${process.version}`;
  return { date: new Date().toISOString().slice(0, 10), commit: commit(), machine };
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const isChanged = git('status', '--porcelain', '--', 'src', 'machines', 'test').trim() !== '';
    return `${git('rev-parse', '--short', 'HEAD').trim()}${isChanged ? '+' : ''}`;
  } catch {
    return '';
  }
}
