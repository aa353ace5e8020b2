/**
 * Connections in memory behind the same port as the native ones (test/contract proves it): descriptions that pass the real checks, channels by
 * stream id, in-band opening, back pressure, and switches for what networks do. Events come by setImmediate, or after `delayMs`.
 */
import { randomBytes } from 'node:crypto';
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
} from '../../src/channels/connection.port.js';
import { byteLength } from '../../src/channels/frame.js';

export class FakeNetwork {
  /** One way, for messages and the setting up of connections. */
  delayMs = 0;
  /** Applying any description rejects. */
  refuseDescriptions = false;
  /** Gathering never ends. */
  holdGathering = false;
  readonly connections = new Set<FakeConnection>();
  private readonly byUfrag = new Map<string, FakeConnection>();
  private down = false;
  private nextPort = 20000;

  readonly createConnection: ConnectionFactory = (config, handlers) => {
    const connection = new FakeConnection(this, config, handlers, this.nextPort++);
    this.connections.add(connection);
    this.byUfrag.set(connection.ufrag, connection);
    return connection;
  };

  /** Nothing arrives any more; nobody is told. */
  cut(): void {
    this.down = true;
  }

  /** What was sent meanwhile arrives (SCTP repeats it), on connections that are still open. */
  heal(): void {
    this.down = false;
    for (const connection of this.connections) connection.tryConnect();
    for (const connection of this.connections) connection.flush();
  }

  get isDown(): boolean {
    return this.down;
  }

  /** What the agents find out after a while: every connection goes to `disconnected` and is closed. */
  failAll(): void {
    for (const connection of [...this.connections]) connection.fail();
  }

  find(ufrag: string): FakeConnection | undefined {
    return this.byUfrag.get(ufrag);
  }

  forget(connection: FakeConnection): void {
    this.connections.delete(connection);
    this.byUfrag.delete(connection.ufrag);
  }

  later(fn: () => void): void {
    if (this.delayMs > 0) setTimeout(fn, this.delayMs);
    else setImmediate(fn);
  }
}

interface Packet {
  readonly id: number;
  readonly data: string | Uint8Array;
}

export class FakeConnection implements Connection {
  readonly ufrag = randomBytes(3).toString('hex');
  private readonly pwd = randomBytes(12).toString('hex');
  private readonly session = String(randomBytes(4).readUInt32BE());
  private readonly fingerprint = [...randomBytes(32)]
    .map((byte) => byte.toString(16).padStart(2, '0').toUpperCase())
    .join(':');
  private readonly channels = new Map<number, FakeChannel>();
  private readonly unassigned: FakeChannel[] = [];
  private readonly wire: Packet[] = [];
  private current: TransportState = 'new';
  private local: Description | null = null;
  private remoteSdp: string | null = null;
  private reachable = false;
  private other: FakeConnection | null = null;
  private role: 'active' | 'passive' = 'active';
  private over = false;
  private finished = false;
  private sent = 0;
  private received = 0;

  constructor(
    private readonly network: FakeNetwork,
    private readonly config: ConnectionConfig,
    private readonly handlers: ConnectionHandlers,
    private readonly port: number,
  ) {}

  createChannel(init: ChannelInit, handlers: ChannelHandlers): Channel {
    if (this.over) throw new Error('the connection is closed');
    const { negotiatedId: id } = init;
    if (id !== null && (!Number.isInteger(id) || id < 0 || id >= 65535))
      throw new Error(`stream id ${id} is not in 0 to 65534`);
    if (id !== null && this.channels.has(id)) throw new Error(`stream id ${id} is taken`);
    const channel = new FakeChannel(this, init.label, init.class, handlers, id);
    if (id === null) this.unassigned.push(channel);
    else this.channels.set(id, channel);
    if (this.current === 'connected') this.network.later(() => this.openChannels());
    return channel;
  }

  async offer(): Promise<void> {
    this.expect(this.local === null && this.remoteSdp === null);
    if (this.channels.size + this.unassigned.length === 0) throw new Error('an offer needs at least one channel');
    this.describe('offer', 'actpass');
  }

  async applyOffer(sdp: string): Promise<void> {
    this.expect(this.local === null && this.remoteSdp === null);
    this.readRemote(sdp);
    this.role = /a=setup:active/.test(sdp) ? 'passive' : 'active';
    this.describe('answer', this.role);
    this.tryConnect();
  }

  async applyAnswer(sdp: string): Promise<void> {
    this.expect(this.local?.type === 'offer' && this.remoteSdp === null);
    this.readRemote(sdp);
    this.role = /a=setup:active/.test(sdp) ? 'passive' : 'active';
    this.tryConnect();
  }

  async addCandidate(candidate: string, _mid: string): Promise<void> {
    if (this.over) throw new Error('the connection is closed');
    if (this.remoteSdp === null) throw new Error('a candidate before the remote description');
    if (candidate === '') return;
    if (!candidate.startsWith('candidate:')) throw new Error('invalid candidate format');
    this.reachable = true;
    this.tryConnect();
  }

  localDescription(): Description | null {
    if (this.local === null || this.over) return null;
    return { type: this.local.type, sdp: `${this.local.sdp}a=${this.candidate()}\r\na=end-of-candidates\r\n` };
  }

  state(): TransportState {
    return this.over ? 'closed' : this.current;
  }

  async stats(): Promise<ConnectionStats> {
    const { other } = this;
    const pair =
      other === null || this.over
        ? null
        : {
            local: { address: '127.0.0.1', port: this.port, type: 'host', protocol: 'udp' },
            remote: { address: '127.0.0.1', port: other.port, type: 'host', protocol: 'udp' },
          };
    return { bytesSent: this.sent, bytesReceived: this.received, rttMs: pair === null ? null : 0, selectedPair: pair };
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    const { other } = this;
    setImmediate(() => this.finish());
    if (other !== null && !this.network.isDown) this.network.later(() => other.ended());
  }

  /** Trouble that the agent noticed. */
  fail(): void {
    if (this.over) return;
    this.changeState('disconnected');
    setImmediate(() => this.ended());
  }

  /** The other side closed, or the agent gave up. */
  ended(): void {
    if (this.over) return;
    this.over = true;
    this.finish();
  }

  send(id: number, data: string | Uint8Array): void {
    this.wire.push({ id, data: typeof data === 'string' ? data : data.slice() });
    this.sent += byteLength(data);
    this.network.later(() => this.flush());
  }

  queuedBytes(id: number): number {
    return this.wire.reduce((sum, packet) => (packet.id === id ? sum + byteLength(packet.data) : sum), 0);
  }

  flush(): void {
    if (this.network.isDown || this.over || this.other === null) return;
    for (const packet of this.wire.splice(0)) {
      this.other.arrived(packet);
      this.channels.get(packet.id)?.drain();
    }
  }

  closeChannel(channel: FakeChannel): void {
    const id = channel.id();
    const { other } = this;
    if (id !== null) this.channels.delete(id);
    setImmediate(() => channel.ended());
    if (id === null || other === null) return;
    this.network.later(() => {
      const theirs = other.channels.get(id);
      other.channels.delete(id);
      theirs?.ended();
    });
  }

  remoteMaxMessageBytes(): number {
    return Number(/a=max-message-size:(\d+)/.exec(this.remoteSdp ?? '')?.[1] ?? 65536);
  }

  tryConnect(): void {
    const other = this.network.find(/a=ice-ufrag:(\S+)/.exec(this.remoteSdp ?? '')?.[1] ?? '');
    if (other === undefined || this.other !== null || this.over || other.over || this.network.isDown) return;
    const agreed = other.remoteSdp?.includes(`a=ice-ufrag:${this.ufrag}`) === true;
    if (!agreed || !(this.reachable || other.reachable)) return;
    this.other = other;
    other.other = this;
    for (const side of [this, other]) this.network.later(() => side.connected());
  }

  private connected(): void {
    if (this.over) return;
    this.handlers.iceConnected();
    this.changeState('connected');
    this.openChannels();
  }

  /** RFC 8832 §6: the DTLS client takes even stream ids, the server odd ones. */
  private openChannels(): void {
    if (this.over) return;
    for (const channel of this.unassigned.splice(0)) {
      let id = this.role === 'active' ? 0 : 1;
      while (this.channels.has(id) || this.other?.channels.has(id) === true) id += 2;
      this.channels.set(id, channel);
      channel.assign(id);
      const { other } = this;
      if (other !== null) this.network.later(() => other.openedByPeer(id, channel, () => channel.opened()));
    }
    for (const channel of this.channels.values()) if (channel.negotiated) channel.opened();
  }

  private openedByPeer(id: number, theirs: FakeChannel, acknowledge: () => void): void {
    // An OPEN for a known stream is ignored, and never acknowledged.
    if (this.over || this.channels.has(id)) return;
    const channel = new FakeChannel(this, theirs.label, theirs.class, null, id);
    this.channels.set(id, channel);
    const handlers = this.handlers.remoteChannel(channel);
    this.network.later(acknowledge);
    if (handlers === null) return channel.close();
    channel.serve(handlers);
    channel.opened();
  }

  private arrived({ id, data }: Packet): void {
    if (this.over) return;
    this.received += byteLength(data);
    this.channels.get(id)?.arrived(data);
  }

  private expect(possible: boolean): void {
    if (this.over) throw new Error('the connection is closed');
    if (!possible) throw new Error('not possible in this signalling state');
  }

  private readRemote(sdp: string): void {
    if (this.network.refuseDescriptions || !/a=ice-ufrag:/.test(sdp) || !/a=fingerprint:/.test(sdp))
      throw new Error('the description is refused');
    this.remoteSdp = sdp;
    this.reachable = /^a=candidate:/m.test(sdp);
  }

  private describe(type: 'offer' | 'answer', setup: string): void {
    const lines = [
      'v=0',
      `o=fake ${this.session} 0 IN IP4 127.0.0.1`,
      's=-',
      't=0 0',
      'a=group:BUNDLE 0',
      'a=ice-options:ice2,trickle',
      `a=fingerprint:sha-256 ${this.fingerprint}`,
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      'a=mid:0',
      'a=sctp-port:5000',
      `a=max-message-size:${this.config.maxMessageBytes}`,
      `a=setup:${setup}`,
      `a=ice-ufrag:${this.ufrag}`,
      `a=ice-pwd:${this.pwd}`,
    ];
    const description: Description = { type, sdp: `${lines.join('\r\n')}\r\n` };
    this.local = description;
    setImmediate(() => {
      if (this.over) return;
      this.changeState('connecting');
      this.handlers.localDescription(description);
      this.handlers.localCandidate(this.candidate(), '0');
      if (!this.network.holdGathering) this.handlers.localCandidate('', '0');
    });
  }

  private candidate(): string {
    return `candidate:1 1 UDP 2114977791 127.0.0.1 ${this.port} typ host`;
  }

  private changeState(state: TransportState): void {
    if (this.over || this.current === state || (state === 'connecting' && this.current !== 'new')) return;
    this.current = state;
    this.handlers.stateChanged(state);
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.network.forget(this);
    for (const channel of [...this.channels.values(), ...this.unassigned]) channel.ended();
    this.handlers.stateChanged('closed');
  }
}

class FakeChannel implements Channel {
  readonly negotiated: boolean;
  private lowWater = 0;
  private open = false;
  private over = false;

  constructor(
    private readonly connection: FakeConnection,
    readonly label: string,
    kind: 'reliable' | 'latest',
    private handlers: ChannelHandlers | null,
    private stream: number | null,
  ) {
    this.class = kind;
    this.negotiated = stream !== null && handlers !== null;
  }

  readonly class: 'reliable' | 'latest';

  id(): number | null {
    return this.over ? null : this.stream;
  }

  isOpen(): boolean {
    return this.open && !this.over && this.connection.state() !== 'closed';
  }

  send(data: string | Uint8Array): boolean {
    if (!this.isOpen() || this.stream === null || byteLength(data) > this.connection.remoteMaxMessageBytes())
      return false;
    this.connection.send(this.stream, data);
    return true;
  }

  bufferedBytes(): number {
    return this.stream === null ? 0 : this.connection.queuedBytes(this.stream);
  }

  setLowWaterBytes(bytes: number): void {
    this.lowWater = bytes;
  }

  close(): void {
    if (this.over) return;
    this.open = false;
    this.connection.closeChannel(this);
  }

  serve(handlers: ChannelHandlers): void {
    this.handlers = handlers;
  }

  assign(id: number): void {
    this.stream = id;
  }

  opened(): void {
    if (this.open || this.over) return;
    this.open = true;
    this.handlers?.open();
  }

  arrived(data: string | Uint8Array): void {
    if (this.over) return;
    this.opened();
    this.handlers?.message(data);
  }

  drain(): void {
    if (this.isOpen() && this.bufferedBytes() <= this.lowWater) this.handlers?.drained();
  }

  ended(): void {
    if (this.over) return;
    this.over = true;
    this.handlers?.closed();
  }
}
