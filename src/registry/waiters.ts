/**
 * Calls that wait for something a tube will say. Each has a deadline and ends exactly once; the number that may wait is bounded by the rate
 * limits of the gateway and by the deadline.
 */
import { AppError } from '../errors.js';
import type { TubeNotice } from './notice.js';

/** What a notice means to a waiting call: undefined = nothing; an AppError rejects; anything else resolves. */
type Judge<Result> = (notice: TubeNotice) => Result | AppError | undefined;

interface Waiter {
  readonly judge: Judge<unknown>;
  readonly settle: (outcome: unknown) => void;
}

export class Waiters {
  readonly #byTube = new Map<string, Set<Waiter>>();

  /** Waits until `judge` says something of a notice of the tube; rejects with service_timeout, or tube_closed when the tube ends. */
  wait<Result>(tubeId: string, timeoutMs: number, judge: Judge<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const waiters = this.#byTube.get(tubeId) ?? new Set<Waiter>();
      this.#byTube.set(tubeId, waiters);
      const timer = setTimeout(() => {
        waiter.settle(new AppError('service_timeout'));
      }, timeoutMs);
      const waiter: Waiter = {
        judge,
        settle: (outcome) => {
          clearTimeout(timer);
          waiters.delete(waiter);
          if (waiters.size === 0) this.#byTube.delete(tubeId);
          if (outcome instanceof AppError) reject(outcome);
          else resolve(outcome as Result);
        },
      };
      waiters.add(waiter);
    });
  }

  hear(notice: TubeNotice): void {
    const waiters = this.#byTube.get(notice.identity.tubeId);
    if (waiters === undefined) return;
    for (const waiter of [...waiters]) {
      const outcome = waiter.judge(notice);
      if (outcome !== undefined) waiter.settle(outcome);
      else if (notice.emission.type === 'closed') waiter.settle(new AppError('tube_closed', notice.emission.reason));
    }
  }
}
