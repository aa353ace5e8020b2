/**
 * Candidates of the peer for one generation, trickled or in its description: kept until the connection may have them, and checked against the ufrag
 * of the remote description. Bounded in number and bytes, for the peer sends as many as it likes.
 */
import type { Failure } from '../../machines/failure.js';
import { candidatesOf, checkCandidate, maxCandidates, ufragOf, ufragOfCandidate } from './sdp.js';

/** Trickled ones that wait. */
const maxKept = 64;
const maxKeptBytes = 32 * 1024;
/** Trickled ones in the life of a generation; libjuice itself uses the first 30. */
const maxTaken = 2 * maxCandidates;

export interface RemoteCandidate {
  readonly candidate: string;
  readonly mid: string;
}

export class RemoteCandidates {
  private kept: RemoteCandidate[] = [];
  private keptBytes = 0;
  private taken = 0;
  private described: readonly RemoteCandidate[] = [];
  private ufrag: string | null = null;
  private opened = false;
  /** `address port` of those that the peer calls relayed. */
  private readonly relays = new Set<string>();

  /** @returns `keep`: it waits; `add`: hand it to the connection now; else why it is refused */
  take(candidate: string, mid: string): 'keep' | 'add' | Failure {
    const failure = checkCandidate(candidate) ?? this.overflow(candidate, mid);
    if (failure !== null) return failure;
    if (this.isStale(candidate))
      return { code: 'signalling_stale_generation', detail: 'the ufrag is of another description' };
    this.taken += 1;
    this.noteRelay(candidate);
    if (this.opened) return 'add';
    this.kept.push({ candidate, mid });
    this.keptBytes += candidate.length + mid.length;
    return 'keep';
  }

  /** The remote description is applied. @returns how many that had been kept do not belong to it */
  describe(sdp: string): number {
    this.ufrag = ufragOf(sdp);
    this.described = candidatesOf(sdp);
    for (const { candidate } of this.described) this.noteRelay(candidate);
    const before = this.kept.length;
    this.kept = this.kept.filter(({ candidate }) => !this.isStale(candidate));
    return before - this.kept.length;
  }

  /** The connection may have them. @returns all that waited, in order; what comes later is added at once */
  open(): readonly RemoteCandidate[] {
    this.opened = true;
    const due = [...this.described, ...this.kept];
    this.described = [];
    this.kept = [];
    this.keptBytes = 0;
    return due;
  }

  /** Whether the peer said that this is its address at a TURN server. */
  isRelay(address: string, port: number): boolean {
    return this.relays.has(`${address} ${port}`);
  }

  private noteRelay(candidate: string): void {
    // foundation component transport priority address port typ … (RFC 8839 §5.1)
    const [, , , , address, port, , type] = candidate.split(' ');
    if (type === 'relay') this.relays.add(`${address} ${port}`);
  }

  private overflow(candidate: string, mid: string): Failure | null {
    const full =
      !this.opened && (this.kept.length >= maxKept || this.keptBytes + candidate.length + mid.length > maxKeptBytes);
    if (!full && this.taken < maxTaken) return null;
    return { code: 'signalling_candidate_overflow', detail: `${this.taken} candidates taken so far` };
  }

  private isStale(candidate: string): boolean {
    const ufrag = ufragOfCandidate(candidate);
    return ufrag !== null && this.ufrag !== null && ufrag !== this.ufrag;
  }
}
