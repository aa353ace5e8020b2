/**
 * The network laboratory in short: one run of a few scenarios, with three times the time that `npm run lab` holds them to, because a test machine may
 * be busy. All of them, with medians and targets, are played by `npm run lab -- all`.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { scenarios } from './lab/catalogue.js';
import { Laboratory } from './lab/lab.js';
import { runLine } from './lab/report.js';
import type { Scenario } from './lab/scenario.js';
import type { PeerKind } from './lab/setting.js';
import { describeWith } from '../support/require.js';

const seed = 1;
const generosity = 3;

const quick: readonly (readonly [string, PeerKind, Partial<Scenario>])[] = [
  ['ethernet-to-wifi', 'library', {}],
  ['ethernet-to-wifi', 'chromium', {}],
  ['ethernet-to-wifi-turn', 'library', {}],
  ['black-hole', 'library', {}],
  ['nat-rebinding', 'library', {}],
  ['rapid-changes', 'library', {}],
  ['many-tubes', 'library', { tubes: 30, processes: 2, messageEveryMs: 100, warmUpMs: 1000 }],
];

describeWith(['netns', 'nftables', 'chromium'], 'the network laboratory', () => {
  let lab: Laboratory;

  beforeAll(async () => {
    lab = await Laboratory.build(seed);
  }, 60_000);
  afterAll(async () => {
    await lab.close();
  }, 60_000);

  it.each(quick)(
    '%s with %s comes back and loses nothing that it must not',
    async (name, kind, changes) => {
      const scenario = scenarios.find((one) => one.name === name);
      const target = scenario?.targets[kind];
      if (scenario === undefined || target === undefined || target === null) throw new Error(`no target for ${name}`);
      const [result] = await lab.play({ ...scenario, settleMs: 500, ...changes }, { kind, runs: 1, seed });
      if (result === undefined) throw new Error('no result');
      console.log(`${name}, ${kind}:${runLine(result, 1, 1)}`);
      expect([result.faults, result.story.filter(() => result.faults.length > 0)]).toEqual([[], []]);
      expect(result.firstByteMs).toBeLessThan(target.ms * generosity);
    },
    60_000,
  );
});
