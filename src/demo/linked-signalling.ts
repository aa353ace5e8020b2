/**
 * Signalling that sends all media of a peer through a UdpLink: candidates of the service are rewritten to the link's ports, the peer's own are
 * kept back (the service then knows the peer only as peer-reflexive, RFC 8445 §7.3.1.3). For the demo; the real signalling does the work.
 */
import type { OutgoingMessage, Signalling, SignallingHandlers } from '../peer/node.js';
import type { UdpLink } from './udp-link.js';

export class LinkedSignalling implements Signalling {
  constructor(
    private readonly inner: Signalling,
    private readonly link: UdpLink,
  ) {}

  start(handlers: SignallingHandlers): void {
    this.inner.start({
      ...handlers,
      receive: (event, data) => {
        if (event === 'icecandidate') void this.#redirect(handlers, data);
        else handlers.receive(event, data);
      },
    });
  }

  send(message: OutgoingMessage): void {
    if (message.event === 'icecandidate' && message.data.candidate !== '') return;
    this.inner.send(message);
  }

  networkBack(): void {
    this.inner.networkBack?.();
  }

  stop(): void {
    this.inner.stop();
  }

  async #redirect(handlers: SignallingHandlers, data: unknown): Promise<void> {
    const frame = data as { candidate: string };
    // foundation component protocol priority address port typ … (RFC 8839 §5.1)
    const parts = frame.candidate.split(' ');
    const [host, port] = [parts[4], Number(parts[5])];
    if (frame.candidate === '' || host === undefined || parts[2]?.toLowerCase() !== 'udp') {
      handlers.receive('icecandidate', data);
      return;
    }
    const redirected = await this.link.portTo(host, port);
    const candidate = [...parts.slice(0, 4), '127.0.0.1', String(redirected), ...parts.slice(6)].join(' ');
    handlers.receive('icecandidate', { ...frame, candidate });
  }
}
