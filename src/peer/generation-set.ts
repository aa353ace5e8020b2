/**
 * The generations of one peer: at most one that is coming up (`pending`), one that carries data (`active`) and one before it that still
 * receives for a moment (`lingering`). Decides what an offer means, when to cut over and when a generation ends. It asks nobody for a
 * restart and talks to no socket: HoldfastPeer does, by what it hears here.
 */
import { readMark } from '../channels/wire.js';
import type { ConnectionConfig } from '../channels/connection.port.js';
import type { TransportState } from '../../machines/ports/transport.port.js';
import type { ChannelClass } from '../../machines/settings.js';
import { EarlyCandidates } from './early-candidates.js';
import type { PeerEnvironment } from './environment.port.js';
import { Generation, type GenerationCounts, type GenerationLink, type GenerationListener } from './generation.js';
import { messageOf } from './peer-error.js';
import type { CandidateFrame, OfferFrame } from './signalling.port.js';

export type RestartPhase = 'offered' | 'answered' | 'up' | 'cut_over' | 'failed';
export type FailureReason = 'superseded' | 'timeout' | 'refused' | 'connection_lost';

export interface GenerationSetLink extends GenerationLink {
  activate(generation: number): void;
  setRemote(instance: string | null, maxMessageBytes: number): void;
  renumber(): void;
  remove(label: string): void;
}

export interface GenerationSetListener {
  answer(generation: number, sdp: string): void;
  candidate(generation: number, candidate: string, mid: string): void;
  /** One generation's way up. `reason` and `detail` only with `failed`. */
  phase(event: PhaseEvent): void;
  /** The path of the active generation: came back, stopped working (it may come back), or is gone. */
  path(state: 'up' | 'disconnected' | 'lost'): void;
  channel(label: string, state: 'opened' | 'closed'): void;
  /** Anything came over the active generation. */
  heard(): void;
}

export interface PhaseEvent {
  readonly generation: number;
  readonly phase: RestartPhase;
  /** Milliseconds since the offer came. */
  readonly durationMs: number;
  readonly reason?: FailureReason;
  readonly detail?: string;
}

export interface GenerationSetOptions {
  readonly environment: PeerEnvironment;
  readonly link: GenerationSetLink;
  readonly listener: GenerationSetListener;
  /** Makes the name of this end; asked again when the service has forgotten the first. */
  newInstance(): string;
  readonly connection: Omit<ConnectionConfig, 'iceServers'>;
  /** Used instead of the servers of the offer. */
  readonly iceServers: ConnectionConfig['iceServers'] | null;
  readonly gatherTimeoutMs: number;
  readonly generationTimeoutMs: number;
  readonly generationLingerMs: number;
}

/** A channel that is gone from every generation for this long is reported as closed; a cut-over takes less. */
const channelCloseGraceMs = 1000;

interface Pending {
  readonly generation: Generation;
  readonly offeredAtMs: number;
  readonly cancelTimeout: () => void;
}

export class GenerationSet {
  readonly #options: GenerationSetOptions;
  readonly #early = new EarlyCandidates();
  readonly #timers = new Set<() => void>();
  readonly #openLabels = new Set<string>();
  /** Channels that we opened, to be opened again in a generation whose offer was made before the service knew them. */
  readonly #ownChannels = new Map<string, ChannelClass>();
  #instance: string;
  /** The service has been told of this instance, and may have numbers of it. */
  #isKnown = false;
  #pending: Pending | null = null;
  #active: Generation | null = null;
  #lingering: Generation | null = null;
  /** Highest generation that was ever offered. */
  #newest = 0;
  #newestWasUp = false;
  #pathWorks = false;
  #stale = { offers: 0, candidates: 0 };
  #ended: GenerationCounts = { pings: 0, droppedCandidates: 0 };
  #closed = false;

  constructor(options: GenerationSetOptions) {
    this.#options = options;
    this.#instance = options.newInstance();
  }

  get instance(): string {
    return this.#instance;
  }

  get pending(): number | null {
    return this.#pending?.generation.number ?? null;
  }

  get active(): Generation | null {
    return this.#active;
  }

  /** The active generation exists and its path has not been reported as disconnected. */
  get pathWorks(): boolean {
    return this.#active !== null && this.#pathWorks;
  }

  counts(): GenerationCounts & { staleOffers: number; staleCandidates: number } {
    const live = this.#live();
    const sum = (key: keyof GenerationCounts): number =>
      live.reduce((total, generation) => total + generation.counts[key], this.#ended[key]);
    return {
      pings: sum('pings'),
      droppedCandidates: sum('droppedCandidates') + this.#early.dropped,
      staleOffers: this.#stale.offers,
      staleCandidates: this.#stale.candidates,
    };
  }

  offer(offer: OfferFrame): void {
    if (this.#closed) return;
    const known = this.#live().find((generation) => generation.number === offer.generation);
    if (known?.offer.sdp === offer.sdp) return known.answerAgain();
    // The newest one may be offered anew as long as it never worked: its answer was lost, or its description was replaced.
    const isStale = offer.generation < this.#newest || (offer.generation === this.#newest && this.#newestWasUp);
    if (isStale) {
      this.#stale.offers += 1;
      return;
    }
    this.#dropPending('superseded', `offer of generation ${offer.generation}`);
    this.#build(offer);
  }

  candidate(candidate: CandidateFrame): void {
    if (this.#closed) return;
    const number = candidate.generation ?? this.#newest;
    const live = this.#live().find((generation) => generation.number === number);
    if (live !== undefined) live.addCandidate(candidate);
    else if (number > this.#newest) this.#early.keep(number, candidate);
    else this.#stale.candidates += 1;
  }

  isOpen(label: string): boolean {
    return this.#openLabels.has(label);
  }

  /** Opens a channel in-band on the active generation. False without one. Nothing to do when the label exists. */
  openChannel(label: string, channelClass: ChannelClass): boolean {
    if (this.#active === null) return false;
    if (this.#active.hasChannel(label)) return true;
    this.#ownChannels.set(label, channelClass);
    this.#active.createChannel({ label, class: channelClass, negotiatedId: null });
    return true;
  }

  /** Idempotent; nothing is reported afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending?.cancelTimeout();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    for (const generation of this.#live()) this.#end(generation);
    this.#pending = this.#active = this.#lingering = null;
  }

  #build(offer: OfferFrame): void {
    const { listener, link, iceServers, connection, generationTimeoutMs } = this.#options;
    this.#newest = offer.generation;
    this.#newestWasUp = false;
    listener.phase({ generation: offer.generation, phase: 'offered', durationMs: 0 });
    const mark = readMark(offer.sdp);
    link.setRemote(mark?.instance ?? null, maxMessageSize(offer.sdp));
    this.#beSomebodyNew(mark?.remote ?? null);
    let generation: Generation;
    try {
      generation = new Generation(offer, {
        ...this.#options,
        instance: this.#instance,
        listener: this.#generationListener(),
        connection: { ...connection, iceServers: iceServers ?? offer.iceServers },
      });
    } catch (error) {
      this.#failed(offer.generation, 0, 'refused', messageOf(error));
      return;
    }
    const timedOut = (): void => this.#dropPending('timeout', `not up within ${generationTimeoutMs} ms`);
    const cancelTimeout = this.#after(generationTimeoutMs, timedOut);
    this.#pending = { generation, offeredAtMs: this.#options.environment.now(), cancelTimeout };
    for (const candidate of this.#early.take(offer.generation)) generation.addCandidate(candidate);
    void generation.start();
  }

  /**
   * Another instance was the service's peer since us: it has forgotten our numbers, and would take ours for those that it forgot. Under a new
   * name both sides begin at 0, with what is not acknowledged.
   */
  #beSomebodyNew(remote: string | null): void {
    if (!this.#isKnown || remote === null || remote === this.#instance) return;
    this.#instance = this.#options.newInstance();
    this.#isKnown = false;
    this.#options.link.renumber();
  }

  #generationListener(): GenerationListener {
    const { listener } = this.#options;
    return {
      answer: (number, sdp) => {
        this.#isKnown = true;
        listener.answer(number, sdp);
        this.#phase(number, 'answered');
      },
      candidate: (number, candidate, mid) => listener.candidate(number, candidate, mid),
      up: (number) => this.#cutOver(number),
      stateChanged: (number, state) => this.#stateChanged(number, state),
      failed: (number, detail) => {
        if (this.pending === number) this.#dropPending('refused', detail);
      },
      channelOpened: (_number, label) => this.#channelOpened(label),
      channelClosed: () => void this.#after(channelCloseGraceMs, () => this.#reportClosedChannels()),
      heard: (number) => {
        if (this.#active?.number === number) listener.heard();
      },
    };
  }

  #cutOver(number: number): void {
    const pending = this.#pending;
    if (pending?.generation.number !== number) return;
    const durationMs = this.#options.environment.now() - pending.offeredAtMs;
    this.#options.listener.phase({ generation: number, phase: 'up', durationMs });
    // A handler of that event may have closed the peer.
    if (this.#pending !== pending) return;
    pending.cancelTimeout();
    this.#pending = null;
    this.#newestWasUp = true;
    if (this.#lingering !== null) this.#end(this.#lingering);
    this.#lingering = this.#active;
    this.#active = pending.generation;
    this.#pathWorks = true;
    this.#options.link.activate(number);
    this.#reopenOwnChannels(this.#active);
    this.#lingerOut(this.#lingering);
    this.#options.listener.phase({ generation: number, phase: 'cut_over', durationMs });
  }

  #reopenOwnChannels(active: Generation): void {
    // An offer without a list has its channels opened in-band by the service, ours among them.
    if ((readMark(active.offer.sdp)?.channels.length ?? 0) === 0) return;
    for (const [label, channelClass] of this.#ownChannels) {
      if (!active.hasChannel(label)) active.createChannel({ label, class: channelClass, negotiatedId: null });
    }
  }

  #lingerOut(old: Generation | null): void {
    if (old === null) return;
    this.#after(this.#options.generationLingerMs, () => {
      if (this.#lingering === old) this.#lingering = null;
      this.#end(old);
      this.#reportClosedChannels();
    });
  }

  #stateChanged(number: number, state: TransportState): void {
    const isGone = state === 'failed' || state === 'closed';
    if (this.pending === number) {
      if (isGone) this.#dropPending('connection_lost', `connection ${state}`);
    } else if (this.#lingering?.number === number) {
      if (!isGone) return;
      this.#end(this.#lingering);
      this.#lingering = null;
    } else if (this.#active?.number === number) {
      this.#activeChanged(this.#active, state);
    }
  }

  #activeChanged(active: Generation, state: TransportState): void {
    if (state === 'failed' || state === 'closed') {
      // Nothing brings it back: the service never restarts ICE on a connection, it offers another generation.
      this.#end(active);
      this.#active = null;
      this.#pathWorks = false;
      this.#options.listener.path('lost');
    } else if (state === 'disconnected' && this.#pathWorks) {
      this.#pathWorks = false;
      this.#options.listener.path('disconnected');
    } else if (state === 'connected' && !this.#pathWorks) {
      this.#pathWorks = true;
      this.#options.listener.path('up');
    }
  }

  #dropPending(reason: FailureReason, detail: string): void {
    const pending = this.#pending;
    if (pending === null) return;
    this.#pending = null;
    pending.cancelTimeout();
    this.#end(pending.generation);
    this.#failed(pending.generation.number, this.#options.environment.now() - pending.offeredAtMs, reason, detail);
  }

  #failed(generation: number, durationMs: number, reason: FailureReason, detail: string): void {
    this.#options.listener.phase({ generation, phase: 'failed', durationMs, reason, detail });
  }

  #phase(number: number, phase: 'answered'): void {
    const pending = this.#pending;
    // A repeated answer of a generation that is up already is no news.
    if (pending?.generation.number !== number) return;
    const durationMs = this.#options.environment.now() - pending.offeredAtMs;
    this.#options.listener.phase({ generation: number, phase, durationMs });
  }

  #channelOpened(label: string): void {
    if (this.#openLabels.has(label)) return;
    this.#openLabels.add(label);
    this.#options.listener.channel(label, 'opened');
  }

  /** A channel lives as long as one generation has it; while there is no path it is neither open nor closed. */
  #reportClosedChannels(): void {
    if (this.#closed || !this.pathWorks || this.#pending !== null) return;
    const open = new Set(this.#live().flatMap((generation) => generation.openLabels()));
    for (const label of [...this.#openLabels].filter((known) => !open.has(known))) {
      this.#openLabels.delete(label);
      this.#ownChannels.delete(label);
      this.#options.link.remove(label);
      this.#options.listener.channel(label, 'closed');
    }
  }

  #live(): Generation[] {
    return [this.#pending?.generation, this.#active, this.#lingering].filter(
      (generation) => generation instanceof Generation,
    );
  }

  #end(generation: Generation): void {
    if (generation.isClosed) return;
    generation.close();
    this.#ended.pings += generation.counts.pings;
    this.#ended.droppedCandidates += generation.counts.droppedCandidates;
  }

  #after(delayMs: number, fn: () => void): () => void {
    const cancel = this.#options.environment.schedule(() => {
      this.#timers.delete(cancel);
      fn();
    }, delayMs);
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }
}

/** RFC 8841 §6: the largest message the other side takes; 0 = any, absent = 64 KiB. */
function maxMessageSize(sdp: string): number {
  const value = /^a=max-message-size:(\d{1,15})\r?$/m.exec(sdp)?.[1];
  if (value === undefined) return 65_536;
  return Number(value) === 0 ? Infinity : Number(value);
}
