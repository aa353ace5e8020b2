/** What a scenario is: a table entry that says what happens and what is expected. Played by play.ts, listed in scenarios/. */
import type { PeerKind, Setting } from './setting.js';
import type { Happening, Stage } from './stage.js';

/** The figures of one run, as they are kept; times in milliseconds since the event. */
export interface Figures {
  /** Until the service noticed; null = never. */
  readonly detectMs: number | null;
  /** Until a message that was sent after the event arrived, in the worse direction; null = never. */
  readonly firstByteMs: number | null;
  /** The longest silence of the application's stream from the event on, in the worse direction. */
  readonly outageMs: number;
  readonly attempts: number;
  readonly sentMessages: number;
  readonly lostMessages: number;
  /** What was not as demanded; empty = good. The target counts for the median, not here. */
  readonly faults: readonly string[];
}

/** What came of one run. */
export interface RunResult extends Figures {
  readonly triggers: readonly string[];
  /** Restart attempts of one tube at the same time, at most. */
  readonly inFlight: number;
  /** Twice, or not in order. */
  readonly misplacedMessages: number;
  /** Of application channels, seen by the peer. */
  readonly channelCloses: number;
  /** Of the tubes at the end. */
  readonly states: readonly string[];
  /** More to say, in a scenario's own words. */
  readonly notes: readonly string[];
  /** Log of the tube that took longest, for people. */
  readonly story: readonly string[];
}

/** Which figure of a run the target is about. */
export type Measure = 'firstByteMs' | 'outageMs';

export interface Target {
  readonly ms: number;
  /** Default `firstByteMs`. */
  readonly of?: Measure;
  /** False: the table has no number for this; it is the laboratory's own. */
  readonly ours?: boolean;
}

/** `since` = when the trouble began, where that was earlier. */
export type Event = Happening & { readonly since?: number };

export interface Scenario extends Setting {
  /** One sentence for people: what happens. */
  readonly what: string;
  /** The peers it is played with, and what each must reach; null = it is shown, there is no target. */
  readonly targets: Readonly<Partial<Record<PeerKind, Target | null>>>;
  /** Quiet time before the event. Default 1500, and up to `phaseMs` more at random. */
  readonly warmUpMs?: number;
  /** The period of something the event must not be in step with, like pings. Default 1000. */
  readonly phaseMs?: number;
  /** Default 60000. */
  readonly giveUpMs?: number;
  /** Time after the recovery in which nothing may happen any more. Default 1500. */
  readonly settleMs?: number;
  /** More than 10 by default takes too long, or fewer say enough. */
  readonly runs?: number;
  /** Losing or doubling messages is no fault here, and why. */
  readonly mayLose?: string;
  /** Makes it happen; resolves with the moment that recovery is measured from. */
  readonly happen: (stage: Stage) => Promise<Event>;
  /** After the settling: what else was demanded and is not so, and what there is to say. */
  readonly check?: (stage: Stage, result: RunResult, event: Event) => Promise<Verdict> | Verdict;
}

export interface Verdict {
  readonly faults?: readonly string[];
  readonly notes?: readonly string[];
}

export const targetText = (target: Target | null | undefined): string =>
  target === null || target === undefined
    ? 'none'
    : `${target.of === 'outageMs' ? 'silence ' : ''}≤ ${seconds(target.ms)}${target.ours === true ? ' (ours)' : ''}`;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
