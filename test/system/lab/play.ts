/** Plays a scenario: sets the stage once, does the runs, and gathers what the meters say. Judges each run by what must always hold. */
import type { RunResult, Scenario } from './scenario.js';
import type { PeerKind } from './setting.js';
import type { Happening, Stage } from './stage.js';
import { sleep } from './time.js';
import type { Track } from './track.js';

const lookEveryMs = 20;
const drainMs = 5000;
const maxNotes = 3;

/** One run on a stage that is set; the stage is cleared whatever happens. */
export async function playOnce(scenario: Scenario, stage: Stage): Promise<RunResult> {
  try {
    await stage.open();
    stage.stream(scenario.messageEveryMs ?? 20);
    await sleep((scenario.warmUpMs ?? 1500) + stage.random() * (scenario.phaseMs ?? 1000));
    const event = await scenario.happen(stage);
    const sinceMs = event.since ?? event.beganAtMs;
    await recovery(stage.tracks, event, scenario.giveUpMs ?? 60_000);
    await sleep(scenario.settleMs ?? 1500);
    const endedAtMs = Date.now();
    await stage.stop();
    await drained(stage.tracks);
    const measured = measure(stage, event, sinceMs, endedAtMs, await stage.states());
    const { faults = [], notes = [] } = (await scenario.check?.(stage, measured, event)) ?? {};
    return {
      ...measured,
      notes: [...notes, ...measured.notes],
      faults: [...general(scenario, stage.kind, measured), ...faults],
    };
  } finally {
    await stage.clear();
  }
}

const firstByteAt = ({ up, down }: Track, sinceMs: number): number | null => {
  const times = [up.firstSentSince(sinceMs), down.firstSentSince(sinceMs)];
  return times.includes(null) ? null : Math.max(...times.map(Number));
};

async function recovery(tracks: readonly Track[], { doneAtMs }: Happening, withinMs: number): Promise<void> {
  const endMs = doneAtMs + withinMs;
  while (Date.now() < endMs && tracks.some((track) => firstByteAt(track, doneAtMs) === null)) await sleep(lookEveryMs);
}

async function drained(tracks: readonly Track[]): Promise<void> {
  const endMs = Date.now() + drainMs;
  while (Date.now() < endMs && tracks.some(({ up, down }) => up.lost + down.lost > 0)) await sleep(lookEveryMs);
}

function measure(
  stage: Stage,
  { beganAtMs, doneAtMs }: Happening,
  sinceMs: number,
  endedAtMs: number,
  states: readonly string[],
): RunResult {
  const { tracks } = stage;
  const sum = (of: (track: Track) => number): number => tracks.reduce((total, track) => total + of(track), 0);
  const incidents = tracks.map((track) => track.incident(sinceMs));
  const first = tracks.map((track) => firstByteAt(track, doneAtMs));
  const slowest = first.includes(null) ? first.indexOf(null) : first.indexOf(Math.max(...first.map(Number)));
  const detected = incidents.map(({ detectedAtMs }) => detectedAtMs).filter((atMs) => atMs !== null);
  return {
    detectMs: detected.length === 0 ? null : Math.min(...detected) - sinceMs,
    firstByteMs: first.includes(null) ? null : Math.max(...first.map(Number)) - beganAtMs,
    outageMs: Math.max(
      ...tracks.flatMap(({ up, down }) => [up, down].map((meter) => meter.longestSilenceMs(sinceMs, endedAtMs))),
    ),
    attempts: sum((track) => incidents[tracks.indexOf(track)]?.attempts ?? 0),
    triggers: [...new Set(incidents.flatMap(({ triggers }) => triggers))],
    inFlight: Math.max(...incidents.map(({ inFlight }) => inFlight)),
    sentMessages: sum(({ up, down }) => up.sent + down.sent),
    lostMessages: sum(({ up, down }) => up.lost + down.lost),
    misplacedMessages: sum(({ up, down }) => up.outOfOrder + up.duplicates + down.outOfOrder + down.duplicates),
    channelCloses: sum(({ channelCloses }) => channelCloses),
    states: [...new Set(states)],
    faults: [],
    notes: tracks.flatMap(({ errors, notes }) => [...notes, ...errors]).slice(0, maxNotes),
    story: [...stage.diary, ...(incidents[slowest]?.story ?? [])],
  };
}

/** What holds for every scenario. A plain peer may lose what is in flight, and that is counted; nothing may come twice or late. */
function general(scenario: Scenario, kind: PeerKind, result: RunResult): string[] {
  const faults: string[] = [];
  if (result.firstByteMs === null) faults.push('not recovered');
  if (result.states.some((state) => state !== 'connected')) faults.push(`ended ${result.states.join(', ')}`);
  if (result.inFlight > 1) faults.push(`${String(result.inFlight)} restarts at a time`);
  if (scenario.mayLose !== undefined) return faults;
  if (kind === 'library' && result.lostMessages > 0) faults.push(`${String(result.lostMessages)} messages lost`);
  if (result.misplacedMessages > 0) faults.push(`${String(result.misplacedMessages)} messages twice or out of order`);
  return faults;
}
