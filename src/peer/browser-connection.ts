/**
 * The connection port over the browser's RTCPeerConnection: one per generation, never reused. Translation only; webrtc-pc's words are kept.
 */
import type {
  Channel,
  ChannelHandlers,
  Connection,
  ConnectionFactory,
  ConnectionHandlers,
  ConnectionStats,
} from '../channels/connection.port.js';
import { latestProtocol } from '../channels/wire.js';
import type { CandidateEnd, Description, TransportState } from '../../machines/ports/transport.port.js';

export const createBrowserConnection: ConnectionFactory = (config, handlers) => {
  const iceServers = config.iceServers.map((server) => ({ ...server, urls: [...server.urls] }));
  return new BrowserConnection(new RTCPeerConnection({ iceServers }), handlers);
};

class BrowserConnection implements Connection {
  readonly #native: RTCPeerConnection;
  readonly #handlers: ConnectionHandlers;
  #lastMid = '0';
  #gatheringEnded = false;
  #iceWasConnected = false;
  #closed = false;

  constructor(native: RTCPeerConnection, handlers: ConnectionHandlers) {
    this.#native = native;
    this.#handlers = handlers;
    native.onicecandidate = ({ candidate }) => this.#gathered(candidate);
    native.onconnectionstatechange = () => this.#tell(() => handlers.stateChanged(native.connectionState));
    native.oniceconnectionstatechange = () => this.#iceStateChanged();
    native.ondatachannel = ({ channel }) => this.#remoteChannel(channel);
  }

  createChannel(
    { label, class: channelClass, negotiatedId }: Parameters<Connection['createChannel']>[0],
    handlers: ChannelHandlers,
  ): Channel {
    const native = this.#native.createDataChannel(label, {
      ...(channelClass === 'latest'
        ? { ordered: false, maxRetransmits: 0, protocol: latestProtocol }
        : { ordered: true }),
      ...(negotiatedId === null ? {} : { negotiated: true, id: negotiatedId }),
    });
    const channel = new BrowserChannel(native);
    channel.serve(handlers);
    return channel;
  }

  async offer(): Promise<void> {
    await this.#native.setLocalDescription(await this.#native.createOffer());
    this.#described();
  }

  async applyOffer(sdp: string): Promise<void> {
    await this.#native.setRemoteDescription({ type: 'offer', sdp });
    await this.#native.setLocalDescription(await this.#native.createAnswer());
    this.#described();
  }

  async applyAnswer(sdp: string): Promise<void> {
    await this.#native.setRemoteDescription({ type: 'answer', sdp });
  }

  async addCandidate(candidate: string, mid: string): Promise<void> {
    await this.#native.addIceCandidate({ candidate, sdpMid: mid });
  }

  localDescription(): Description | null {
    const description = this.#native.localDescription;
    if (description === null) return null;
    const { type, sdp } = description;
    return type === 'offer' || type === 'answer' ? { type, sdp } : null;
  }

  state(): TransportState {
    return this.#native.connectionState;
  }

  async stats(): Promise<ConnectionStats> {
    return readStats(await this.#native.getStats());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#native.onicecandidate = null;
    this.#native.onconnectionstatechange = null;
    this.#native.oniceconnectionstatechange = null;
    this.#native.ondatachannel = null;
    this.#native.close();
    // A browser fires no event for its own close (webrtc-pc §4.4.2).
    queueMicrotask(() => this.#handlers.stateChanged('closed'));
  }

  #described(): void {
    const description = this.localDescription();
    if (description !== null) queueMicrotask(() => this.#tell(() => this.#handlers.localDescription(description)));
  }

  #gathered(candidate: RTCIceCandidate | null): void {
    const text = candidate?.candidate ?? '';
    // Some browsers say the end twice: as an empty candidate and as null (webrtc-pc §4.8.1.1).
    if (text === '' && this.#gatheringEnded) return;
    this.#gatheringEnded = text === '';
    this.#lastMid = candidate?.sdpMid ?? this.#lastMid;
    this.#tell(() => this.#handlers.localCandidate(text, this.#lastMid));
  }

  #iceStateChanged(): void {
    const state = this.#native.iceConnectionState;
    if (this.#iceWasConnected || (state !== 'connected' && state !== 'completed')) return;
    this.#iceWasConnected = true;
    this.#tell(() => this.#handlers.iceConnected());
  }

  #remoteChannel(native: RTCDataChannel): void {
    const channel = new BrowserChannel(native);
    const handlers = this.#closed ? null : this.#handlers.remoteChannel(channel);
    if (handlers === null) native.close();
    else channel.serve(handlers);
  }

  #tell(fn: () => void): void {
    if (!this.#closed) fn();
  }
}

class BrowserChannel implements Channel {
  readonly #native: RTCDataChannel;

  constructor(native: RTCDataChannel) {
    this.#native = native;
    // A Blob would have to be read asynchronously, and order would be lost.
    native.binaryType = 'arraybuffer';
  }

  get label(): string {
    return this.#native.label;
  }

  get class(): 'reliable' | 'latest' {
    const { ordered, maxRetransmits, maxPacketLifeTime } = this.#native;
    return ordered && maxRetransmits === null && maxPacketLifeTime === null ? 'reliable' : 'latest';
  }

  serve(handlers: ChannelHandlers): void {
    this.#native.onopen = () => handlers.open();
    this.#native.onclose = () => handlers.closed();
    this.#native.onbufferedamountlow = () => handlers.drained();
    this.#native.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data === 'string') handlers.message(data);
      else if (data instanceof ArrayBuffer) handlers.message(new Uint8Array(data));
    };
  }

  id(): number | null {
    return this.#native.id;
  }

  isOpen(): boolean {
    return this.#native.readyState === 'open';
  }

  send(data: string | Uint8Array): boolean {
    try {
      // Two overloads of the same method: the type system wants to know which. No frame of ours is in shared memory.
      if (typeof data === 'string') this.#native.send(data);
      else this.#native.send(data as Uint8Array<ArrayBuffer>);
      return true;
    } catch {
      // Not open, too large, or the browser's own buffer is full.
      return false;
    }
  }

  bufferedBytes(): number {
    return this.#native.bufferedAmount;
  }

  setLowWaterBytes(bytes: number): void {
    this.#native.bufferedAmountLowThreshold = bytes;
  }

  close(): void {
    this.#native.close();
  }
}

type StatsEntry = Record<string, unknown>;

/** webrtc-stats §8: transport → selected candidate pair → its two candidates. Firefox has no transport and marks the pair itself. */
function readStats(report: RTCStatsReport): ConnectionStats {
  const entries = new Map<unknown, StatsEntry>();
  report.forEach((entry: StatsEntry, id) => entries.set(id, entry));
  const all = [...entries.values()];
  const transport = all.find((entry) => entry.type === 'transport');
  const pair =
    entries.get(transport?.selectedCandidatePairId) ??
    all.find((entry) => entry.type === 'candidate-pair' && (entry.selected === true || entry.nominated === true));
  const local = candidateInfo(entries.get(pair?.localCandidateId));
  const remote = candidateInfo(entries.get(pair?.remoteCandidateId));
  const rttSeconds = pair?.currentRoundTripTime;
  return {
    bytesSent: toNumber(transport?.bytesSent ?? pair?.bytesSent),
    bytesReceived: toNumber(transport?.bytesReceived ?? pair?.bytesReceived),
    rttMs: typeof rttSeconds === 'number' ? rttSeconds * 1000 : null,
    selectedPair: local !== null && remote !== null ? { local, remote } : null,
  };
}

function candidateInfo(entry: StatsEntry | undefined): CandidateEnd | null {
  if (entry === undefined) return null;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    address: text(entry.address),
    port: toNumber(entry.port),
    type: text(entry.candidateType),
    protocol: text(entry.protocol),
  };
}

const toNumber = (value: unknown): number => (typeof value === 'number' ? value : 0);
