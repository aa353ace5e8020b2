/**
 * One tube with both of its ends in this tab: opened through the control socket like any backend does, and held by our peer library like any page
 * does, over connections that can be broken. It decides nothing about restarts; that is the service's work, and the point of the page.
 */
import { createBrowserConnection } from '../../peer/browser-connection.js';
import { watchBrowserNetwork } from '../../peer/browser-network.js';
import type { PeerEnvironment } from '../../peer/environment.port.js';
import { HoldfastPeer } from '../../peer/peer.js';
import { BreakablePaths } from './broken-path.js';
import { ControlError, type Signal } from '../socket/control-client.js';
import type { Session } from '../socket/session.js';
import type { PeerNews } from './sentences.js';

/** What people write, and what is counted, each on a channel of its own. */
export const chatChannel = 'data';
export const trafficChannel = 'traffic';

export type End = 'service' | 'tab';

export interface TubeHandlers {
  signal(signal: Signal): void;
  peer(news: PeerNews): void;
  /** A message came out at `end`. */
  arrived(end: End, channel: string, text: string): void;
  /** It ended without our doing and without a signal, as when the service was restarted. */
  gone(reason: string): void;
}

/**
 * low_latency: a ping each second, so that a silent break is noticed in two or three. A short incident: who breaks the path again a moment later
 * sees a first attempt again, not the backoff of a path that keeps failing.
 */
const request = {
  profile: 'low_latency',
  trickle_ice: true,
  settings: {
    channels: [
      { label: chatChannel, class: 'reliable' },
      { label: trafficChannel, class: 'reliable' },
    ],
    incident_reset_ms: 5000,
  },
} as const;

export class ConsoleTube {
  readonly id: string;
  readonly #session: Session;
  readonly #handlers: TubeHandlers;
  readonly #peer: HoldfastPeer;
  readonly #paths = new BreakablePaths(createBrowserConnection);
  #ended = false;

  /** Rejects with ControlError. */
  static async open(session: Session, handlers: TubeHandlers): Promise<ConsoleTube> {
    const answer = await session.call('create_tube', { ...request, conversation_id: `console-${crypto.randomUUID()}` });
    return new ConsoleTube(session, handlers, String(answer.tube_id), String(answer.peer_token));
  }

  private constructor(session: Session, handlers: TubeHandlers, id: string, token: string) {
    this.id = id;
    this.#session = session;
    this.#handlers = handlers;
    this.#peer = new HoldfastPeer({ url: session.url, token }, environmentOver(this.#paths));
    this.#listen();
    this.#peer.connect().catch(() => undefined);
  }

  /** Of every signal that the control socket brings; others' are left alone. */
  receive(signal: Signal): void {
    if (signal.tube_id !== this.id || this.#ended) return;
    if (signal.kind === 'connection_state_changed' && signal.data === 'closed') this.#end();
    this.#handlers.signal(signal);
    if (signal.kind !== 'message') return;
    const { channel, payload } = signal.data as { readonly channel: string; readonly payload: string };
    this.#handlers.arrived('service', channel, payload);
  }

  /** The control socket is back without what was missed: what is the tube now? */
  async resubscribe(): Promise<void> {
    if (this.#ended) return;
    try {
      await this.#session.call('subscribe', { tube_id: this.id });
      const now = await this.#session.call('get_connection_state', { tube_id: this.id });
      this.#handlers.signal({
        tube_id: this.id,
        kind: 'connection_state_changed',
        data: now.state,
        generation: Number(now.generation),
        seq: 0,
        progress_flag: 4,
        progress_status: '',
        transport_state: String(now.transport_state),
      });
    } catch (error) {
      if (!(error instanceof ControlError) || !error.code.startsWith('tube_')) return;
      this.#end();
      this.#handlers.gone(error.message);
    }
  }

  /** Rejects with ControlError, or PeerError from the tab. */
  async send(from: End, channel: string, text: string): Promise<void> {
    if (from === 'tab') this.#peer.send(channel, text);
    else await this.#session.call('send', { tube_id: this.id, channel, data: text });
  }

  /** From the tab, without an exception when it is not taken. */
  trySend(channel: string, text: string): boolean {
    try {
      this.#peer.send(channel, text);
      return true;
    } catch {
      return false;
    }
  }

  /** Both channels of the tab are open. */
  async ready(): Promise<void> {
    await Promise.all([this.#peer.opened(chatChannel), this.#peer.opened(trafficChannel)]);
  }

  get canBreak(): boolean {
    return this.#paths.isWhole;
  }

  /** Every connection that exists now becomes a black hole. */
  breakPath(): void {
    this.#paths.breakAll();
  }

  async restart(): Promise<void> {
    await this.#session.call('restart_ice', { tube_id: this.id });
  }

  async rttMs(): Promise<number | null> {
    const { rtt_ms: rtt } = await this.#session.call('get_connection_stats', { tube_id: this.id });
    return typeof rtt === 'number' ? rtt : null;
  }

  async close(): Promise<void> {
    await this.#session.call('close_tube', { tube_id: this.id });
  }

  /** The page goes away, and nobody is left to wait for an answer. */
  abandon(): void {
    if (this.#ended) return;
    this.#session.tell('close_tube', { tube_id: this.id, reason: 'the console was left' });
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#peer.close();
  }

  #listen(): void {
    const peer = this.#peer;
    peer.on('message', ({ channel, data }) => {
      this.#handlers.arrived('tab', channel, typeof data === 'string' ? data : `${data.length} bytes`);
    });
    peer.on('state', (event) => this.#handlers.peer({ name: 'state', event }));
    peer.on('generation', (event) => this.#handlers.peer({ name: 'generation', event }));
    peer.on('channel', (event) => this.#handlers.peer({ name: 'channel', event }));
    peer.on('signalling', (event) => this.#handlers.peer({ name: 'signalling', event }));
    peer.on('restart', (event) => this.#handlers.peer({ name: 'restart', event }));
    peer.on('error', (event) => this.#handlers.peer({ name: 'error', event }));
  }
}

/** As src/peer/browser.ts has it, over connections that can be broken. */
function environmentOver(paths: BreakablePaths): PeerEnvironment {
  return {
    createConnection: paths.createConnection,
    schedule: (fn, delayMs) => {
      const timer = setTimeout(fn, delayMs);
      return () => clearTimeout(timer);
    },
    now: () => performance.now(),
    random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
    watchNetwork: watchBrowserNetwork,
  };
}
