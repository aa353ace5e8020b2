/**
 * One generation of a tube: one connection from its building to its end, with its channels (generation-channels.ts), its signalling (exchange.ts) and
 * its pings. It does not decide when a generation is made or carries data (machines/tube.machine.ts does) and does not know its siblings
 * (transport-host.ts does). Nothing here throws to its caller.
 */
import type { Failure } from '../../machines/failure.js';
import type {
  ChannelRecord,
  PeerKind,
  CandidateEnd,
  SelectedPair,
  TransportEvent,
  TransportInput,
  TransportSample,
  TransportState,
} from '../../machines/ports/transport.port.js';
import { lossFromPeer, lossRatio, lossToPeer } from '../../machines/policies/loss.js';
import type {
  Channel,
  ChannelHandlers,
  Connection,
  ConnectionConfig,
  ConnectionFactory,
  ConnectionFault,
  ConnectionStats,
} from '../channels/connection.port.js';
import { frameHeaderBytes } from '../channels/frame.js';
import type { MessageLink } from '../channels/message-link.js';
import { decodeControl } from '../channels/wire.js';
import { Exchange } from './exchange.js';
import { Gathering, type RelayOutcome } from './gathering.js';
import { GenerationChannels } from './generation-channels.js';
import { type Clock, detailOf, type GenerationReport, type TubeFacts } from './generation.types.js';
import { PingMeter } from './ping-meter.js';
import { type ProbeReport, Prober } from './prober.js';
import { checkDescription } from './sdp.js';
import type { TransportCounter } from './transport-observer.js';

/** After `close()` the connection is given this long to say that it is closed. */
const closedWithinMs = 2000;
/** The pair may not be known in the moment in which the control channel opens. */
const pairRetryMs = 250;
const maxPairTries = 8;

/** Loss as it is known last, as ratios in [0, 1]. */
export interface PathLoss {
  /** Of the worse direction, where they are known apart. */
  readonly ratio: number;
  /** Null when only pings were measured, which say nothing of a direction. */
  readonly toPeer: number | null;
  readonly fromPeer: number | null;
  readonly jitterMs: number | null;
}

export interface GenerationDeps {
  readonly createConnection: ConnectionFactory;
  /** Asked when the generation is built. */
  connection(): Omit<ConnectionConfig, 'maxMessageBytes'>;
  readonly clock: Clock;
  readonly link: MessageLink;
  readonly facts: TubeFacts;
  emit(event: TransportEvent): void;
  /** The peer showed itself; `data`: by application data. */
  heard(data: boolean): void;
  count(counter: TransportCounter): void;
  /** The peer sends more than can be taken; the connection is closing. */
  flooded(): void;
  /** All local candidates are there. */
  gathered(durationMs: number, relay: RelayOutcome): void;
}

export class Generation {
  readonly number: number;
  private readonly channels: GenerationChannels;
  private readonly pings: PingMeter;
  private readonly prober: Prober;
  private readonly exchange: Exchange;
  private connection: Connection | null = null;
  private readonly timers = new Set<() => void>();
  private up = false;
  private pair: SelectedPair | null = null;
  private ended: 'no' | 'closing' | 'closed' = 'no';
  private lastStats: ConnectionStats = { bytesSent: 0, bytesReceived: 0, rttMs: null, selectedPair: null };

  constructor(
    private readonly input: TransportInput,
    private readonly deps: GenerationDeps,
  ) {
    this.number = input.generation;
    this.pings = new PingMeter(() => deps.clock.monotonicMs());
    this.prober = new Prober({
      channel: () => (this.exchange.peerTakesProbes ? this.channels.probe() : null),
      monotonicMs: () => deps.clock.monotonicMs(),
      schedule: (fn, delayMs) => this.schedule(fn, delayMs),
    });
    this.exchange = new Exchange({
      input,
      schedule: (fn, delayMs) => this.schedule(fn, delayMs),
      facts: deps.facts,
      connection: () => this.native(),
      hasEnded: () => this.ended !== 'no',
      emit: (report) => this.emit(report),
      refuse: (requestId, failure) => this.refuse(requestId, failure),
      count: (counter) => deps.count(counter),
    });
    this.channels = new GenerationChannels({
      generation: this.number,
      link: deps.link,
      specs: input.settings.channels,
      facts: deps.facts,
      connection: () => this.native(),
      peerKind: () => this.exchange.peerKind,
      hasEnded: () => this.ended !== 'no',
      schedule: (fn, delayMs) => this.schedule(fn, delayMs),
      opened: (channel) => this.emit({ type: 'transport.channelOpened', channel }),
      closed: (label, id, reason) => this.emit({ type: 'transport.channelClosed', label, id, reason }),
      controlOpened: () => this.wentUp(),
      peerTakesProbes: () => this.exchange.peerTakesProbes,
      ownMessage: (channel, data) => this.ownMessage(channel, data),
      dataMessage: (handlers, data) => this.dataMessage(handlers, data),
      drained: () => deps.heard(false),
      count: (counter) => deps.count(counter),
    });
  }

  get isUp(): boolean {
    return this.up && this.ended === 'no';
  }

  get hasEnded(): boolean {
    return this.ended === 'closed';
  }

  /** What the peer turned out to be, or what it was before. */
  get peerKind(): PeerKind {
    return this.exchange.peerKind;
  }

  state(): TransportState {
    return this.ended === 'closed' ? 'closed' : (this.connection?.state() ?? 'new');
  }

  hasChannel(label: string): boolean {
    return this.channels.has(label);
  }

  records(): ChannelRecord[] {
    return this.channels.records();
  }

  /** The pair that was told last. */
  get selectedPair(): SelectedPair | null {
    return this.pair;
  }

  /** Of the probes, else of the pings; null when the peer has answered neither. */
  loss(): PathLoss | null {
    const { last } = this.prober;
    const ofPings = this.pings.lossRatio();
    if (last === null)
      return ofPings === null ? null : { ratio: ofPings, toPeer: null, fromPeer: null, jitterMs: null };
    const [toPeer, fromPeer] = [lossRatio(lossToPeer(last)), lossRatio(lossFromPeer(last))];
    return { ratio: Math.max(toPeer, fromPeer), toPeer, fromPeer, jitterMs: last.jitterMs };
  }

  /** Builds the connection and describes it; the outcome is `transport.described` or `transport.failed`. */
  start(): void {
    const { mode } = this.input;
    const brought = mode.kind === 'answer' ? this.answer(mode.sdp) : this.offer();
    brought.catch((error: unknown) => this.fail({ code: 'transport_init', detail: detailOf(error) }));
  }

  applyAnswer(requestId: string, sdp: string): void {
    this.exchange.applyAnswer(requestId, sdp);
  }

  addCandidate(requestId: string, candidate: string, mid: string): void {
    this.exchange.addCandidate(requestId, candidate, mid);
    // It may say what the path ends in that has been found without it.
    if (this.isUp) this.findPair(1);
  }

  ping(seq: number): void {
    const control = this.channels.control();
    if (control === null) return;
    const probe = this.exchange.peerTakesProbes ? this.channels.probe() : null;
    this.pings.ping(probe === null ? [control] : [control, probe], seq, this.peerKind === 'overlap');
  }

  /** Counters of this generation since it was built; after its end those of the last look. */
  async stats(): Promise<ConnectionStats> {
    if (this.connection !== null && this.ended === 'no') this.lastStats = await this.connection.stats();
    const { selectedPair: pair, ...rest } = this.lastStats;
    const selectedPair = pair === null ? null : { local: pair.local, remote: this.exchange.typed(pair.remote) };
    return { ...rest, selectedPair, rttMs: this.pings.rttMs ?? rest.rttMs };
  }

  /** Probes the path, where the peer answers probes, and tells what was found. Nothing while it probes: that answer is on its way. */
  sample(): void {
    if (this.prober.isRunning) return;
    const wasFull = this.deps.link.isFull(this.number);
    this.prober.run((probes) => {
      this.stats()
        .then((stats) => this.tellSample(stats, probes, wasFull || this.deps.link.isFull(this.number)))
        .catch(() => undefined);
    });
  }

  private tellSample(stats: ConnectionStats, probes: ProbeReport | null, isFull: boolean): void {
    const { bytesSent, bytesReceived, rttMs, selectedPair: pair } = stats;
    const sample: TransportSample = {
      bytesSent,
      bytesReceived,
      bufferedBytes: this.deps.link.stats().reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0),
      pingsSent: this.pings.sent,
      pongsReceived: this.pings.received,
      probes: probes === null ? null : { sent: probes.sent, arrived: probes.arrived, echoed: probes.echoed },
      rttMs: isFull ? null : (probes?.rttMs ?? rttMs),
      selectedPair: pair === null ? null : { local: pairEnd(pair.local), remote: pairEnd(pair.remote) },
    };
    this.emit({ type: 'transport.sampled', sample });
    if (pair !== null) this.tellPair(pair);
  }

  /** False where faults are not allowed, or there is nothing to break. */
  injectFault(fault: ConnectionFault, durationMs: number): boolean {
    if (this.ended !== 'no' || this.connection?.injectFault === undefined) return false;
    this.connection.injectFault(fault, durationMs);
    return true;
  }

  /** Idempotent; `transport.closed` follows, once. */
  close(): void {
    if (this.ended !== 'no') return;
    this.stats().catch(() => undefined);
    this.ended = 'closing';
    this.deps.link.detach(this.number);
    if (this.connection === null) this.schedule(() => this.finish(), 0);
    else {
      this.schedule(() => this.finish(), closedWithinMs);
      this.connection.close();
    }
  }

  private async offer(): Promise<void> {
    this.build();
    this.channels.openPlanned(this.exchange.planOffer());
    await this.native().offer();
  }

  private async answer(sdp: string): Promise<void> {
    const failure = checkDescription('offer', sdp);
    if (failure !== null) return this.unusable(failure);
    this.build();
    this.channels.openPlanned(this.exchange.planAnswer(sdp));
    const refused = await this.exchange.applyOffer(sdp);
    if (refused !== null) this.unusable(refused);
  }

  private unusable(failure: Failure): void {
    this.deps.count('description_refused');
    this.fail(failure);
  }

  private build(): void {
    const config = this.deps.connection();
    const gathering = new Gathering(
      () => this.deps.clock.monotonicMs(),
      config.iceServers,
      (durationMs, relay) => this.deps.gathered(durationMs, relay),
    );
    this.connection = this.deps.createConnection(
      { ...config, maxMessageBytes: this.input.settings.maxMessageBytes + frameHeaderBytes },
      {
        localDescription: (description) => this.exchange.localDescription(description),
        localCandidate: (candidate, mid) => {
          gathering.candidate(candidate);
          this.exchange.localCandidate(candidate, mid);
        },
        stateChanged: (state) => this.stateChanged(state),
        flooded: () => this.deps.flooded(),
        iceConnected: () => this.emit({ type: 'transport.iceConnected' }),
        remoteChannel: (channel) => (this.ended === 'no' ? this.channels.remote(channel) : null),
      },
    );
  }

  private stateChanged(state: TransportState): void {
    if (state === 'closed' || this.ended !== 'no') {
      if (state === 'closed') this.finish();
      return;
    }
    this.emit({ type: 'transport.stateChanged', state });
    if (state === 'disconnected' || state === 'failed') this.emit({ type: 'transport.down', cause: state });
  }

  /** The end, asked for or not. */
  private finish(): void {
    if (this.ended === 'closed') return;
    if (this.ended === 'no') {
      this.emit({ type: 'transport.stateChanged', state: 'closed' });
      this.emit({ type: 'transport.down', cause: 'closed' });
      this.deps.link.detach(this.number);
    }
    this.ended = 'closed';
    for (const cancel of this.timers) cancel();
    this.timers.clear();
    this.send({ type: 'transport.closed' });
  }

  private wentUp(): void {
    if (this.up) return;
    this.up = true;
    this.emit({ type: 'transport.up', channels: this.channels.planned() });
    this.findPair(maxPairTries);
  }

  private findPair(triesLeft: number): void {
    this.stats()
      .then(({ selectedPair }) => {
        if (selectedPair !== null) this.tellPair(selectedPair);
        else if (triesLeft > 1 && this.isUp) this.schedule(() => this.findPair(triesLeft - 1), pairRetryMs);
      })
      .catch(() => undefined);
  }

  private tellPair(pair: SelectedPair): void {
    const known = this.pair;
    if (known !== null && sameEnd(known.local, pair.local) && sameEnd(known.remote, pair.remote)) return;
    this.pair = pair;
    this.emit({ type: 'transport.selectedPair', pair });
  }

  private ownMessage(channel: Channel, data: string | Uint8Array): void {
    const frame = decodeControl(data);
    // The peer answers probes, we make them.
    if (frame === null || frame.kind === 'probe') return this.deps.count('control_malformed');
    this.deps.heard(false);
    if (frame.kind === 'ping') return this.pings.answer(channel, frame.seq);
    if (frame.kind === 'echo') return this.prober.echoed(frame);
    const pong = this.pings.pong(frame.seq);
    if (pong !== null) this.emit({ type: 'transport.pong', ...pong });
  }

  /** An acknowledgement shows the peer too, but is no data. */
  private dataMessage(handlers: ChannelHandlers, data: string | Uint8Array): void {
    const before = this.deps.facts.deliveries();
    handlers.message(data);
    this.deps.heard(this.deps.facts.deliveries() !== before);
  }

  private fail(failure: Failure): void {
    this.emit({ type: 'transport.failed', failure });
  }

  /** A question that was asked before the end is answered after it, too. */
  private refuse(requestId: string, failure: Failure): void {
    if (this.ended !== 'closed') this.send({ type: 'transport.refused', requestId, failure });
  }

  private emit(report: GenerationReport): void {
    if (this.ended === 'no') this.send(report);
  }

  private send(report: GenerationReport): void {
    this.deps.emit({ ...report, generation: this.number, atMs: this.deps.clock.now() });
  }

  /** A timer that the end of the generation cancels. */
  private schedule(fn: () => void, delayMs: number): () => void {
    const cancel = this.deps.clock.schedule(() => {
      this.timers.delete(cancel);
      fn();
    }, delayMs);
    this.timers.add(cancel);
    return cancel;
  }

  private native(): Connection {
    if (this.connection === null) throw new Error('the connection is not built');
    return this.connection;
  }
}

const pairEnd = ({ type, protocol, address, port }: CandidateEnd): string =>
  `${type} ${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;

const sameEnd = (one: CandidateEnd, other: CandidateEnd): boolean => pairEnd(one) === pairEnd(other);
