/**
 * The tubes as the gateway calls them (tubes.port.ts): the registry for what a chart decides, the transport host for bytes, the limits for who
 * is let in. It only passes on; app.ts builds it.
 */
import type { TubeIdentity } from '../machines/events.js';
import type { FailureCode } from '../machines/failure.js';
import type { ChannelClass, TubeSettings } from '../machines/settings.js';
import { byteLength } from './channels/frame.js';
import type { IceServer } from './channels/connection.port.js';
import { AppError } from './errors.js';
import type { Tubes, TubeStats } from './gateway/tubes.port.js';
import type { NodeLimits } from './node-limits.js';
import type { FlightFile } from './replay/flight-file.js';
import type { FlightRecorder } from './registry/flight-recorder.js';
import type { TubeRegistry } from './registry/tube-registry.js';
import type { TubeService } from './registry/tube-service.js';
import { checkDescription } from './transport/sdp.js';
import type { TubeStore } from './tube-store.js';
import type { TransportHost } from './transport/transport-host.js';

type MessageListener = Parameters<Tubes['onMessage']>[0];

export interface LiveTubesParts {
  readonly host: TransportHost;
  readonly service: TubeService;
  readonly registry: TubeRegistry;
  readonly limits: NodeLimits;
  readonly recorder: FlightRecorder;
  readonly flight: (tubeId: string) => FlightFile | null;
  readonly records: Pick<TubeStore, 'saved' | 'release' | 'isHeld'>;
  /** Asked every time: they may change at run time, and credentials in them expire. */
  readonly iceServers: (tubeId: string, settings: TubeSettings) => readonly IceServer[];
  readonly traffic: (channelClass: ChannelClass, direction: 'in' | 'out', bytes: number) => void;
}

const noStats: TubeStats = {
  bytesSent: 0,
  bytesReceived: 0,
  loss: null,
  rttMs: null,
  bufferedBytes: 0,
  messagesSent: 0,
  messagesReceived: 0,
  selectedPair: null,
  generations: [],
  quality: null,
};

export class LiveTubes implements Tubes {
  readonly limits: NodeLimits;
  readonly #parts: LiveTubesParts;
  readonly #messageListeners = new Set<MessageListener>();
  #creates = 0;

  constructor(parts: LiveTubesParts) {
    this.#parts = parts;
    this.limits = parts.limits;
  }

  /** Creates that are not answered yet. */
  get creates(): number {
    return this.#creates;
  }

  async create(identity: TubeIdentity, settings: TubeSettings, offerSdp: string | null) {
    // Before anything is opened: a bad offer is the caller's mistake, and no tube that failed.
    const flaw = offerSdp === null ? null : checkDescription('offer', offerSdp);
    if (flaw !== null) throw AppError.from(flaw);
    this.limits.admit();
    this.#creates += 1;
    try {
      const created = await this.#parts.service.create(identity, settings, offerSdp);
      // Who is told of a tube will find it again, whatever happens to this process.
      await this.#parts.records.saved();
      return created;
    } finally {
      this.#creates -= 1;
    }
  }

  readonly remoteDescription: Tubes['remoteDescription'] = (...args) => this.#parts.service.remoteDescription(...args);
  readonly remoteCandidate: Tubes['remoteCandidate'] = (...args) => this.#parts.service.remoteCandidate(...args);
  readonly close: Tubes['close'] = (...args) => this.#parts.service.close(...args);
  readonly saved: Tubes['saved'] = () => this.#parts.records.saved();
  readonly activity: Tubes['activity'] = (tubeId) => this.#parts.service.activity(tubeId);
  readonly peerReplaced: Tubes['peerReplaced'] = (tubeId) => this.#parts.service.peerReplaced(tubeId);
  readonly networkChanged: Tubes['networkChanged'] = (...args) => this.#parts.service.networkChanged(...args);
  readonly followed: Tubes['followed'] = (tubeId) => this.#parts.records.release(tubeId);
  readonly peerSignalling: Tubes['peerSignalling'] = (...args) => this.#parts.service.peerSignalling(...args);
  readonly pendingOffer: Tubes['pendingOffer'] = (tubeId) => this.#parts.service.pendingOffer(tubeId);
  readonly view: Tubes['view'] = (tubeId) => this.#parts.service.view(tubeId);
  readonly list: Tubes['list'] = () => this.#parts.service.list();
  readonly history: Tubes['history'] = (tubeId) => this.#parts.recorder.history(tubeId);
  readonly flight: Tubes['flight'] = (tubeId) => this.#parts.flight(tubeId);
  readonly onNotice: Tubes['onNotice'] = (listener) => this.#parts.registry.onNotice(listener);

  async restart(...[tubeId, trigger, fresh]: Parameters<Tubes['restart']>): ReturnType<Tubes['restart']> {
    // It waits for somebody who hears what its peer has to say: the peer itself does not end that.
    if (trigger === 'peer_request' && this.#parts.records.isHeld(tubeId)) throw new AppError('restart_in_progress');
    return this.#parts.service.restart(tubeId, trigger, fresh);
  }

  /** None for a tube that is gone. */
  iceServers(tubeId: string): readonly IceServer[] {
    const view = this.view(tubeId);
    return view === null ? [] : this.#parts.iceServers(tubeId, view.settings);
  }

  async stats(tubeId: string): Promise<TubeStats | null> {
    const stats = await this.#parts.host.stats(tubeId);
    if (stats === null) return this.#isHere(tubeId) ? noStats : null;
    const { channels, ...rest } = stats;
    const messagesSent = channels.reduce((sum, channel) => sum + channel.messagesSent, 0);
    const messagesReceived = channels.reduce((sum, channel) => sum + channel.messagesReceived, 0);
    return { ...rest, messagesSent, messagesReceived, quality: this.#parts.service.quality(tubeId) };
  }

  send(tubeId: string, channel: string, data: string | Uint8Array): FailureCode | null {
    const { host, service, traffic } = this.#parts;
    const refused = host.send(tubeId, channel, data);
    const refusal = refused === 'tube_unknown' && this.#isHere(tubeId) ? 'channel_not_open' : refused;
    if (refusal === null) {
      traffic(host.classOf(tubeId, channel), 'out', byteLength(data));
      service.dataSent(tubeId);
    } else if (refusal === 'channel_not_open' || refusal === 'channel_full') service.operationFailed(tubeId);
    return refusal;
  }

  /** A tube that was carried on from its record has no transport before its first restart. */
  #isHere(tubeId: string): boolean {
    return this.#parts.registry.entries.has(tubeId);
  }

  onMessage(listener: MessageListener): () => void {
    this.#messageListeners.add(listener);
    return () => this.#messageListeners.delete(listener);
  }

  /** From the transport host: application data of a peer. */
  received(tubeId: string, label: string, data: string | Uint8Array, channelClass: ChannelClass): void {
    this.#parts.traffic(channelClass, 'in', byteLength(data));
    for (const listener of this.#messageListeners) listener(tubeId, label, data);
  }
}
