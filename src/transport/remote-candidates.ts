/**
 * Candidates of the peer for one generation: kept until the remote description is applied, then checked against its ufrag and handed on. Bounded in
 * number and bytes, for the peer sends as many as it likes.
 */
import type { Failure } from '../../machines/failure.js';
import { checkCandidate, maxCandidates, ufragOfCandidate } from './sdp.js';

/** Before the remote description. */
const maxKept = 64;
const maxKeptBytes = 32 * 1024;
/** In the life of a generation; libjuice itself uses the first 30. */
const maxTaken = 2 * maxCandidates;

export interface RemoteCandidate {
  readonly candidate: string;
  readonly mid: string;
}

export class RemoteCandidates {
  private kept: RemoteCandidate[] = [];
  private keptBytes = 0;
  private taken = 0;
  private ufrag: string | null = null;
  private applied = false;

  /** @returns `keep`: it waits for the remote description; `add`: hand it to the connection now; else why it is refused */
  take(candidate: string, mid: string): 'keep' | 'add' | Failure {
    const failure = checkCandidate(candidate) ?? this.overflow(candidate, mid);
    if (failure !== null) return failure;
    this.taken += 1;
    if (!this.applied) {
      this.kept.push({ candidate, mid });
      this.keptBytes += candidate.length + mid.length;
      return 'keep';
    }
    return this.isStale(candidate) ? { code: 'signalling_stale_generation', detail: 'the ufrag is of another description' } : 'add';
  }

  /** The remote description is applied. @returns what had been kept and belongs to it, in order, and how many did not */
  apply(ufrag: string | null): { readonly due: readonly RemoteCandidate[]; readonly stale: number } {
    this.applied = true;
    this.ufrag = ufrag;
    const due = this.kept.filter(({ candidate }) => !this.isStale(candidate));
    const stale = this.kept.length - due.length;
    this.kept = [];
    this.keptBytes = 0;
    return { due, stale };
  }

  private overflow(candidate: string, mid: string): Failure | null {
    const keptFull = !this.applied && (this.kept.length >= maxKept || this.keptBytes + candidate.length + mid.length > maxKeptBytes);
    if (!keptFull && this.taken < maxTaken) return null;
    return { code: 'signalling_candidate_overflow', detail: `${this.taken} candidates taken so far` };
  }

  private isStale(candidate: string): boolean {
    const ufrag = ufragOfCandidate(candidate);
    return ufrag !== null && this.ufrag !== null && ufrag !== this.ufrag;
  }
}
