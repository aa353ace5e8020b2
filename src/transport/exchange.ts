/**
 * The exchange of descriptions and candidates of one generation, as offerer or answerer, with the rules of doing so: which DTLS
 * role is offered, when candidates may leave, when the peer's are used. It owns no connection and opens no channels: generation.ts drives it.
 */
import type { Failure } from '../../machines/failure.js';
import type {
  CandidateEnd,
  Description,
  DtlsRole,
  PeerKind,
  TransportInput,
} from '../../machines/ports/transport.port.js';
import type { Connection } from '../channels/connection.port.js';
import { markSdp, readMark } from '../channels/wire.js';
import type { ChannelPlan } from './generation-channels.js';
import { detailOf, type GenerationReport, type Remote, type TubeFacts } from './generation.types.js';
import { RemoteCandidates } from './remote-candidates.js';
import {
  checkDescription,
  dtlsRoleOfLocalAnswer,
  dtlsRoleOfRemoteAnswer,
  otherRole,
  sessionIdOf,
  setupOf,
  withoutCandidates,
  withoutTrickleOption,
  withSetup,
} from './sdp.js';
import type { TransportCounter } from './transport-observer.js';

/**
 * How long the peer's checks have to reach us before we check by ourselves; only a peer whose network keeps them from us waits it out.
 * Chromium's come about 150 ms after its answer: with 100 ms every other restart took 300 ms and one in 120 took 4 s, with 250 ms all took 190 ms.
 */
const peerChecksFirstMs = 250;

/** What the exchange needs from its generation. */
export interface ExchangeOwner {
  readonly input: TransportInput;
  readonly facts: TubeFacts;
  /** @throws Error before it is built */
  connection(): Connection;
  /** Cancelled when the generation ends. */
  schedule(fn: () => void, delayMs: number): () => void;
  /** Closing or closed. */
  hasEnded(): boolean;
  emit(report: GenerationReport): void;
  refuse(requestId: string, failure: Failure): void;
  count(counter: TransportCounter): void;
}

export class Exchange {
  private readonly candidates = new RemoteCandidates();
  /** Ours, until they may leave. */
  private withheld: { candidate: string; mid: string }[] = [];
  private remote: Remote | null = null;
  /** Our description is out. */
  private described = false;
  /** An answer is being applied. */
  private applying = false;
  private local: Description | null = null;
  private gathered = false;
  private cancelGathering: (() => void) | null = null;

  constructor(private readonly owner: ExchangeOwner) {}

  /** What the peer turned out to be, or what it was before. */
  get peerKind(): PeerKind {
    return this.remote?.kind ?? this.owner.input.peerKind;
  }

  /**
   * The remote end of a pair as the peer knows it: when its check comes before its candidate does, the ICE agent takes its relay for just another
   * peer-reflexive address (RFC 8445 §7.3.1.3), and stays with that.
   */
  typed(remote: CandidateEnd): CandidateEnd {
    return this.candidates.isRelay(remote.address, remote.port) ? { ...remote, type: 'relay' } : remote;
  }

  /** The peer said in its description that it answers probes. */
  get peerTakesProbes(): boolean {
    return this.remote?.probes ?? false;
  }

  /** Of an offer of ours: by stream id where the tube has channels already. */
  planOffer(): ChannelPlan {
    const { channels } = this.owner.input;
    return channels.length === 0 ? { kind: 'inBand' } : { kind: 'negotiated', channels };
  }

  /** Channels of an answer: known ids where the peer keeps its connection (or lists them), else opened in-band as for a first offer. */
  planAnswer(sdp: string): ChannelPlan {
    const mark = readMark(sdp);
    const channels = mark === null ? this.owner.input.channels : mark.channels;
    const known = this.owner.facts.sessionId();
    const keepsConnection = mark !== null || known === null || known === sessionIdOf(sdp);
    return keepsConnection && channels.length > 0 ? { kind: 'negotiated', channels } : { kind: 'inBandLate' };
  }

  /** A remote offer; our answer follows by `transport.described`. @returns why it cannot be used, else null */
  async applyOffer(sdp: string): Promise<Failure | null> {
    try {
      await this.owner.connection().applyOffer(withoutCandidates(this.keepRole(sdp)));
    } catch (error) {
      return { code: 'input_sdp', detail: detailOf(error) };
    }
    this.noteRemote(sdp);
    this.describe();
    return null;
  }

  applyAnswer(requestId: string, sdp: string): void {
    const failure = this.answerFlaw(sdp);
    if (failure !== null) {
      this.owner.count('description_refused');
      return this.owner.refuse(requestId, failure);
    }
    this.applying = true;
    this.owner
      .connection()
      .applyAnswer(withoutCandidates(sdp))
      .then(() => this.answered(requestId, sdp))
      .catch((error: unknown) => this.owner.refuse(requestId, { code: 'input_sdp', detail: detailOf(error) }))
      .finally(() => {
        this.applying = false;
      });
  }

  addCandidate(requestId: string, candidate: string, mid: string): void {
    if (this.owner.hasEnded()) return this.tooLate(requestId);
    const verdict = this.candidates.take(candidate, mid);
    if (typeof verdict === 'object') {
      this.owner.count(verdict.code === 'signalling_stale_generation' ? 'candidate_stale' : 'candidate_unusable');
      return this.owner.refuse(requestId, verdict);
    }
    if (verdict === 'keep') return this.owner.emit({ type: 'transport.candidateAccepted', requestId });
    this.owner
      .connection()
      .addCandidate(candidate, mid)
      .then(() => {
        if (this.owner.hasEnded()) this.tooLate(requestId);
        else this.owner.emit({ type: 'transport.candidateAccepted', requestId });
      })
      .catch((error: unknown) => {
        if (this.owner.hasEnded()) this.tooLate(requestId);
        else this.owner.refuse(requestId, { code: 'input_candidate', detail: detailOf(error) });
      });
  }

  private tooLate(requestId: string): void {
    this.owner.refuse(requestId, { code: 'signalling_stale_generation', detail: 'the generation is closing' });
  }

  localDescription(description: Description): void {
    this.local = description;
    this.describe();
  }

  /**
   * As offerer ours are withheld until the answer is applied: a peer that has them sooner can bring ICE up before we know its fingerprint, and
   * the handshake fails or waits for retransmission timers.
   */
  localCandidate(candidate: string, mid: string): void {
    if (candidate === '') this.gathered = true;
    if (!this.owner.input.settings.trickleIce) return this.describe();
    if (this.described && this.remote !== null) this.owner.emit({ type: 'transport.candidate', candidate, mid });
    else this.withheld.push({ candidate, mid });
  }

  /** The library answers `active` to `actpass`; the role that was negotiated first must stay (RFC 8842 §5.5). */
  private keepRole(sdp: string): string {
    const { dtlsRole } = this.owner.input;
    return dtlsRole === null || setupOf(sdp) !== 'actpass' ? sdp : withSetup(sdp, otherRole(dtlsRole));
  }

  /**
   * `active` from the first generation on: the service then speaks first on every new path, which makes a browser switch to it (0.1 s instead
   * of 6 s). Only the text that is sent says so; the library decides its role when the answer comes.
   */
  private offeredRole(): DtlsRole {
    return this.owner.input.dtlsRole ?? 'active';
  }

  private answerFlaw(sdp: string): Failure | null {
    const waits =
      this.owner.input.mode.kind === 'offer' &&
      this.described &&
      !this.applying &&
      this.remote === null &&
      !this.owner.hasEnded();
    if (!waits) return { code: 'signalling_unexpected_answer', detail: 'the generation waits for no answer' };
    const failure = checkDescription('answer', sdp);
    if (failure !== null) return failure;
    const role = this.offeredRole();
    return dtlsRoleOfRemoteAnswer(sdp) === role
      ? null
      : { code: 'input_sdp', detail: `setup must be ${otherRole(role)}, for the offer said ${role}` };
  }

  private answered(requestId: string, sdp: string): void {
    if (this.owner.hasEnded())
      return this.owner.refuse(requestId, { code: 'signalling_stale_generation', detail: 'closed meanwhile' });
    this.exchanged(requestId, this.noteRemote(sdp), this.offeredRole());
  }

  private noteRemote(sdp: string): Remote {
    this.remote = this.owner.facts.noteRemote(sdp);
    const stale = this.candidates.describe(sdp);
    for (let index = 0; index < stale; index++) this.owner.count('candidate_stale');
    return this.remote;
  }

  /**
   * Both descriptions are out: candidates may go both ways. As DTLS client we let the peer's checks reach us first: were our ICE up before its own
   * (libjuice takes 50 ms more for the second), the peer would drop the first flight, and DTLS repeats it after 1 s (measured: 26 of 80
   * connections; 0 of 80 this way).
   */
  private exchanged(
    requestId: string,
    { kind: peerKind, sameConnection, newConnection }: Remote,
    dtlsRole: DtlsRole,
  ): void {
    const session = this.owner.facts.sessionId();
    const applied = { requestId, peerKind, sameConnection, newConnection, dtlsRole, session };
    this.owner.emit({ type: 'transport.remoteApplied', ...applied });
    for (const { candidate, mid } of this.withheld.splice(0))
      this.owner.emit({ type: 'transport.candidate', candidate, mid });
    if (dtlsRole === 'passive') this.useCandidates();
    else this.owner.schedule(() => this.useCandidates(), peerChecksFirstMs);
  }

  private useCandidates(): void {
    if (this.owner.hasEnded()) return;
    for (const { candidate, mid } of this.candidates.open()) {
      // It was accepted long ago; that it is unusable after all concerns only the count.
      this.owner
        .connection()
        .addCandidate(candidate, mid)
        .catch(() => this.owner.count('candidate_unusable'));
    }
  }

  /** Called whenever something that a description waits for has come: the text itself, the applied offer, the end of gathering. */
  private describe(): void {
    const { local, remote } = this;
    const { settings, mode } = this.owner.input;
    if (local === null || this.described || this.owner.hasEnded() || (local.type === 'answer' && remote === null))
      return;
    if (!settings.trickleIce && !this.gathered) {
      this.cancelGathering ??= this.owner.schedule(() => this.gatherTimeout(), settings.iceGatherTimeoutMs);
      return;
    }
    this.cancelGathering?.();
    this.described = true;
    this.owner.emit({ type: 'transport.described', description: { type: local.type, sdp: this.textOf(local) } });
    if (mode.kind === 'answer' && remote !== null)
      this.exchanged(mode.requestId, remote, dtlsRoleOfLocalAnswer(local.sdp) ?? 'active');
  }

  /** What is sent: without candidates when they trickle and complete when they do not, in our role, with our mark. */
  private textOf({ type, sdp }: Description): string {
    const complete = this.owner.input.settings.trickleIce
      ? withoutCandidates(sdp)
      : withoutTrickleOption(this.owner.connection().localDescription()?.sdp ?? sdp);
    const { instance } = this.owner.facts;
    if (type === 'answer') return markSdp(complete, { instance, channels: [] });
    const mark = { instance, remote: this.owner.facts.remoteInstance(), channels: this.owner.input.channels };
    return markSdp(withSetup(complete, this.offeredRole()), mark);
  }

  private gatherTimeout(): void {
    const detail = `not gathered within ${this.owner.input.settings.iceGatherTimeoutMs} ms`;
    this.owner.emit({ type: 'transport.failed', failure: { code: 'transport_gather_timeout', detail } });
  }
}
