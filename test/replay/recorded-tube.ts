/**
 * A tube in a service without sockets: the real registry, charts and recorders on a test clock, with transports that a test speaks for. What it exports is
 * read back as a file would be.
 */
import { fromCallback } from 'xstate';
import type { TubeEvent, TubeRecord } from '../../machines/events.js';
import type {
  PeerKind,
  TransportCommand,
  TransportEvent,
  TransportInput,
} from '../../machines/ports/transport.port.js';
import type { RestartTrigger } from '../../machines/policies/recovery.js';
import type { TubeSettings } from '../../machines/settings.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import { exportFlight } from '../../src/registry/flight-export.js';
import { FlightRecorder, type FlightHistory } from '../../src/registry/flight-recorder.js';
import type { TubeNotice } from '../../src/registry/notice.js';
import type { Clock } from '../../src/registry/indexed-scheduler.js';
import { InputRecorder } from '../../src/registry/input-recorder.js';
import { LateTimers } from '../../src/registry/late-timers.js';
import { TimerWatch } from '../../src/registry/timer-watch.js';
import { lookAt } from '../../src/registry/tube-look.js';
import { TubeRegistry } from '../../src/registry/tube-registry.js';
import { parseFlight, type Flight } from '../../src/replay/flight-file.js';
import { defaultSettings } from '../support/settings.js';
import { TestClock } from '../support/test-clock.js';
import { controlChannel, dataChannel, identity } from '../support/tube-harness.js';

type Plain<Event> = Event extends unknown ? Omit<Event, 'generation' | 'atMs'> : never;

export interface RecordedOptions {
  readonly settings?: Partial<TubeSettings>;
  readonly maxInputs?: number;
  readonly maxEntries?: number;
  /** Of the inputs of all tubes. */
  readonly maxBytes?: number;
  readonly resume?: TubeRecord;
  /** How long nobody had it before it is resumed. */
  readonly awayMs?: number;
  /** How late the next timer of the charts is; as timers of a process are. Default: none is. */
  readonly latenessMs?: () => number;
}

/** Whole numbers that no timer of the charts is due at. */
const rttMs = 23;

export class RecordedTube {
  readonly clock = new TestClock();
  readonly inputs: InputRecorder;
  readonly recorder: FlightRecorder;
  readonly registry: TubeRegistry;
  readonly tubeId = identity.tubeId;
  ponging = true;
  /** The next command makes a transport throw. */
  throwsOnce = false;
  rttMs = rttMs;
  /** Answers to polls; null: none. */
  probes: { sent: number; arrived: number; echoed: number } | null = { sent: 100, arrived: 100, echoed: 100 };
  readonly #late: LateTimers;
  readonly #timers: TimerWatch;
  readonly #generations = new Map<number, (event: TransportEvent) => void>();
  #requests = 0;
  #end: FlightHistory | null = null;

  constructor(options: RecordedOptions = {}) {
    const { settings, maxInputs = 200, maxEntries = 200, maxBytes = 1 << 24 } = options;
    const { resume, awayMs = 0, latenessMs = () => 0 } = options;
    const { clock } = this;
    clock.nowMs = 1_700_000_000_000;
    this.#late = new LateTimers(clock.now);
    this.recorder = new FlightRecorder({ maxEntries, maxBytes: 1 << 24 });
    this.inputs = new InputRecorder({
      maxInputs,
      maxBytes,
      maxClosed: 10,
      now: clock.now,
      lastEntry: (tubeId) => this.recorder.lastEntry(tubeId),
      look: (tubeId) => lookAt(this.registry.entries, tubeId),
    });
    const late: Clock = {
      setTimeout: (fn, delayMs) => clock.setTimeout(fn, delayMs + latenessMs()),
      clearTimeout: clock.clearTimeout,
    };
    this.#timers = new TimerWatch(this.#late.watch(late), this.inputs);
    this.registry = new TubeRegistry({
      tubeLogic: tubeMachine.provide({ actors: { transport: this.#transport() } }),
      crashRestarts: 5,
      crashWindowMs: 30_000,
      now: clock.now,
      clock: this.#timers,
      release: () => undefined,
      crashed: (tubeId) => {
        this.recorder.crashed(tubeId, clock.nowMs);
        this.inputs.crashed(tubeId, clock.nowMs);
      },
      bug: (where, error) => {
        throw new Error(where, { cause: error });
      },
      tap: this.inputs,
    });
    this.registry.onNotice((notice) => this.#keepEnd(notice));
    this.registry.onNotice((notice) => this.recorder.observe(notice));
    this.registry.onNotice((notice) => this.inputs.observe(notice));
    const all = { ...defaultSettings, turnCredentialTtlMs: 0, ...settings };
    if (resume !== undefined) this.registry.resume(resume, clock.nowMs - awayMs);
    else
      this.registry.open(
        { kind: 'create', identity: { ...identity, createdAtMs: clock.nowMs }, settings: all, atMs: clock.nowMs },
        null,
      );
  }

  /** Whether the recorder keeps tubes that closed is its own business. */
  #keepEnd({ identity: { tubeId }, generation, atMs, emission }: TubeNotice): void {
    if (emission.type !== 'closed') return;
    const { entries, dropped } = this.recorder.history(tubeId);
    const seq = (entries.at(-1)?.seq ?? 0) + 1;
    this.#end = {
      entries: [...entries, { at_ms: atMs, seq, generation, kind: 'closed', reason: emission.reason }],
      dropped,
    };
  }

  #transport() {
    return fromCallback<TransportCommand, TransportInput>(({ input: { generation }, sendBack, receive }) => {
      const say = (event: TransportEvent): void => {
        this.inputs.heard(this.tubeId, event);
        sendBack(event);
      };
      this.#generations.set(generation, say);
      receive((command) => {
        if (this.throwsOnce) {
          this.throwsOnce = false;
          throw new Error('thrown by the test');
        }
        if (command.type === 'transport.ping' && this.ponging)
          this.clock.setTimeout(() => {
            if (this.ponging) this.report(generation, { type: 'transport.pong', seq: command.seq, rttMs: this.rttMs });
          }, this.rttMs);
        if (command.type === 'transport.sample') this.clock.setTimeout(() => this.#sampled(generation), 2011);
        if (command.type === 'transport.close')
          this.clock.setTimeout(() => this.report(generation, { type: 'transport.closed' }), 1);
      });
      return () => {
        if (this.#generations.get(generation) === say) this.#generations.delete(generation);
      };
    });
  }

  #sampled(generation: number): void {
    this.report(generation, {
      type: 'transport.sampled',
      sample: {
        bytesSent: 1,
        bytesReceived: 1,
        bufferedBytes: 0,
        pingsSent: 1,
        pongsReceived: 1,
        probes: this.probes,
        rttMs: this.rttMs,
        selectedPair: null,
      },
    });
  }

  report(generation: number, event: Plain<TransportEvent>): void {
    this.#generations.get(generation)?.({ ...event, generation, atMs: this.clock.nowMs });
  }

  send(event: TubeEvent): void {
    this.registry.deliver(this.tubeId, event);
  }

  get context() {
    const snapshot = this.registry.entries.get(this.tubeId)?.ref.getSnapshot();
    if (snapshot === undefined) throw new Error('the tube is gone');
    return snapshot.context;
  }

  get isThere(): boolean {
    return this.registry.entries.has(this.tubeId);
  }

  get newest(): number {
    return this.context.generation;
  }

  get state(): string {
    return this.registry.entries.get(this.tubeId)?.state ?? 'closed';
  }

  advance(ms: number): void {
    this.clock.advance(ms);
  }

  /** Nothing runs for so long; then what waits outside is heard before the timers that were due. */
  blocked(ms: number, heard: () => void): void {
    this.clock.nowMs += ms;
    heard();
    this.clock.advance(0);
  }

  requestId(): string {
    return `call-${String((this.#requests += 1))}`;
  }

  describe(type: 'offer' | 'answer', generation: number | null): void {
    const description = { type, sdp: `${type} of the peer` };
    const requestId = this.requestId();
    this.send({ type: 'tube.remoteDescription', requestId, description, generation, atMs: this.clock.nowMs });
  }

  restart(trigger: RestartTrigger = 'manual'): void {
    const requestId = this.requestId();
    this.send({ type: 'tube.restart', requestId, trigger, fresh: false, atMs: this.clock.nowMs });
  }

  described(generation = this.newest, type: 'offer' | 'answer' = 'offer'): void {
    this.report(generation, { type: 'transport.described', description: { type, sdp: 'v=0 ours' } });
  }

  applied(peer: PeerKind, generation = this.newest): void {
    const same = peer === 'plain' && generation > 1;
    const remote = { peerKind: peer, sameConnection: same, newConnection: false, dtlsRole: 'active' as const };
    this.report(generation, { type: 'transport.remoteApplied', requestId: 'applied', ...remote });
  }

  up(generation = this.newest): void {
    this.report(generation, { type: 'transport.up', channels: [controlChannel, dataChannel] });
  }

  /** The generation that is coming up is described, answered and comes up, `ms` apart. */
  complete(peer: PeerKind = 'overlap', ms = 37, appliedMs = 3): void {
    const { newest } = this;
    this.advance(ms);
    this.described(newest);
    this.advance(ms);
    this.describe('answer', newest);
    this.advance(appliedMs);
    this.applied(peer, newest);
    this.advance(ms);
    this.up(newest);
  }

  static connected(peer: PeerKind = 'overlap', options: RecordedOptions = {}): RecordedTube {
    const tube = new RecordedTube(options);
    tube.complete(peer);
    return tube;
  }

  /** As it is written and read again. */
  exported(): Flight {
    const parts = {
      recorder: { history: (tubeId: string) => this.#end ?? this.recorder.history(tubeId) },
      inputs: this.inputs,
      late: this.#late,
      pending: (tubeId: string) => this.#timers.pendingOf(tubeId),
      stateOf: (tubeId: string) => this.registry.entries.get(tubeId)?.state ?? null,
      known: (tubeId: string) => lookAt(this.registry.entries, tubeId)?.context ?? null,
      now: this.clock.now,
      version: 'test',
    };
    const flight = exportFlight(this.tubeId, parts);
    if (flight === null) throw new Error('nothing is known of the tube');
    return parseFlight(JSON.parse(JSON.stringify(flight)));
  }
}
