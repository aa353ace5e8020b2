/**
 * Numbers the signals of each tube from 1 and hands them to the rooms that may see them. They are held while a call is being answered whose
 * answer must come first: no controller hears of a tube before it knows its id, nor of candidates before it has their description. Also
 * remembers what late comers need: the candidates of the newest generation, and which tubes were closed lately.
 */
import type { TubeIdentity } from '../../machines/events.js';
import type { CloseReason } from '../../machines/failure.js';
import type { IceServer } from '../channels/connection.port.js';
import type { TubeNotice } from '../registry/notice.js';
import type { GatewayObserver } from './observer.port.js';
import { Outlet } from './outlet.js';
import {
  isShown,
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
  /** For the peer of this tube, as of now. */
  iceServers(tubeId: string): readonly IceServer[];
  emit(identity: TubeIdentity, signal: WireSignal): void;
  /** The last signal of a tube is out. */
  ended(identity: TubeIdentity): void;
  readonly observer: GatewayObserver;
  /** Closed tubes of which operators may ask: they are known here too. */
  readonly maxClosed: number;
}

interface Told {
  readonly identity: TubeIdentity;
  seq: number;
  generation: number;
  states: ToldStates;
  readonly outlet: Outlet<WireSignal>;
  /** `icecandidate` signals of the newest generation that has any. */
  candidates: WireSignal[];
  isClosed: boolean;
}

const maxCandidates = 128;
/** At least; who repeats a call soon after the end of a tube is told so. */
const fewestRemembered = 4096;

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

  /** A tube is about to be created. Its signals wait until the result is called, or for `discard`. */
  begin(identity: TubeIdentity): () => void {
    this.#told.set(identity.tubeId, this.#newTold(identity));
    return this.hold(identity.tubeId);
  }

  /** From now on the signals of this tube wait, until everybody who holds them has called the result. */
  hold(tubeId: string): () => void {
    const told = this.#tellerOf(tubeId);
    if (told === null) return () => undefined;
    const release = told.outlet.hold();
    return () => {
      release();
      if (told.isClosed) this.#end(told);
    };
  }

  /** The creation failed: nobody will ever hear of this tube. */
  discard(tubeId: string): void {
    this.#told.delete(tubeId);
  }

  /** Number of the last signal; 0 = none yet. */
  lastSeq(tubeId: string): number {
    return this.#told.get(tubeId)?.seq ?? 0;
  }

  /** The candidates of a generation, for somebody who was not there when they came. */
  candidateSignals(tubeId: string, generation: number): readonly WireSignal[] {
    return (this.#told.get(tubeId)?.candidates ?? []).filter((signal) => signal.generation === generation);
  }

  /** Those that are out already; the others are still to come to whoever follows the tube now. */
  sentCandidateSignals(tubeId: string, generation: number): readonly WireSignal[] {
    const outlet = this.#told.get(tubeId)?.outlet;
    return this.candidateSignals(tubeId, generation).filter((signal) => outlet?.isWaiting(signal) === false);
  }

  /** Null when the tube was not closed lately. */
  closedTube(tubeId: string): ClosedTube | null {
    return this.#closed.get(tubeId) ?? null;
  }

  notice(notice: TubeNotice): void {
    const told = this.#tellerOf(notice.identity.tubeId);
    if (told === null) return;
    told.generation = notice.generation;
    if (!this.#isNews(notice)) return;
    told.states = nextStates(told.states, notice);
    const signal = toSignal(notice, told.states, () => this.#options.iceServers(told.identity.tubeId));
    if (signal !== null) this.#publish(told, signal, notice.atMs);
    if (notice.emission.type === 'closed') this.#close(told, notice.emission.reason);
  }

  message(tubeId: string, channel: string, data: string | Uint8Array): void {
    const told = this.#tellerOf(tubeId);
    if (told !== null) this.#publish(told, messageSignal(told.generation, channel, data), Date.now());
  }

  /** Of several connections only one is the tube's; the chart judges likewise, so a signal and `get_connection_state` agree. */
  #isNews({ identity, generation, emission }: TubeNotice): boolean {
    if (emission.type !== 'transportState') return true;
    return isShown(emission.generation, generation, this.#options.view(identity.tubeId)?.activeGeneration ?? null);
  }

  /** Null for a tube that is gone: late notices of it must not bring it back. */
  #tellerOf(tubeId: string): Told | null {
    const known = this.#told.get(tubeId);
    if (known !== undefined) return known;
    const view = this.#options.view(tubeId);
    if (view === null || view.state === 'closed') return null;
    const { identity, state, transportState, generation } = view;
    const told = this.#newTold(identity);
    told.generation = generation;
    told.states = { state, previousState: null, transportState };
    this.#told.set(tubeId, told);
    return told;
  }

  #publish(told: Told, signal: SignalDraft, atMs: number): void {
    if (told.isClosed) return;
    told.seq += 1;
    const wire = toWire(signal, told.identity, told.seq, atMs);
    if (wire.kind === 'icecandidate') rememberCandidate(told, wire);
    told.outlet.put(wire);
  }

  #close(told: Told, reason: CloseReason): void {
    const { tubeId, tenant } = told.identity;
    told.isClosed = true;
    this.#closed.set(tubeId, { tenant, reason });
    const most = Math.max(fewestRemembered, this.#options.maxClosed);
    const oldest = this.#closed.size > most ? this.#closed.keys().next().value : undefined;
    if (oldest !== undefined) this.#closed.delete(oldest);
    this.#end(told);
  }

  /** Once its last signal is out. */
  #end(told: Told): void {
    if (told.outlet.isHeld || !this.#told.delete(told.identity.tubeId)) return;
    this.#options.ended(told.identity);
  }

  #newTold(identity: TubeIdentity): Told {
    const states: ToldStates = { state: 'initializing', previousState: null, transportState: 'new' };
    const outlet = new Outlet<WireSignal>((signal) => {
      this.#options.emit(identity, signal);
      this.#options.observer.message('signal', 'out', 'ok');
    });
    return { identity, seq: 0, generation: 1, states, outlet, candidates: [], isClosed: false };
  }
}

function rememberCandidate(told: Told, signal: WireSignal): void {
  if (told.candidates[0]?.generation !== signal.generation) told.candidates = [];
  if (told.candidates.length < maxCandidates) told.candidates.push(signal);
}
