/**
 * Plays a flight file: the real registry and the real charts, with a clock that is told the time and transports that say what they said then and answer
 * nothing by themselves. It tells what the tube did; whether that is what it did then is judged by agreement.ts.
 */
import { fromCallback, type InspectionEvent } from 'xstate';
import type { TubeEvent } from '../../machines/events.js';
import type { TransportCommand, TransportEvent, TransportInput } from '../../machines/ports/transport.port.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import type { FlightEntry, FlightFact } from '../operator/flight.types.js';
import { factOf } from '../registry/flight-entry.js';
import type { TubeNotice } from '../registry/notice.js';
import { TubeRegistry } from '../registry/tube-registry.js';
import type { Flight } from './flight-file.js';
import { isStart, type FlightInput, type StartInput, type TrafficInput } from './flight-inputs.js';
import { momentsOf, requestId, trafficMoments, type Moment } from './input-events.js';
import { PathTracer, type PathStep } from './path-tracer.js';
import { beginOf, identityOf, momentsBefore, recordOf } from './prologue.js';
import { SimClock, type Placed } from './sim-clock.js';

export interface Played {
  /** Where the inputs begin and where playing ended, milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly start: StartInput | null;
  /** Where the tube and its restart child went and why; first where they are at `fromMs`. */
  readonly path: readonly PathStep[];
  /** What its flight recorder would have kept. */
  readonly entries: readonly FlightEntry[];
  /** Inputs that nobody could hear: their generation was never built. */
  readonly unheard: readonly FlightInput['event'][];
}

/** The real clock and the real timers differ: what came of a timer may be here before the timer is. */
const patienceMs = 2000;
/** The defaults of `crashRestarts` and `crashWindowMs`. */
const crashes = { crashRestarts: 5, crashWindowMs: 30_000 };

export function play(flight: Flight): Played {
  return new Player(flight).play();
}

class Player {
  readonly #flight: Flight;
  readonly #clock: SimClock;
  readonly #registry: TubeRegistry;
  readonly #path: PathTracer;
  readonly #entries: FlightEntry[] = [];
  readonly #unheard: FlightInput['event'][] = [];
  /** What speaks for each live generation. */
  readonly #generations = new Map<number, (event: TransportEvent) => void>();
  readonly #start: StartInput | null;
  #newest = 0;
  /** While traffic is played: pings are answered as they were, from its first pong (`#answersFromMs`) to its last. */
  #pongs: TrafficInput['pongs'] | null = null;
  #answersFromMs = 0;
  #pings = 0;
  #bug: unknown = null;

  constructor(flight: Flight) {
    this.#flight = flight;
    const [first] = flight.inputs;
    this.#start = first !== undefined && isStart(first) ? first : null;
    const beginMs = this.#start?.event === 'start.connected' ? beginOf(this.#start, flight.settings) : first?.at_ms;
    this.#clock = new SimClock(beginMs ?? 0, flight.version === 1 ? flight : { placed: placedIn(flight.inputs) });
    this.#registry = this.#build();
    this.#path = new PathTracer(`tube.${flight.tube_id}`, this.#clock.now);
    this.#registry.root.system.inspect((event: InspectionEvent) => this.#path.inspected(event));
    this.#registry.onNotice((notice) => this.#notice(notice));
  }

  play(): Played {
    const { inputs, inputs_missing: missing, exported_at_ms: exportedMs, inputs_until_ms: untilMs } = this.#flight;
    const fromMs = this.#start?.at_ms ?? exportedMs;
    if (this.#start !== null) this.#begin(this.#start);
    for (const input of inputs) this.#play(input);
    this.#pongs = null;
    // Where recording paused nothing is known of what came next.
    if (missing === 0 && this.#isThere) this.#clock.advanceTo(untilMs ?? exportedMs);
    const toMs = this.#clock.nowMs;
    const path = this.#path.since(fromMs);
    this.#registry.leave();
    if (this.#bug !== null) throw new Error('the replay itself failed', { cause: this.#bug });
    const entries = this.#entries.filter(({ at_ms: atMs }) => atMs >= fromMs);
    return { fromMs, toMs, start: this.#start, path, entries, unheard: this.#unheard };
  }

  #build(): TubeRegistry {
    const transport = fromCallback<TransportCommand, TransportInput>(({ input: { generation }, sendBack, receive }) => {
      this.#generations.set(generation, sendBack);
      this.#newest = Math.max(this.#newest, generation);
      receive((command) => this.#commanded(generation, command));
      return () => {
        if (this.#generations.get(generation) === sendBack) this.#generations.delete(generation);
      };
    });
    return new TubeRegistry({
      ...crashes,
      tubeLogic: tubeMachine.provide({ actors: { transport } }),
      now: this.#clock.now,
      clock: this.#clock,
      release: () => undefined,
      crashed: () => this.#note({ kind: 'crashed' }, this.#newest),
      bug: (_, error) => {
        this.#bug ??= error;
      },
    });
  }

  get #isThere(): boolean {
    return this.#registry.entries.has(this.#flight.tube_id);
  }

  #begin(start: StartInput): void {
    const { settings } = this.#flight;
    const atMs = this.#clock.nowMs;
    const isFirst = start.event === 'start.created' || (start.event === 'start.connected' && start.generation <= 1);
    if (isFirst) {
      const offer = start.event === 'start.created' && start.offer ? { sdp: '', requestId } : null;
      this.#registry.open({ kind: 'create', identity: identityOf(this.#flight), settings, atMs }, offer);
    } else {
      const built = start.event === 'start.connected' ? start.generation - 1 : start.generation;
      const silentSinceMs = start.event === 'start.resumed' ? start.silent_since_ms : undefined;
      this.#registry.resume(recordOf(this.#flight, start, built), silentSinceMs);
    }
    if (start.event !== 'start.connected') return;
    this.#pongs = this.#flight.inputs.find((input) => input.event === 'traffic')?.pongs ?? pongsOf(start.last_pong);
    for (const moment of momentsBefore(start, settings)) this.#happens(moment, 'start.connected');
  }

  #play(input: FlightInput): void {
    if (isStart(input)) return;
    if (input.event === 'crashed') return this.#crash(input.at_ms);
    if (input.event === 'timer') return this.#clock.place(input);
    if (input.event !== 'traffic') {
      for (const moment of momentsOf(input)) this.#happens(moment, input.event);
      return;
    }
    this.#pongs = input.pongs ?? null;
    // Before the very first one a tube that was carried on has its pings answered too.
    if (this.#flight.inputs.indexOf(input) > 1) this.#answersFromMs = input.pongs?.first_ms ?? input.at_ms;
    for (const moment of trafficMoments(input)) {
      if ('timer' in moment) this.#clock.place(moment.timer);
      else this.#happens(moment, input.event);
    }
    this.#pongs = null;
  }

  #happens({ atMs, event }: Moment, name: FlightInput['event']): void {
    this.#clock.advanceTo(atMs);
    if (!('generation' in event) || !event.type.startsWith('transport.')) {
      this.#registry.deliver(this.#flight.tube_id, event);
      return;
    }
    const report = this.#ofOwn(event as TransportEvent);
    const endMs = this.#clock.nowMs + patienceMs;
    while (report.generation > this.#newest && this.#clock.fireNext(endMs));
    const say = this.#generations.get(report.generation);
    if (say === undefined && report.generation > this.#newest) this.#unheard.push(name);
    say?.(report);
  }

  /** Where attempts had failed before the inputs begin, the generation that carried data was not the newest; here it is. */
  #ofOwn(event: TransportEvent): TransportEvent {
    const start = this.#start;
    const isOther = start?.event === 'start.connected' && event.generation === start.active_generation;
    return isOther ? { ...event, generation: start.generation } : event;
  }

  #commanded(generation: number, command: TransportCommand): void {
    const pongs = this.#pongs;
    if (command.type !== 'transport.ping' || pongs === null || pongs === undefined) return;
    if (this.#clock.nowMs < this.#answersFromMs) return;
    this.#pings += 1;
    const { rtt_ms: meanMs, rtt_variation_ms: variationMs } = pongs;
    const swing = (variationMs ?? 0) * (this.#pings % 2 === 0 ? 1 : -1);
    const rttMs = meanMs === null ? null : Math.max(0, meanMs + swing);
    if (this.#clock.nowMs + (rttMs ?? 0) >= pongs.last_ms) return;
    this.#clock.setTimeout(() => {
      const atMs = this.#clock.nowMs;
      this.#generations.get(generation)?.({ type: 'transport.pong', generation, seq: command.seq, rttMs, atMs });
    }, rttMs ?? 0);
  }

  /** An event that cannot be read fails the actor as whatever it was did. */
  #crash(atMs: number): void {
    this.#clock.advanceTo(atMs);
    const poison = {
      type: 'tube.activity',
      get atMs(): number {
        throw new Error('as it failed then');
      },
    } satisfies TubeEvent;
    this.#registry.deliver(this.#flight.tube_id, poison);
  }

  #notice(notice: TubeNotice): void {
    const { emission } = notice;
    const fact = factOf(notice);
    const generation = 'generation' in emission ? emission.generation : notice.generation;
    if (fact !== null) this.#note(fact, generation);
  }

  #note(fact: FlightFact, generation: number): void {
    this.#entries.push({ at_ms: this.#clock.nowMs, seq: this.#entries.length + 1, generation, ...fact });
  }
}

const placedIn = (inputs: readonly FlightInput[]): readonly Placed[] =>
  inputs.flatMap((input): readonly Placed[] => {
    if (input.event === 'timer') return [input];
    return input.event === 'traffic' ? (input.timers ?? []) : [];
  });

function pongsOf(
  last: { readonly at_ms: number; readonly rtt_ms: number | null } | null,
): TrafficInput['pongs'] | null {
  if (last === null) return null;
  const { at_ms: atMs, rtt_ms: rttMs } = last;
  return { count: 1, first_ms: atMs, last_ms: atMs, rtt_ms: rttMs, rtt_variation_ms: 0, last_rtt_ms: rttMs };
}
