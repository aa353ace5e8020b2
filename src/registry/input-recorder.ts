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
import { InputLog, type Sound } from './input-log.js';
import type { TubeNotice } from './notice.js';
import { isTraffic } from './traffic.js';

export interface TubeLook {
  readonly isConnected: boolean;
  readonly context: TubeContext;
}

/** Connected, no incident, no attempt, and no timer of the breaker. `before`: that is also the answer when it is the same. */
function soundOf(tube: TubeLook | null, before: Sound | null): Sound | null {
  if (tube === null || !tube.isConnected) return null;
  const { active, pending, generation, incident, breaker } = tube.context;
  if (active === null || pending !== null || incident !== null || breaker.kind === 'open') return null;
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
    const { identity, settings, generation, peer, signalling, lastActivityAtMs: atMs } = context;
    const known = { ...peerOf(peer), signalling };
    this.#begin(identity, settings, { event: 'start.resumed', at_ms: atMs, generation, ...known });
  }

  /** Before the tube hears of it. */
  heard(tubeId: string, event: TubeEvent): void {
    const log = this.#logs.get(tubeId);
    if (log === undefined || log.isClosed) return;
    const atMs = this.#options.now();
    if (isTraffic(event)) {
      this.#addTraffic(tubeId, log, event, atMs);
      return;
    }
    const input = inputOf(event, atMs);
    if (input === null) return;
    const said = 'atMs' in event && event.atMs !== atMs ? { said_at_ms: event.atMs } : {};
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
    this.#change(tubeId, log, () => {
      log.endTraffic();
      log.note({ event: 'crashed', at_ms: atMs });
    });
  }

  /** A listener for `TubeRegistry.onNotice`. */
  observe({ identity: { tubeId }, emission }: TubeNotice): void {
    const log = this.#logs.get(tubeId);
    if (log === undefined) return;
    if (isTurn(emission) && log.traffic !== null) this.#change(tubeId, log, () => this.#endTraffic(tubeId, log));
    if (emission.type === 'state') {
      if (emission.state === 'connected') log.hasRecovered = true;
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
    const log = new InputLog(identity, settings, start.at_ms);
    this.#logs.set(tubeId, log);
    this.#bytes += log.bytes;
    this.#fixedBytes += log.fixedBytes;
    this.#change(tubeId, log, () => log.start(start));
  }

  #addTraffic(tubeId: string, log: InputLog, event: TubeEvent, atMs: number): void {
    const { traffic } = log;
    log.sound = soundOf(this.#options.look(tubeId), log.sound);
    if (traffic !== null && !log.needsOtherTraffic(event)) {
      log.addTraffic(event, atMs);
      if (log.items.length > 1 && atMs - traffic.at_ms > keepOpeningMs && !log.hasTrouble)
        this.#change(tubeId, log, () => this.#forgetOpening(tubeId, log));
      return;
    }
    this.#change(tubeId, log, () => {
      if (traffic !== null) this.#endTraffic(tubeId, log);
      const context = this.#options.look(tubeId)?.context;
      if (context !== undefined) {
        const { lastHeardAtMs: last_heard_ms, lastActivityAtMs: last_activity_ms } = context;
        log.memory = { ...log.memory, last_heard_ms, last_activity_ms };
      }
      log.addTraffic(event, atMs);
    });
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

  /** Null where it was not sound. Notices come when the tube has gone on already, so that is known from before. */
  #startOf(tubeId: string, { traffic, sound, memory, isPoor }: InputLog): StartInput | null {
    const tube = this.#options.look(tubeId);
    if (traffic === null || sound === null || tube === null || isPoor) return null;
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
