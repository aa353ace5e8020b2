/**
 * Just enough of a service to try the peer library with real sockets and packets: one tube on `/peer`, native connections, and a restart
 * whenever a test says so. No machines, no timeouts; it follows the rules of signalling (offer with setup:active, candidates withheld until
 * the answer is applied, channels by stream id from generation 2 on).
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import type { Channel, ChannelHandlers, Connection, ConnectionFactory } from '../../src/channels/connection.port.js';
import { MessageLink } from '../../src/channels/message-link.js';
import { controlLabel, decodeControl, encodeControl, markSdp, readMark } from '../../src/channels/wire.js';
import type { ChannelRecord } from '../../machines/ports/transport.port.js';
import type { Schedule } from '../../src/peer/environment.port.js';

const token = 'mini-token';
const labels = [controlLabel, 'data'];

interface Live {
  readonly connection: Connection;
  readonly channels: Map<string, Channel>;
  readonly withheld: { candidate: string; mid: string }[];
  /** The peer's, until its answer is applied. */
  readonly early: { candidate: string; mid: string }[];
  answered: boolean;
  applied: boolean;
}

type Ack = (reply: unknown) => void;

export class MiniService {
  readonly token = token;
  readonly received: (string | Uint8Array)[] = [];
  readonly hellos: { instance: string; generation: number }[] = [];
  readonly requests: string[] = [];
  readonly pongs: (number | null)[] = [];
  generation = 0;
  url = '';
  readonly #http = createServer();
  readonly #io = new Server(this.#http, { transports: ['websocket'], cors: { origin: '*' } });
  readonly #live = new Map<number, Live>();
  readonly #link: MessageLink;
  readonly #waiting: { generation: number; resolve: () => void }[] = [];
  #channels: ChannelRecord[] = [];
  #socket: Socket | null = null;
  #offer: { type: string; sdp: string; generation: number } | null = null;

  constructor(
    private readonly createConnection: ConnectionFactory,
    schedule: Schedule,
    private readonly lingerMs = 3000,
  ) {
    this.#link = new MessageLink({
      maxMessageBytes: 65_536,
      replayBufferBytes: 4 << 20,
      dropAboveBufferedBytes: 4 << 20,
      schedule,
      deliver: (_label, data) => void this.received.push(data),
    });
    const peers = this.#io.of('/peer');
    peers.use((socket, next) => {
      const refused = Object.assign(new Error('The token is not accepted.'), { data: { code: 'auth_invalid' } });
      next(socket.handshake.auth.token === token ? undefined : refused);
    });
    peers.on('connection', (socket) => this.#serve(socket));
  }

  async start(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#http.listen(port, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const { connection } of this.#live.values()) connection.close();
    this.#link.close();
    await this.#io.close();
  }

  send(data: string | Uint8Array): void {
    const refusal = this.#link.send('data', data);
    if (refusal !== null) throw new Error(refusal);
  }

  /** The peer's socket is cut, as by a proxy. */
  dropSocket(): void {
    this.#socket?.conn.close();
  }

  ping(seq: number): void {
    this.#live
      .get(this.generation)
      ?.channels.get(controlLabel)
      ?.send(encodeControl({ kind: 'ping', seq }));
  }

  closeGeneration(generation: number): void {
    this.#live.get(generation)?.connection.close();
    this.#live.delete(generation);
  }

  /** Offers the next generation and resolves when it carries data. */
  async restart(): Promise<void> {
    const generation = ++this.generation;
    const up = new Promise<void>((resolve) => this.#waiting.push({ generation, resolve }));
    const live: Live = {
      connection: this.createConnection({ iceServers: [], maxMessageBytes: 65_541 }, this.#handlers(generation)),
      channels: new Map(),
      withheld: [],
      early: [],
      answered: false,
      applied: false,
    };
    this.#live.set(generation, live);
    for (const label of labels) this.#open(generation, live, label);
    await live.connection.offer();
    await up;
  }

  #open(generation: number, live: Live, label: string): void {
    let handlers: ChannelHandlers | null = null;
    const record = this.#channels.find((known) => known.label === label);
    const channel = live.connection.createChannel(
      { label, class: 'reliable', negotiatedId: record?.id ?? null },
      {
        open: () => handlers?.open(),
        closed: () => handlers?.closed(),
        message: (data) => handlers?.message(data),
        drained: () => handlers?.drained(),
      },
    );
    live.channels.set(label, channel);
    handlers = label === controlLabel ? this.#control(generation, live) : this.#link.attach(generation, label, channel);
  }

  #control(generation: number, live: Live): ChannelHandlers {
    return {
      open: () => this.#cutOver(generation, live),
      closed: () => undefined,
      drained: () => undefined,
      message: (data) => {
        const frame = decodeControl(data);
        if (frame?.kind === 'pong') this.pongs.push(frame.seq);
      },
    };
  }

  #cutOver(generation: number, live: Live): void {
    this.#link.activate(generation);
    // Ids of channels opened in-band are known once they are open, and `control` was opened first: look a moment later.
    setTimeout(() => {
      this.#channels = [...live.channels].map(([label, channel]) => ({
        label,
        id: channel.id() ?? 0,
        class: 'reliable',
      }));
      for (const waiter of this.#waiting.filter((entry) => entry.generation === generation)) waiter.resolve();
    }, 20);
    const old = generation - 1;
    setTimeout(() => this.closeGeneration(old), this.lingerMs);
  }

  #handlers(generation: number): Parameters<ConnectionFactory>[1] {
    return {
      localDescription: ({ type, sdp }) => {
        const active = sdp.replace('a=setup:actpass', 'a=setup:active').replace(/^a=candidate:.*\r\n/gm, '');
        this.#offer = {
          type,
          generation,
          sdp: markSdp(active, { instance: 'mini-service', channels: this.#channels }),
        };
        this.#sendOffer();
      },
      localCandidate: (candidate, mid) => {
        const live = this.#live.get(generation);
        if (live?.applied === false) live.withheld.push({ candidate, mid });
        else this.#sendCandidate(generation, candidate, mid);
      },
      stateChanged: () => undefined,
      iceConnected: () => undefined,
      remoteChannel: () => null,
    };
  }

  #sendOffer(): void {
    this.#socket?.emit(this.generation === 1 ? 'offer' : 'ice_restart_offer', {
      ...this.#offer,
      tube_id: 'tube',
      trickle_ice: true,
      ice_servers: [],
    });
  }

  #sendCandidate(generation: number, candidate: string, sdpMid: string): void {
    this.#socket?.emit('icecandidate', { candidate, sdpMid, generation });
  }

  #serve(socket: Socket): void {
    this.#socket = socket;
    socket.on('hello', (hello: { instance: string; generation: number }, ack: Ack) => {
      this.hellos.push(hello);
      ack({
        ok: true,
        tube_id: 'tube',
        state: 'connected',
        generation: this.generation,
        trickle_ice: true,
        ice_servers: [],
      });
      if (this.#offer !== null) this.#sendOffer();
    });
    socket.on('answer', ({ sdp, generation }: { sdp: string; generation: number }, ack: Ack) => {
      ack({ ok: true });
      void this.#answered(generation, sdp);
    });
    socket.on('icecandidate', (frame: { candidate: string; sdpMid: string; generation: number }, ack: Ack) => {
      ack({ ok: true });
      this.#candidate(frame.generation, frame.candidate, frame.sdpMid);
    });
    for (const event of ['restart_request', 'network_change']) {
      socket.on(event, (data: unknown, ack: Ack) => {
        this.requests.push(`${event} ${JSON.stringify(data)}`);
        ack({ ok: true });
      });
    }
  }

  #candidate(generation: number, candidate: string, mid: string): void {
    const live = this.#live.get(generation);
    if (live?.applied === true) void live.connection.addCandidate(candidate, mid).catch(() => undefined);
    else live?.early.push({ candidate, mid });
  }

  async #answered(generation: number, sdp: string): Promise<void> {
    const live = this.#live.get(generation);
    if (live === undefined || live.answered) return;
    live.answered = true;
    this.#offer = null;
    this.#link.setRemote(readMark(sdp)?.instance ?? null);
    await live.connection.applyAnswer(sdp);
    live.applied = true;
    for (const { candidate, mid } of live.early.splice(0)) this.#candidate(generation, candidate, mid);
    for (const { candidate, mid } of live.withheld.splice(0)) this.#sendCandidate(generation, candidate, mid);
  }
}
