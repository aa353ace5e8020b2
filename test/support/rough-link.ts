/**
 * A link of limited rate that loses packets: a UDP relay on loopback that stands between a service and one peer. Both directions have a queue of their own,
 * which drops what does not fit, as routers do. Seeded; everything can be changed while it runs.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Signalling } from '../../src/peer/signalling.port.js';
import { Random } from './random.js';

const loopback = '127.0.0.1';

/** One direction. */
export class Lane {
  /** 0: as fast as it comes. */
  mbitPerSecond = 0;
  queueBytes = 64 * 1024;
  /** Share of packets that are lost, in [0, 1]; 1 is a black hole. */
  loss = 0;
  carried = 0;
  dropped = 0;
  private waitingBytes = 0;
  private freeAtMs = 0;

  constructor(private readonly random: Random) {}

  take(packet: Buffer, deliver: () => void): void {
    if (this.random.chance(this.loss) || this.waitingBytes + packet.length > this.queueBytes) {
      this.dropped += 1;
      return;
    }
    this.carried += 1;
    if (this.mbitPerSecond === 0) return deliver();
    const nowMs = performance.now();
    this.freeAtMs = Math.max(nowMs, this.freeAtMs) + (packet.length * 8) / (this.mbitPerSecond * 1000);
    this.waitingBytes += packet.length;
    setTimeout(() => {
      this.waitingBytes -= packet.length;
      deliver();
    }, this.freeAtMs - nowMs);
  }
}

export class RoughLink {
  readonly toService: Lane;
  readonly toPeer: Lane;
  private readonly sockets: Socket[] = [];
  private over = false;

  constructor(seed = 1) {
    this.toService = new Lane(new Random(seed));
    this.toPeer = new Lane(new Random(seed + 1));
  }

  /** A candidate of the service as the peer shall see it; null: not at all, because it leads past the link. */
  async redirect(candidate: string): Promise<string | null> {
    if (candidate === '') return '';
    // foundation component protocol priority address port typ … (RFC 8839 §5.1)
    const parts = candidate.split(' ');
    const [host, port] = [parts[4], Number(parts[5])];
    if (host === undefined || parts[2]?.toLowerCase() !== 'udp' || host.includes(':')) return null;
    return [...parts.slice(0, 4), loopback, String(await this.portTo(host, port)), ...parts.slice(6)].join(' ');
  }

  /** Signalling that makes the media of a peer take this link: the service knows the peer only as peer-reflexive. */
  signalling(inner: Signalling): Signalling {
    return {
      start: (handlers) =>
        inner.start({
          ...handlers,
          receive: (event, data) => {
            if (event !== 'icecandidate') return handlers.receive(event, data);
            const frame = data as { candidate: string };
            void this.redirect(frame.candidate).then((candidate) => {
              if (candidate !== null) handlers.receive(event, { ...frame, candidate });
            });
          },
        }),
      send: (message) => {
        if (message.event !== 'icecandidate' || message.data.candidate === '') inner.send(message);
      },
      networkBack: () => inner.networkBack?.(),
      stop: () => inner.stop(),
    };
  }

  close(): void {
    this.over = true;
    for (const socket of this.sockets.splice(0)) socket.close();
  }

  private async portTo(host: string, port: number): Promise<number> {
    const [front, back] = [await this.bound(), await this.bound()];
    let peerPort = 0;
    front.on('message', (packet, from) => {
      peerPort = from.port;
      this.toService.take(packet, () => this.over || back.send(packet, port, host));
    });
    back.on('message', (packet) => {
      this.toPeer.take(packet, () => this.over || front.send(packet, peerPort, loopback));
    });
    return front.address().port;
  }

  private async bound(): Promise<Socket> {
    const socket = createSocket('udp4');
    socket.on('error', () => undefined);
    socket.bind(0, loopback);
    this.sockets.push(socket);
    await once(socket, 'listening');
    return socket;
  }
}
