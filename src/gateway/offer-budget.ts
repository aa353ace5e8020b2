/**
 * How many offers of its own a peer may make for one tube, over /peer or through its controller: each of them builds a native connection here, and
 * costs whoever sends it nothing. A fixed window like the other rates (limits.ts), but without a promise: an offer must reach its tube
 * before the candidates that come after it.
 */
import { AppError } from '../errors.js';

/** A page offers when its network changes, or when its connection failed: some seconds lie between. */
const offersPerWindow = 10;
const windowMs = 10_000;

export class OfferBudget {
  /** Of the window that runs. */
  readonly #used = new Map<string, number>();

  /** Throws AppError `rate_exceeded`. */
  spend(tubeId: string): void {
    const used = this.#used.get(tubeId) ?? 0;
    if (used >= offersPerWindow)
      throw new AppError('rate_exceeded', `at most ${String(offersPerWindow)} offers and restart requests in 10 s`);
    if (used === 0) setTimeout(() => this.#used.delete(tubeId), windowMs).unref();
    this.#used.set(tubeId, used + 1);
  }
}
