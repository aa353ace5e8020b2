/**
 * The recorders behind flight files, connected to what they record: the flight recorder (what tubes say), the inputs of tubes, and the timers that were
 * late. Composition only, for app.ts; none of it changes anything.
 */
import type { TransportEvent } from '../machines/ports/transport.port.js';
import type { Config } from './config/load.js';
import { libraryVersion } from './peer/version.js';
import { exportFlight } from './registry/flight-export.js';
import type { FlightFile } from './replay/flight-file.js';
import { FlightRecorder } from './registry/flight-recorder.js';
import type { Clock } from './registry/indexed-scheduler.js';
import { InputRecorder } from './registry/input-recorder.js';
import { LateTimers } from './registry/late-timers.js';
import type { TubeNotice } from './registry/notice.js';
import { TimerWatch } from './registry/timer-watch.js';
import { lookAt } from './registry/tube-look.js';
import type { InputTap, TubeRegistry } from './registry/tube-registry.js';

/** Of the memory for both recorders, what is for the inputs of tubes; the rest is for what they say. */
const inputShare = 0.3;

export interface FlightRecordingOptions extends Pick<
  Config,
  'flightRecorderEntries' | 'flightRecorderMaxBytes' | 'flightRecorderClosedTubes'
> {
  readonly registry: () => TubeRegistry;
  /** A recorder threw: a bug of ours that must not reach a native callback. */
  readonly bug: (where: string, error: unknown) => void;
}

export class FlightRecording {
  readonly recorder: FlightRecorder;
  readonly #options: FlightRecordingOptions;
  readonly #inputs: InputRecorder;
  #timers: TimerWatch | null = null;
  readonly #late = new LateTimers(() => Date.now());

  constructor(options: FlightRecordingOptions) {
    this.#options = options;
    const { flightRecorderEntries: most, flightRecorderMaxBytes: maxBytes } = options;
    const maxClosed = options.flightRecorderClosedTubes;
    this.recorder = new FlightRecorder({ maxEntries: most, maxBytes: maxBytes * (1 - inputShare), maxClosed });
    this.#inputs = new InputRecorder({
      maxInputs: most,
      maxBytes: maxBytes * inputShare,
      maxClosed,
      now: () => Date.now(),
      lastEntry: (tubeId) => this.recorder.lastEntry(tubeId),
      look: (tubeId) => lookAt(options.registry().entries, tubeId),
    });
  }

  /** Memory of both recorders, estimated. */
  get bytes(): number {
    return this.recorder.bytes + this.#inputs.bytes;
  }

  /** For the registry: told what it delivers. */
  get tap(): InputTap {
    return this.#inputs;
  }

  /** The clock of the registry, watched. */
  watch(clock: Clock): Clock {
    this.#timers = new TimerWatch(this.#late.watch(clock), {
      replayedMs: (tubeId) => this.#inputs.replayedMs(tubeId),
      fires: (tubeId, timer) => this.#guard(() => this.#inputs.fires(tubeId, timer)),
      cancelled: (tubeId, timer) => this.#guard(() => this.#inputs.cancelled(tubeId, timer)),
    });
    return this.#timers;
  }

  /** For the transport actors. Never throws. */
  readonly heard = (tubeId: string, event: TransportEvent): void =>
    this.#guard(() => this.#inputs.heard(tubeId, event));

  /** A listener for `TubeRegistry.onNotice`. */
  observe(notice: TubeNotice): void {
    this.recorder.observe(notice);
    this.#inputs.observe(notice);
  }

  /** The actor of a tube failed and the tube is carried on. */
  crashed(tubeId: string): void {
    const atMs = Date.now();
    this.recorder.crashed(tubeId, atMs);
    this.#inputs.crashed(tubeId, atMs);
  }

  /** The flight file of a tube; null when nothing is known of it any more. */
  readonly flight = (tubeId: string): FlightFile | null =>
    exportFlight(tubeId, {
      recorder: this.recorder,
      inputs: this.#inputs,
      late: this.#late,
      pending: (id) => this.#timers?.pendingOf(id) ?? [],
      stateOf: (id) => this.#options.registry().entries.get(id)?.state ?? null,
      known: (id) => lookAt(this.#options.registry().entries, id)?.context ?? null,
      now: () => Date.now(),
      version: libraryVersion,
    });

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.bug('input tap', error);
    }
  }
}
