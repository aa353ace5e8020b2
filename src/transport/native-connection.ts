/**
 * The connection port over node-datachannel. It knows what the library bears and in which order, not what a generation is: generation.ts drives it.
 * Native callbacks come from the event loop, each guarded, in the order of their registration; so handlers are never called inside a method.
 */
import { isIP } from 'node:net';
import type { DataChannel, PeerConnection } from 'node-datachannel';
import type { Description, TransportState } from '../../machines/ports/transport.port.js';
import type {
  Channel,
  ChannelHandlers,
  ChannelInit,
  Connection,
  ConnectionConfig,
  ConnectionFactory,
  ConnectionHandlers,
  ConnectionStats,
} from '../channels/connection.port.js';
import { latestProtocol } from '../channels/wire.js';
import { parseIceServer } from './ice-servers.js';
import { InboundBacklog } from './inbound-backlog.js';
import { NativeChannel } from './native-channel.js';
import { guard, letGo, type NativeConfig, openPeerConnection } from './native-runtime.js';
import { probeSocket } from './socket-probe.js';

const abandonAfterMs = 50;

/**
 * How long the transports outlive `close()`, so that the peer hears of it. Two round trips are needed; on a busy machine nine in ten took less than
 * 32 ms. Whoever has not heard by then still gets what the library itself says.
 */
const farewellMs = 100;

/** @throws Error when the configuration cannot be used: ICE server, bind address, port range */
export const createNativeConnection: ConnectionFactory = (config, handlers) => new NativeConnection(config, handlers);

class NativeConnection implements Connection {
  private readonly pc: PeerConnection;
  private readonly channels = new Set<NativeChannel>();
  private readonly backlog: InboundBacklog;
  private current: TransportState = 'new';
  private iceUp = false;
  private closing = false;
  /** `closed` was reported; nothing is called any more. */
  private finished = false;
  private mid = '0';

  constructor(
    private readonly config: ConnectionConfig,
    private readonly handlers: ConnectionHandlers,
  ) {
    this.pc = openPeerConnection(nativeConfig(config));
    this.backlog = new InboundBacklog(
      () => this.receivedBytes(),
      guard('flooded', () => this.overwhelmed()),
    );
    this.listen();
  }

  createChannel(init: ChannelInit, handlers: ChannelHandlers): Channel {
    if (this.closing) throw new Error('the connection is closed');
    const { negotiatedId } = init;
    if (negotiatedId !== null && !(Number.isInteger(negotiatedId) && negotiatedId >= 0 && negotiatedId < 65535)) {
      throw new Error(`stream id ${negotiatedId} is not in 0 to 65534`);
    }
    const channel = this.pc.createDataChannel(init.label, {
      ...(init.class === 'latest' ? { unordered: true, maxRetransmits: 0, protocol: latestProtocol } : {}),
      ...(negotiatedId === null ? {} : { negotiated: true, id: negotiatedId }),
    });
    return this.adopt(channel, init.label, init.class, handlers);
  }

  async offer(): Promise<void> {
    this.expect('stable');
    // Without a channel the library throws where nobody can catch it.
    if (this.channels.size === 0) throw new Error('an offer needs at least one channel');
    await probeSocket(this.config);
    this.expect('stable');
    this.pc.setLocalDescription('offer');
  }

  async applyOffer(sdp: string): Promise<void> {
    this.expect('stable');
    await probeSocket(this.config);
    this.expect('stable');
    this.pc.setRemoteDescription(sdp, 'offer');
    this.pc.setLocalDescription('answer');
  }

  async applyAnswer(sdp: string): Promise<void> {
    this.expect('have-local-offer');
    this.pc.setRemoteDescription(sdp, 'answer');
  }

  async addCandidate(candidate: string, mid: string): Promise<void> {
    if (this.closing) throw new Error('the connection is closed');
    if (this.pc.remoteDescription() === null) throw new Error('a candidate before the remote description');
    // libjuice has no use for the end of candidates.
    if (candidate !== '') this.pc.addRemoteCandidate(candidate, mid);
  }

  localDescription(): Description | null {
    const description = this.closing ? null : this.pc.localDescription();
    if (description === null || (description.type !== 'offer' && description.type !== 'answer')) return null;
    return { type: description.type, sdp: description.sdp };
  }

  state(): TransportState {
    return this.closing ? 'closed' : this.current;
  }

  async stats(): Promise<ConnectionStats> {
    if (this.closing) return { bytesSent: 0, bytesReceived: 0, rttMs: null, selectedPair: null };
    const pair = this.current === 'connected' ? this.pc.getSelectedCandidatePair() : null;
    const rttMs = this.pc.rtt();
    return {
      bytesSent: this.pc.bytesSent(),
      bytesReceived: this.pc.bytesReceived(),
      rttMs: rttMs >= 0 ? rttMs : null,
      selectedPair: pair === null ? null : { local: candidateInfo(pair.local), remote: candidateInfo(pair.remote) },
    };
  }

  /**
   * Channels first (RFC 8831 §6.7), their connection a moment later. The library's own close sends an SCTP SHUTDOWN and then an ABORT. When the
   * handshake of the SHUTDOWN is faster than the ABORT, Chromium hears only that, and leaves channels and connection open until ICE
   * consent ends (RFC 7675 §5.1), 5 to 8 s later.
   */
  close(): void {
    if (this.closing) return;
    this.closing = true;
    this.backlog.stop();
    const open = [...this.channels].filter((channel) => channel.isOpen());
    if (this.current !== 'connected' || open.length === 0) return this.pc.close();
    for (const channel of open) channel.close();
    setTimeout(
      guard('close', () => this.pc.close()),
      farewellMs,
    );
  }

  /** Answers and offers belong to one exchange: this port never renegotiates (a restart is a new connection). */
  private expect(signaling: 'stable' | 'have-local-offer'): void {
    if (this.closing) throw new Error('the connection is closed');
    const state = this.pc.signalingState();
    const used = signaling === 'stable' && this.pc.localDescription() !== null;
    if (state !== signaling || used) throw new Error(`not possible in signalling state ${used ? 'negotiated' : state}`);
  }

  /** In this order: callbacks that are due together come in the order of their registration. */
  private listen(): void {
    const { pc, handlers } = this;
    pc.onLocalDescription(
      guard('localDescription', (sdp: string, type: string) => {
        if (!this.closing && (type === 'offer' || type === 'answer')) handlers.localDescription({ type, sdp });
      }),
    );
    pc.onLocalCandidate(
      guard('localCandidate', (candidate: string, mid: string) => {
        this.mid = mid;
        if (!this.closing) handlers.localCandidate(candidate.replace(/^a=/, ''), mid);
      }),
    );
    pc.onGatheringStateChange(
      guard('gatheringState', (state: string) => {
        if (!this.closing && state === 'complete') handlers.localCandidate('', this.mid);
      }),
    );
    pc.onDataChannel(guard('remoteChannel', (channel: DataChannel) => this.remoteChannel(channel)));
    pc.onIceStateChange(guard('iceState', (state: string) => this.iceStateChanged(state)));
    pc.onStateChange(guard('state', (state: string) => this.stateChanged(state)));
  }

  private remoteChannel(native: DataChannel): void {
    // Registered before anything can fail: an unregistered wrapper is what crashes.
    const handlers: { of: ChannelHandlers | null } = { of: null };
    const kind = native.getProtocol() === latestProtocol ? 'latest' : 'reliable';
    const channel = this.adopt(native, native.getLabel(), kind, {
      open: () => handlers.of?.open(),
      closed: () => handlers.of?.closed(),
      message: (data) => handlers.of?.message(data),
      drained: () => handlers.of?.drained(),
    });
    if (!this.closing) handlers.of = this.handlers.remoteChannel(channel);
    if (handlers.of === null) channel.close();
    else channel.announceOpen();
    // Closed already, and its messages are on their way to us.
    if (!native.isOpen())
      setTimeout(
        guard('remoteChannel', () => channel.abandon()),
        abandonAfterMs,
      ).unref();
  }

  private adopt(
    native: DataChannel,
    label: string,
    kind: 'reliable' | 'latest',
    handlers: ChannelHandlers,
  ): NativeChannel {
    const gone = (): boolean => this.channels.delete(channel);
    const channel: NativeChannel = new NativeChannel(native, label, kind, handlers, gone, this.backlog);
    this.channels.add(channel);
    return channel;
  }

  private receivedBytes(): number {
    try {
      return this.closing ? 0 : this.pc.bytesReceived();
    } catch {
      // It has ended, and the word of that is on its way.
      return 0;
    }
  }

  /** The peer sends faster than JavaScript can take it: nothing more is delivered, so that what waits is soon gone. */
  private overwhelmed(): void {
    for (const channel of this.channels) channel.mute();
    if (!this.closing) this.handlers.flooded?.();
    this.close();
  }

  private iceStateChanged(state: string): void {
    if (this.closing || this.iceUp || (state !== 'connected' && state !== 'completed')) return;
    this.iceUp = true;
    this.handlers.iceConnected();
  }

  private stateChanged(state: string): void {
    if (!isTransportState(state)) return;
    if (state === 'closed' || state === 'failed') {
      this.backlog.stop();
      // Also after a close of its own the native object stays until close() was called.
      this.pc.close();
    }
    if (state === 'closed') {
      this.closing = true;
      letGo(this.pc);
      // Messages that came before the end are still queued in their channels' callbacks: let them go first.
      setImmediate(guard('closed', () => this.finish()));
      return;
    }
    if (this.closing || state === this.current) return;
    this.current = state;
    this.handlers.stateChanged(state);
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.current = 'closed';
    for (const channel of [...this.channels]) guard('channelClosed', () => channel.abandon())();
    this.handlers.stateChanged('closed');
  }
}

function nativeConfig(config: ConnectionConfig): NativeConfig {
  const { bindAddress, portRange } = config;
  if (bindAddress !== undefined && isIP(bindAddress) === 0)
    throw new Error(`bind address "${bindAddress}" is not an IP address`);
  if (
    portRange !== undefined &&
    !(portRange.begin >= 1024 && portRange.end >= portRange.begin && portRange.end <= 65535)
  ) {
    throw new Error(`port range ${portRange.begin}-${portRange.end} is not within 1024 to 65535`);
  }
  return {
    iceServers: config.iceServers.flatMap(parseIceServer),
    // Negotiation happens when we say so; and ICE credentials are the library's own, for wrong ones abort the process.
    disableAutoNegotiation: true,
    maxMessageSize: config.maxMessageBytes,
    ...(bindAddress === undefined ? {} : { bindAddress }),
    ...(portRange === undefined ? {} : { portRangeBegin: portRange.begin, portRangeEnd: portRange.end }),
  };
}

function candidateInfo(info: { address: string; port: number; type: string; transportType: string }): {
  address: string;
  port: number;
  type: string;
  protocol: string;
} {
  return { address: info.address, port: info.port, type: info.type, protocol: info.transportType.toLowerCase() };
}

const isTransportState = (state: string): state is TransportState =>
  ['new', 'connecting', 'connected', 'disconnected', 'failed', 'closed'].includes(state);
