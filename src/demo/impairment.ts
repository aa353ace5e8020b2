/**
 * What a bad path does to packets, as arithmetic: loss, delay, jitter, reordering, a rate limit with a bounded queue, silence. One direction, seeded,
 * without sockets or timers: it is asked for the fate of each packet, in the order in which they come. UdpRelay does what it says.
 */
import { drawRandom } from '../../machines/policies/random.js';

export interface Conditions {
  /** Nothing passes. */
  readonly blackHole: boolean;
  /** Share of packets that vanish, in [0, 1]. */
  readonly lossRatio: number;
  /** One way. */
  readonly delayMs: number;
  /** A random extra delay in [0, jitterMs); packets keep their order, as in a queue. */
  readonly jitterMs: number;
  /** Share of packets that are held back by `reorderByMs` more, while others overtake them; in [0, 1]. */
  readonly reorderRatio: number;
  readonly reorderByMs: number;
  /** Null: no limit. */
  readonly rateBytesPerSecond: number | null;
  /** May pass at once after a pause (the depth of the token bucket). */
  readonly burstBytes: number;
  /** May wait for the rate; what comes on top of it is dropped. */
  readonly queueBytes: number;
}

export const goodPath: Conditions = {
  blackHole: false,
  lossRatio: 0,
  delayMs: 0,
  jitterMs: 0,
  reorderRatio: 0,
  reorderByMs: 20,
  rateBytesPerSecond: null,
  burstBytes: 4096,
  queueBytes: 65_536,
};

export type DropCause = 'blackHole' | 'loss' | 'queue';

export type Fate =
  { readonly dropped: DropCause } | { readonly dropped: null; readonly dueMs: number; readonly reordered: boolean };

export class Impairment {
  #conditions: Conditions = goodPath;
  #random: number;
  /** When the limited link has sent all that it was given (generic cell rate algorithm). */
  #idleAtMs = 0;
  /** No packet that keeps the order is due before this. */
  #lastDueMs = 0;

  constructor(seed: number) {
    this.#random = seed >>> 0;
  }

  get conditions(): Conditions {
    return this.#conditions;
  }

  /** What is not named stays as it is. Packets that are on their way keep the fate that they have, except in a black hole. */
  set(conditions: Partial<Conditions>): void {
    if ('rateBytesPerSecond' in conditions) this.#idleAtMs = 0;
    this.#conditions = { ...this.#conditions, ...conditions };
  }

  /** @param nowMs never earlier than in the call before */
  fate(bytes: number, nowMs: number): Fate {
    const { blackHole, lossRatio, delayMs, jitterMs, reorderRatio, reorderByMs } = this.#conditions;
    if (blackHole) return { dropped: 'blackHole' };
    if (this.#happens(lossRatio)) return { dropped: 'loss' };
    const leavesAtMs = this.#leavesAt(bytes, nowMs);
    if (leavesAtMs === null) return { dropped: 'queue' };
    const jitter = jitterMs === 0 ? 0 : this.#draw() * jitterMs;
    const dueMs = Math.max(this.#lastDueMs, leavesAtMs + delayMs + jitter);
    if (this.#happens(reorderRatio)) return { dropped: null, dueMs: dueMs + reorderByMs, reordered: true };
    this.#lastDueMs = dueMs;
    return { dropped: null, dueMs, reordered: false };
  }

  /** Null: the queue is full. */
  #leavesAt(bytes: number, nowMs: number): number | null {
    const { rateBytesPerSecond, burstBytes, queueBytes } = this.#conditions;
    if (rateBytesPerSecond === null) return nowMs;
    const msPerByte = 1000 / rateBytesPerSecond;
    const idleAtMs = Math.max(this.#idleAtMs, nowMs) + bytes * msPerByte;
    const leavesAtMs = Math.max(nowMs, idleAtMs - burstBytes * msPerByte);
    if ((leavesAtMs - nowMs) / msPerByte > queueBytes) return null;
    this.#idleAtMs = idleAtMs;
    return leavesAtMs;
  }

  /** A ratio of 0 draws no number, so that what is not asked for does not change the rest of a seeded run. */
  #happens(ratio: number): boolean {
    return ratio > 0 && this.#draw() < ratio;
  }

  #draw(): number {
    const { value, state } = drawRandom(this.#random);
    this.#random = state;
    return value;
  }
}
