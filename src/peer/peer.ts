/**
 * `HoldfastPeer`: the peer's end of a tube. It answers the service's offers, each with a connection of its own, and moves the channels to
 * the newest one that works, so that an application sees channels that outlive connections. Environment-neutral: `createPeer` of browser.ts
 * and node.ts supplies the environment. What happens to generations is GenerationSet's; to messages, MessageLink's.
 */
import { frameHeaderBytes } from '../channels/frame.js';
import { MessageLink } from '../channels/message-link.js';
import { isOwnLabel } from '../channels/wire.js';
import type { ChannelClass } from '../../machines/settings.js';
import { Emitter } from './emitter.js';
import type { NetworkWatch, PeerEnvironment } from './environment.port.js';
import { GenerationSet, type GenerationSetListener, type PhaseEvent } from './generation-set.js';
import { KnownPath } from './known-path.js';
import { PathWatch } from './path-watch.js';
import { messageOf, PeerError, type PeerErrorCode } from './peer-error.js';
import type { PeerEvents, PeerOptions, PeerState, PeerStats } from './peer.types.js';
import { SocketSignalling } from './signalling.js';
import {
  isRecord,
  parseCandidate,
  parseOffer,
  type NetworkChange,
  type OutgoingMessage,
  type Signalling,
  type SignallingHandlers,
} from './signalling.port.js';
import { libraryVersion } from './version.js';

const defaults = {
  maxMessageBytes: 256 * 1024,
  replayBufferBytes: 4 * 1024 * 1024,
  dropAboveBufferedBytes: 4 * 1024 * 1024,
  generationTimeoutMs: 20_000,
  generationLingerMs: 3000,
  gatherTimeoutMs: 10_000,
};
const maxLabelLength = 256;
const maxReasonLength = 256;

interface Waiter {
  resolve(): void;
  reject(error: PeerError): void;
}

export class HoldfastPeer {
  readonly #environment: PeerEnvironment;
  readonly #signalling: Signalling;
  readonly #link: MessageLink;
  readonly #generations: GenerationSet;
  readonly #emitter: Emitter<PeerEvents>;
  readonly #watch: PathWatch;
  readonly #knownPath: KnownPath;
  readonly #openWaiters = new Map<string, Set<Waiter>>();
  #connecting: { readonly promise: Promise<void>; readonly waiter: Waiter } | null = null;
  #state: PeerState = 'new';
  #network: NetworkWatch | null = null;
  #upCount = 0;
  /** The generation that is coming up is not the first that works. */
  #isRestart = false;

  /** Does nothing until `connect`. Throws `PeerError` `input_schema` when neither `url` and `token` nor `signalling` is given. */
  constructor(options: PeerOptions, environment: PeerEnvironment) {
    const settings = { ...defaults, ...options };
    this.#environment = environment;
    this.#emitter = new Emitter((name, cause) => this.#handlerFailed(name, cause));
    this.#signalling = options.signalling ?? makeSignalling(options, environment);
    this.#link = new MessageLink({
      maxMessageBytes: settings.maxMessageBytes,
      replayBufferBytes: settings.replayBufferBytes,
      dropAboveBufferedBytes: settings.dropAboveBufferedBytes,
      schedule: environment.schedule,
      deliver: (channel, data) => this.#emitter.emit('message', { channel, data }),
    });
    this.#watch = new PathWatch({
      schedule: environment.schedule,
      ping: () => this.#generations.active?.ping(),
      silent: () => {
        if (this.#state !== 'connected') return false;
        this.requestRestart('path_silent');
        return true;
      },
    });
    this.#generations = new GenerationSet({
      environment,
      link: this.#link,
      listener: this.#generationListener(),
      newInstance: () => makeInstance(environment.random),
      connection: { maxMessageBytes: settings.maxMessageBytes + frameHeaderBytes },
      iceServers: options.iceServers ?? null,
      gatherTimeoutMs: settings.gatherTimeoutMs,
      generationTimeoutMs: settings.generationTimeoutMs,
      generationLingerMs: settings.generationLingerMs,
    });
    this.#knownPath = new KnownPath(
      () => this.#generations.active,
      (...path) => this.#guard('network', () => this.#network?.pathFound?.(...path)),
    );
  }

  /**
   * Names this object to the service; another page or process, or another object, is another instance. It changes when another instance was the
   * service's peer in between, for then the messages of both sides are numbered anew.
   */
  get instance(): string {
    return this.#generations.instance;
  }

  get state(): PeerState {
    return this.#state;
  }

  /**
   * Starts signalling and answers what the service offers. Resolves when the first generation works, rejects with a `PeerError` when the
   * peer is closed before; nobody has to wait for it. Idempotent.
   */
  connect(): Promise<void> {
    if (this.#connecting !== null) return this.#connecting.promise;
    const connecting = deferred();
    this.#connecting = connecting;
    if (this.#state === 'closed') {
      connecting.waiter.reject(new PeerError('tube_closed', 'The peer is closed.'));
      return connecting.promise;
    }
    this.#refresh(null);
    this.#network =
      this.#environment.watchNetwork?.((change, concernsPath) => this.#networkChanged(change, concernsPath)) ?? null;
    this.#guard('signalling.start', () => this.#signalling.start(this.#signallingHandlers()));
    return connecting.promise;
  }

  /**
   * Sends a message: text as text, bytes as bytes. On a `reliable` channel it arrives exactly once and in order, also across restarts, as long
   * as both sides live. Throws `PeerError`: `channel_unknown` or `channel_not_open` (see `opened`), `channel_full` (try again
   * later), `channel_message_too_large`, `tube_closed`.
   */
  send(channel: string, data: string | Uint8Array): void {
    this.#assertOpen();
    const refusal = this.#link.send(channel, data);
    if (refusal !== null) throw new PeerError(refusal, `Message for channel "${channel}" was not taken.`);
    if (this.#state === 'connected') this.#watch.sent();
  }

  /** Resolves when the channel is open, now or later; rejects with `tube_closed` when the peer closes first. */
  opened(channel: string): Promise<void> {
    const { promise, waiter } = deferred();
    if (this.#state === 'closed') waiter.reject(new PeerError('tube_closed', 'The peer is closed.'));
    else if (this.#generations.isOpen(channel)) waiter.resolve();
    else this.#openWaiters.set(channel, (this.#openWaiters.get(channel) ?? new Set()).add(waiter));
    return promise;
  }

  /**
   * Opens a channel besides those of the tube; the `channel` event says when it is open. Throws `PeerError`: `input_schema` for a label
   * that cannot be one, `tube_state` while no generation works, `transport_down` when the connection refuses, `tube_closed`.
   */
  openChannel(channel: string, channelClass: ChannelClass = 'reliable'): void {
    this.#assertOpen();
    if (channel === '' || isOwnLabel(channel) || channel.length > maxLabelLength) {
      throw new PeerError('input_schema', `"${channel}" cannot be a channel.`);
    }
    let isOpening: boolean;
    try {
      isOpening = this.#generations.openChannel(channel, channelClass);
    } catch (cause) {
      throw new PeerError('transport_down', messageOf(cause), { cause });
    }
    if (!isOpening) throw new PeerError('tube_state', 'A channel can be opened when the peer is connected.');
  }

  /** Calls `handler` at every such event; the result ends that. What a handler throws is reported as `error` and harms nothing. */
  on<Name extends keyof PeerEvents>(event: Name, handler: (event: PeerEvents[Name]) => unknown): () => void {
    return this.#emitter.on(event, handler);
  }

  /** Asks the service for a new generation; it decides. Throws `PeerError` `tube_closed`. */
  requestRestart(reason: string): void {
    this.#assertOpen();
    this.#sendSignal({ event: 'restart_request', data: { reason: reason.slice(0, maxReasonLength) } });
  }

  async stats(): Promise<PeerStats> {
    const active = this.#generations.active;
    // A connection that is being closed may refuse; the rest is still worth having.
    const connection = await (active?.stats() ?? Promise.resolve(null)).catch(() => null);
    const counts = this.#generations.counts();
    return {
      state: this.#state,
      instance: this.instance,
      generation: active?.number ?? null,
      pendingGeneration: this.#generations.pending,
      restarts: Math.max(0, this.#upCount - 1),
      bytesSent: connection?.bytesSent ?? 0,
      bytesReceived: connection?.bytesReceived ?? 0,
      rttMs: connection?.rttMs ?? null,
      selectedPair: connection?.selectedPair ?? null,
      pingsAnswered: counts.pings,
      staleOffers: counts.staleOffers,
      staleCandidates: counts.staleCandidates,
      droppedCandidates: counts.droppedCandidates,
      channels: this.#link.stats(),
    };
  }

  /**
   * Ends signalling and every connection, and the tube with them: the service is told if it can be reached now. Idempotent, final; messages
   * that are not acknowledged yet are lost.
   */
  close(): void {
    this.#sendSignal({ event: 'bye', data: {} });
    this.#end('requested', 'tube_closed');
  }

  #end(reason: string, code: PeerErrorCode): void {
    if (this.#state === 'closed') return;
    const previous = this.#state;
    this.#state = 'closed';
    this.#guard('network', () => this.#network?.stop());
    this.#guard('signalling.stop', () => this.#signalling.stop());
    this.#watch.reset();
    this.#generations.close();
    this.#link.close();
    const error = new PeerError(code, `The peer was closed: ${reason}.`);
    this.#connecting?.waiter.reject(error);
    for (const waiters of this.#openWaiters.values()) for (const waiter of waiters) waiter.reject(error);
    this.#openWaiters.clear();
    this.#emitter.emit('state', { state: 'closed', previous, reason });
  }

  #signallingHandlers(): SignallingHandlers {
    const whileOpen = (fn: () => void): void => {
      if (this.#state !== 'closed') fn();
    };
    return {
      receive: (event, data) => whileOpen(() => this.#receive(event, data)),
      status: (status) => whileOpen(() => this.#emitter.emit('signalling', status)),
      error: (error) => whileOpen(() => this.#emitter.emit('error', error)),
      fatal: (error) =>
        whileOpen(() => {
          this.#emitter.emit('error', error);
          this.#end(error.code, error.code);
        }),
      hello: () => ({
        instance: this.instance,
        generation: this.#generations.pending ?? this.#generations.active?.number ?? 0,
        library: `holdfast-peer/${libraryVersion}`,
      }),
    };
  }

  #receive(event: string, data: unknown): void {
    switch (event) {
      case 'offer':
      case 'ice_restart_offer':
        return this.#received(event, parseOffer(data), (offer) => this.#generations.offer(offer));
      case 'icecandidate':
        return this.#received(event, parseCandidate(data), (candidate) => this.#generations.candidate(candidate));
      case 'closed':
        return this.#end(isRecord(data) && typeof data.reason === 'string' ? data.reason : 'closed', 'tube_closed');
      case 'draining':
        return this.#emitter.emit('signalling', { status: 'draining' });
      default:
      // A newer service may say more than we understand.
    }
  }

  #received<Frame>(event: string, frame: Frame | null, use: (frame: Frame) => void): void {
    if (frame === null) this.#report('signalling_malformed', `The frame "${event}" was not understood.`);
    else use(frame);
  }

  #generationListener(): GenerationSetListener {
    return {
      answer: (generation, sdp) => this.#sendSignal({ event: 'answer', data: { type: 'answer', sdp, generation } }),
      candidate: (generation, candidate, sdpMid) =>
        this.#sendSignal({ event: 'icecandidate', data: { candidate, sdpMid, generation } }),
      phase: (event) => this.#phase(event),
      path: (state) => this.#pathChanged(state),
      channel: (channel, state) => this.#channelChanged(channel, state),
      heard: () => this.#watch.heard(),
    };
  }

  #phase({ detail, ...event }: PhaseEvent): void {
    if (event.phase === 'offered') this.#isRestart = this.#upCount > 0;
    if (event.phase === 'cut_over') {
      this.#upCount += 1;
      this.#watch.reset();
    }
    this.#refresh(event.reason ?? null);
    if (event.phase === 'cut_over') {
      void this.#knownPath.look();
      this.#connecting?.waiter.resolve();
      this.#emitter.emit('generation', { generation: event.generation });
    }
    if (this.#isRestart) this.#emitter.emit('restart', event);
    if (event.phase === 'failed' && (event.reason === 'refused' || !this.#isRestart)) {
      const code =
        event.reason === 'refused' ? 'input_sdp' : event.reason === 'timeout' ? 'transport_timeout' : 'transport_down';
      this.#report(code, `Generation ${event.generation}: ${detail ?? event.reason ?? 'failed'}.`);
    }
  }

  #pathChanged(state: 'up' | 'disconnected' | 'lost'): void {
    this.#refresh(state === 'up' ? null : `transport_${state}`);
    // The service finds out by its pings; saying so is faster by seconds. With a generation on its way there is nothing to ask for.
    if (this.#state === 'disconnected') this.requestRestart(`transport_${state}`);
  }

  #channelChanged(channel: string, state: 'opened' | 'closed'): void {
    if (state === 'opened') {
      for (const waiter of this.#openWaiters.get(channel) ?? []) waiter.resolve();
      this.#openWaiters.delete(channel);
    }
    this.#emitter.emit('channel', { channel, state });
  }

  #networkChanged(change: NetworkChange, concernsPath: boolean): void {
    if (this.#state === 'closed') return;
    if (change.type !== 'offline') this.#guard('signalling.networkBack', () => this.#signalling.networkBack?.());
    // What follows from it is the service's to decide.
    const send = (): void => this.#sendSignal({ event: 'network_change', data: change });
    if (concernsPath) send();
    else void this.#knownPath.look().then((isAsKnown) => void (isAsKnown || send()));
  }

  #sendSignal(message: OutgoingMessage): void {
    if (this.#state !== 'closed' && this.#state !== 'new')
      this.#guard('signalling.send', () => this.#signalling.send(message));
  }

  /** The state follows from the generations; it is nowhere set by hand but in `#end`. */
  #refresh(reason: string | null): void {
    if (this.#state === 'closed' || this.#connecting === null) return;
    const previous = this.#state;
    this.#state = this.#derivedState();
    if (this.#state !== previous) this.#emitter.emit('state', { state: this.#state, previous, reason });
  }

  #derivedState(): PeerState {
    const isPending = this.#generations.pending !== null;
    if (this.#upCount === 0) return 'connecting';
    if (isPending) return 'restarting';
    return this.#generations.pathWorks ? 'connected' : 'disconnected';
  }

  /** Calls into what the application supplied. */
  #guard(name: string, fn: () => void): void {
    try {
      fn();
    } catch (cause) {
      this.#handlerFailed(name, cause);
    }
  }

  #handlerFailed(name: string, cause: unknown): void {
    // A handler of `error` that throws has nobody left to tell.
    if (name === 'error') return;
    this.#emitter.emit('error', new PeerError('handler_failed', `${name}: ${messageOf(cause)}`, { cause }));
  }

  #report(code: PeerErrorCode, detail: string): void {
    this.#emitter.emit('error', new PeerError(code, detail));
  }

  #assertOpen(): void {
    if (this.#state === 'closed') throw new PeerError('tube_closed', 'The peer is closed.');
  }
}

function makeSignalling({ url, token }: PeerOptions, { schedule }: PeerEnvironment): Signalling {
  if (url === undefined || token === undefined || !URL.canParse(url)) {
    throw new PeerError('input_schema', 'A peer needs `url` and `token`, or `signalling`.');
  }
  return new SocketSignalling({ url, token, schedule });
}

/** 128 bits and more in letters that the SDP mark allows. */
function makeInstance(random: () => number): string {
  const digits = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length: 26 }, () => digits.charAt(Math.floor(random() * digits.length))).join('');
}

function deferred(): { promise: Promise<void>; waiter: Waiter } {
  let waiter: Waiter | null = null;
  const promise = new Promise<void>((resolve, reject) => {
    waiter = { resolve, reject };
  });
  // Nobody has to wait for it, and then its rejection is nobody's problem.
  promise.catch(() => undefined);
  if (waiter === null) throw new Error('unreachable: a promise runs its executor at once');
  return { promise, waiter };
}
