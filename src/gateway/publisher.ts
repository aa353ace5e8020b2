/**
 * Numbers the signals of each tube from 1 and hands them to the rooms that may see them. While a `create_tube` is being answered, the
 * signals of its tube are held, so that no controller hears of a tube before it knows its id. Also remembers what late comers need: the
 * candidates of the newest generation, and which tubes were closed lately.
 */
import type { TubeIdentity } from '../../machines/events.js';
import type { CloseReason } from '../../machines/failure.js';
import type { TubeNotice } from '../registry/notice.js';
import type { GatewayObserver, Log } from './observer.port.js';
import {
  messageSignal,
  nextStates,
  toSignal,
  toWire,
  type SignalDraft,
  type ToldStates,
  type WireSignal,
} from './signals.js';
import type { TubeView } from './tubes.port.js';

export interface PublisherOptions {
  /** The tube as it is now; null when it is gone. */
  view(tubeId: string): TubeView | null;
  emit(identity: TubeIdentity, signal: WireSignal): void;
  /** The last signal of a tube is out. */
  ended(identity: TubeIdentity): void;
  readonly observer: GatewayObserver;
  readonly log: Log;
}

interface Told {
  readonly identity: TubeIdentity;
  seq: number;
  generation: number;
  states: ToldStates;
  /** Signals that wait for the acknowledgement of `create_tube`; null when none is under way. */
  held: WireSignal[] | null;
  /** `icecandidate` signals of the newest generation that has any. */
  candidates: WireSignal[];
  isClosed: boolean;
}

/** A tube that is being created says some dozens of things; this is only a cap. */
const maxHeldSignals = 512;
const maxCandidates = 128;
const maxRemembered = 4096;

export interface ClosedTube {
  readonly tenant: string;
  readonly reason: CloseReason;
}

export class SignalPublisher {
  readonly #options: PublisherOptions;
  readonly #told = new Map<string, Told>();
  readonly #closed = new Map<string, ClosedTube>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** From now on the signals of this tube wait for `release` or `discard`. */
  hold(identity: TubeIdentity): void {
    this.#told.set(identity.tubeId, { ...newTold(identity), held: [] });
  }

  release(tubeId: string): void {
    const told = this.#told.get(tubeId);
    const held = told?.held ?? [];
    if (told === undefined) return;
    told.held = null;
    for (const signal of held) this.#emit(told, signal);
    if (told.isClosed) this.#end(told);
  }

  /** The creation failed: nobody will ever hear of this tube. */
  discard(tubeId: string): void {
    this.#told.delete(tubeId);
  }

  /** Number of the last signal; 0 = none yet. */
  lastSeq(tubeId: string): number {
    return this.#told.get(tubeId)?.seq ?? 0;
  }

  /** The candidates that were told of a generation, for somebody who was not there when they came. Held ones are still to come. */
  candidateSignals(tubeId: string, generation: number): readonly WireSignal[] {
    const told = this.#told.get(tubeId);
    if (told === undefined || told.held !== null) return [];
    return told.candidates.filter((signal) => signal.generation === generation);
  }

  /** Null when the tube was not closed lately. */
  closedTube(tubeId: string): ClosedTube | null {
    return this.#closed.get(tubeId) ?? null;
  }

  notice(notice: TubeNotice): void {
    const told = this.#tellerOf(notice.identity.tubeId);
    if (told === null) return;
    told.states = nextStates(told.states, notice);
    told.generation = notice.generation;
    const signal = toSignal(notice, told.states);
    if (signal !== null) this.#publish(told, signal, notice.atMs);
    if (notice.emission.type === 'closed') this.#close(told, notice.emission.reason);
  }

  message(tubeId: string, channel: string, data: string | Uint8Array): void {
    const told = this.#tellerOf(tubeId);
    if (told !== null) this.#publish(told, messageSignal(told.generation, channel, data), Date.now());
  }

  /** Null for a tube that is gone: late notices of it must not bring it back. */
  #tellerOf(tubeId: string): Told | null {
    const known = this.#told.get(tubeId);
    if (known !== undefined) return known;
    const view = this.#options.view(tubeId);
    if (view === null || view.state === 'closed') return null;
    const { identity, state, transportState, generation } = view;
    const told = { ...newTold(identity), generation, states: { state, transportState } };
    this.#told.set(tubeId, told);
    return told;
  }

  #publish(told: Told, signal: SignalDraft, atMs: number): void {
    if (told.isClosed) return;
    told.seq += 1;
    const wire = toWire(signal, told.identity, told.seq, atMs);
    if (wire.kind === 'icecandidate') rememberCandidate(told, wire);
    if (told.held === null) this.#emit(told, wire);
    else if (told.held.length < maxHeldSignals) told.held.push(wire);
    else
      this.#options.log.warn(
        { tube_id: told.identity.tubeId, event: wire.kind },
        'too many signals during create_tube, one dropped',
      );
  }

  #emit(told: Told, signal: WireSignal): void {
    this.#options.emit(told.identity, signal);
    this.#options.observer.message('signal', 'out', 'ok');
  }

  #close(told: Told, reason: CloseReason): void {
    const { tubeId, tenant } = told.identity;
    told.isClosed = true;
    this.#closed.set(tubeId, { tenant, reason });
    const oldest = this.#closed.size > maxRemembered ? this.#closed.keys().next().value : undefined;
    if (oldest !== undefined) this.#closed.delete(oldest);
    if (told.held === null) this.#end(told);
  }

  #end(told: Told): void {
    this.#told.delete(told.identity.tubeId);
    this.#options.ended(told.identity);
  }
}

function newTold(identity: TubeIdentity): Told {
  const states: ToldStates = { state: 'initializing', transportState: 'new' };
  return { identity, seq: 0, generation: 1, states, held: null, candidates: [], isClosed: false };
}

function rememberCandidate(told: Told, signal: WireSignal): void {
  if (told.candidates[0]?.generation !== signal.generation) told.candidates = [];
  if (told.candidates.length < maxCandidates) told.candidates.push(signal);
}
