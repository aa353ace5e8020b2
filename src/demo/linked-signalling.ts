/**
 * Signalling that sends all media of a peer through a UdpRelay: candidates of the service are rewritten to the relay's ports, the peer's own are
 * kept back (the service then knows the peer only as peer-reflexive, RFC 8445 §7.3.1.3). For demo and laboratory; the real signalling does the work.
 */
import type { OutgoingMessage, Signalling, SignallingHandlers } from '../peer/node.js';

/** The address of the relay that leads to this one. A rejection drops the candidate. */
export type Redirect = (host: string, port: number) => Promise<{ readonly host: string; readonly port: number }>;

/** A candidate line that leads through the relay; what is not UDP, and the end of candidates, stays as it is. */
export async function redirectCandidate(candidate: string, redirect: Redirect): Promise<string> {
  // foundation component protocol priority address port typ … (RFC 8839 §5.1)
  const parts = candidate.split(' ');
  const [host, port] = [parts[4], Number(parts[5])];
  if (host === undefined || parts[2]?.toLowerCase() !== 'udp') return candidate;
  const to = await redirect(host, port);
  return [...parts.slice(0, 4), to.host, String(to.port), ...parts.slice(6)].join(' ');
}

/** A description can carry candidates that were gathered already. */
export const withoutCandidates = (sdp: string): string => sdp.replace(/^a=candidate:.*\r?\n/gm, '');

export class LinkedSignalling implements Signalling {
  constructor(
    private readonly inner: Signalling,
    private readonly redirect: Redirect,
  ) {}

  start(handlers: SignallingHandlers): void {
    this.inner.start({
      ...handlers,
      receive: (event, data) => {
        if (event === 'icecandidate') void this.#redirect(handlers, data as { candidate: string });
        else handlers.receive(event, data);
      },
    });
  }

  send(message: OutgoingMessage): void {
    if (message.event === 'icecandidate' && message.data.candidate !== '') return;
    if (message.event !== 'answer') return this.inner.send(message);
    this.inner.send({ ...message, data: { ...message.data, sdp: withoutCandidates(message.data.sdp) } });
  }

  networkBack(): void {
    this.inner.networkBack?.();
  }

  stop(): void {
    this.inner.stop();
  }

  async #redirect(handlers: SignallingHandlers, frame: { candidate: string }): Promise<void> {
    try {
      const candidate = await redirectCandidate(frame.candidate, this.redirect);
      handlers.receive('icecandidate', { ...frame, candidate });
    } catch {
      // The relay is closed: so is the path.
    }
  }
}
