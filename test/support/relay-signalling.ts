/**
 * The library's own signalling without any candidate but relayed ones, both ways: what the two ends can find out about each other by themselves
 * leads through a TURN server at one end at least.
 */
import { SocketSignalling } from '../../src/peer/signalling.js';
import type { OutgoingMessage, Signalling, SignallingHandlers } from '../../src/peer/signalling.port.js';

const mayPass = (candidate: string): boolean => candidate === '' || / typ relay /.test(candidate);

const schedule = (fn: () => void, delayMs: number): (() => void) => {
  const timer = setTimeout(fn, delayMs);
  return () => clearTimeout(timer);
};

export class RelaySignalling implements Signalling {
  /** Every frame with an offer, as it came. */
  readonly offers: { readonly generation: number; readonly ice_servers: readonly { readonly username?: string }[] }[] =
    [];
  readonly #inner: Signalling;

  constructor(url: string, token: string) {
    this.#inner = new SocketSignalling({ url, token, schedule });
  }

  start(handlers: SignallingHandlers): void {
    this.#inner.start({
      ...handlers,
      receive: (event, data) => {
        if (event === 'icecandidate' && !mayPass((data as { candidate: string }).candidate)) return;
        if (event.endsWith('offer')) this.offers.push(data as (typeof this.offers)[number]);
        handlers.receive(event, data);
      },
    });
  }

  send(message: OutgoingMessage): void {
    if (message.event !== 'icecandidate' || mayPass(message.data.candidate)) this.#inner.send(message);
  }

  networkBack(): void {
    this.#inner.networkBack?.();
  }

  stop(): void {
    this.#inner.stop();
  }
}
