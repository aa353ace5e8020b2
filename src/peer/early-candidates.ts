/**
 * Candidates that overtook the offer of their generation, which signalling paths with more than one hop do. Bounded in both directions;
 * what does not fit is counted.
 */
import { maxCandidates } from './generation.js';
import type { CandidateFrame } from './signalling.port.js';

const maxGenerations = 4;

export class EarlyCandidates {
  readonly #kept = new Map<number, CandidateFrame[]>();
  #dropped = 0;

  get dropped(): number {
    return this.#dropped;
  }

  keep(generation: number, candidate: CandidateFrame): void {
    const list = this.#kept.get(generation) ?? [];
    const isFull = list.length >= maxCandidates || (list.length === 0 && this.#kept.size >= maxGenerations);
    if (isFull) {
      this.#dropped += 1;
      return;
    }
    list.push(candidate);
    this.#kept.set(generation, list);
  }

  /** Those of `generation`; those of older ones are forgotten and counted. */
  take(generation: number): CandidateFrame[] {
    const taken = this.#kept.get(generation) ?? [];
    for (const [number, list] of this.#kept) {
      if (number > generation) continue;
      if (number < generation) this.#dropped += list.length;
      this.#kept.delete(number);
    }
    return taken;
  }
}
