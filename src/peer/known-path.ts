/**
 * Where the path of a peer leads, as far as the network was told, so that it can say which changes concern it. HoldfastPeer asks at every cut-over,
 * and when a change is said not to concern the path: ICE may take another pair at any time, and says nothing of it.
 */
import type { NetworkWatch } from './environment.port.js';
import type { Generation } from './generation.js';

export class KnownPath {
  readonly #active: () => Generation | null;
  readonly #tell: NonNullable<NetworkWatch['pathFound']>;
  #told: string | null = null;

  constructor(active: () => Generation | null, tell: NonNullable<NetworkWatch['pathFound']>) {
    this.#active = active;
    this.#tell = tell;
  }

  /** Tells what is new. True when nothing is: the path leads where it led. Never rejects. */
  async look(): Promise<boolean> {
    const active = this.#active();
    const pair = (await active?.stats().catch(() => null))?.selectedPair ?? null;
    if (active === null || pair === null || this.#active() !== active) return false;
    const leadsTo = `${active.number} ${pair.local.type} ${pair.remote.address}`;
    if (leadsTo === this.#told) return true;
    this.#told = leadsTo;
    this.#tell(pair, active.iceServers);
    return false;
  }
}
