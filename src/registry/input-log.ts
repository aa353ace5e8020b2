/**
 * The inputs of one tube, kept in order and bounded: what came, the traffic between, and the points from which all that follows can be replayed
 * (`start`). Only what comes before such a point is ever dropped; where there is none, recording pauses until the next. Owned by input-recorder.ts.
 */
import { isDeepStrictEqual } from 'node:util';
import type { TubeEvent, TubeIdentity } from '../../machines/events.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { FlightInput, InputOf, NotedInput, StartInput } from '../replay/flight-inputs.js';
import { sizeOf } from './flight-recorder.js';
import { addTraffic, isOfOther, openTraffic, type OpenTraffic } from './traffic.js';

/** What a tube remembered before the traffic that is open. */
export type Memory = Pick<
  InputOf<'start.connected'>,
  'session_since_ms' | 'last_pong' | 'pair' | 'last_heard_ms' | 'last_activity_ms'
>;

/** A tube in which nothing was going on: all that was can be left out of what follows. */
export type Sound = Pick<InputOf<'start.connected'>, 'generation' | 'active_generation'>;

/** An object of inputs with its place in a list. */
const itemBytes = 48;
/** Open traffic with what is usually in it. */
const trafficBytes = 900;
const logBytes = 700;
/** Equal inputs that come this fast are one with a count. */
const togetherMs = 1000;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const bytesOf = (input: FlightInput): number => itemBytes + sizeOf(input);

export class InputLog {
  readonly items: FlightInput[] = [];
  traffic: OpenTraffic | null = null;
  bytes = logBytes;
  dropped = 0;
  /** Inputs that came while recording paused; null while it does not. */
  missing: number | null = 0;
  memory: Memory;
  /** As it was when something of the open traffic came last; null: not sound. */
  sound: Sound | null = null;
  /** It was connected again since the last start. */
  hasRecovered = false;
  /** There was trouble since the first start. */
  hasTrouble = false;
  /** Its last health polls were poor: how many of them in a row is not known later. */
  isPoor = false;
  isClosed = false;

  constructor(
    readonly identity: TubeIdentity,
    readonly settings: TubeSettings,
    atMs: number,
  ) {
    const since = { session_since_ms: atMs, last_heard_ms: atMs, last_activity_ms: atMs };
    this.memory = { ...since, last_pong: null, pair: null };
  }

  /** What it takes for as long as it is kept, whatever is dropped. */
  get fixedBytes(): number {
    return logBytes + (this.traffic === null ? 0 : trafficBytes);
  }

  get isPaused(): boolean {
    return this.missing !== null;
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
      this.memory = { ...this.memory, pair: { at_ms, local, remote } };
    }
    if (this.missing !== null) this.missing += 1;
    else if (!this.#repeats(input)) this.#push(input);
  }

  /** Another generation carries data: it has answered nothing yet, and its quality is not known. */
  cutOver(): void {
    this.memory = { ...this.memory, last_pong: null };
    this.isPoor = false;
  }

  addTraffic(event: TubeEvent, atMs: number): void {
    if (this.traffic === null) {
      this.traffic = openTraffic(atMs);
      this.bytes += trafficBytes;
    }
    addTraffic(this.traffic, event, atMs, this.isPoor ? this.settings.poorPollsToRestart : 1);
  }

  needsOtherTraffic(event: TubeEvent): boolean {
    return this.traffic !== null && isOfOther(this.traffic, event);
  }

  /** What was open becomes an item; what it says is remembered for later starts. */
  endTraffic(): void {
    const { traffic } = this;
    if (traffic === null) return;
    this.traffic = null;
    this.bytes -= trafficBytes;
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
    this.missing ??= 0;
  }

  clear(): void {
    for (const item of this.items) this.bytes -= bytesOf(item);
    this.dropped += this.items.length + (this.missing ?? 0);
    this.items.length = 0;
  }

  #push(item: FlightInput): void {
    this.items.push(item);
    this.bytes += bytesOf(item);
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
    const since = Math.max(this.memory.session_since_ms, data?.last_ms ?? 0, sent?.last_ms ?? 0);
    const pong = pongs === undefined ? this.memory.last_pong : { at_ms: pongs.last_ms, rtt_ms: pongs.last_rtt_ms };
    this.memory = { ...this.memory, session_since_ms: since, last_pong: pong };
  }
}
