/**
 * What the transport room tells the rest of the service beside the events of the port: messages of peers and counters. Declared here because this
 * room speaks them; app.ts supplies the listener. Every method is called guarded: a throw is counted as `listener_threw` and goes no further.
 */
import type { ChannelClass } from '../../machines/settings.js';
import type { DropCause } from '../channels/lane.js';
import type { RelayOutcome } from './gathering.js';

export const transportCounters = [
  'channel_refused',
  'channel_closed_by_peer',
  'control_malformed',
  'candidate_stale',
  'candidate_unusable',
  'description_refused',
  'generation_orphaned',
  'listener_threw',
  'command_threw',
  'peer_flooded',
] as const;
export type TransportCounter = (typeof transportCounters)[number];

export interface TransportObserver {
  /** Application data of the peer, exactly as it was sent. */
  message(tubeId: string, label: string, data: string | Uint8Array, channelClass: ChannelClass): void;
  counted(counter: TransportCounter, count: number): void;
  /** Messages that were not carried (`overflow`: a `latest` channel drops its oldest). */
  dropped(tubeId: string, label: string, cause: DropCause, count: number, channelClass: ChannelClass): void;
  /** Messages that go out once more, on the path after the one that may have lost them. */
  replayed?(tubeId: string, label: string, count: number): void;
  /** A generation has all of its candidates. */
  gathered?(durationMs: number, relay: RelayOutcome): void;
  /** A peer sent more than could be taken, and its connection is closing: a restart would only go on, so the tube should be closed (`limit`). */
  flooded?(tubeId: string): void;
  /** Something of ours threw: for the log. */
  fault(where: string, error: unknown): void;
}
