/**
 * A TransportHost and one peer, wired by hand as tube, gateway and signalling would: for tests of the transport room on fake and native connections.
 * The peer is a small one of its own: plain (keeps its channels by stream id, as a browser that applies a re-offer does) or of our kind.
 */
import type {
  ChannelRecord,
  DtlsRole,
  GenerationMode,
  PeerKind,
  TransportEvent,
} from '../../machines/ports/transport.port.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { Channel, ChannelHandlers, Connection, ConnectionFactory } from '../../src/channels/connection.port.js';
import { MessageLink } from '../../src/channels/message-link.js';
import { decodeControl, encodeControl, isOwnLabel, markSdp, probeLabel, readMark } from '../../src/channels/wire.js';
import { PathAnswers } from '../../src/peer/path-answers.js';
import { type GenerationHandle, TransportHost } from '../../src/transport/transport-host.js';
import { defaultSettings } from '../support/settings.js';
import type { RoughLink } from '../support/rough-link.js';
import { until } from '../support/until.js';

type Data = string | Uint8Array;
type OfType<Type> = Extract<TransportEvent, { type: Type }>;

const schedule = (fn: () => void, delayMs: number): (() => void) => {
  const timer = setTimeout(fn, delayMs);
  return () => clearTimeout(timer);
};

interface PeerGeneration {
  readonly connection: Connection;
  readonly channels: Map<string, Channel>;
  sdp: string;
}

export class ScenePeer {
  readonly received: { label: string; data: Data; atMs: number }[] = [];
  readonly generations = new Map<number, PeerGeneration>();
  readonly link: MessageLink;
  readonly pings: number[] = [];
  /** On the control channel. */
  answersPings = true;
  /** It says that it answers probes, as the library does, and does. */
  probes = false;
  /** Probes and echoes that the network shall lose, by their index. */
  losesProbe: (index: number) => boolean = () => false;
  losesEcho: (index: number) => boolean = () => false;
  private session: string | null = null;
  private readonly ids = new Map<string, number>();
  /** What the peer sends to the service. */
  onCandidate: (generation: number, candidate: string, mid: string) => void = () => undefined;

  constructor(
    readonly kind: PeerKind,
    private readonly createConnection: ConnectionFactory,
    public instance = 'peer-1',
    private readonly trickle = true,
  ) {
    this.link = new MessageLink({
      maxMessageBytes: defaultSettings.maxMessageBytes,
      replayBufferBytes: defaultSettings.replayBufferBytes,
      dropAboveBufferedBytes: defaultSettings.dropAboveBufferedBytes,
      schedule,
      deliver: (label, data) => this.received.push({ label, data, atMs: performance.now() }),
    });
  }

  get texts(): Data[] {
    return this.received.map(({ data }) => data);
  }

  /** Answers an offer of the service on a fresh connection. */
  async answer(generation: number, sdp: string): Promise<string> {
    const mark = readMark(sdp);
    this.link.setRemote(this.kind === 'overlap' ? (mark?.instance ?? null) : null);
    const state = this.build(generation);
    const known = this.kind === 'overlap' ? (mark?.channels ?? []) : this.records();
    for (const { label, id } of known) this.open(generation, label, id);
    const complete = this.gathered(state);
    await state.connection.applyOffer(sdp);
    await until(() => state.sdp !== '');
    if (!this.trickle) await complete;
    return this.dress(this.trickle ? state.sdp : (state.connection.localDescription()?.sdp ?? ''));
  }

  /** Makes an offer of its own (a browser's `restartIce()`, or a page's first offer). */
  async offer(generation: number, channels: readonly string[] = []): Promise<string> {
    const state = this.build(generation);
    for (const { label, id } of this.records()) this.open(generation, label, id);
    for (const label of channels) if (!state.channels.has(label)) this.open(generation, label, null);
    await state.connection.offer();
    await until(() => state.sdp !== '');
    return this.dress(state.sdp);
  }

  /** A page that was loaded again: nothing of before is known. */
  forgetEverything(): void {
    this.session = null;
    this.ids.clear();
  }

  open(generation: number, label: string, negotiatedId: number | null): Channel {
    const state = this.of(generation);
    const late: { of: ChannelHandlers | null } = { of: null };
    const channel = state.connection.createChannel(
      { label, class: 'reliable', negotiatedId },
      {
        open: () => late.of?.open(),
        closed: () => late.of?.closed(),
        message: (data) => late.of?.message(data),
        drained: () => late.of?.drained(),
      },
    );
    late.of = this.serve(generation, channel);
    return channel;
  }

  of(generation: number): PeerGeneration {
    const state = this.generations.get(generation);
    if (state === undefined) throw new Error(`the peer has no generation ${generation}`);
    return state;
  }

  private records(): ChannelRecord[] {
    return [...this.ids].map(([label, id]) => ({ label, id, class: 'reliable' }));
  }

  private build(generation: number): PeerGeneration {
    const connection = this.createConnection(
      { iceServers: [], maxMessageBytes: 262_144, bindAddress: '127.0.0.1' },
      {
        localDescription: ({ sdp }) => {
          state.sdp = sdp;
        },
        localCandidate: (candidate, mid) => {
          this.gatheredOnce.get(generation)?.(candidate === '');
          if (this.trickle) this.onCandidate(generation, candidate, mid);
        },
        stateChanged: () => undefined,
        iceConnected: () => undefined,
        remoteChannel: (channel) => this.serve(generation, channel),
      },
    );
    const state: PeerGeneration = { connection, channels: new Map(), sdp: '' };
    this.generations.set(generation, state);
    return state;
  }

  private readonly gatheredOnce = new Map<number, (end: boolean) => void>();

  private gathered(state: PeerGeneration): Promise<void> {
    return new Promise((resolve) => {
      for (const [generation, other] of this.generations) {
        if (other === state) this.gatheredOnce.set(generation, (end) => end && resolve());
      }
    });
  }

  private serve(generation: number, channel: Channel): ChannelHandlers {
    this.of(generation).channels.set(channel.label, channel);
    if (channel.label === probeLabel && this.probes) return this.probed(channel);
    const inner = isOwnLabel(channel.label) ? null : this.link.attach(generation, channel.label, channel);
    return {
      open: () => {
        const id = channel.id();
        if (id !== null) this.ids.set(channel.label, id);
        inner?.open();
        if (inner === null) this.link.activate(generation);
      },
      closed: () => {
        // A closed channel is gone for a page too; one of a generation that it has left is not a channel of its own any more.
        const isNewest = generation === Math.max(...this.generations.keys());
        if (isNewest && this.of(generation).connection.state() === 'connected') this.ids.delete(channel.label);
        inner?.closed();
      },
      message: (data) => {
        if (inner !== null) return inner.message(data);
        const frame = decodeControl(data);
        if (frame?.kind !== 'ping') return;
        this.pings.push(typeof data === 'string' ? data.length : data.length);
        if (this.answersPings)
          channel.send(encodeControl({ kind: 'pong', seq: this.kind === 'plain' ? null : frame.seq }));
      },
      drained: () => inner?.drained(),
    };
  }

  private probed(channel: Channel): ChannelHandlers {
    const answers = new PathAnswers();
    const send = (data: Data): boolean => {
      const frame = decodeControl(data);
      return frame?.kind === 'echo' && this.losesEcho(frame.index) ? true : channel.send(data);
    };
    return {
      open: () => undefined,
      closed: () => undefined,
      drained: () => undefined,
      message: (data) => {
        const frame = decodeControl(data);
        if (frame?.kind === 'probe' && this.losesProbe(frame.index)) return;
        answers.answer({ send }, data);
      },
    };
  }

  /** A plain peer keeps its session id, as one RTCPeerConnection does; our kind says who it is. */
  private dress(sdp: string): string {
    if (this.kind === 'overlap') return markSdp(sdp, { instance: this.instance, channels: [], probes: this.probes });
    this.session ??= /^o=\S+ (\S+)/m.exec(sdp)?.[1] ?? '';
    return sdp.replace(/^(o=\S+) \S+/m, `$1 ${this.session}`);
  }
}

export class Scene {
  readonly host: TransportHost;
  readonly events: TransportEvent[] = [];
  readonly received: { label: string; data: Data; atMs: number }[] = [];
  readonly counts = new Map<string, number>();
  readonly faults: unknown[] = [];
  readonly handles = new Map<number, GenerationHandle>();
  channels: ChannelRecord[] = [];
  dtlsRole: DtlsRole | null = null;
  peerKind: PeerKind = 'plain';
  /** What stands between the two, if anything does. */
  link: RoughLink | null = null;

  constructor(
    createConnection: ConnectionFactory,
    readonly peer: ScenePeer,
    readonly settings: TubeSettings = defaultSettings,
  ) {
    this.host = new TransportHost({
      createConnection,
      connection: () => ({ iceServers: [], bindAddress: '127.0.0.1' }),
      observer: {
        message: (_tubeId, label, data) => this.received.push({ label, data, atMs: performance.now() }),
        counted: (counter, count) => this.counts.set(counter, (this.counts.get(counter) ?? 0) + count),
        dropped: () => undefined,
        fault: (_where, error) => this.faults.push(error),
      },
    });
    peer.onCandidate = (generation, candidate, mid) => {
      if (this.link !== null) return;
      this.handles
        .get(generation)
        ?.command({ type: 'transport.addCandidate', requestId: `c${generation}`, candidate, mid });
    };
  }

  get texts(): Data[] {
    return this.received.map(({ data }) => data);
  }

  all<Type extends TransportEvent['type']>(type: Type, generation?: number): OfType<Type>[] {
    return this.events.filter(
      (event): event is OfType<Type> =>
        event.type === type && (generation === undefined || event.generation === generation),
    );
  }

  has(type: TransportEvent['type'], generation?: number): boolean {
    return this.all(type, generation).length > 0;
  }

  async event<Type extends TransportEvent['type']>(type: Type, generation: number): Promise<OfType<Type>> {
    await until(() => this.has(type, generation), 5000, `${type} of generation ${generation}`);
    return this.all(type, generation)[0]!;
  }

  /** `fresh`: the channels are opened in-band again. */
  open(generation: number, mode: GenerationMode = { kind: 'offer' }, fresh = false): GenerationHandle {
    const handle = this.host.open(
      {
        tubeId: 'tube',
        generation,
        mode,
        channels: fresh ? [] : this.channels,
        dtlsRole: this.dtlsRole,
        peerKind: this.peerKind,
        settings: this.settings,
      },
      (event) => this.note(event),
    );
    this.handles.set(generation, handle);
    return handle;
  }

  /** Offer, answer, candidates: until both sides are up. */
  async connect(generation: number): Promise<void> {
    const handle = this.open(generation);
    const { description } = await this.event('transport.described', generation);
    const sdp = await this.peer.answer(generation, description.sdp);
    handle.command({ type: 'transport.applyAnswer', requestId: `a${generation}`, sdp });
    await this.event('transport.up', generation);
  }

  async restart(generation: number): Promise<void> {
    await this.connect(generation);
    this.command(generation, 'transport.activate');
  }

  command(generation: number, type: 'transport.activate' | 'transport.close' | 'transport.sample'): void {
    this.handles.get(generation)!.command({ type });
  }

  async end(): Promise<void> {
    for (const { connection } of this.peer.generations.values()) connection.close();
    this.peer.link.close();
    await this.host.closeAll();
  }

  private async addCandidate({ generation, candidate, mid }: OfType<'transport.candidate'>): Promise<void> {
    const seen = this.link === null ? candidate : await this.link.redirect(candidate);
    if (seen === null) return;
    await this.peer.generations
      .get(generation)
      ?.connection.addCandidate(seen, mid)
      .catch(() => undefined);
  }

  private note(event: TransportEvent): void {
    this.events.push(event);
    if (event.type === 'transport.candidate') void this.addCandidate(event);
    if (event.type === 'transport.remoteApplied') {
      this.dtlsRole ??= event.dtlsRole;
      this.peerKind = event.peerKind;
    }
    if (event.type === 'transport.channelOpened') {
      this.channels = [...this.channels.filter(({ label }) => label !== event.channel.label), event.channel];
    }
    if (event.type === 'transport.channelClosed') this.channels = this.channels.filter(({ id }) => id !== event.id);
  }
}
