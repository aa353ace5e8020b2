/**
 * What happens to media in the router, by nftables: silence, loss, dead flows, and a NAT in front of the peer host. Delay, jitter and
 * reordering are not in it (no netem in every kernel): those are the UDP relay's. Reset by the topology between two runs.
 */
import type { Namespace } from './netns.js';

export type Direction = 'both' | 'to-peer' | 'to-service';

const serviceSide = '{ 10.77.1.0/24, 10.77.2.0/24 }';
const peerSide = '{ 10.77.3.0/24, 10.77.4.0/24 }';
const flowKey = 'ip saddr . udp sport . ip daddr . udp dport';
const flowType = 'type ipv4_addr . inet_service . ipv4_addr . inet_service; size 65535;';

/** `flows` learns every UDP flow that passes; those that are moved to `dead` pass no more. */
const base = `
table ip lab {}
delete table ip lab
table ip lab {
  set flows { ${flowType} flags dynamic; }
  set bad { ${flowType} }
  set dead { ${flowType} }
  chain direct { }
  chain impair { }
  chain worsen { }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ip protocol udp ${flowKey} @dead drop
    ip protocol udp update @flows { ${flowKey} }
    ip protocol udp jump direct
    ip protocol udp jump impair
    ip protocol udp ${flowKey} @bad jump worsen
  }
}`;

/** Outgoing flows of the peer host get a random port of the router; nothing comes in that was not asked for. */
const nat = `
table ip lab {
  chain postrouting {
    type nat hook postrouting priority 100;
    ip saddr ${peerSide} ip daddr ${serviceSide} ip protocol udp masquerade random
  }
  chain unsolicited {
    type filter hook forward priority 1;
    ip saddr ${serviceSide} ip daddr ${peerSide} ip protocol udp ct state new drop
  }
  chain input {
    type filter hook input priority 0;
    ip protocol udp drop
  }
}`;

const matches: Readonly<Record<Direction, string>> = {
  both: 'ip protocol udp',
  'to-peer': `ip daddr ${peerSide}`,
  'to-service': `ip daddr ${serviceSide}`,
};

const lossRule = (ratio: number): string => `numgen random mod 100 < ${String(Math.round(ratio * 100))} drop`;
const servicePrefix = /^10\.77\.[12]\./;

export class Firewall {
  constructor(private readonly router: Namespace) {}

  async reset(): Promise<void> {
    await this.router.nft(base);
  }

  /** All UDP, new flows too; `heal` ends it. */
  async blackHole(direction: Direction = 'both'): Promise<void> {
    await this.#impair(`${matches[direction]} drop`);
  }

  /** @param ratio of packets that are dropped, each direction by itself; whole percent */
  async loss(ratio: number, direction: Direction = 'both'): Promise<void> {
    await this.#impair(`${matches[direction]} ${lossRule(ratio)}`);
  }

  /** Media between the two hosts has to take a relay in the router, of whatever kind. */
  async forbidDirect(): Promise<void> {
    await this.router.nft('add rule ip lab direct drop');
  }

  async heal(): Promise<void> {
    await this.router.nft('flush chain ip lab impair');
  }

  /** Every flow that there is goes dead, silently; flows that are made afterwards pass. */
  async killFlows(direction: Direction = 'both'): Promise<void> {
    await this.#moveFlows('dead', direction);
  }

  /** Every flow that there is loses packets, both ways; flows that are made afterwards do not. */
  async worsenFlows(lossRatio: number): Promise<void> {
    await this.#moveFlows('bad', 'both');
    await this.router.nft(`add rule ip lab worsen ${lossRule(lossRatio)}`);
  }

  async natForPeer(): Promise<void> {
    await this.router.nft(nat);
  }

  /**
   * The NAT forgets its mappings, and gives new ports. Taking away the address that it translates to makes the kernel forget them, and the
   * `conntrack` program is not needed.
   */
  async rebindNat(): Promise<void> {
    await this.router.ip(
      ...['service-eth0 10.77.1.1', 'service-wlan0 10.77.2.1'].flatMap((entry) => {
        const [port = '', address = ''] = entry.split(' ');
        return [`addr del ${address}/24 dev ${port}`, `addr add ${address}/24 dev ${port}`];
      }),
    );
  }

  async #moveFlows(set: 'dead' | 'bad', direction: Direction): Promise<void> {
    const listed = (await this.router.nftJson(['list', 'set', 'ip', 'lab', 'flows'])) as SetListing;
    const flows = listed.nftables
      .flatMap(({ set: found }) => found?.elem ?? [])
      .map(({ elem, concat }) => elem?.val.concat ?? concat ?? []);
    const wanted = flows.filter(([source]) => {
      const toPeer = servicePrefix.test(String(source));
      return direction === 'both' || toPeer === (direction === 'to-peer');
    });
    const elements = wanted.map((flow) => flow.join(' . '));
    if (elements.length > 0) await this.router.nft(`add element ip lab ${set} { ${elements.join(', ')} }`);
  }

  async #impair(rule: string): Promise<void> {
    await this.router.nft(`flush chain ip lab impair\nadd rule ip lab impair ${rule}`);
  }
}

interface SetListing {
  readonly nftables: readonly {
    readonly set?: {
      readonly elem?: readonly {
        readonly concat?: readonly (string | number)[];
        readonly elem?: { readonly val: { readonly concat?: readonly (string | number)[] } };
      }[];
    };
  }[];
}
