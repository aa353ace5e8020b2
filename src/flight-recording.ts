/**
 * The recorders behind flight files, connected to what they record: the flight recorder (what tubes say), the inputs of tubes, and the timers that were
 * late. Composition only, for app.ts; none of it changes anything.
 */
import type { TransportEvent } from '../machines/ports/transport.port.js';
import { exportFlight, type TenantFlight } from './registry/flight-export.js';
import type { FlightRecorder } from './registry/flight-recorder.js';
import type { Clock } from './registry/indexed-scheduler.js';
import { InputRecorder, type TubeLook } from './registry/input-recorder.js';
import { LateTimers } from './registry/late-timers.js';
import type { TubeNotice } from './registry/notice.js';
import type { InputTap, TubeRegistry } from './registry/tube-registry.js';

/** Of the memory for both recorders, what is for the inputs of tubes; the rest is for what they say. */
export const inputShare = 0.3;

export interface FlightRecordingOptions {
  readonly recorder: FlightRecorder;
  /** Of one tube. */
  readonly maxInputs: number;
  /** For the inputs of all tubes. */
  readonly maxBytes: number;
  readonly maxClosed: number;
  readonly registry: () => TubeRegistry;
  readonly version: string;
  /** A recorder threw: a bug of ours that must not reach a native callback. */
  readonly bug: (where: string, error: unknown) => void;
}

export class FlightRecording {
  readonly #options: FlightRecordingOptions;
  readonly #inputs: InputRecorder;
  readonly #late = new LateTimers(() => Date.now());

  constructor(options: FlightRecordingOptions) {
    this.#options = options;
    const look = (tubeId: string): TubeLook | null => lookAt(options.registry(), tubeId);
    this.#inputs = new InputRecorder({ ...options, now: () => Date.now(), look });
  }

  /** For the registry: told what it delivers. */
  get tap(): InputTap {
    return this.#inputs;
  }

  /** The clock of the registry, watched. */
  watch(clock: Clock): Clock {
    return this.#late.watch(clock);
  }

  /** For the transport actors. Never throws. */
  readonly heard = (tubeId: string, event: TransportEvent): void => {
    try {
      this.#inputs.heard(tubeId, event);
    } catch (error) {
      this.#options.bug('input tap', error);
    }
  };

  /** A listener for `TubeRegistry.onNotice`. */
  observe(notice: TubeNotice): void {
    this.#options.recorder.observe(notice);
    this.#inputs.observe(notice);
  }

  /** The actor of a tube failed and the tube is carried on. */
  crashed(tubeId: string): void {
    const atMs = Date.now();
    this.#options.recorder.crashed(tubeId, atMs);
    this.#inputs.crashed(tubeId, atMs);
  }

  /** The flight file of a tube; null when nothing is known of it any more. */
  readonly flight = (tubeId: string): TenantFlight | null =>
    exportFlight(tubeId, {
      recorder: this.#options.recorder,
      inputs: this.#inputs,
      late: this.#late,
      stateOf: (id) => this.#options.registry().entries.get(id)?.state ?? null,
      now: () => Date.now(),
      version: this.#options.version,
    });
}

function lookAt({ entries }: TubeRegistry, tubeId: string): TubeLook | null {
  const snapshot = entries.get(tubeId)?.ref.getSnapshot();
  return snapshot === undefined ? null : { isConnected: snapshot.value === 'connected', context: snapshot.context };
}
