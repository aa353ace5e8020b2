/**
 * The storm governor (contract section 4): when a large share of a node's tubes turns suspect at once, the fault is ours. Then every tube holds its
 * restarts, the network of this host is looked at, and the tubes in trouble are let go in waves. It decides for no single tube: the decision table
 * does (machines/policies/recovery.ts), which sees `held`.
 */
import type { NodeFacts } from '../../machines/events.js';
import { isStorm, type StormLimits } from '../../machines/policies/storm.js';
import type { PacerClock, RestartPacer } from './restart-pacer.js';

export interface StormGovernorLimits extends StormLimits {
  /** Tubes that turn suspect within this are counted together. */
  readonly stormWindowMs: number;
  /** From the beginning of a storm to the first wave. */
  readonly stormPauseMs: number;
}

export interface StormNews {
  readonly active: boolean;
  /** Of the live tubes, in [0, 1]. */
  readonly suspectShare: number;
  readonly suspects: number;
}

export interface StormGovernorOptions {
  readonly limits: () => StormGovernorLimits;
  readonly pacer: RestartPacer;
  readonly clock: PacerClock;
  /** Tubes that have or had a path: the ones that a storm could hit. */
  readonly liveTubes: () => ReadonlySet<string>;
  /** Of the live ones: whether it wants a restart, for whatever reason. */
  readonly inTrouble: (tubeId: string) => boolean;
  readonly tell: (tubeId: string, node: Partial<NodeFacts>) => void;
  /** Looks at the network of this host now. Tubes that have no way to their peer wait for one by themselves, storm or not. */
  readonly lookAtNetwork: () => void;
  readonly changed: (news: StormNews) => void;
}

export class StormGovernor {
  readonly #options: StormGovernorOptions;
  /** When each tube turned suspect; of the last window, or of the storm. */
  readonly #suspects = new Map<string, number>();
  #storm: { released: boolean } | null = null;
  /** Tubes that were told to hold, and not yet told to go: all of them are, whatever became of them meanwhile. */
  readonly #held = new Set<string>();
  /** Of them those that wait for their wave. */
  readonly #leaving = new Set<string>();
  #cancel: (() => void) | null = null;

  constructor(options: StormGovernorOptions) {
    this.#options = options;
  }

  get active(): boolean {
    return this.#storm !== null;
  }

  /** Tubes whose restarts are held back now. */
  get held(): number {
    return this.#held.size;
  }

  /** A tube's path went silent or broke, by no change that is known. */
  suspect(tubeId: string): void {
    const nowMs = this.#options.clock.now();
    this.#suspects.delete(tubeId);
    this.#suspects.set(tubeId, nowMs);
    if (this.#storm !== null) {
      if (this.#storm.released) this.#release(tubeId);
      return;
    }
    const { stormWindowMs } = this.#options.limits();
    // Oldest first.
    for (const [other, atMs] of this.#suspects) {
      if (nowMs - atMs <= stormWindowMs) break;
      this.#suspects.delete(other);
    }
    const live = this.#options.liveTubes();
    const suspectShare = Math.min(1, this.#suspects.size / Math.max(1, live.size));
    if (isStorm(this.#suspects.size, live.size, this.#options.limits())) this.#begin(live, suspectShare);
    else this.#options.tell(tubeId, { suspectShare });
  }

  /** The tube is gone. */
  forget(tubeId: string): void {
    this.#suspects.delete(tubeId);
    this.#held.delete(tubeId);
    this.#leaving.delete(tubeId);
    this.#options.pacer.forget(tubeId);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#storm = null;
    this.#suspects.clear();
    this.#held.clear();
    this.#leaving.clear();
  }

  #begin(live: ReadonlySet<string>, suspectShare: number): void {
    this.#storm = { released: false };
    for (const tubeId of live) {
      this.#held.add(tubeId);
      this.#options.tell(tubeId, { held: true, suspectShare });
    }
    this.#options.changed({ active: true, suspectShare, suspects: this.#suspects.size });
    this.#options.lookAtNetwork();
    this.#cancel = this.#options.clock.schedule(() => this.#releaseAll(), this.#options.limits().stormPauseMs);
  }

  #releaseAll(): void {
    if (this.#storm === null) return;
    this.#storm.released = true;
    for (const tubeId of this.#held) if (this.#options.inTrouble(tubeId)) this.#release(tubeId);
    this.#endLater();
  }

  #release(tubeId: string): void {
    if (!this.#held.has(tubeId)) return;
    this.#leaving.add(tubeId);
    this.#options.pacer.run('storm', tubeId, () => this.#letGo(tubeId));
  }

  #letGo(tubeId: string): void {
    this.#held.delete(tubeId);
    this.#leaving.delete(tubeId);
    this.#options.tell(tubeId, { held: false, suspectShare: 0 });
  }

  /** Over when every tube in trouble has been let go; the others want no restart, and are let go together. */
  #endLater(): void {
    this.#cancel = this.#options.clock.schedule(() => {
      if (this.#leaving.size > 0) return this.#endLater();
      this.#cancel = null;
      const suspects = this.#suspects.size;
      this.#storm = null;
      this.#suspects.clear();
      for (const tubeId of [...this.#held]) this.#letGo(tubeId);
      this.#options.changed({ active: false, suspectShare: 0, suspects });
    }, this.#options.limits().stormPauseMs);
  }
}
