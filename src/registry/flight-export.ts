/**
 * The flight file of a tube (src/replay/flight-file.ts): what the two recorders have of it, put together. It reads, and changes nothing.
 */
import type { TubeIdentity, TubeState } from '../../machines/events.js';
import type { TubeSettings } from '../../machines/settings.js';
import { settingsToWire } from '../config/tube-settings.js';
import { flightFormat, flightVersion, type FlightFile } from '../replay/flight-file.js';
import type { FlightRecorder } from './flight-recorder.js';
import type { InputRecorder } from './input-recorder.js';
import type { LateTimers } from './late-timers.js';
import type { TimerOfTube } from './timer-order.js';

export interface FlightExportParts {
  readonly recorder: Pick<FlightRecorder, 'history'>;
  readonly inputs: Pick<InputRecorder, 'log'>;
  /** Timers of a tube that have not fired. */
  readonly pending: (tubeId: string) => readonly TimerOfTube[];
  readonly late: Pick<LateTimers, 'since'>;
  /** Null for a tube that is gone. */
  readonly stateOf: (tubeId: string) => TubeState | null;
  /** The same; for one whose inputs are recorded no more. */
  readonly known: (tubeId: string) => Known | null;
  readonly now: () => number;
  readonly version: string;
}

/** What of a tube is the same for all of its life. */
interface Known {
  readonly identity: TubeIdentity;
  readonly settings: TubeSettings;
}

/** Null for a tube of which nothing is known any more. */
export function exportFlight(tubeId: string, parts: FlightExportParts): FlightFile | null {
  const log = parts.inputs.log(tubeId);
  const known = log ?? parts.known(tubeId);
  if (known === null) return null;
  const { entries, dropped } = parts.recorder.history(tubeId);
  const nowMs = parts.now();
  const inputs = log === null ? [] : log.copy(parts.pending(tubeId));
  const fromMs = inputs[0]?.at_ms ?? nowMs;
  return {
    format: flightFormat,
    version: flightVersion,
    service_version: parts.version,
    exported_at_ms: nowMs,
    tube_id: tubeId,
    created_at_ms: known.identity.createdAtMs,
    state: parts.stateOf(tubeId) ?? 'closed',
    settings: settingsToWire(known.settings),
    inputs,
    inputs_dropped: log === null || log.isAnother ? null : log.dropped,
    ...(log === null ? {} : { inputs_until_ms: log.order.nowMs }),
    inputs_missing: log?.missed ?? 0,
    pauses: parts.late.since(fromMs).map(({ dueMs, firedMs }) => ({ due_ms: dueMs, fired_ms: firedMs })),
    entries: [...entries],
    entries_dropped: dropped,
  };
}
