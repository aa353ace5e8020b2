/**
 * What the peer library needs of the world around it: connections, time, randomness and news of the network. `browser.ts` and `node.ts`
 * supply it; tests supply a fake clock. Nothing else in the library touches a global with a side effect.
 */
import type { ConnectionFactory } from '../channels/connection.port.js';
import type { NetworkChange } from './signalling.port.js';

/** Calls `fn` once after `delayMs`; the result cancels it. */
export type Schedule = (fn: () => void, delayMs: number) => () => void;

export interface PeerEnvironment {
  readonly createConnection: ConnectionFactory;
  readonly schedule: Schedule;
  /** Milliseconds, monotonic or not; only differences are used. */
  readonly now: () => number;
  /** In [0, 1); makes the instance id, so it must differ between two pages. */
  readonly random: () => number;
  /** Network changes, where the environment reports any. Returns the unsubscriber. */
  readonly watchNetwork?: (listener: (change: NetworkChange) => void) => () => void;
}
