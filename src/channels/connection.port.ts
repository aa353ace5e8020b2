/**
 * One peer connection as both ends of a tube see it: the port behind which stand node-datachannel (src/transport/native-connection.ts),
 * the browser's RTCPeerConnection (src/peer/browser-connection.ts) and the fake of the tests. Words and meanings are those of webrtc-pc.
 *
 * Driving rule: handlers are never called from inside a method, only later; after `stateChanged('closed')` none is called again.
 * `close()` is idempotent. A method that cannot do its work rejects (or returns false) with a clear message; it never kills the process.
 */
import type { Description, SelectedPair, TransportState } from '../../machines/ports/transport.port.js';

/** webrtc-pc §4.2.4 `RTCIceServer`, with `urls` always a list. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface ConnectionConfig {
  readonly iceServers: readonly IceServer[];
  readonly maxMessageBytes: number;
  /** Local address to bind to; native only. */
  readonly bindAddress?: string;
  /** UDP ports to use; native only. */
  readonly portRange?: { readonly begin: number; readonly end: number };
}

export interface ChannelInit {
  readonly label: string;
  /** `latest` channels are unordered without retransmission; `reliable` ones ordered and complete (RFC 8832 §5.1). */
  readonly class: 'reliable' | 'latest';
  /** Stream id agreed beforehand (`negotiated: true`), or null to open in-band. */
  readonly negotiatedId: number | null;
}

export interface ChannelHandlers {
  open(): void;
  closed(): void;
  message(data: string | Uint8Array): void;
  /** The native buffer fell to `lowWaterBytes` or below. */
  drained(): void;
}

export interface Channel {
  readonly label: string;
  readonly class: 'reliable' | 'latest';
  /** It is given no more while it holds back so much; absent: 1 MiB. */
  readonly highWaterBytes?: number;
  /** SCTP stream id; null until the connection has assigned one. */
  id(): number | null;
  isOpen(): boolean;
  /** False when the channel cannot take it (not open, too large); never throws. */
  send(data: string | Uint8Array): boolean;
  bufferedBytes(): number;
  setLowWaterBytes(bytes: number): void;
  close(): void;
}

export interface ConnectionHandlers {
  localDescription(description: Description): void;
  /** `candidate: ""` = end of candidates (RFC 8838 §8.2). */
  localCandidate(candidate: string, mid: string): void;
  stateChanged(state: TransportState): void;
  iceConnected(): void;
  /** The peer sends more than can be taken; the connection closes itself. Native only. */
  flooded?(): void;
  /** The remote side opened a channel in-band; the returned handlers serve it. Null refuses: the channel is closed. */
  remoteChannel(channel: Channel): ChannelHandlers | null;
}

export interface ConnectionStats {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly rttMs: number | null;
  readonly selectedPair: SelectedPair | null;
}

/** `black_hole`: no data goes out or comes in, and nobody is told; `connection_closed`: it ends, as if the peer had closed it. */
export type ConnectionFault = 'black_hole' | 'connection_closed';

export interface Connection {
  createChannel(init: ChannelInit, handlers: ChannelHandlers): Channel;
  /** Makes the offer; it comes by `localDescription`. At least one channel must exist. */
  offer(): Promise<void>;
  /** Applies a remote offer; the answer comes by `localDescription`. */
  applyOffer(sdp: string): Promise<void>;
  applyAnswer(sdp: string): Promise<void>;
  /** Only after a remote description is applied. */
  addCandidate(candidate: string, mid: string): Promise<void>;
  /** The full local description with all candidates gathered so far (for non-trickle). */
  localDescription(): Description | null;
  state(): TransportState;
  stats(): Promise<ConnectionStats>;
  close(): void;
  /** Breaks it on purpose; only of connections that were made for it. `durationMs`: of a black hole. */
  injectFault?(fault: ConnectionFault, durationMs: number): void;
}

export type ConnectionFactory = (config: ConnectionConfig, handlers: ConnectionHandlers) => Connection;
