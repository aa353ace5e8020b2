/** What runs came to: the lines that are printed, and docs/recovery.md, which is written from what was recorded (record.ts). Pure. */
import { seconds, targetText, type Figures, type RunResult, type Scenario } from './scenario.js';
import type { PeerKind } from './setting.js';

/** All runs of one scenario with one kind of peer. */
export interface Outcome {
  readonly scenario: Scenario;
  readonly kind: PeerKind;
  readonly profile: string;
  readonly runs: readonly Figures[];
}

/** When, of what and where it was measured. */
export interface Provenance {
  /** ISO 8601 day. */
  readonly date: string;
  /** Of the source, short; with a `+` where it was changed since, '' where it is not known. */
  readonly commit: string;
  readonly machine: string;
}

export type RecordedOutcome = Outcome & { readonly measured: Provenance };

export interface Summary {
  /** Of the figure that the target is about; infinite when most runs never got there. */
  readonly medianMs: number;
  readonly worstMs: number;
  readonly medianDetectMs: number;
  /** The longest gap in the stream. */
  readonly medianOutageMs: number;
  readonly attempts: number;
  readonly lostMessages: number;
  readonly sentMessages: number;
  /** Different ones, with how many runs had them. */
  readonly faults: readonly string[];
  readonly passed: boolean;
}

/** Of an even number the mean of the two in the middle. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return middle.reduce<number>((sum, value) => sum + (value ?? Infinity) / 2, 0);
}
const orNever = (ms: number | null): number => ms ?? Infinity;

export function summaryOf({ scenario, kind, runs }: Outcome): Summary {
  const target = scenario.targets[kind] ?? null;
  const figures = runs.map((result) => orNever(result[target?.of ?? 'firstByteMs']));
  const medianMs = median(figures);
  const counted = new Map<string, number>();
  for (const fault of runs.flatMap(({ faults }) => faults)) counted.set(fault, (counted.get(fault) ?? 0) + 1);
  return {
    medianMs,
    worstMs: Math.max(...figures),
    medianDetectMs: median(runs.map(({ detectMs }) => orNever(detectMs))),
    medianOutageMs: median(runs.map(({ outageMs }) => outageMs)),
    attempts: median(runs.map(({ attempts }) => attempts)),
    lostMessages: runs.reduce((sum, { lostMessages }) => sum + lostMessages, 0),
    sentMessages: runs.reduce((sum, { sentMessages }) => sum + sentMessages, 0),
    faults: [...counted].map(([fault, count]) =>
      runs.length === 1 ? fault : `${fault} (${String(count)} of ${String(runs.length)})`,
    ),
    passed: counted.size === 0 && (target === null || medianMs <= target.ms),
  };
}

export const titleOf = ({ scenario, kind, profile }: Omit<Outcome, 'runs'>): string =>
  `${scenario.name} · ${kind} · ${profile} · target: ${targetText(scenario.targets[kind])}`;

const figure = (ms: number | null): string => (ms === null || !Number.isFinite(ms) ? 'never' : seconds(ms));

export function runLine(result: RunResult, n: number, total: number): string {
  const { detectMs, firstByteMs, outageMs, attempts, triggers, inFlight, lostMessages, channelCloses } = result;
  const parts = [
    `noticed ${figure(detectMs)}`,
    `first byte ${figure(firstByteMs)}`,
    `silence ${figure(outageMs)}`,
    `attempts ${String(attempts)}${triggers.length === 0 ? '' : ` (${triggers.join(', ')})`}`,
    `at a time ${String(inFlight)}`,
    `lost ${String(lostMessages)}`,
    ...(channelCloses === 0 ? [] : [`channel closes ${String(channelCloses)}`]),
    ...result.notes,
    ...result.faults.map((fault) => `FAULT ${fault}`),
  ];
  return `  ${String(n).padStart(2)}/${String(total)}  ${parts.join(', ')}`;
}

export function summaryLine(outcome: Outcome): string {
  const { medianMs, worstMs, medianDetectMs, attempts, lostMessages, sentMessages, faults, passed } =
    summaryOf(outcome);
  const target = outcome.scenario.targets[outcome.kind] ?? null;
  const verdict = target === null ? (passed ? 'shown' : 'shown, with faults') : passed ? 'PASS' : 'FAIL';
  const figures = `median ${figure(medianMs)}, worst ${figure(worstMs)}, noticed ${figure(medianDetectMs)}, attempts ${String(attempts)}`;
  const tail = faults.length === 0 ? '' : `; ${faults.join('; ')}`;
  return `  ${verdict}  ${figures}, lost ${String(lostMessages)} of ${String(sentMessages)}${tail}`;
}

const introduction = `# Recovery, shown with real packets

Every way in which a network takes a connection away that we could think of, done to the real service and real peers in network namespaces, and how long
it took until data flowed again. This page is written from docs/recovery.json by \`npm run lab -- all\`, or for one scenario by \`npm run lab -- NAME --record\` (root, Linux);
\`npm run lab -- list\` names the scenarios, \`npm run lab -- black-hole --runs 3 --verbose\` plays one and shows what the service decided and when. The laboratory is in \`test/system/lab/\`.

How to read the table:

- **Peer**: \`library\` is our peer library in Node, \`chromium\` a page without any library on its one RTCPeerConnection (docs/peer.md), which answers pings.
- **Median**, **worst**: seconds from the event to the first message that was sent after it and arrived, in the slower direction; where the target says *silence*,
  the longest gap in a stream of a message every 20 ms from the trouble's beginning on. That gap has a column of its own (its median). **Noticed**: when the service first said or decided something.
- Ten **runs** of each, except where the last column says otherwise, with the moment of the event at random in the rhythm of the pings.
- **Signalling** takes a network of its own, so that only the path of the data is hurt, except where a scenario says otherwise.
- **Lost**: messages of all runs together, of 15 to 20 bytes each. With the library it must be 0, and nothing may come twice or out of order. What a plain page has in flight when its
  path dies is lost; that is counted here, and no fault.
- A target marked *(ours)* is not from the project's requirements. A scenario without a target is shown for what it is.
`;

/** `missing`: scenarios and peers that nothing is recorded of. */
export function recoveryPage(outcomes: readonly RecordedOutcome[], missing: readonly string[] = []): string {
  const scenarios = [...new Set(outcomes.map(({ scenario }) => scenario))];
  const machines = [...new Set(outcomes.map(({ measured }) => measured.machine))];
  const faults = outcomes.flatMap((outcome) =>
    summaryOf(outcome).faults.map((fault) => `- ${outcome.scenario.name}, ${outcome.kind}: ${fault}`),
  );
  return [
    introduction,
    `Measured on ${machines.join('; ')}.\n`,
    '| scenario | peer | profile | target | median | worst | silence | noticed | attempts | lost | measured | |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...outcomes.map(row),
    '',
    ...(missing.length === 0 ? [] : [`Not measured yet: ${missing.join('; ')}.`, '']),
    ...(faults.length === 0 ? [] : ['## What is not as it should be', '', ...faults, '']),
    '## The scenarios',
    '',
    ...scenarios.map(
      ({ name, what, mayLose }) => `- **${name}**: ${what}${mayLose === undefined ? '' : ` ${mayLose}`}`,
    ),
    '',
  ].join('\n');
}

function row(outcome: RecordedOutcome): string {
  const { scenario, kind, profile, runs, measured } = outcome;
  const target = scenario.targets[kind] ?? null;
  const summary = summaryOf(outcome);
  const verdict = target === null ? (summary.passed ? '' : 'see below') : summary.passed ? 'met' : '**missed**';
  const cells = [
    scenario.name,
    kind,
    profile,
    targetText(target),
    figure(summary.medianMs),
    figure(summary.worstMs),
    figure(summary.medianOutageMs),
    figure(summary.medianDetectMs),
    String(summary.attempts),
    `${String(summary.lostMessages)} of ${String(summary.sentMessages)}`,
    `${measured.date} ${measured.commit}`.trim(),
    `${verdict}${runs.length === 10 ? '' : ` (${String(runs.length)} ${runs.length === 1 ? 'run' : 'runs'})`}`,
  ];
  return `| ${cells.join(' | ')} |`;
}
