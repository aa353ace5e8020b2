/** What the gateway asks of app.ts on behalf of operators (operator-calls.ts, tube-feed.ts); src/operator has the words. */
import type { TubeIdentity } from '../../machines/events.js';
import type { Incident } from '../operator/incident.types.js';
import type { ClosedTubeRow, Fault, LogLevelRow, NodeView, SamplePoint, TubeRow } from '../operator/operator.types.js';

export interface OperatorDesk {
  /** Null when it is not here. */
  row(tubeId: string): TubeRow | null;
  /** Ids of the live tubes of a tenant. */
  tubesOf(tenant: string): Iterable<string>;
  /** Called when the row of a tube is another one, or its tube is gone. It must not throw. Returns the unsubscriber. */
  onRow(listener: (identity: TubeIdentity) => void): () => void;
  /** Newest first, with the present one; also of a tube that closed lately. Null: nothing is known of the tube, or not any more. */
  incidents(tubeId: string): readonly Incident[] | null;
  /** Of a live tube, oldest first. */
  samples(tubeId: string): readonly SamplePoint[];
  /** Newest first. */
  closed(tenant: string): readonly ClosedTubeRow[];
  node(): NodeView;
  logLevels(): readonly LogLevelRow[];
  /** `ttlMs` null: for good. Throws AppError `input_schema` when there is no such target or level. */
  setLogLevel(target: string, level: string, ttlMs: number | null): LogLevelRow;
  /** Throws AppError `service_not_allowed` where faults are not allowed, and `tube_state` when the tube has nothing to break. */
  injectFault(tubeId: string, fault: Fault, durationMs: number): void;
}
