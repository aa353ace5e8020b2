/**
 * One generation: one connection that answers one offer of the service, with its channels, and what it answers to pings and probes. It does not know its
 * siblings; GenerationSet decides which generation carries data and when one ends. After `close` it reports nothing.
 */
import { controlLabel, encodeControl, isOwnLabel, markSdp, readMark } from '../channels/wire.js';
import type {
  Channel,
  ChannelHandlers,
  Connection,
  ConnectionConfig,
  ConnectionStats,
  IceServer,
} from '../channels/connection.port.js';
import type { Description, TransportState } from '../../machines/ports/transport.port.js';
import type { PeerEnvironment } from './environment.port.js';
import { messageOf } from './peer-error.js';
import { PathAnswers } from './path-answers.js';
import type { CandidateFrame, OfferFrame } from './signalling.port.js';

/** Candidates of the service that are kept until its description is applied, and candidates of ours kept to be sent again. */
export const maxCandidates = 64;
/** As many as a mark can list (wire.ts), and the two of the library's own. */
const maxChannels = 66;

/** The part of MessageLink that a generation uses. */
export interface GenerationLink {
  attach(generation: number, label: string, channel: Channel): ChannelHandlers;
  detach(generation: number): void;
}

export interface GenerationListener {
  answer(generation: number, sdp: string): void;
  candidate(generation: number, candidate: string, mid: string): void;
  /** The control channel is open: data has gone round the path. At most once. */
  up(generation: number): void;
  stateChanged(generation: number, state: TransportState): void;
  /** It could not be built, or the offer was refused. */
  failed(generation: number, detail: string): void;
  channelOpened(generation: number, label: string): void;
  channelClosed(generation: number, label: string): void;
  /** Anything came over one of its channels. */
  heard(generation: number): void;
}

export interface GenerationDeps {
  readonly environment: Pick<PeerEnvironment, 'createConnection' | 'schedule'>;
  readonly link: GenerationLink;
  readonly listener: GenerationListener;
  /** Our instance id, for the mark of the answer. */
  readonly instance: string;
  readonly connection: ConnectionConfig;
  /** How long an answer without trickle waits for the candidates. */
  readonly gatherTimeoutMs: number;
}

/** Counters of one generation. */
export interface GenerationCounts {
  pings: number;
  /** Candidates of the service beyond `maxCandidates`, or refused by the connection. */
  droppedCandidates: number;
}

export class Generation {
  readonly number: number;
  readonly offer: OfferFrame;
  readonly counts: GenerationCounts = { pings: 0, droppedCandidates: 0 };
  readonly #deps: GenerationDeps;
  readonly #connection: Connection;
  readonly #labels = new Set<string>();
  readonly #openChannels = new Map<string, Channel>();
  readonly #answers = new PathAnswers();
  readonly #localCandidates: { candidate: string; mid: string }[] = [];
  #remoteCandidates: CandidateFrame[] = [];
  #remoteApplied = false;
  #answerSdp: string | null = null;
  #cancelGathering: (() => void) | null = null;
  #isUp = false;
  #closed = false;

  /** Throws when the environment cannot build a connection. */
  constructor(offer: OfferFrame, deps: GenerationDeps) {
    this.number = offer.generation;
    this.offer = offer;
    this.#deps = deps;
    this.#connection = deps.environment.createConnection(deps.connection, {
      localDescription: (description) => this.#described(description),
      localCandidate: (candidate, mid) => this.#gathered(candidate, mid),
      stateChanged: (state) => this.#report((listener) => listener.stateChanged(this.number, state)),
      iceConnected: () => undefined,
      remoteChannel: (channel) => this.#remoteChannel(channel),
    });
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get iceServers(): readonly IceServer[] {
    return this.#deps.connection.iceServers;
  }

  /** Creates the channels that the offer lists and applies it; the answer comes by the listener. */
  async start(): Promise<void> {
    try {
      for (const { label, id, class: channelClass } of readMark(this.offer.sdp)?.channels ?? []) {
        this.createChannel({ label, class: channelClass, negotiatedId: id });
      }
      await this.#connection.applyOffer(this.offer.sdp);
    } catch (error) {
      this.#report((listener) => listener.failed(this.number, messageOf(error)));
      return;
    }
    this.#remoteApplied = true;
    for (const candidate of this.#remoteCandidates.splice(0)) this.#apply(candidate);
  }

  /** The offer came again: the same answer and the same candidates once more. Nothing before the answer exists. */
  answerAgain(): void {
    const sdp = this.#answerSdp;
    if (sdp === null || this.#closed) return;
    this.#deps.listener.answer(this.number, sdp);
    if (this.offer.trickleIce) this.#sendCandidates();
  }

  addCandidate(candidate: CandidateFrame): void {
    if (this.#closed) return;
    if (this.#remoteApplied) this.#apply(candidate);
    else if (this.#remoteCandidates.length < maxCandidates) this.#remoteCandidates.push(candidate);
    else this.counts.droppedCandidates += 1;
  }

  /** `negotiatedId: null` opens it in-band. */
  createChannel(init: Parameters<Connection['createChannel']>[0]): void {
    // The link wants the channel and the connection wants its handlers; handlers are never called from inside a method.
    let handlers: ChannelHandlers | null = null;
    const channel = this.#connection.createChannel(init, {
      open: () => handlers?.open(),
      closed: () => handlers?.closed(),
      message: (data) => handlers?.message(data),
      drained: () => handlers?.drained(),
    });
    handlers = this.#serve(channel);
  }

  openLabels(): string[] {
    return [...this.#openChannels.keys()];
  }

  /** It has, or had, a channel of that name, open or not yet. */
  hasChannel(label: string): boolean {
    return this.#labels.has(label);
  }

  stats(): Promise<ConnectionStats> {
    return this.#connection.stats();
  }

  /** Asks the service for a sign of life. */
  ping(): void {
    this.#openChannels.get(controlLabel)?.send(encodeControl({ kind: 'ping', seq: null }));
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelGathering?.();
    this.#deps.link.detach(this.number);
    this.#connection.close();
  }

  #remoteChannel(channel: Channel): ChannelHandlers | null {
    if (this.#closed || (this.#labels.size >= maxChannels && !this.#labels.has(channel.label))) return null;
    const handlers = this.#serve(channel);
    // Some stacks announce a remote channel only when it is open already, and then say nothing more.
    if (channel.isOpen()) this.#deps.environment.schedule(() => handlers.open(), 0);
    return handlers;
  }

  /** The handlers of a channel, whoever opened it: control and probes are ours, the others are the link's. */
  #serve(channel: Channel): ChannelHandlers {
    this.#labels.add(channel.label);
    const isControl = channel.label === controlLabel;
    const inner = isOwnLabel(channel.label) ? null : this.#deps.link.attach(this.number, channel.label, channel);
    return {
      open: () => {
        if (this.#closed || this.#openChannels.get(channel.label) === channel) return;
        this.#openChannels.set(channel.label, channel);
        inner?.open();
        if (isControl) this.#markUp();
        if (inner !== null) this.#deps.listener.channelOpened(this.number, channel.label);
      },
      closed: () => {
        if (this.#openChannels.get(channel.label) === channel) this.#openChannels.delete(channel.label);
        inner?.closed();
        // The service closes `control` only with the connection, and some stacks report the loss of that much later.
        if (isControl) this.#report((listener) => listener.stateChanged(this.number, 'closed'));
        if (inner !== null) this.#report((listener) => listener.channelClosed(this.number, channel.label));
      },
      message: (data) => {
        if (this.#closed) return;
        this.#deps.listener.heard(this.number);
        if (inner !== null) return inner.message(data);
        const asked = this.#answers.answer(channel, data);
        // Every ping comes on both channels.
        if (isControl && asked === 'ping') this.counts.pings += 1;
      },
      drained: () => inner?.drained(),
    };
  }

  #markUp(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#deps.listener.up(this.number);
  }

  #described(description: Description): void {
    if (this.#closed || description.type !== 'answer' || this.#answerSdp !== null) return;
    if (this.offer.trickleIce) return this.#answer(description.sdp);
    this.#cancelGathering = this.#deps.environment.schedule(() => this.#gatheringDone(), this.#deps.gatherTimeoutMs);
    if (this.#localCandidates.some(({ candidate }) => candidate === '')) this.#gatheringDone();
  }

  #gathered(candidate: string, mid: string): void {
    if (this.#closed || (this.#localCandidates.length >= maxCandidates && candidate !== '')) return;
    this.#localCandidates.push({ candidate, mid });
    if (!this.offer.trickleIce) {
      if (candidate === '') this.#gatheringDone();
    } else if (this.#answerSdp !== null) {
      this.#deps.listener.candidate(this.number, candidate, mid);
    }
  }

  /** Without trickle the answer carries whatever was found until now. */
  #gatheringDone(): void {
    const description = this.#connection.localDescription();
    if (this.#answerSdp !== null || description?.type !== 'answer') return;
    this.#cancelGathering?.();
    this.#answer(description.sdp);
  }

  #answer(sdp: string): void {
    this.#answerSdp = markSdp(sdp, { instance: this.#deps.instance, channels: [], probes: true });
    this.#deps.listener.answer(this.number, this.#answerSdp);
    if (this.offer.trickleIce) this.#sendCandidates();
  }

  /** Those found before the answer was out wait for it: a candidate without its description is of no use to anybody. */
  #sendCandidates(): void {
    for (const { candidate, mid } of this.#localCandidates) this.#deps.listener.candidate(this.number, candidate, mid);
  }

  #apply({ candidate, mid }: CandidateFrame): void {
    this.#connection.addCandidate(candidate, mid).catch(() => {
      // One unusable candidate (mDNS, IPv6, TCP) among usable ones is normal.
      this.counts.droppedCandidates += 1;
    });
  }

  #report(tell: (listener: GenerationListener) => void): void {
    if (!this.#closed) tell(this.#deps.listener);
  }
}
