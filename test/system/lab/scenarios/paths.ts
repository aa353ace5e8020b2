/** Paths that go silent, lose packets, are rebound by a NAT, or are bad for long, while no interface changes. */
import type { Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';
import { sleep } from '../time.js';

/** Alternately without and with a network, which loses packets then; ends with its return. */
async function comeAndGo(stage: Stage, lossRatio = 0) {
  const since = Date.now();
  for (const onMs of [5000, 5000, 0]) {
    await stage.path.blackHole();
    await sleep(3000);
    if (onMs === 0) break;
    await stage.path.heal();
    if (lossRatio > 0) await stage.path.loss(lossRatio);
    await sleep(onMs);
  }
  return { ...(await stage.happens(() => stage.path.heal())), since };
}

async function loseFor(stage: Stage, lossRatio: number, ms: number) {
  const since = Date.now();
  await stage.path.loss(lossRatio);
  await sleep(ms);
  return { ...(await stage.happens(() => stage.path.heal())), since };
}

async function silenceFor(stage: Stage, ms: number) {
  const since = Date.now();
  await stage.path.blackHole();
  await sleep(ms);
  return { ...(await stage.happens(() => stage.path.heal())), since };
}

/** Until a restart for its quality has ended, or long enough to be sure that there will be none. */
async function worsen(stage: Stage) {
  const happening = await stage.happens(() => stage.topology.firewall.worsenFlows(0.2));
  const endMs = Date.now() + (stage.kind === 'chromium' ? 20_000 : 90_000);
  const isOver = (): boolean => stage.tracks.every((track) => track.signals.some(({ kind }) => kind === 'recovered'));
  while (Date.now() < endMs && !isOver()) await sleep(100);
  return happening;
}

const killFlows = (stage: Stage) => stage.happens(() => stage.path.kill());

/** Milliseconds between messages; timers take no more. */
const never = 2 ** 31 - 1;

async function killIdleFlows(stage: Stage) {
  const happening = await killFlows(stage);
  const isBack = (): boolean => stage.tracks.every((track) => track.signals.some(({ kind }) => kind === 'recovered'));
  for (const endMs = Date.now() + 40_000; Date.now() < endMs && !isBack();) await sleep(20);
  stage.stream(20);
  return happening;
}

export const pathScenarios: readonly Scenario[] = [
  {
    name: 'black-hole',
    what: 'The path goes silent both ways, without any event; new connections pass.',
    profile: 'low_latency',
    targets: { library: { ms: 4000 }, chromium: { ms: 5000 } },
    happen: killFlows,
  },
  {
    name: 'black-hole-production',
    what: 'The same with the slow pings of the profile production.',
    phaseMs: 5000,
    targets: { library: { ms: 16_000 }, chromium: { ms: 17_000 } },
    happen: killFlows,
  },
  {
    name: 'black-hole-idle',
    what: 'The same while nobody sends anything: data begins when the tube says that it recovered.',
    phaseMs: 5000,
    messageEveryMs: never,
    targets: { library: { ms: 16_000 }, chromium: { ms: 17_000 } },
    happen: killIdleFlows,
  },
  {
    name: 'black-hole-one-way',
    what: 'The path goes silent from the service to the peer only; new connections pass.',
    profile: 'low_latency',
    targets: { library: { ms: 4000 }, chromium: { ms: 5000 } },
    happen: (stage) => stage.happens(() => stage.topology.firewall.killFlows('to-peer')),
  },
  {
    name: 'black-hole-long-delay',
    runs: 3,
    what: 'The same over 1.2 s of round trip, which new connections have as well.',
    path: { delayMs: 600 },
    warmUpMs: 8000,
    giveUpMs: 90_000,
    targets: { library: { ms: 20_000, ours: true }, chromium: { ms: 22_000, ours: true } },
    happen: killFlows,
  },
  {
    name: 'black-hole-all',
    runs: 3,
    what: 'No UDP passes for 20 s, new connections included; measured from its return.',
    profile: 'low_latency',
    targets: { library: { ms: 10_000, ours: true }, chromium: { ms: 10_000, ours: true } },
    happen: (stage) => silenceFor(stage, 20_000),
  },
  {
    name: 'nat-rebinding',
    what: 'The NAT in front of the peer forgets its mappings and gives new ports.',
    profile: 'low_latency',
    nat: true,
    targets: { library: { ms: 4000 }, chromium: { ms: 8000 } },
    happen: (stage) => stage.happens(() => stage.path.rebindNat()),
  },
  {
    name: 'nat-rebinding-production',
    what: 'The same with the slow pings of the profile production.',
    nat: true,
    phaseMs: 5000,
    targets: { library: { ms: 4000 }, chromium: { ms: 8000 } },
    happen: (stage) => stage.happens(() => stage.path.rebindNat()),
  },
  {
    name: 'loss-25',
    what: 'A quarter of all packets is lost, both ways, for 10 s; measured from the end of it.',
    targets: { library: { ms: 3000 }, chromium: { ms: 3000 } },
    happen: (stage) => loseFor(stage, 0.25, 10_000),
  },
  {
    name: 'loss-25-low-latency',
    runs: 3,
    what: 'The same with the quick pings of the profile low_latency, which notice more.',
    profile: 'low_latency',
    targets: { library: { ms: 3000 }, chromium: { ms: 3000 } },
    happen: (stage) => loseFor(stage, 0.25, 10_000),
  },
  {
    name: 'intermittent',
    what: 'No network for 3 s, three times, with 5 s of network between; measured from its last return.',
    targets: { library: { ms: 3000 }, chromium: { ms: 3000 } },
    happen: (stage) => comeAndGo(stage),
  },
  {
    name: 'intermittent-loss',
    what: 'The same with a quarter of all packets lost in between.',
    targets: { library: { ms: 3000 }, chromium: { ms: 3000 } },
    happen: (stage) => comeAndGo(stage, 0.25),
  },
  {
    name: 'intermittent-low-latency',
    runs: 3,
    what: 'The same with the quick pings of the profile low_latency.',
    profile: 'low_latency',
    targets: { library: { ms: 3000 }, chromium: { ms: 3000 } },
    happen: (stage) => comeAndGo(stage),
  },
  {
    name: 'quality-degradation',
    what: 'The path loses 20 % each way and stays so, a new connection does not; health is polled every 2 s. With the library a restart for the quality is expected, with the old path in use until then. The loss of a plain page is not seen: its pings are repeated until they arrive.',
    settings: { health_check_interval_ms: 2000 },
    runs: 3,
    targets: { library: { ms: 3000, of: 'outageMs', ours: true }, chromium: { ms: 3000, of: 'outageMs', ours: true } },
    happen: worsen,
    check: ({ kind }, { triggers }) => ({
      faults:
        kind === 'chromium' || triggers.includes('poor_quality') ? [] : ['no restart for poor quality within 90 s'],
    }),
  },
];
