/** Anything, in any order, from a seed: the same seed does the same things at the same times. At the end the tube is connected and nothing is lost. */
import type { Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';
import { sleep } from '../time.js';
import { otherUplink, type Uplink } from '../topology.js';

type Deed = (stage: Stage, uplinks: Record<'service' | 'peer', Uplink>) => Promise<unknown>;

const between = (stage: Stage, low: number, high: number): number => low + stage.random() * (high - low);

const handOver =
  (who: 'service' | 'peer'): Deed =>
  async (stage, uplinks) => {
    const from = uplinks[who];
    const to = otherUplink[from];
    await stage.topology[who].handOver(from, to);
    uplinks[who] = to;
  };

const replaceAddress =
  (who: 'service' | 'peer'): Deed =>
  (stage, uplinks) =>
    stage.topology[who].replaceAddress(uplinks[who]);

const forAWhile =
  (
    low: number,
    high: number,
    begin: (stage: Stage) => Promise<unknown>,
    end: (stage: Stage) => Promise<unknown>,
  ): Deed =>
  async (stage) => {
    const ms = between(stage, low, high);
    await begin(stage);
    await sleep(ms);
    await end(stage);
  };

const heal = (stage: Stage): Promise<void> => stage.path.heal();
const calm = { delayMs: 0, jitterMs: 0, reorderRatio: 0 };

const deeds: Readonly<Record<string, Deed>> = {
  'the service changes its interface': handOver('service'),
  'the peer changes its interface': handOver('peer'),
  'the service gets another address': replaceAddress('service'),
  'the peer gets another address': replaceAddress('peer'),
  'the path dies': (stage) => stage.path.kill(),
  'the NAT rebinds': (stage) => stage.path.rebindNat(),
  silence: forAWhile(500, 7000, (stage) => stage.path.blackHole(), heal),
  loss: forAWhile(1000, 8000, (stage) => stage.path.loss(between(stage, 0.05, 0.35)), heal),
  'delay and reordering': forAWhile(
    1000,
    8000,
    (stage) => stage.path.conditions({ delayMs: between(stage, 20, 200), jitterMs: 50, reorderRatio: 0.05 }),
    (stage) => stage.path.conditions(calm),
  ),
  'no signalling': forAWhile(
    500,
    8000,
    (stage) => stage.topology.signalling('down', 'peer'),
    (stage) => stage.topology.signalling('up', 'peer'),
  ),
};

async function anything(stage: Stage) {
  const since = Date.now();
  const endMs = since + stage.minutes * 60_000;
  const uplinks = { service: 'eth0', peer: 'eth0' } as const satisfies Record<string, Uplink>;
  const names = Object.keys(deeds);
  while (Date.now() < endMs) {
    const name = names[Math.floor(stage.random() * names.length)] ?? '';
    stage.diary.push(`${String(Date.now() - since).padStart(6)} ms  ${name}`);
    await deeds[name]?.(stage, uplinks);
    await sleep(between(stage, 200, 6000));
  }
  return { ...(await stage.happens(() => stage.path.heal())), since };
}

export const chaosScenarios: readonly Scenario[] = [
  {
    name: 'chaos',
    what: 'All of the above at random from a seed for some minutes (--minutes, default 2); measured from the end of it.',
    path: {},
    runs: 1,
    giveUpMs: 120_000,
    settleMs: 5000,
    targets: { library: { ms: 30_000, ours: true }, chromium: { ms: 30_000, ours: true } },
    happen: anything,
  },
];
