/**
 * A piece of network that can be bad or broken: a UDP relay, like a NAT with one mapping per target and one port per peer. It delays, loses, reorders
 * and limits (impairment.ts), falls silent, forgets mappings and takes new ports, all at run time. Peers reach a target through the port that
 * `portTo` names, so candidates have to be rewritten (linked-signalling.ts). Used by the demo and the network laboratory.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { DelayQueue } from './delay-queue.js';
import { Impairment, type Conditions, type DropCause } from './impairment.js';

export type RelayDirection = 'both' | 'to-target' | 'to-peer';
type OneWay = Exclude<RelayDirection, 'both'>;

export interface UdpRelayOptions {
  /** Of the random numbers. Default 1. */
  readonly seed?: number;
  /** IPv4 address that peers send to. Default 127.0.0.1. */
  readonly frontAddress?: string;
  /** IPv4 address that targets are spoken to from. Default 127.0.0.1. */
  readonly backAddress?: string;
  /** Targets at the same time; the one that was silent longest makes room. Default 64. */
  readonly maxMappings?: number;
  /** Packets on their way, each direction. Default 20000. */
  readonly maxPending?: number;
}

/** Packets; `mappings`, `flows` and `pending` are now, the rest since the start. */
export interface UdpRelayStats {
  readonly carried: number;
  readonly reordered: number;
  readonly dropped: Readonly<Record<DropCause | 'forgotten', number>>;
  readonly mappings: number;
  readonly flows: number;
  readonly pending: number;
}

/** Peers that speak to one target; more than this is no peer. */
const maxFlows = 64;
/** Ports that a rebinding left behind: they stay open and mute, because a closed one would tell (ICMP). */
const maxRetired = 64;

const ignore = (): void => undefined;

function openSocket(address: string): Socket {
  const socket = createSocket('udp4');
  // A packet that cannot be sent is lost, as on any network.
  socket.on('error', ignore);
  socket.bind(0, address);
  return socket;
}

/** One target: a front socket that peers speak to, and a back socket per peer address. */
interface Mapping {
  readonly key: string;
  readonly host: string;
  readonly port: number;
  readonly front: Socket;
  readonly flows: Map<string, Flow>;
  /** Forgotten: nothing passes any more, either way. */
  dead: boolean;
}

interface Flow {
  readonly peerHost: string;
  readonly peerPort: number;
  readonly back: Socket;
}

export class UdpRelay {
  /** In the order of use, by `host port` while alive; a dead one keeps a key that nobody asks for. */
  readonly #mappings = new Map<string, Mapping>();
  readonly #retired: Socket[] = [];
  readonly #paths: Readonly<Record<OneWay, { readonly impairment: Impairment; readonly queue: DelayQueue }>>;
  readonly #frontAddress: string;
  readonly #backAddress: string;
  readonly #maxMappings: number;
  readonly #dropped = { blackHole: 0, loss: 0, queue: 0, forgotten: 0 };
  #carried = 0;
  #reordered = 0;
  #deadCount = 0;
  #closed = false;

  constructor(options: UdpRelayOptions = {}) {
    const { seed = 1, frontAddress = '127.0.0.1', backAddress = '127.0.0.1', maxMappings = 64 } = options;
    this.#frontAddress = frontAddress;
    this.#backAddress = backAddress;
    this.#maxMappings = maxMappings;
    const path = (pathSeed: number) => ({
      impairment: new Impairment(pathSeed),
      queue: new DelayQueue(options.maxPending ?? 20_000, () => performance.now()),
    });
    this.#paths = { 'to-target': path(seed), 'to-peer': path(seed + 1) };
  }

  /** The port of `frontAddress` that leads to `host:port`; the same one for the same target. Rejects when the relay is closed. */
  async portTo(host: string, port: number): Promise<number> {
    if (this.#closed) throw new Error('the relay is closed');
    const key = `${host} ${String(port)}`;
    const known = this.#mappings.get(key);
    if (known !== undefined) return known.front.address().port;
    const front = openSocket(this.#frontAddress);
    await once(front, 'listening');
    const madeMeanwhile = this.#mappings.get(key);
    if (this.#closed || madeMeanwhile !== undefined) {
      front.close();
      return this.portTo(host, port);
    }
    this.#makeRoom();
    const mapping: Mapping = { key, host, port, front, flows: new Map(), dead: false };
    front.on('message', (packet, from) => this.#fromPeer(mapping, packet, from.address, from.port));
    this.#mappings.set(key, mapping);
    return front.address().port;
  }

  /** Changes what packets meet from now on; what is not named stays as it is. */
  impair(conditions: Partial<Conditions>, direction: RelayDirection = 'both'): void {
    for (const way of ['to-target', 'to-peer'] as const) {
      if (direction === 'both' || direction === way) this.#paths[way].impairment.set(conditions);
    }
  }

  /** Every mapping that exists goes dead, both ways and silently; those that are made afterwards pass. */
  forget(): void {
    for (const mapping of [...this.#mappings.values()]) {
      if (mapping.dead) continue;
      mapping.dead = true;
      this.#deadCount += 1;
      this.#mappings.delete(mapping.key);
      this.#mappings.set(`dead ${String(this.#deadCount)}`, mapping);
    }
  }

  /** A NAT that took new ports: the next packet of each peer comes from a port that its target does not know, and the old one is mute. */
  rebind(): void {
    for (const { flows } of this.#mappings.values()) {
      for (const [key, { back }] of flows) {
        back.removeAllListeners('message');
        this.#retired.push(back);
        flows.delete(key);
      }
    }
    for (const socket of this.#retired.splice(0, Math.max(0, this.#retired.length - maxRetired))) socket.close();
  }

  stats(): UdpRelayStats {
    const mappings = [...this.#mappings.values()];
    return {
      carried: this.#carried,
      reordered: this.#reordered,
      dropped: { ...this.#dropped },
      mappings: mappings.length,
      flows: mappings.reduce((sum, { flows }) => sum + flows.size, 0),
      pending: this.#paths['to-peer'].queue.size + this.#paths['to-target'].queue.size,
    };
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    for (const { queue } of Object.values(this.#paths)) queue.clear();
    for (const mapping of this.#mappings.values()) closeMapping(mapping);
    for (const socket of this.#retired.splice(0)) socket.close();
    this.#mappings.clear();
  }

  #fromPeer(mapping: Mapping, packet: Buffer, peerHost: string, peerPort: number): void {
    this.#touch(mapping);
    this.#pass(mapping, 'to-target', packet.length, () => {
      const flow = this.#flow(mapping, peerHost, peerPort);
      flow?.back.send(packet, mapping.port, mapping.host, ignore);
    });
  }

  #flow(mapping: Mapping, peerHost: string, peerPort: number): Flow | null {
    const key = `${peerHost} ${String(peerPort)}`;
    const known = mapping.flows.get(key);
    if (known !== undefined) return known;
    if (mapping.flows.size >= maxFlows) return null;
    const flow: Flow = { peerHost, peerPort, back: openSocket(this.#backAddress) };
    flow.back.on('message', (packet) =>
      this.#pass(mapping, 'to-peer', packet.length, () =>
        mapping.front.send(packet, flow.peerPort, flow.peerHost, ignore),
      ),
    );
    mapping.flows.set(key, flow);
    return flow;
  }

  #pass(mapping: Mapping, way: OneWay, bytes: number, send: () => void): void {
    const { impairment, queue } = this.#paths[way];
    if (mapping.dead) return void (this.#dropped.forgotten += 1);
    const fate = impairment.fate(bytes, performance.now());
    if (fate.dropped !== null) return void (this.#dropped[fate.dropped] += 1);
    if (fate.reordered) this.#reordered += 1;
    const taken = queue.add(fate.dueMs, () => {
      // It may have gone dead or silent under a packet that was on its way.
      if (this.#closed || mapping.dead || impairment.conditions.blackHole) return;
      this.#carried += 1;
      send();
    });
    if (!taken) this.#dropped.queue += 1;
  }

  /** The order of a Map is that of insertion: the first one is the one that was silent longest. */
  #touch(mapping: Mapping): void {
    if (mapping.dead) return;
    this.#mappings.delete(mapping.key);
    this.#mappings.set(mapping.key, mapping);
  }

  #makeRoom(): void {
    for (const [key, mapping] of this.#mappings) {
      if (this.#mappings.size < this.#maxMappings) return;
      closeMapping(mapping);
      mapping.dead = true;
      this.#mappings.delete(key);
    }
  }
}

function closeMapping({ front, flows }: Mapping): void {
  front.close();
  for (const { back } of flows.values()) back.close();
  flows.clear();
}
