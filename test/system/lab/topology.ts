/**
 * The laboratory's network: a host for the service and one for peers, each with two uplinks (`eth0` up, `wlan0` down at the start), a router
 * between them, and a management network that carries signalling and no media. What can happen to hosts and cables is here; what happens to
 * packets in the router is firewall.ts's. IPv4.
 *
 *     service  eth0 10.77.1.2 ──┐        ┌── eth0 10.77.3.2  peer
 *              wlan0 10.77.2.2 ─┴ router ┴─ wlan0 10.77.4.2
 *              mgmt .2 ──────── bridge (10.203.n.0/24) ─────── mgmt .3      the laboratory itself: .1
 */
import { networkInterfaces } from 'node:os';
import { Firewall } from './firewall.js';
import { Namespace, run } from './netns.js';

export type Uplink = 'eth0' | 'wlan0';
export const otherUplink: Readonly<Record<Uplink, Uplink>> = { eth0: 'wlan0', wlan0: 'eth0' };
export type HostName = 'service' | 'peer';

/** Lower wins, as NetworkManager does it: a cable before the radio. */
const metrics: Readonly<Record<Uplink, number>> = { eth0: 100, wlan0: 600 };
const subnets: Readonly<Record<HostName, Readonly<Record<Uplink, number>>>> = {
  service: { eth0: 1, wlan0: 2 },
  peer: { eth0: 3, wlan0: 4 },
};
const firstHost = 2;
const highestHost = 199;

interface Link {
  readonly ifname: string;
  readonly operstate: string;
}

/** A machine with two ways to the router. */
export class Host {
  readonly #hostPart: Record<Uplink, number> = { eth0: firstHost, wlan0: firstHost };

  constructor(
    readonly name: HostName,
    readonly namespace: Namespace,
    /** On the management network. */
    readonly signallingAddress: string,
  ) {}

  address(uplink: Uplink): string {
    return `10.77.${String(subnets[this.name][uplink])}.${String(this.#hostPart[uplink])}`;
  }

  /** One uplink goes away and the other is there, in one go: a cable is pulled, the radio takes over. */
  async handOver(from: Uplink, to: Uplink): Promise<void> {
    await this.namespace.ip(`link set ${from} down`, ...this.#upLines(to));
  }

  async down(...uplinks: readonly Uplink[]): Promise<void> {
    await this.namespace.ip(...uplinks.map((uplink) => `link set ${uplink} down`));
  }

  async up(uplink: Uplink): Promise<void> {
    await this.namespace.ip(...this.#upLines(uplink));
  }

  /** Another address on the same interface, as from another DHCP lease; the old one is gone. */
  async replaceAddress(uplink: Uplink): Promise<void> {
    const old = this.address(uplink);
    const next = this.#hostPart[uplink] + 1;
    this.#hostPart[uplink] = next > highestHost ? firstHost : next;
    await this.namespace.ip(
      `addr add ${this.address(uplink)}/24 dev ${uplink}`,
      `addr del ${old}/24 dev ${uplink}`,
      this.#defaultRoute(uplink),
    );
  }

  /** As it was built. */
  async reset(): Promise<void> {
    this.#hostPart.eth0 = this.#hostPart.wlan0 = firstHost;
    await this.namespace.ip(
      ...(['eth0', 'wlan0'] as const).flatMap((uplink) => [
        `addr flush dev ${uplink}`,
        `addr add ${this.address(uplink)}/24 dev ${uplink}`,
      ]),
      'link set wlan0 down',
      ...this.#upLines('eth0'),
    );
    while (!(await this.#isSettled())) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async #isSettled(): Promise<boolean> {
    const links = JSON.parse(await run('ip', ['-j', '-n', this.namespace.name, 'link'])) as Link[];
    const isUp = (uplink: Uplink): boolean => links.find(({ ifname }) => ifname === uplink)?.operstate === 'UP';
    return isUp('eth0') && !isUp('wlan0');
  }

  #upLines(uplink: Uplink): string[] {
    return [`link set ${uplink} up`, this.#defaultRoute(uplink)];
  }

  #defaultRoute(uplink: Uplink): string {
    const gateway = `10.77.${String(subnets[this.name][uplink])}.1`;
    return `route replace default via ${gateway} dev ${uplink} metric ${String(metrics[uplink])}`;
  }
}

export class Topology {
  private constructor(
    readonly service: Host,
    readonly peer: Host,
    readonly router: Namespace,
    readonly firewall: Firewall,
    private readonly management: Namespace,
  ) {}

  /** Rejects without root, or where namespaces and nftables do not work; nothing is left behind then. */
  static async build(): Promise<Topology> {
    const made: Namespace[] = [];
    const create = async (label: string): Promise<Namespace> => {
      const namespace = await Namespace.create(label);
      made.push(namespace);
      return namespace;
    };
    try {
      const [router, management] = [await create('router'), await create('mgmt')];
      const subnet = freeManagementSubnet();
      const service = new Host('service', await create('service'), `${subnet}.2`);
      const peer = new Host('peer', await create('peer'), `${subnet}.3`);
      await connectUplinks(router, [service, peer]);
      await connectManagement(management, [service, peer], `${subnet}.1`);
      const topology = new Topology(service, peer, router, new Firewall(router), management);
      await topology.reset();
      return topology;
    } catch (error) {
      for (const namespace of made) namespace.delete();
      throw error;
    }
  }

  /** Every host, cable and rule as it was built. */
  async reset(): Promise<void> {
    await Promise.all([this.service.reset(), this.peer.reset(), this.firewall.reset(), this.signalling('up')]);
  }

  /** The peer host's way to the service's signalling; that of the laboratory itself with `whose: 'controller'`. */
  async signalling(state: 'up' | 'down', whose: 'peer' | 'controller' | 'both' = 'both'): Promise<void> {
    const ports = { peer: ['peer'], controller: ['lab'], both: ['peer', 'lab'] }[whose];
    await this.management.ip(...ports.map((port) => `link set ${port} ${state}`));
  }

  /** Idempotent, synchronous, never throws. Ends every process in the namespaces. */
  dispose(): void {
    for (const namespace of [this.service.namespace, this.peer.namespace, this.router, this.management])
      namespace.delete();
  }
}

/** The one part of the network that shows outside of the namespaces: it must be of no use to anybody else. */
function freeManagementSubnet(): string {
  const used = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  for (let n = 0; n < 256; n += 1) {
    const subnet = `10.203.${String((process.pid + n) % 256)}`;
    if (!used.some((address) => address.startsWith(`${subnet}.`))) return subnet;
  }
  throw new Error('no free subnet of 10.203.0.0/16 for the management network');
}

/**
 * The two ends have indices that differ: where they happen to be equal, the kernel takes the link for a physical one and reports its carrier up to a
 * second late (net/core/link_watch.c).
 */
let lastIndex = 100;
function vethLine(name: string, peer: string): string {
  lastIndex += 1;
  return `link add ${name} index ${String(lastIndex)} type veth peer ${peer}`;
}

async function connectUplinks(router: Namespace, hosts: readonly Host[]): Promise<void> {
  await router.write('net/ipv4/ip_forward', '1');
  // The rest of the world takes packets and answers nothing. Without it, coturn ends an allocation whose peer has a candidate of a network that the
  // router does not know: sending there is an error.
  await router.ip(
    'link add world type veth peer name nowhere',
    'link set world arp off up',
    'link set nowhere up',
    'route add default dev world',
  );
  for (const { name, namespace } of hosts) {
    // An address of the same subnet outlives the one before it.
    await namespace.write('net/ipv4/conf/all/promote_secondaries', '1');
    for (const uplink of ['eth0', 'wlan0'] as const) {
      const port = `${name}-${uplink}`;
      await router.ip(
        vethLine(port, `name ${uplink} netns ${namespace.name}`),
        `addr add 10.77.${String(subnets[name][uplink])}.1/24 dev ${port}`,
        `link set ${port} up`,
      );
    }
  }
}

/** Media never takes this way: UDP that arrives on it is dropped, so ICE finds nothing there. */
async function connectManagement(management: Namespace, hosts: readonly Host[], own: string): Promise<void> {
  await management.ip('link add bridge type bridge', 'link set bridge up');
  for (const { name, namespace, signallingAddress } of hosts) {
    await management.ip(vethLine(name, `name mgmt netns ${namespace.name}`), `link set ${name} master bridge up`);
    await namespace.ip(`addr add ${signallingAddress}/24 dev mgmt`, 'link set mgmt up');
    await namespace.nft(
      `table ip lab {
        chain input { type filter hook input priority 0; policy accept; iifname "mgmt" ip protocol udp drop
        }
      }`,
    );
  }
  const outside = `hflab${String(process.pid)}`;
  await management.ip(vethLine('lab', `name ${outside} netns ${String(process.pid)}`), 'link set lab master bridge up');
  await run('ip', ['-batch', '-'], `addr add ${own}/24 dev ${outside}\nlink set ${outside} up`);
}
