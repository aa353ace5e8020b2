/**
 * One generation of a tube: one connection, brought up as offerer or answerer. Here are the rules of transport-facts section 2 that concern a single
 * generation: whose turn it is, when candidates may leave, which DTLS role is offered. It does not decide when a generation is made or carries
 * data (machines/tube.machine.ts does) and does not know its siblings (transport-host.ts does). Nothing here throws to its caller.
 */
import type { Failure } from '../../machines/failure.js';
import type {
  ChannelRecord,
  Description,
  DtlsRole,
  PeerKind,
  TransportEvent,
  TransportInput,
  TransportSample,
  TransportState,
} from '../../machines/ports/transport.port.js';
import type { CandidateInfo, ChannelHandlers, Connection, ConnectionConfig, ConnectionFactory, ConnectionStats } from '../channels/connection.port.js';
import { frameHeaderBytes } from '../channels/frame.js';
import type { MessageLink } from '../channels/message-link.js';
import { markSdp, readMark } from '../channels/wire.js';
import { type ChannelPlan, GenerationChannels } from './generation-channels.js';
import type { Clock, GenerationReport, Remote, TubeFacts } from './generation.types.js';
import { PingMeter } from './ping-meter.js';
import { RemoteCandidates } from './remote-candidates.js';
import {
  checkDescription,
  dtlsRoleOfLocalAnswer,
  dtlsRoleOfRemoteAnswer,
  otherRole,
  sessionIdOf,
  setupOf,
  ufragOf,
  withoutCandidates,
  withSetup,
} from './sdp.js';
import type { TransportCounter } from './transport-observer.js';

/** After `close()` the connection is given this long to say that it is closed. */
const closedWithinMs = 2000;

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
}

export class Generation {
  readonly number: number;
  private readonly channels: GenerationChannels;
  private readonly pings: PingMeter;
  private readonly candidates = new RemoteCandidates();
  private connection: Connection | null = null;
  /** Ours, until they may leave. */
  private withheld: { candidate: string; mid: string }[] = [];
  private remote: Remote | null = null;
  /** Our description is out. */
  private described = false;
  /** An answer is being applied. */
  private applying = false;
  /** Ours, until it is out. */
  private local: Description | null = null;
  private gathered = false;
  private up = false;
  private ended: 'no' | 'closing' | 'closed' = 'no';
  private cancelGathering: (() => void) | null = null;
  private lastStats: ConnectionStats = { bytesSent: 0, bytesReceived: 0, rttMs: null, selectedPair: null };

  constructor(
    private readonly input: TransportInput,
    private readonly deps: GenerationDeps,
  ) {
    this.number = input.generation;
    this.pings = new PingMeter(() => deps.clock.monotonicMs());
    this.channels = new GenerationChannels({
      generation: this.number,
      link: deps.link,
      specs: input.settings.channels,
      facts: deps.facts,
      connection: () => this.native(),
      peerKind: () => this.remote?.kind ?? input.peerKind,
      hasEnded: () => this.ended !== 'no',
      schedule: (fn, delayMs) => deps.clock.schedule(fn, delayMs),
      opened: (channel) => this.emit({ type: 'transport.channelOpened', channel }),
      closed: (label, id, reason) => this.emit({ type: 'transport.channelClosed', label, id, reason }),
      controlOpened: () => this.wentUp(),
      controlMessage: (channel, data) => this.controlMessage(channel, data),
      dataMessage: (handlers, data) => this.dataMessage(handlers, data),
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
    return this.remote?.kind ?? this.input.peerKind;
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

  lossRatio(): number | null {
    return this.pings.lossRatio();
  }

  /** Builds the connection and describes it; the outcome is `transport.described` or `transport.failed`. */
  start(): void {
    const { mode } = this.input;
    const brought = mode.kind === 'answer' ? this.answer(mode.sdp) : this.offer();
    brought.catch((error: unknown) => this.fail({ code: 'transport_init', detail: detailOf(error) }));
  }

  applyAnswer(requestId: string, sdp: string): void {
    const failure = this.answerFlaw(sdp);
    if (failure !== null) {
      this.deps.count('description_refused');
      return this.refuse(requestId, failure);
    }
    this.applying = true;
    this.native()
      .applyAnswer(sdp)
      .then(() => this.answered(requestId, sdp))
      .catch((error: unknown) => this.refuse(requestId, { code: 'input_sdp', detail: detailOf(error) }))
      .finally(() => {
        this.applying = false;
      });
  }

  addCandidate(requestId: string, candidate: string, mid: string): void {
    const verdict = this.candidates.take(candidate, mid);
    if (typeof verdict === 'object') {
      this.deps.count(verdict.code === 'signalling_stale_generation' ? 'candidate_stale' : 'candidate_unusable');
      return this.refuse(requestId, verdict);
    }
    if (verdict === 'keep') return this.emit({ type: 'transport.candidateAccepted', requestId });
    this.native()
      .addCandidate(candidate, mid)
      .then(() => this.emit({ type: 'transport.candidateAccepted', requestId }))
      .catch((error: unknown) => this.refuse(requestId, { code: 'input_candidate', detail: detailOf(error) }));
  }

  ping(seq: number): void {
    const control = this.channels.control();
    if (control !== null) this.pings.ping(control, seq, this.peerKind === 'overlap');
  }

  /** Counters of this generation since it was built; after its end those of the last look. */
  async stats(): Promise<ConnectionStats> {
    if (this.connection !== null && this.ended === 'no') this.lastStats = await this.connection.stats();
    const rttMs = this.pings.rttMs ?? this.lastStats.rttMs;
    return { ...this.lastStats, rttMs };
  }

  sample(bufferedBytes: number): void {
    this.stats()
      .then(({ bytesSent, bytesReceived, rttMs, selectedPair: pair }) => {
        const selectedPair = pair === null ? null : { local: pairEnd(pair.local), remote: pairEnd(pair.remote) };
        const { sent: pingsSent, received: pongsReceived } = this.pings;
        const sample: TransportSample = { bytesSent, bytesReceived, bufferedBytes, pingsSent, pongsReceived, rttMs, selectedPair };
        this.emit({ type: 'transport.sampled', sample });
      })
      .catch(() => undefined);
  }

  /** Idempotent; `transport.closed` follows, once. */
  close(): void {
    if (this.ended !== 'no') return;
    this.stats().catch(() => undefined);
    this.ended = 'closing';
    this.cancelGathering?.();
    this.deps.link.detach(this.number);
    if (this.connection === null) this.deps.clock.schedule(() => this.finish(), 0);
    else {
      this.deps.clock.schedule(() => this.finish(), closedWithinMs);
      this.connection.close();
    }
  }

  private async offer(): Promise<void> {
    this.build();
    const { channels } = this.input;
    this.channels.openPlanned(channels.length === 0 ? { kind: 'inBand' } : { kind: 'negotiated', channels });
    await this.native().offer();
  }

  private async answer(sdp: string): Promise<void> {
    const failure = checkDescription('offer', sdp);
    if (failure !== null) {
      this.deps.count('description_refused');
      return this.fail(failure);
    }
    this.build();
    this.channels.openPlanned(this.planFor(sdp));
    try {
      await this.native().applyOffer(this.keepRole(sdp));
    } catch (error) {
      return this.fail({ code: 'input_sdp', detail: detailOf(error) });
    }
    this.remote = this.deps.facts.noteRemote(sdp);
    this.takeCandidates(sdp);
    this.describe();
  }

  private build(): void {
    this.connection = this.deps.createConnection(
      { ...this.deps.connection(), maxMessageBytes: this.input.settings.maxMessageBytes + frameHeaderBytes },
      {
        localDescription: (description) => {
          this.local = description;
          this.describe();
        },
        localCandidate: (candidate, mid) => this.localCandidate(candidate, mid),
        stateChanged: (state) => this.stateChanged(state),
        iceConnected: () => this.emit({ type: 'transport.iceConnected' }),
        remoteChannel: (channel) => (this.ended === 'no' ? this.channels.remote(channel) : null),
      },
    );
  }

  /** Channels of an answer: known ids where the peer keeps its connection (or lists them), else opened in-band as for a first offer. */
  private planFor(sdp: string): ChannelPlan {
    const mark = readMark(sdp);
    const channels = mark === null ? this.input.channels : mark.channels;
    const known = this.deps.facts.sessionId();
    const keepsConnection = mark !== null || known === null || known === sessionIdOf(sdp);
    return keepsConnection && channels.length > 0 ? { kind: 'negotiated', channels } : { kind: 'inBandLate' };
  }

  /** The library answers `active` to `actpass`; the role that was negotiated first must stay (RFC 8842 §5.5). */
  private keepRole(sdp: string): string {
    const { dtlsRole } = this.input;
    return dtlsRole === null || setupOf(sdp) !== 'actpass' ? sdp : withSetup(sdp, otherRole(dtlsRole));
  }

  /**
   * `active` from the first generation on: the service then speaks first on every new path, which makes a browser switch to it (0.1 s instead
   * of 6 s). Only the text that is sent says so; the library decides its role when the answer comes.
   */
  private offeredRole(): DtlsRole {
    return this.input.dtlsRole ?? 'active';
  }

  private answerFlaw(sdp: string): Failure | null {
    const waits = this.input.mode.kind === 'offer' && this.described && !this.applying && this.remote === null && this.ended === 'no';
    if (!waits) return { code: 'signalling_unexpected_answer', detail: 'the generation waits for no answer' };
    const failure = checkDescription('answer', sdp);
    if (failure !== null) return failure;
    const role = this.offeredRole();
    return dtlsRoleOfRemoteAnswer(sdp) === role ? null : { code: 'input_sdp', detail: `setup must be ${otherRole(role)}, for the offer said ${role}` };
  }

  private answered(requestId: string, sdp: string): void {
    if (this.ended !== 'no') return this.refuse(requestId, { code: 'signalling_stale_generation', detail: 'closed meanwhile' });
    this.remote = this.deps.facts.noteRemote(sdp);
    this.takeCandidates(sdp);
    this.exchanged(requestId, this.remote, this.offeredRole());
  }

  /** Both descriptions are applied: now our candidates may leave. */
  private exchanged(requestId: string, { kind: peerKind, sameConnection }: Remote, dtlsRole: DtlsRole): void {
    this.emit({ type: 'transport.remoteApplied', requestId, peerKind, sameConnection, dtlsRole });
    for (const { candidate, mid } of this.withheld.splice(0)) this.emit({ type: 'transport.candidate', candidate, mid });
  }

  private takeCandidates(sdp: string): void {
    const { due, stale } = this.candidates.apply(ufragOf(sdp));
    for (let index = 0; index < stale; index++) this.deps.count('candidate_stale');
    for (const { candidate, mid } of due) {
      // It was accepted long ago; that it is unusable after all concerns only the count.
      this.native()
        .addCandidate(candidate, mid)
        .catch(() => this.deps.count('candidate_unusable'));
    }
  }

  /** Called whenever something that a description waits for has come: the text itself, the applied offer, the end of gathering. */
  private describe(): void {
    const { local, remote } = this;
    const { settings, mode } = this.input;
    if (local === null || this.described || this.ended !== 'no' || (local.type === 'answer' && remote === null)) return;
    if (!settings.trickleIce && !this.gathered) {
      this.cancelGathering ??= this.deps.clock.schedule(() => this.gatherTimeout(), settings.iceGatherTimeoutMs);
      return;
    }
    this.cancelGathering?.();
    this.described = true;
    this.emit({ type: 'transport.described', description: { type: local.type, sdp: this.textOf(local) } });
    if (mode.kind === 'answer' && remote !== null) this.exchanged(mode.requestId, remote, dtlsRoleOfLocalAnswer(local.sdp) ?? 'active');
  }

  /** What is sent: without candidates when they trickle, in our role, with our mark. */
  private textOf({ type, sdp }: Description): string {
    const complete = this.input.settings.trickleIce ? withoutCandidates(sdp) : (this.native().localDescription()?.sdp ?? sdp);
    const { instance } = this.deps.facts;
    if (type === 'answer') return markSdp(complete, { instance, channels: [] });
    return markSdp(withSetup(complete, this.offeredRole()), { instance, channels: this.input.channels });
  }

  private gatherTimeout(): void {
    this.fail({ code: 'transport_gather_timeout', detail: `not gathered within ${this.input.settings.iceGatherTimeoutMs} ms` });
  }

  /**
   * As offerer ours are withheld until the answer is applied: a peer that has them sooner can bring ICE up before we know its fingerprint, and
   * the handshake fails or waits for retransmission timers.
   */
  private localCandidate(candidate: string, mid: string): void {
    if (candidate === '') this.gathered = true;
    if (!this.input.settings.trickleIce) return this.describe();
    if (this.described && this.remote !== null) this.emit({ type: 'transport.candidate', candidate, mid });
    else this.withheld.push({ candidate, mid });
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
      this.cancelGathering?.();
    }
    this.ended = 'closed';
    this.send({ type: 'transport.closed' });
  }

  private wentUp(): void {
    if (this.up) return;
    this.up = true;
    this.emit({ type: 'transport.up' });
  }

  private controlMessage(channel: Parameters<PingMeter['receive']>[0], data: string | Uint8Array): void {
    const frame = this.pings.receive(channel, data);
    if (frame === null) return this.deps.count('control_malformed');
    this.deps.heard(false);
    if (frame !== 'ping') this.emit({ type: 'transport.pong', ...frame });
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

  private native(): Connection {
    if (this.connection === null) throw new Error('the connection is not built');
    return this.connection;
  }
}

const detailOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 300);

const pairEnd = ({ type, protocol, address, port }: CandidateInfo): string => `${type} ${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;
