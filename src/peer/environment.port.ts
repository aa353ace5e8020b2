/**
 * What the peer library needs of the world around it: connections, time, randomness and news of the network. `browser.ts` and `node.ts`
 * supply it; tests supply a fake clock. Nothing else in the library touches a global with a side effect.
 */
import type { ConnectionFactory, IceServer } from '../channels/connection.port.js';
import type { SelectedPair } from '../../machines/ports/transport.port.js';
import type { NetworkChange } from './signalling.port.js';

/** Calls `fn` once after `delayMs`; the result cancels it. */
export type Schedule = (fn: () => void, delayMs: number) => () => void;

/** `concernsPath`: false where the environment knows that packets of the peer's path leave as they did. */
export type NetworkListener = (change: NetworkChange, concernsPath: boolean) => void;

export interface NetworkWatch {
  /** The path that carries data from now on, and the servers that it may be relayed by. For environments that know routes. */
  pathFound?(pair: SelectedPair, iceServers: readonly IceServer[]): void;
  /** No call follows. */
  stop(): void;
}

export interface PeerEnvironment {
  readonly createConnection: ConnectionFactory;
  readonly schedule: Schedule;
  /** Milliseconds, monotonic or not; only differences are used. */
  readonly now: () => number;
  /** In [0, 1); makes the instance id, so it must differ between two pages. */
  readonly random: () => number;
  /** Network changes, where the environment reports any. */
  readonly watchNetwork?: (listener: NetworkListener) => NetworkWatch;
}
