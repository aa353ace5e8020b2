/**
 * Keeps the inputs of every tube for its flight file (flight-export.ts), so that what happened can be played again: requests as the registry delivers
 * them, reports as the transport actors make them, each before the tube hears of it. Beside the flight recorder, which keeps what tubes say. Driven
 * by taps (app.ts) and by notices; it changes nothing and decides nothing.
 */
import type { TubeEvent, TubeEmission, TubeIdentity } from '../../machines/events.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { TubeContext } from '../../machines/tube.context.js';
import type { StartInput } from '../replay/flight-inputs.js';
import { channelOf, inputOf } from './flight-input.js';
import { InputLog, type Needed, type Sound } from './input-log.js';
import type { TubeNotice } from './notice.js';
import type { PlacedTimer, TimerOfTube } from './timer-order.js';
import { isTraffic } from './traffic.js';
import type { TubeLook } from './tube-look.js';

/** Connected, no incident, no attempt, no ping missing, and no timer of the breaker. `before`: that is also the answer when it is the same. */
function soundOf(tube: TubeLook | null, before: Sound | null): Sound | null {
  if (tube === null || !tube.isConnected) return null;
  const { active, pending, generation, incident, missedPings, breaker } = tube.context;
  if (active === null || pending !== null || incident !== null || missedPings > 0 || breaker.kind === 'open')
    return null;
  return before?.generation === generation && before.active_generation === active
    ? before
    : { generation, active_generation: active };
}

export interface InputRecorderOptions {
  /** Of one tube; 0 = nothing is recorded. */
  readonly maxInputs: number;
  /** Of all tubes together, estimated. */
  readonly maxBytes: number;
  /** Tubes that ended and whose inputs are still there. */
  readonly maxClosed: number;
  readonly now: () => number;
  /** `seq` of the last entry of its history; 0 when there is none. */
  readonly lastEntry: (tubeId: string) => number;
  /** A tube as it is now; null when it is not there. */
  readonly look: (tubeId: string) => TubeLook | null;
}

/** What is dropped for want of memory goes on down to this part of it, so that it is not done for every input. */
const roomRatio = 0.95;
/**
 * Of the memory, what logs may take that cannot be dropped from them. Where there are so many tubes that it is more, those that were quiet longest are
 * recorded no more: else what is left would be too little to make room in, and be looked for in all logs at every input.
 */
const fixedRatio = 0.8;
/** Of a tube to which nothing happens. */
const quietBytes = 2500;
const startBytes = 800;
/** After so long without anything the opening of a tube is no news. */
const keepOpeningMs = 600_000;
/** So many inputs without trouble are worth another start. */
const startEvery = 24;

/** Said because of a timer: what came before it and what comes after are two things. */
const turns: readonly TubeEmission['type'][] = [
  'state',
  'decision',
  'attemptStarted',
  'attemptEnded',
  'quality',
  'sessionWarning',
  'breaker',
  'networkChange',
];
/** Something of the path itself, after which it was never silent. */
const proves = (event: TubeEvent, sound: Sound | null): boolean =>
  (event.type === 'transport.pong' || event.type === 'transport.heard') &&
  event.generation === sound?.active_generation;

/** A sample that nobody waits for is not judged. */
const matters = (tube: TubeLook | null, event: TubeEvent): boolean =>
  event.type !== 'transport.sampled' ||
  tube === null ||
  (event.generation === tube.context.active && tube.path()?.isPolled === true);

/** @param first of the traffic that a start begins with */
const neededBy = (tube: TubeLook | null, first?: TubeEvent): Needed => ({
  session_since_ms: !(first?.type === 'transport.heard' && first.data),
  last_pong: first?.type !== 'transport.pong' && tube?.path()?.answersPings !== false,
  pair: tube?.context.renewed !== null,
});

const isTurn = (emission: TubeEmission): boolean =>
  turns.includes(emission.type) || (emission.type === 'ping' && emission.outcome === 'missed');

export class InputRecorder {
  readonly #options: InputRecorderOptions;
  /** First the one that was quiet longest. */
  readonly #logs = new Map<string, InputLog>();
  /** Oldest first. */
  readonly #closed = new Set<string>();
  #bytes = 0;
  /** Of them, what stays for as long as its log. */
  #fixedBytes = 0;

  constructor(options: InputRecorderOptions) {
    this.#options = options;
  }

  /** What all logs take, estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#logs.size;
  }

  /** Before it is. */
  opened(identity: TubeIdentity, settings: TubeSettings, offer: boolean, atMs: number): void {
    this.#begin(identity, settings, { event: 'start.created', at_ms: atMs, offer });
  }

  /** After it was: the moment is the tube's. */
  resumed(tubeId: string): void {
    const context = this.#options.look(tubeId)?.context;
    if (context === undefined) return;
    const { identity, settings, generation, peer, signalling, lastActivityAtMs: atMs, lastHeardAtMs } = context;
    const known = { ...peerOf(peer), signalling, silent_since_ms: lastHeardAtMs };
    this.#begin(identity, settings, { event: 'start.resumed', at_ms: atMs, generation, ...known });
  }

  /** Before the tube hears of it. */
  heard(tubeId: string, event: TubeEvent): void {
    const isOften = isTraffic(event);
    const log = this.#logs.get(tubeId) ?? (isOften && this.#hasRoomForOneMore() ? this.#beginAgain(tubeId) : undefined);
    if (log === undefined || log.isClosed) return;
    const atMs = this.#options.now();
    if (isOften) {
      const tube = this.#options.look(tubeId);
      if (!matters(tube, event)) return;
      this.#place(tubeId, log, log.order.heard(atMs));
      this.#addTraffic(log, tube, event, atMs);
      return;
    }
    const input = inputOf(event, atMs);
    if (input === null) return;
    const said = 'atMs' in event && event.atMs !== atMs ? { said_at_ms: event.atMs } : {};
    this.#place(tubeId, log, log.order.heard(atMs));
    this.#change(tubeId, log, () => {
      log.sound = soundOf(this.#options.look(tubeId), log.sound);
      this.#endTraffic(tubeId, log);
      log.note({ ...input, ...said });
    });
  }

  /** The actor of a tube failed and the tube is carried on. */
  crashed(tubeId: string, atMs: number): void {
    const log = this.#logs.get(tubeId);
    if (log === undefined) return;
    this.#place(tubeId, log, log.order.heard(atMs));
    this.#change(tubeId, log, () => {
      log.endTraffic();
      log.sessionBegan(atMs);
      log.note({ event: 'crashed', at_ms: atMs });
    });
  }

  /** From when the timers of a tube count. */
  replayedMs(tubeId: string): number {
    return this.#logs.get(tubeId)?.order.nowMs ?? this.#options.now();
  }

  /** Before it does. */
  fires(tubeId: string, timer: TimerOfTube): void {
    const log = this.#logs.get(tubeId);
    if (log !== undefined) this.#place(tubeId, log, log.order.fired(timer, this.#options.now()));
  }

  /** Before it is. Also by the end of its tube, which is known already. */
  cancelled(tubeId: string, timer: TimerOfTube): void {
    const log = this.#logs.get(tubeId);
    if (log !== undefined) this.#place(tubeId, log, log.order.cancelled(timer));
  }

  /** A listener for `TubeRegistry.onNotice`. */
  observe({ identity: { tubeId }, emission, previousState, atMs }: TubeNotice): void {
    const isConnected = emission.type === 'state' && emission.state === 'connected';
    // Something has happened to it: others are quieter.
    const log = this.#logs.get(tubeId) ?? (isConnected ? this.#beginAgain(tubeId) : undefined);
    if (log === undefined) return;
    if (isTurn(emission) && log.traffic !== null) this.#change(tubeId, log, () => this.#endTraffic(tubeId, log));
    if (emission.type === 'state') {
      if (isConnected) log.hasRecovered = true;
      if (isConnected && previousState === 'connecting') log.sessionBegan(atMs);
      if (emission.state === 'degraded' || emission.state === 'failed') log.hasTrouble = true;
    }
    if (emission.type === 'cutOver') log.cutOver();
    if (emission.type === 'quality') log.isPoor = emission.verdict === 'poor';
    if (emission.type === 'closed') this.#close(tubeId, log);
  }

  /** Null for a tube that is not known. What is open is in it as it is now. */
  log(tubeId: string): InputLog | null {
    return this.#logs.get(tubeId) ?? null;
  }

  #begin(identity: TubeIdentity, settings: TubeSettings, start: StartInput): void {
    const { tubeId } = identity;
    if (this.#options.maxInputs === 0 || this.#logs.has(tubeId)) return;
    const log = this.#add(new InputLog(identity, settings, start.at_ms));
    this.#change(tubeId, log, () => log.start(start));
  }

  /** The log of a tube that lives had to go: another one waits for the next point from which the tube can be replayed. */
  #beginAgain(tubeId: string): InputLog | undefined {
    const tube = this.#options.look(tubeId);
    if (this.#options.maxInputs === 0 || !tube?.isConnected) return undefined;
    const { identity, settings } = tube.context;
    const log = this.#add(new InputLog(identity, settings, this.#options.now(), true));
    log.isPoor = tube.path()?.isPoor ?? false;
    this.#change(tubeId, log, () => undefined);
    return log;
  }

  #add(log: InputLog): InputLog {
    this.#logs.set(log.identity.tubeId, log);
    this.#bytes += log.bytes;
    this.#fixedBytes += log.fixedBytes;
    return log;
  }

  /** Without that anything of others has to go. */
  #hasRoomFor(bytes: number): boolean {
    return this.#bytes + bytes <= this.#options.maxBytes * roomRatio;
  }

  #hasRoomForOneMore(): boolean {
    const isFixed = this.#fixedBytes + quietBytes <= this.#options.maxBytes * fixedRatio * roomRatio;
    return isFixed && this.#hasRoomFor(quietBytes);
  }

  #place(tubeId: string, log: InputLog, timers: readonly PlacedTimer[]): void {
    if (timers.length > 0) this.#change(tubeId, log, () => log.place(timers));
  }

  #addTraffic(log: InputLog, tube: TubeLook | null, event: TubeEvent, atMs: number): void {
    const { tubeId } = log.identity;
    const { traffic } = log;
    log.sound = soundOf(tube, log.sound);
    const isStart = this.#maySoonStart(log) && proves(event, log.sound) && log.knows(neededBy(tube, event), traffic);
    if (traffic !== null && !isStart && !log.needsOtherTraffic(event)) {
      log.addTraffic(event, atMs);
      if (log.items.length > 1 && atMs - traffic.at_ms > keepOpeningMs && !log.hasTrouble)
        this.#change(tubeId, log, () => this.#forgetOpening(tubeId, log));
      return;
    }
    this.#change(tubeId, log, () => {
      if (traffic !== null) this.#endTraffic(tubeId, log);
      if (tube !== null) {
        const { lastHeardAtMs: last_heard_ms, lastActivityAtMs: last_activity_ms } = tube.context;
        log.memory = { ...log.memory, last_heard_ms, last_activity_ms, after_entry: this.#options.lastEntry(tubeId) };
      }
      log.addTraffic(event, atMs);
      const start = isStart && log.isPaused ? this.#startOf(tubeId, log, event) : null;
      if (start !== null) log.start(start);
    });
  }

  /** Nothing is lost by it, and there is room: it need not wait for the end of its traffic. */
  #maySoonStart(log: InputLog): boolean {
    return log.isPaused && log.items.length === 0 && this.#hasRoomFor(startBytes);
  }

  /** Where the tube was sound all the while, what comes next can be replayed from the beginning of this traffic. */
  #endTraffic(tubeId: string, log: InputLog): void {
    const isWorthIt = log.isPaused || log.hasRecovered || log.length >= startEvery;
    const start = isWorthIt ? this.#startOf(tubeId, log) : null;
    if (start !== null) log.start(start);
    log.endTraffic();
  }

  #forgetOpening(tubeId: string, log: InputLog): void {
    const start = this.#startOf(tubeId, log);
    if (start === null) return;
    log.clear();
    log.start(start);
  }

  /**
   * Null where it was not sound, or where not enough is known. Notices come when the tube has gone on already, so whether it was is known from before.
   * @param first of the open traffic: what it tells need not be known
   */
  #startOf(tubeId: string, log: InputLog, first?: TubeEvent): StartInput | null {
    const { traffic, sound, memory, isPoor, wasDisturbed } = log;
    const tube = this.#options.look(tubeId);
    if (traffic === null || sound === null || tube === null || isPoor) return null;
    if (wasDisturbed && memory.last_pong !== null) return null;
    if (!log.knows(neededBy(tube, first))) return null;
    const { peer, signalling, node, breaker } = tube.context;
    const facts = { signalling, route: node.route, held: node.held, suspect_share: node.suspectShare, breaker };
    return { event: 'start.connected', at_ms: traffic.at_ms, ...sound, ...peerOf(peer), ...facts, ...memory };
  }

  #close(tubeId: string, log: InputLog): void {
    this.#change(tubeId, log, () => log.endTraffic());
    log.isClosed = true;
    this.#closed.add(tubeId);
    for (const oldest of this.#closed) {
      if (this.#closed.size <= this.#options.maxClosed) break;
      this.#forget(oldest);
    }
  }

  #forget(tubeId: string): void {
    this.#closed.delete(tubeId);
    const log = this.#logs.get(tubeId);
    if (log === undefined) return;
    this.#logs.delete(tubeId);
    this.#bytes -= log.bytes;
    this.#fixedBytes -= log.fixedBytes;
  }

  /** Does something to a log and keeps to the bounds. */
  #change(tubeId: string, log: InputLog, work: () => void): void {
    const { bytes, fixedBytes } = log;
    work();
    while (log.items.length > this.#options.maxInputs && log.dropFirst());
    if (log.items.length > this.#options.maxInputs) log.pause();
    this.#bytes += log.bytes - bytes;
    this.#fixedBytes += log.fixedBytes - fixedBytes;
    this.#logs.delete(tubeId);
    this.#logs.set(tubeId, log);
    if (this.#fixedBytes > this.#options.maxBytes * fixedRatio) this.#forgetQuiet();
    if (this.#bytes > this.#options.maxBytes) this.#makeRoom();
  }

  /** All but the last, which is the one that something is done to. */
  #forgetQuiet(): void {
    const enough = this.#options.maxBytes * fixedRatio * roomRatio;
    for (const tubeId of this.#logs.keys()) {
      if (this.#fixedBytes <= enough || this.#logs.size === 1) return;
      this.#forget(tubeId);
    }
  }

  #makeRoom(): void {
    const enough = this.#options.maxBytes * roomRatio;
    for (const [tubeId, log] of this.#logs) {
      if (this.#bytes <= enough) return;
      const before = log.bytes;
      while (this.#bytes - before + log.bytes > enough && log.dropFirst());
      if (this.#bytes - before + log.bytes > enough) {
        log.clear();
        log.pause();
      }
      this.#bytes += log.bytes - before;
      if (log.isClosed && log.items.length === 0) this.#forget(tubeId);
    }
  }
}

const peerOf = ({ kind, dtlsRole, channels }: TubeContext['peer']) => ({
  peer_kind: kind,
  dtls_role: dtlsRole,
  channels: channels.map(channelOf),
});
