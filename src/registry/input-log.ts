/**
 * The inputs of one tube, kept in order and bounded: what came, the traffic between, and the points from which all that follows can be replayed
 * (`start`). Only what comes before such a point is ever dropped; where there is none, recording pauses until the next. Owned by input-recorder.ts.
 */
import { isDeepStrictEqual } from 'node:util';
import type { TubeEvent, TubeIdentity } from '../../machines/events.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { FlightInput, InputOf, NotedInput, StartInput, TimerInput } from '../replay/flight-inputs.js';
import { sizeOf } from './flight-recorder.js';
import { TimerOrder, type PlacedTimer, type TimerOfTube } from './timer-order.js';
import { addTimer, addTraffic, isOfOther, openTraffic, type OpenTraffic } from './traffic.js';

/** What a tube remembered before the traffic that is open. */
export type Memory = Pick<
  InputOf<'start.connected'>,
  'session_since_ms' | 'last_pong' | 'pair' | 'last_heard_ms' | 'last_activity_ms' | 'after_entry'
>;

/** A tube in which nothing was going on: all that was can be left out of what follows. */
export type Sound = Pick<InputOf<'start.connected'>, 'generation' | 'active_generation'>;

/** An object of inputs with its place in a list. */
const itemBytes = 48;
/** Open traffic with what is usually in it, without timers. */
const trafficBytes = 950;
const logBytes = 800;
/** Equal inputs that come this fast are one with a count. */
const togetherMs = 1000;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const bytesOf = (input: FlightInput): number => itemBytes + sizeOf(input);

/** Of a tube whose log had to go: nothing of this is in its context. */
type Unknown = 'session_since_ms' | 'last_pong' | 'pair';
const unknownAtFirst: readonly Unknown[] = ['session_since_ms', 'last_pong', 'pair'];
/** What a start has to know. */
export type Needed = Readonly<Record<Unknown, boolean>>;

export class InputLog {
  readonly items: FlightInput[] = [];
  readonly order: TimerOrder;
  traffic: OpenTraffic | null = null;
  bytes = logBytes;
  dropped = 0;
  /** A log of the same tube went before, with all that was in it. */
  readonly isAnother: boolean;
  /** Inputs that came while recording paused; null while it does not. */
  missing: number | null = 0;
  memory: Memory;
  /** As it was when something of the open traffic came last; null: not sound. */
  sound: Sound | null = null;
  /** It was connected again since the last start. */
  hasRecovered = false;
  /** There was trouble since the first start. */
  hasTrouble = false;
  /** A timer was placed since the last pong: the pace of pings is not what that says. */
  isDisturbed = false;
  /** It was, when what is open began. */
  wasDisturbed = false;
  /** Its last health polls were poor: how many of them in a row is not known later. */
  isPoor = false;
  isClosed = false;
  /** What of `memory` is not so, for nobody recorded it. */
  #unknown: readonly Unknown[];
  #timerBytes = 0;
  #pausedMs = 0;
  /** Of what came all the time. */
  #no = 0;

  constructor(
    readonly identity: TubeIdentity,
    readonly settings: TubeSettings,
    atMs: number,
    isAnother = false,
  ) {
    const since = { session_since_ms: atMs, last_heard_ms: atMs, last_activity_ms: atMs };
    this.memory = { ...since, last_pong: null, pair: null };
    this.order = new TimerOrder(atMs);
    this.isAnother = isAnother;
    this.#unknown = isAnother ? unknownAtFirst : [];
  }

  /** What it takes for as long as it is kept, whatever is dropped. */
  get fixedBytes(): number {
    return logBytes + this.#trafficBytes;
  }

  get #trafficBytes(): number {
    return this.traffic === null ? 0 : trafficBytes + this.#timerBytes;
  }

  /**
   * Nothing that is needed for a start is unknown.
   * @param traffic what it tells is known as well
   */
  knows(needed: Needed, traffic: OpenTraffic | null = null): boolean {
    if (this.#unknown.length === 0) return true;
    const { pongs, heard_data: data, data_sent: sent } = traffic ?? {};
    const told = { session_since_ms: (data ?? sent) !== undefined, last_pong: pongs !== undefined, pair: false };
    return !this.#unknown.some((name) => needed[name] && !told[name]);
  }

  get isPaused(): boolean {
    return this.missing !== null;
  }

  /** How much came after what is kept. */
  get missed(): number {
    return this.missing === null ? 0 : this.missing + (this.traffic === null ? 0 : 1);
  }

  /** Since the last start. */
  get length(): number {
    return this.items.length - 1 - this.items.findLastIndex((item) => item.event.startsWith('start.'));
  }

  /** From here on the inputs are complete: a paused recording goes on. */
  start(start: StartInput): void {
    if (this.isPaused) this.clear();
    this.missing = null;
    this.hasRecovered = false;
    this.#push(start);
  }

  note(input: NotedInput | InputOf<'crashed'>): void {
    if (input.event === 'transport.selectedPair') {
      const { at_ms, local, remote } = input;
      this.#learn('pair', { at_ms, local, remote });
    }
    if (this.missing !== null) this.missing += 1;
    else if (!this.#repeats(input)) this.#push(input);
  }

  /** Another generation carries data: it has answered nothing yet, and its quality is not known. */
  cutOver(): void {
    this.#learn('last_pong', null);
    this.isPoor = false;
    this.isDisturbed = false;
  }

  /** As by data: its time counts from here. */
  sessionBegan(atMs: number): void {
    this.#learn('session_since_ms', atMs);
  }

  addTraffic(event: TubeEvent, atMs: number): void {
    if (this.traffic === null) {
      this.traffic = openTraffic(atMs);
      this.bytes += trafficBytes;
      this.wasDisturbed = this.isDisturbed;
    }
    if (event.type === 'transport.pong') this.isDisturbed = false;
    const place = { atMs, saidMs: 'atMs' in event ? event.atMs : atMs, no: (this.#no += 1) };
    addTraffic(this.traffic, event, place, this.isPoor ? this.settings.poorPollsToRestart : 1);
  }

  /**
   * A copy of what is kept, with what is open. A replay ends before the timers that are due in the last moment: those of them that fired are told.
   * @param pending timers of the tube: those that were due and have not fired are told as well
   */
  copy(pending: readonly TimerOfTube[]): FlightInput[] {
    const { items, traffic, order } = this;
    const kept = structuredClone(items);
    if (this.missed > 0) return kept;
    const placed = [...order.freshAt(), ...pending.flatMap((timer) => order.cancelled(timer))];
    if (traffic === null) return [...kept, ...placed.map(timerInput)];
    const open = structuredClone(traffic);
    for (const [index, timer] of placed.entries()) addTimer(open, timer, this.#no + 1 + index);
    return [...kept, open];
  }

  /** Here a timer fired, or was cancelled. */
  place(placed: readonly PlacedTimer[]): void {
    for (const timer of placed) {
      this.isDisturbed = true;
      if (this.isPaused) this.#placeAtEnd(timer);
      // Recording may go on from the beginning of what is open.
      if (this.traffic !== null) this.#placeAmong(this.traffic, timer);
      else if (!this.isPaused) this.#push(timerInput(timer));
    }
  }

  needsOtherTraffic(event: TubeEvent): boolean {
    return this.traffic !== null && isOfOther(this.traffic, event);
  }

  /** What was open becomes an item; what it says is remembered for later starts. */
  endTraffic(): void {
    const { traffic } = this;
    if (traffic === null) return;
    this.bytes -= this.#trafficBytes;
    this.traffic = null;
    this.#timerBytes = 0;
    this.#remember(traffic);
    if (this.missing !== null) this.missing += 1;
    else this.#push(traffic);
  }

  /** Drops everything before the second start. False when there is none. */
  dropFirst(): boolean {
    const next = this.items.findIndex((item, index) => index > 0 && item.event.startsWith('start.'));
    if (next < 0) return false;
    for (const item of this.items.splice(0, next)) this.bytes -= bytesOf(item);
    this.dropped += next;
    return true;
  }

  /** Nothing is recorded until the next start. */
  pause(): void {
    if (this.missing !== null) return;
    this.missing = 0;
    this.#pausedMs = this.order.nowMs;
  }

  clear(): void {
    for (const item of this.items) this.bytes -= bytesOf(item);
    this.dropped += this.items.length + (this.missing ?? 0);
    this.items.length = 0;
    if (this.missing !== null) this.missing = 0;
  }

  #push(item: FlightInput): void {
    this.items.push(item);
    this.bytes += bytesOf(item);
  }

  /** A timer that was due when recording paused had not fired by then; that it did later is not told. */
  #placeAtEnd(timer: PlacedTimer): void {
    if (this.items.length === 0) return;
    if (timer.dueMs < this.#pausedMs) this.#push(timerInput({ ...timer, fired: false }));
    // What comes next cannot be played without it.
    else this.missing = (this.missing ?? 0) + 1;
  }

  #placeAmong(traffic: OpenTraffic, timer: PlacedTimer): void {
    addTimer(traffic, timer, (this.#no += 1));
    this.bytes -= this.#timerBytes;
    this.#timerBytes = sizeOf(traffic.timers);
    this.bytes += this.#timerBytes;
  }

  /** Who sends the same in a loop fills nothing. */
  #repeats(input: NotedInput | InputOf<'crashed'>): boolean {
    const last = this.items.at(-1);
    if (last === undefined || last.event !== input.event || last.event === 'crashed' || 'said_at_ms' in input)
      return false;
    const { at_ms: firstMs, count = 1, last_at_ms: lastMs = firstMs, ...known } = last as Writable<NotedInput>;
    const { at_ms: atMs, ...said } = input;
    if (atMs - lastMs >= togetherMs || !isDeepStrictEqual(known, said)) return false;
    this.bytes -= bytesOf(last);
    Object.assign(last, { count: count + 1, last_at_ms: atMs });
    this.bytes += bytesOf(last);
    return true;
  }

  #remember({ pongs, heard_data: data, data_sent: sent }: OpenTraffic): void {
    const sinceMs = Math.max(data?.last_ms ?? 0, sent?.last_ms ?? 0);
    if (sinceMs > 0) this.#learn('session_since_ms', Math.max(this.memory.session_since_ms, sinceMs));
    if (pongs !== undefined) this.#learn('last_pong', { at_ms: pongs.last_ms, rtt_ms: pongs.last_rtt_ms });
  }

  #learn<Name extends Unknown>(name: Name, value: Memory[Name]): void {
    this.memory = { ...this.memory, [name]: value };
    if (this.#unknown.length > 0) this.#unknown = this.#unknown.filter((other) => other !== name);
  }
}

const timerInput = ({ name, dueMs, atMs, fired }: PlacedTimer): TimerInput => ({
  event: 'timer',
  name,
  due_ms: dueMs,
  at_ms: atMs,
  fired,
});
