/**
 * What has come on a reliable channel from one instance of the peer: which number is due, what came before its turn, and what is not acknowledged
 * yet. It delivers and acknowledges nothing itself; lane.ts drives it.
 */
import { serialAdd, serialDistance } from './frame.js';
import { chargeOf } from './outbox.js';

/** One instance of the peer; null: a plain peer, which has no frames. Compared by identity. */
export interface Epoch {
  readonly instance: string | null;
}

export class Inbox {
  /** The number that is due: everything before it has been delivered. */
  expected = 0;
  unackedMessages = 0;
  unackedBytes = 0;
  cancelTimer: (() => void) | null = null;
  private readonly early = new Map<number, Uint8Array>();
  private earlyBytes = 0;

  constructor(readonly epoch: Epoch) {}

  /**
   * On one generation numbers never jump: a sender begins each activation with its oldest unacknowledged message, and everything before that has been
   * delivered here. So with two live generations the younger one repeats and then goes on, whichever of the two is faster. But messages can overtake
   * each other on a channel that the other side has just opened (1 in 100 times under load): libdatachannel delivers what came before our
   * callback was set from one thread and what comes meanwhile from another (`flushPendingMessages`). They wait for their turn, in bounded memory;
   * above it nothing is lost either, for what was not acknowledged comes again with the next activation.
   *
   * @returns `due`: the caller delivers it, and then what `next` gives
   */
  take(seq: number, frame: Uint8Array, maxEarlyBytes: number): 'due' | 'duplicate' | 'early' | 'gap' {
    const ahead = serialDistance(seq, this.expected);
    if (ahead === 0) {
      this.expected = serialAdd(this.expected, 1);
      return 'due';
    }
    if (ahead < 0 || this.early.has(seq)) return 'duplicate';
    const charge = chargeOf(frame.length);
    if (this.earlyBytes + charge > maxEarlyBytes) return 'gap';
    this.early.set(seq, frame);
    this.earlyBytes += charge;
    return 'early';
  }

  /** The frame whose turn it is, if it has come already. */
  next(): Uint8Array | undefined {
    const frame = this.early.get(this.expected);
    if (frame === undefined) return undefined;
    this.early.delete(this.expected);
    this.earlyBytes -= chargeOf(frame.length);
    this.expected = serialAdd(this.expected, 1);
    return frame;
  }
}
