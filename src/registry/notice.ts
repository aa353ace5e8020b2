/** What the registry tells its listeners: an emission of a tube with the identity, moment and state it belongs to. */
import type { TubeEmission, TubeIdentity, TubeState } from '../../machines/events.js';

export interface TubeNotice {
  readonly identity: TubeIdentity;
  /** Newest generation of the tube when it spoke. */
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** The top-level state before this emission; differs from the present one only for `state` emissions. */
  readonly previousState: TubeState;
  readonly emission: TubeEmission;
}
