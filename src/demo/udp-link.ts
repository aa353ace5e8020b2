/**
 * A piece of network that can break: a UDP relay on loopback, like a NAT with one mapping per connection. `cut()` makes every mapping that exists a
 * black hole, as a NAT does that has forgotten them; connections made afterwards pass. Used by the demo's peer process only.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const loopback = '127.0.0.1';
/** A demo needs a handful; the rest would be a leak. */
const maxMappings = 64;

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, loopback);
  await once(socket, 'listening');
  return socket;
}

/** One target address: a front socket that the peer speaks to, and a back socket per peer address. */
class Mapping {
  readonly #backs = new Map<number, Promise<Socket>>();
  open = true;
  carriedPackets = 0;
  droppedPackets = 0;

  constructor(
    readonly front: Socket,
    private readonly target: { readonly host: string; readonly port: number },
  ) {
    front.on('message', (packet, from) => {
      void this.#forward(packet, from.port);
    });
    front.on('error', () => undefined);
  }

  async #forward(packet: Buffer, peerPort: number): Promise<void> {
    if (!this.#count()) return;
    const back = await this.#back(peerPort);
    back.send(packet, this.target.port, this.target.host);
  }

  #back(peerPort: number): Promise<Socket> {
    const existing = this.#backs.get(peerPort);
    if (existing !== undefined) return existing;
    const back = bound().then((socket) => {
      socket.on('error', () => undefined);
      socket.on('message', (packet) => {
        if (this.#count()) this.front.send(packet, peerPort, loopback);
      });
      return socket;
    });
    this.#backs.set(peerPort, back);
    return back;
  }

  #count(): boolean {
    if (this.open) this.carriedPackets += 1;
    else this.droppedPackets += 1;
    return this.open;
  }

  async close(): Promise<void> {
    this.front.close();
    for (const back of this.#backs.values()) (await back).close();
  }
}

export class UdpLink {
  readonly #mappings: Mapping[] = [];

  /** The loopback port that leads to `host:port`. */
  async portTo(host: string, port: number): Promise<number> {
    if (this.#mappings.length >= maxMappings) throw new Error('too many mappings');
    const mapping = new Mapping(await bound(), { host, port });
    this.#mappings.push(mapping);
    return mapping.front.address().port;
  }

  /** Every mapping that exists goes dead, in both directions, without anybody being told. */
  cut(): void {
    for (const mapping of this.#mappings) mapping.open = false;
  }

  packets(): { carried: number; dropped: number } {
    const sum = (pick: (mapping: Mapping) => number): number =>
      this.#mappings.reduce((total, mapping) => total + pick(mapping), 0);
    return { carried: sum((mapping) => mapping.carriedPackets), dropped: sum((mapping) => mapping.droppedPackets) };
  }

  async close(): Promise<void> {
    for (const mapping of this.#mappings.splice(0)) await mapping.close();
  }
}
