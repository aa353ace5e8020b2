/**
 * Peers of the laboratory in a process of its own, in the namespace of the peer host: our library, one peer or many, each with a numbered stream
 * both ways. It judges nothing: it tells the laboratory what came and went, with the time. Started by test/system/lab/library-peer.ts.
 */
import { LinkedSignalling, type Redirect } from '../../../src/demo/linked-signalling.js';
import { createPeer, shutdown, type HoldfastPeer } from '../../../src/peer/node.js';
import { HoldfastPeer as Peer } from '../../../src/peer/peer.js';
import type { PeerEnvironment } from '../../../src/peer/environment.port.js';
import type { PeerOptions } from '../../../src/peer/peer.types.js';
import { SocketSignalling } from '../../../src/peer/signalling.js';
import { createNativeConnection } from '../../../src/transport/native-connection.js';
import type { Arrival, OpenTube, PeerCommand, PeerReport } from '../lab/peer-wire.js';
import { readMessage, writeMessage } from '../lab/peer-wire.js';

const flushEveryMs = 20;

const schedule = (fn: () => void, delayMs: number): (() => void) => {
  const timer = setTimeout(fn, delayMs);
  return () => clearTimeout(timer);
};

/** Node's environment without its network watcher: a peer whose system tells it nothing. */
const blindEnvironment: PeerEnvironment = {
  createConnection: createNativeConnection,
  schedule,
  now: () => performance.now(),
  random: () => Math.random(),
};

const report = (message: PeerReport): void => {
  if (process.connected) process.send?.(message);
};

/** Questions to the laboratory: only it can reach the relay, which is in another namespace. */
const asked = new Map<number, (target: { host: string; port: number }) => void>();
let lastAsk = 0;
const redirect: Redirect = (host, port) =>
  new Promise((resolve) => {
    lastAsk += 1;
    asked.set(lastAsk, resolve);
    report({ kind: 'ask', ask: lastAsk, host, port });
  });

/** One tube's peer and its stream. */
class Tube {
  readonly peer: HoldfastPeer;
  #arrivals: Arrival[] = [];
  #sent: number;
  #refused = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly tube: OpenTube) {
    this.#sent = tube.sentBefore;
    const { url, token } = tube;
    const options: PeerOptions = tube.relayed
      ? { signalling: new LinkedSignalling(new SocketSignalling({ url, token, schedule }), redirect) }
      : { url, token };
    this.peer = tube.watchesNetwork ? createPeer(options) : new Peer(options, blindEnvironment);
    this.peer.on('message', ({ data }) => this.#arrivals.push({ ...readMessage(String(data)), atMs: Date.now() }));
    this.peer.on('state', ({ state, reason }) => this.#report({ kind: 'state', state, reason, atMs: Date.now() }));
    this.peer.on('restart', ({ phase, generation }) =>
      this.#report({ kind: 'restart', phase, generation, atMs: Date.now() }),
    );
    this.peer.on('error', (error) => this.#report({ kind: 'error', text: `${error.code} ${error.message}` }));
  }

  async open(): Promise<void> {
    await this.peer.connect();
    await this.peer.opened('data');
    this.#report({ kind: 'opened' });
  }

  stream(everyMs: number): void {
    this.stop();
    this.#timer = setInterval(() => this.#send(), everyMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  flush(): void {
    if (this.#arrivals.length === 0 && this.#timer === null) return;
    this.#report({ kind: 'traffic', arrivals: this.#arrivals, sent: this.#sent, refused: this.#refused });
    this.#arrivals = [];
  }

  /** A message that is refused was not sent: the next one gets its number. */
  #send(): void {
    try {
      this.peer.send('data', writeMessage(this.#sent + 1, Date.now()));
      this.#sent += 1;
    } catch {
      this.#refused += 1;
    }
  }

  #report(message: DistributiveOmit<Extract<PeerReport, { tubeId: string }>, 'tubeId'>): void {
    report({ ...message, tubeId: this.tube.tubeId });
  }
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

const tubes: Tube[] = [];
const flushing = setInterval(() => {
  for (const tube of tubes) tube.flush();
}, flushEveryMs);

async function end(): Promise<void> {
  clearInterval(flushing);
  for (const { peer } of tubes) peer.close();
  await shutdown();
  process.exit(0);
}

function obey(command: PeerCommand): void {
  switch (command.kind) {
    case 'open':
      for (const tube of command.tubes) {
        const made = new Tube(tube);
        tubes.push(made);
        made.open().catch((error: unknown) => report({ kind: 'error', tubeId: tube.tubeId, text: String(error) }));
      }
      return;
    case 'stream':
      for (const tube of tubes) tube.stream(command.everyMs);
      return;
    case 'stop':
      for (const tube of tubes) {
        tube.stop();
        tube.flush();
      }
      return report({ kind: 'stopped' });
    case 'answer':
      asked.get(command.ask)?.({ host: command.host, port: command.port });
      asked.delete(command.ask);
      return;
    case 'end':
      void end();
  }
}

process.on('message', (command) => obey(command as PeerCommand));
// The laboratory is gone.
process.on('disconnect', () => process.exit(0));
report({ kind: 'ready' });
