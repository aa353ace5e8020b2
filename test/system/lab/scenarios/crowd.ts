/** Many tubes of one service that lose their network together: all come back, not all in the same moment, and the service is not drowned by it. */
import { cpuFaults } from '../cpu.js';
import type { Event, RunResult, Scenario, Verdict } from '../scenario.js';
import type { Stage } from '../stage.js';
import { sleep } from '../time.js';

/** By default: `restartBurst` and a second of `restartsPerSecond`. */
const letGoInOneSecond = 70;

const tubes = 200;
const linkDownMs = 5000;

async function pullTheCable(stage: Stage) {
  const since = Date.now();
  await stage.topology.service.down('eth0');
  await sleep(linkDownMs);
  return { ...(await stage.happens(() => stage.topology.service.up('eth0'))), since };
}

/** Restarts that all begin within one second are a storm. */
function judge(stage: Stage, _: RunResult, { since, beganAtMs }: Event): Verdict {
  const fromMs = since ?? beganAtMs;
  const starts = stage.service.log
    .filter(({ msg, atMs }) => msg === 'ICE restart attempt started' && atMs >= fromMs)
    .map(({ atMs }) => atMs)
    .sort((a, b) => a - b);
  const perSecond = starts.map((startMs) => starts.filter((atMs) => atMs >= startMs && atMs < startMs + 1000).length);
  const busiest = Math.max(0, ...perSecond);
  const spreadMs = (starts.at(-1) ?? 0) - (starts[0] ?? 0);
  const usage = stage.cpu.since(fromMs);
  const storm = busiest > letGoInOneSecond && busiest > starts.length / 2;
  return {
    faults: [
      ...(storm ? [`a storm: ${String(busiest)} of ${String(starts.length)} restarts began within one second`] : []),
      ...cpuFaults(usage),
    ],
    notes: [
      `${String(starts.length)} restarts over ${(spreadMs / 1000).toFixed(1)} s, ${String(busiest)} in the busiest second`,
      `CPU of the service at most ${String(Math.round(usage.peakRatio * 100))} %, saturated for ${(usage.saturatedMs / 1000).toFixed(1)} s`,
    ],
  };
}

const crowd = { tubes, processes: 4, messageEveryMs: 500, warmUpMs: 4000, watchCpu: true } as const;

export const crowdScenarios: readonly Scenario[] = [
  {
    ...crowd,
    name: 'many-tubes',
    what: `${String(tubes)} tubes lose the network together: the service's host has no link for ${String(linkDownMs / 1000)} s. Measured from its return until the last tube is back.`,
    targets: { library: { ms: 10_000 } },
    happen: pullTheCable,
    check: judge,
  },
  {
    ...crowd,
    name: 'many-tubes-to-wifi',
    what: `The host of ${String(tubes)} tubes loses its cable; its Wi-Fi comes up in the same moment. Every tube has to be restarted.`,
    targets: { library: { ms: 10_000 } },
    happen: (stage) => stage.happens(() => stage.topology.service.handOver('eth0', 'wlan0')),
    check: judge,
  },
  {
    ...crowd,
    name: 'many-tubes-black-hole',
    what: `The paths of ${String(tubes)} tubes go silent in the same moment, without any event; new connections pass.`,
    profile: 'low_latency',
    targets: { library: { ms: 10_000 } },
    happen: (stage) => stage.happens(() => stage.path.kill()),
    check: judge,
  },
];
