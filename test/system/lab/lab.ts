/**
 * The laboratory: builds the network once, starts a browser and a relay when a scenario first needs them, and plays scenarios. Used by the command
 * line (main.ts) and by test/system/lab.test.ts.
 */
import type { Browser } from 'playwright-core';
import { Random } from '../../support/random.js';
import { chromiumNames, findProgram } from '../../support/programs.js';
import { launchIn } from './browser.js';
import { cleanLeftovers } from './netns.js';
import { playOnce } from './play.js';
import { RelayProcess } from './relay-process.js';
import { Stage } from './stage.js';
import { Topology } from './topology.js';
import type { RunResult, Scenario } from './scenario.js';
import type { PeerKind } from './setting.js';

export interface PlayOptions {
  readonly kind: PeerKind;
  readonly runs: number;
  readonly seed: number;
  /** Of scenarios that go on for as long as one likes. Default 2. */
  readonly minutes?: number;
  /** Instead of the scenario's own. */
  readonly profile?: string;
  /** After each run. */
  readonly onRun?: (result: RunResult, n: number) => void;
}

export class Laboratory {
  #browser: Browser | null = null;
  #relay: RelayProcess | null = null;

  private constructor(
    readonly topology: Topology,
    private readonly seed: number,
  ) {}

  /** Rejects without root. Removes what dead runs have left. */
  static async build(seed: number): Promise<Laboratory> {
    await cleanLeftovers();
    return new Laboratory(await Topology.build(), seed);
  }

  /** Runs that ended in an exception are results too: nobody wants to lose the other nine. */
  async play(scenario: Scenario, { kind, runs, seed, minutes, profile, onRun }: PlayOptions): Promise<RunResult[]> {
    const random = new Random(seed);
    const stage = await Stage.set({
      topology: this.topology,
      setting: scenario,
      profile: profile ?? scenario.profile ?? 'production',
      kind,
      minutes: minutes ?? 2,
      relay: scenario.path === undefined ? null : await this.#needRelay(),
      browser: kind === 'chromium' ? await this.#needBrowser() : null,
      random: () => random.next(),
    });
    const results: RunResult[] = [];
    try {
      for (let n = 1; n <= runs; n += 1) {
        const result = await playOnce(scenario, stage).catch(brokenRun);
        results.push(result);
        onRun?.(result, n);
      }
    } finally {
      await stage.strike();
    }
    return results;
  }

  /** Idempotent; the synchronous half of it is `topology.dispose`, for the end of the process. */
  async close(): Promise<void> {
    await this.#browser?.close().catch(() => undefined);
    this.#browser = null;
    this.topology.dispose();
  }

  async #needBrowser(): Promise<Browser> {
    const path = findProgram(chromiumNames);
    if (path === undefined) throw new Error('there is no chromium here');
    return (this.#browser ??= await launchIn(this.topology.peer.namespace, path));
  }

  async #needRelay(): Promise<RelayProcess> {
    return (this.#relay ??= await RelayProcess.start(this.topology.router, this.seed));
  }
}

function brokenRun(error: unknown): RunResult {
  const text = (error instanceof Error ? error.message : String(error)).replaceAll('\n', ' / ');
  return {
    detectMs: null,
    firstByteMs: null,
    outageMs: Infinity,
    attempts: 0,
    triggers: [],
    inFlight: 0,
    sentMessages: 0,
    lostMessages: 0,
    misplacedMessages: 0,
    channelCloses: 0,
    states: [],
    faults: [`the run broke off: ${text}`],
    notes: [],
    story: [],
  };
}
