/** The UDP relay in the router's namespace (test/system/children/lab-relay.ts), as the laboratory speaks to it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Conditions } from '../../../src/demo/impairment.js';
import type { RelayDirection } from '../../../src/demo/udp-relay.js';
import { bundle } from '../../support/run-child.js';
import type { Namespace } from './netns.js';

export type RelayCommand =
  | { readonly kind: 'portTo'; readonly ask: number; readonly host: string; readonly port: number }
  | {
      readonly kind: 'impair';
      readonly ask: number;
      readonly conditions: Partial<Conditions>;
      readonly direction: RelayDirection;
    }
  | { readonly kind: 'forget' | 'rebind'; readonly ask: number };

/** Every command is answered; only `portTo` has something to say. */
export interface RelayReply {
  readonly ask: number;
  readonly port?: number;
}

/** A router address on the peers' side; reachable over both of their uplinks. */
const frontHost = '10.77.3.1';

type Ask<Command> = Command extends unknown ? Omit<Command, 'ask'> : never;

export class RelayProcess {
  readonly #asked = new Map<number, (reply: RelayReply) => void>();
  #lastAsk = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (reply: RelayReply) => {
      this.#asked.get(reply.ask)?.(reply);
      this.#asked.delete(reply.ask);
    });
  }

  static async start(router: Namespace, seed: number): Promise<RelayProcess> {
    const file = await bundle('test/system/children/lab-relay.ts');
    const child = router.spawn(process.execPath, [file, String(seed)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(child, 'message');
    return new RelayProcess(child);
  }

  /** Where peers have to send for this target. */
  readonly redirect = async (host: string, port: number): Promise<{ host: string; port: number }> => {
    const { port: front } = await this.#ask({ kind: 'portTo', host, port });
    if (front === undefined) throw new Error(`the relay has no way to ${host}`);
    return { host: frontHost, port: front };
  };

  async impair(conditions: Partial<Conditions>, direction: RelayDirection = 'both'): Promise<void> {
    await this.#ask({ kind: 'impair', conditions, direction });
  }

  async forget(): Promise<void> {
    await this.#ask({ kind: 'forget' });
  }

  async rebind(): Promise<void> {
    await this.#ask({ kind: 'rebind' });
  }

  #ask(command: Ask<RelayCommand>): Promise<RelayReply> {
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    return new Promise((resolve) => {
      this.#asked.set(ask, resolve);
      this.child.send({ ...command, ask });
    });
  }
}
