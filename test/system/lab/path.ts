/**
 * The path between service and peers, whatever makes it bad: the router's firewall, or the UDP relay where a scenario has one. What needs delay,
 * jitter or reordering needs the relay.
 */
import { goodPath, type Conditions } from '../../../src/demo/impairment.js';
import type { Firewall } from './firewall.js';
import type { RelayProcess } from './relay-process.js';

export class Path {
  constructor(
    private readonly firewall: Firewall,
    private readonly relay: RelayProcess | null,
  ) {}

  /** As new, with these conditions; media takes the relay if there is one. The firewall has been reset. */
  async prepare(conditions: Partial<Conditions>): Promise<void> {
    if (this.relay === null) return;
    await this.firewall.forbidDirect();
    await this.relay.impair({ ...goodPath, ...conditions });
  }

  /** No UDP passes, new connections included. */
  async blackHole(): Promise<void> {
    if (this.relay === null) await this.firewall.blackHole();
    else await this.relay.impair({ blackHole: true });
  }

  async loss(lossRatio: number): Promise<void> {
    if (this.relay === null) await this.firewall.loss(lossRatio);
    else await this.relay.impair({ lossRatio });
  }

  /** Ends silence and loss. */
  async heal(): Promise<void> {
    if (this.relay === null) await this.firewall.heal();
    else await this.relay.impair({ blackHole: false, lossRatio: 0 });
  }

  /** What passes now passes no more; new connections do. */
  async kill(): Promise<void> {
    if (this.relay === null) await this.firewall.killFlows();
    else await this.relay.forget();
  }

  /** The NAT between the two takes new ports. */
  async rebindNat(): Promise<void> {
    if (this.relay === null) await this.firewall.rebindNat();
    else await this.relay.rebind();
  }

  /** Needs a relay. */
  async conditions(conditions: Partial<Conditions>): Promise<void> {
    if (this.relay === null) throw new Error('this scenario has no relay');
    await this.relay.impair(conditions);
  }
}
