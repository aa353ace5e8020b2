/**
 * The time of a service, as lengths of time are counted: what it says is dated by its own clock, and this computer's may be minutes off. The console has
 * the same (src/console/clock.ts).
 */

/** So much may be travel. */
const travelMs = 500;

export class ServerClock {
  #offsetMs = 0;

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /** What the service just said the time is. */
  learn(atMs: number): void {
    const learntMs = atMs - Date.now();
    if (Math.abs(learntMs - this.#offsetMs) > travelMs) this.#offsetMs = learntMs;
  }
}
