/**
 * The other end for tests of the peer library: connections that record what is asked of them, channels that are wired to a service's own
 * MessageLink, and signalling that a test writes into. Everything that the real stacks do later happens here at `clock.advance`
 * (the connections of test/support/fake-connection.ts live in real time and come up by themselves, so they cannot stop half-way).
 */
import { MessageLink } from '../../src/channels/message-link.js';
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
import { encodeControl, isOwnLabel, markSdp, readMark, type ControlFrame } from '../../src/channels/wire.js';
import type { ChannelRecord, Description, TransportState } from '../../machines/ports/transport.port.js';
import type { NetworkListener, PeerEnvironment } from '../../src/peer/environment.port.js';
import type { OutgoingMessage, Signalling, SignallingHandlers } from '../../src/peer/signalling.port.js';
import type { FakeClock } from './fake-clock.js';

const linkDelayMs = 1;
const silent: ChannelHandlers = { open: () => {}, closed: () => {}, message: () => {}, drained: () => {} };

/** One end of a channel; `cross` joins two. Open as long as both live and `up` was called. */
class FakeChannel implements Channel {
  handlers: ChannelHandlers = silent;
  other: FakeChannel | null = null;
  readonly sent: (string | Uint8Array)[] = [];
  #open = false;

  constructor(
    readonly label: string,
    readonly channelClass: 'reliable' | 'latest',
    readonly negotiatedId: number | null,
    private readonly clock: FakeClock,
  ) {}

  get class(): 'reliable' | 'latest' {
    return this.channelClass;
  }

  id(): number | null {
    return this.negotiatedId;
  }

  isOpen(): boolean {
    return this.#open;
  }

  up(): void {
    this.#open = true;
    this.handlers.open();
  }

  down(): void {
    if (!this.#open) return;
    this.#open = false;
    this.handlers.closed();
  }

  send(data: string | Uint8Array): boolean {
    if (!this.#open) return false;
    this.sent.push(data);
    const copy = typeof data === 'string' ? data : data.slice();
    this.clock.schedule(() => {
      if (this.#open && this.other?.isOpen() === true) this.other.handlers.message(copy);
    }, linkDelayMs);
    return true;
  }

  bufferedBytes(): number {
    return 0;
  }

  setLowWaterBytes(): void {}

  close(): void {
    this.clock.schedule(() => this.down(), 0);
  }
}

class FakeConnection implements Connection {
  readonly channels: FakeChannel[] = [];
  readonly candidates: string[] = [];
  offerSdp: string | null = null;
  closed = false;
  refuseCandidates = false;
  remoteAddress = '192.0.2.2';
  gathered: Description | null = null;
  #remoteApplied = false;

  constructor(
    readonly config: ConnectionConfig,
    readonly handlers: ConnectionHandlers,
    private readonly clock: FakeClock,
    private readonly applyDelayMs: number,
  ) {}

  createChannel(init: ChannelInit, handlers: ChannelHandlers): Channel {
    const channel = new FakeChannel(init.label, init.class, init.negotiatedId, this.clock);
    channel.handlers = handlers;
    this.channels.push(channel);
    return channel;
  }

  offer(): Promise<void> {
    return Promise.reject(new Error('the peer library never offers'));
  }

  async applyOffer(sdp: string): Promise<void> {
    if (sdp.includes('unusable')) throw new Error('unusable description');
    this.offerSdp = sdp;
    await new Promise<void>((resolve) => this.clock.schedule(resolve, this.applyDelayMs));
    this.#remoteApplied = true;
    const answer: Description = { type: 'answer', sdp: sdp.replace('offer', 'answer').replace(/^a=x-.*\r\n/gm, '') };
    this.gathered = answer;
    this.clock.schedule(() => this.#tell(answer), 0);
  }

  applyAnswer(): Promise<void> {
    return Promise.reject(new Error('the peer library never offers'));
  }

  async addCandidate(candidate: string): Promise<void> {
    if (!this.#remoteApplied) throw new Error('a candidate before the remote description');
    if (this.refuseCandidates) throw new Error('unusable candidate');
    this.candidates.push(candidate);
  }

  localDescription(): Description | null {
    return this.gathered;
  }

  state(): TransportState {
    return this.closed ? 'closed' : 'new';
  }

  stats(): Promise<ConnectionStats> {
    const end = { type: 'host', protocol: 'udp', port: 1 };
    const selectedPair = {
      local: { ...end, address: '192.0.2.1' },
      remote: { ...end, address: this.remoteAddress },
    };
    return Promise.resolve({ bytesSent: 1, bytesReceived: 2, rttMs: 3, selectedPair });
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const channel of this.channels) channel.down();
    this.clock.schedule(() => this.handlers.stateChanged('closed'), 0);
  }

  #tell(description: Description): void {
    if (!this.closed) this.handlers.localDescription(description);
  }
}

type DataOf<Event extends OutgoingMessage['event']> = Extract<OutgoingMessage, { event: Event }>['data'];

/** Signalling as an application that relays would write it. */
class FakeSignalling implements Signalling {
  readonly sent: OutgoingMessage[] = [];
  handlers: SignallingHandlers | null = null;
  stopped = 0;
  networkBacks = 0;

  start(handlers: SignallingHandlers): void {
    this.handlers = handlers;
    handlers.status({ status: 'online' });
  }

  send(message: OutgoingMessage): void {
    this.sent.push(message);
  }

  networkBack(): void {
    this.networkBacks += 1;
  }

  stop(): void {
    this.stopped += 1;
  }

  of<Event extends OutgoingMessage['event']>(event: Event): DataOf<Event>[] {
    return this.sent.filter((message) => message.event === event).map((message) => message.data as DataOf<Event>);
  }
}

interface OfferOptions {
  readonly channels?: readonly ChannelRecord[];
  readonly trickle?: boolean;
  readonly text?: string;
}

/** The service's side of one tube. */
export class FakeService {
  readonly signalling = new FakeSignalling();
  readonly connections: FakeConnection[] = [];
  readonly received: string[] = [];
  readonly pongs: Uint8Array[] = [];
  readonly link: MessageLink;
  applyDelayMs = 0;
  refuseConnections = false;
  networkListener: NetworkListener | null = null;
  /** Remotes of the paths that the network was told of. */
  readonly paths: string[] = [];
  /** Channels of the tube; ids as the service would get them in-band. */
  records: ChannelRecord[] = [
    { label: 'control', id: 0, class: 'reliable' },
    { label: 'data', id: 2, class: 'reliable' },
  ];
  readonly #ends = new Map<number, FakeChannel[]>();

  constructor(
    readonly clock: FakeClock,
    readonly instance = 'service-1',
  ) {
    this.link = new MessageLink({
      maxMessageBytes: 65_536,
      replayBufferBytes: 4 << 20,
      dropAboveBufferedBytes: 4 << 20,
      schedule: clock.schedule,
      deliver: (_label, data) => this.received.push(String(data)),
    });
  }

  get environment(): PeerEnvironment {
    let seed = 1;
    return {
      createConnection: this.createConnection,
      schedule: this.clock.schedule,
      now: this.clock.now,
      random: () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647,
      watchNetwork: (listener) => {
        this.networkListener = listener;
        return {
          pathFound: ({ remote }) => void this.paths.push(remote.address),
          stop: () => {
            this.networkListener = null;
          },
        };
      },
    };
  }

  readonly createConnection: ConnectionFactory = (config, handlers) => {
    if (this.refuseConnections) throw new Error('no more connections');
    const connection = new FakeConnection(config, handlers, this.clock, this.applyDelayMs);
    this.connections.push(connection);
    return connection;
  };

  /** Offers a generation, as often as called. Generation 1 opens its channels in-band, later ones list them. */
  offer(generation: number, { channels, trickle = true, text = '' }: OfferOptions = {}): void {
    const sdp = `v=0\r\no=offer ${generation} ${text}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n`;
    const listed = channels ?? (generation === 1 ? [] : this.records);
    this.signalling.handlers?.receive(generation === 1 ? 'offer' : 'ice_restart_offer', {
      type: 'offer',
      sdp: markSdp(sdp, { instance: this.instance, channels: listed }),
      generation,
      tube_id: 'tube',
      trickle_ice: trickle,
      ice_servers: [{ urls: 'stun:stun.example' }],
    });
  }

  candidate(generation: number, candidate: string): void {
    this.signalling.handlers?.receive('icecandidate', { candidate, sdpMid: '0', generation });
  }

  /** The connection answers `generation`: the newest one whose offer says so. */
  connection(generation: number): FakeConnection {
    const found = this.connections.findLast(({ offerSdp }) => offerSdp?.includes(`o=offer ${generation} `));
    if (found === undefined) throw new Error(`nothing answers generation ${generation}`);
    return found;
  }

  /** ICE and DTLS are done: the channels of the generation open on both sides, and the service cuts over. */
  async bringUp(generation: number): Promise<void> {
    const connection = this.connection(generation);
    this.link.setRemote(readMark(this.signalling.of('answer').at(-1)?.sdp ?? '')?.instance ?? null);
    const isInBand = connection.channels.length === 0;
    const ends = this.records.map((record) => this.#join(connection, generation, record, isInBand));
    this.#ends.set(generation, ends);
    for (const end of ends) {
      end.up();
      end.other?.up();
    }
    this.link.activate(generation);
    await this.clock.advance(0);
  }

  ping(generation: number, seq: number | null): void {
    this.ask(generation, 'control', { kind: 'ping', seq });
  }

  /** On the control or the probe channel. */
  ask(generation: number, label: string, frame: ControlFrame): void {
    this.#ends
      .get(generation)
      ?.find((end) => end.label === label)
      ?.send(encodeControl(frame));
  }

  /** The service closes its side of one channel. */
  closeChannel(generation: number, label: string): void {
    const end = this.#ends.get(generation)?.find((channel) => channel.label === label);
    end?.other?.down();
    end?.down();
  }

  /** The path of a generation is cut without a word: what is on its way is lost. */
  cut(generation: number): void {
    for (const end of this.#ends.get(generation) ?? []) if (end.other !== null) end.other = end.other.other = null;
  }

  #join(connection: FakeConnection, generation: number, record: ChannelRecord, isInBand: boolean): FakeChannel {
    const ours = new FakeChannel(record.label, record.class, record.id, this.clock);
    ours.handlers = isOwnLabel(record.label) ? this.#ownHandlers() : this.link.attach(generation, record.label, ours);
    const theirs = isInBand
      ? new FakeChannel(record.label, record.class, record.id, this.clock)
      : connection.channels.find(({ label }) => label === record.label);
    if (theirs === undefined) throw new Error(`the peer has no channel ${record.label}`);
    if (isInBand) {
      theirs.handlers = connection.handlers.remoteChannel(theirs) ?? silent;
      connection.channels.push(theirs);
    }
    ours.other = theirs;
    theirs.other = ours;
    return ours;
  }

  #ownHandlers(): ChannelHandlers {
    return { ...silent, message: (data) => typeof data !== 'string' && this.pongs.push(data) };
  }
}
