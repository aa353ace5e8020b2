/**
 * What the transport room keeps of one tube while its actors come and go: the message link, the live generations and who listens to each, and what
 * the generations know together. It lives from the first generation until TransportHost.closeTube, whatever crashes in between.
 */
import type { TransportEvent } from '../../machines/ports/transport.port.js';
import type { ChannelClass, TubeSettings } from '../../machines/settings.js';
import { MessageLink } from '../channels/message-link.js';
import { readMark } from '../channels/wire.js';
import { FlowMeter } from './flow-meter.js';
import type { Generation, PathLoss } from './generation.js';
import type { Clock, Remote, TubeFacts } from './generation.types.js';
import { maxMessageBytesOf, sessionIdOf } from './sdp.js';
import type { TransportObserver } from './transport-observer.js';

export type GenerationListener = (event: TransportEvent) => void;

/** A generation and the actor that listens to it; null while a crashed actor has no successor yet. */
interface Live {
  readonly generation: Generation;
  listener: GenerationListener | null;
}

export class TubeEntry implements TubeFacts {
  readonly link: MessageLink;
  readonly flow: FlowMeter;
  readonly peerLabels = new Set<string>();
  readonly live = new Map<number, Live>();
  /** The generation that carries outgoing data. */
  active: number | null = null;
  /** Of the path before the active one. */
  lastLoss: PathLoss | null = null;
  /** Bytes of generations that are gone. */
  readonly past = { bytesSent: 0, bytesReceived: 0 };
  private delivered = 0;
  private holder: number | null = null;

  constructor(
    readonly tubeId: string,
    readonly instance: string,
    private readonly clock: Clock,
    settings: TubeSettings,
    observer: TransportObserver,
    /** Of the description that another process applied last. */
    private remoteSession: string | null,
  ) {
    this.flow = new FlowMeter(() => clock.monotonicMs());
    this.link = new MessageLink({
      maxMessageBytes: settings.maxMessageBytes,
      replayBufferBytes: settings.replayBufferBytes,
      dropAboveBufferedBytes: settings.dropAboveBufferedBytes,
      schedule: (fn, delayMs) => clock.schedule(fn, delayMs),
      deliver: (label, data) => {
        this.delivered += 1;
        observer.message(tubeId, label, data, this.classOf(label));
      },
      dropped: (label, cause, count) => observer.dropped(tubeId, label, cause, count, this.classOf(label)),
      replayed: (label, count) => observer.replayed?.(tubeId, label, count),
      carried: (direction, bytes) => this.flow.carried(direction, bytes),
    });
  }

  classOf(label: string): ChannelClass {
    return this.link.classOf(label) ?? 'reliable';
  }

  sessionId(): string | null {
    return this.remoteSession;
  }

  remoteInstance(): string | null {
    return this.link.remote;
  }

  deliveries(): number {
    return this.delivered;
  }

  noteRemote(sdp: string): Remote {
    const mark = readMark(sdp);
    const session = sessionIdOf(sdp);
    const sameConnection = session !== null && session === this.remoteSession;
    const newConnection = mark === null && this.remoteSession !== null && !sameConnection;
    this.remoteSession = session;
    this.link.setRemote(mark?.instance ?? null, maxMessageBytesOf(sdp));
    const kind = mark === null ? 'plain' : 'overlap';
    return { kind, sameConnection, newConnection, probes: mark?.probes ?? false };
  }

  prunePeerLabels(): void {
    const generations = [...this.live.values()].map(({ generation }) => generation);
    for (const label of this.peerLabels) {
      if (generations.some((generation) => generation.hasChannel(label))) continue;
      this.peerLabels.delete(label);
      this.link.remove(label);
    }
  }

  activate(generation: number): void {
    this.rememberLoss();
    this.active = generation;
    this.holder = null;
    this.link.activate(generation);
  }

  /**
   * A plain peer lets go of its old path when it applies our description, and what we send in between is lost: it waits from here until
   * the cut-over, or until this generation is dropped.
   */
  described(generation: Generation): void {
    if (this.active === null || this.active === generation.number || generation.peerKind !== 'plain') return;
    this.holder = generation.number;
    this.link.hold();
  }

  /** The generation is gone. */
  forget(generation: Generation): void {
    if (this.active === generation.number) this.rememberLoss();
    if (this.live.get(generation.number)?.generation === generation) this.live.delete(generation.number);
    if (this.active === generation.number) this.active = null;
    this.letGo(generation.number);
  }

  private rememberLoss(): void {
    const before = this.active === null ? undefined : this.live.get(this.active)?.generation;
    this.lastLoss = before?.loss() ?? this.lastLoss;
  }

  /** The generation will not be activated any more. */
  letGo(generation: number): void {
    if (this.holder !== generation) return;
    this.holder = null;
    this.link.release();
  }
}
