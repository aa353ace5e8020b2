/**
 * The flight file of a tube (src/replay/flight-file.ts): what the two recorders have of it, put together. It reads, and changes nothing.
 */
import type { TubeState } from '../../machines/events.js';
import { settingsToWire } from '../config/tube-settings.js';
import { flightFormat, flightVersion, type FlightFile } from '../replay/flight-file.js';
import type { FlightRecorder } from './flight-recorder.js';
import type { InputLog } from './input-log.js';
import type { InputRecorder } from './input-recorder.js';
import type { LateTimers } from './late-timers.js';

export interface FlightExportParts {
  readonly recorder: Pick<FlightRecorder, 'history'>;
  readonly inputs: Pick<InputRecorder, 'log'>;
  readonly late: Pick<LateTimers, 'since'>;
  /** Null for a tube that is gone. */
  readonly stateOf: (tubeId: string) => TubeState | null;
  readonly now: () => number;
  readonly version: string;
}

/** Null for a tube of which nothing is known any more. */
export function exportFlight(tubeId: string, parts: FlightExportParts): FlightFile | null {
  const log = parts.inputs.log(tubeId);
  if (log === null) return null;
  const { entries, dropped } = parts.recorder.history(tubeId);
  const inputs = inputsOf(log);
  const fromMs = inputs[0]?.at_ms ?? parts.now();
  return {
    format: flightFormat,
    version: flightVersion,
    service_version: parts.version,
    exported_at_ms: parts.now(),
    tube_id: tubeId,
    created_at_ms: log.identity.createdAtMs,
    state: parts.stateOf(tubeId) ?? 'closed',
    settings: settingsToWire(log.settings),
    inputs,
    inputs_dropped: log.dropped,
    inputs_missing: log.missing === null ? 0 : log.missing + (log.traffic === null ? 0 : 1),
    pauses: parts.late.since(fromMs).map(({ dueMs, firedMs }) => ({ due_ms: dueMs, fired_ms: firedMs })),
    entries: [...entries],
    entries_dropped: dropped,
  };
}

/** A copy: what is open goes on. */
function inputsOf({ items, traffic, isPaused }: InputLog): FlightFile['inputs'] {
  return structuredClone(traffic === null || isPaused ? items : [...items, traffic]);
}
