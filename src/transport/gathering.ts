/**
 * The gathering of candidates of one generation (RFC 8445 §5.1): how long it took, and whether a TURN server that was asked gave a relay. It decides
 * nothing and holds nothing up; generation.ts tells it of each candidate.
 */
import type { IceServer } from '../channels/connection.port.js';
import { isForBrowsers } from './ice-servers.js';

/** `unused`: no TURN server was asked. `refused`: one answered, and gave none. `unreachable`: none answered as long as the ICE agent asks. */
export type RelayOutcome = 'unused' | 'allocated' | 'refused' | 'unreachable';

/** The ICE agent does not say why it has no relay. A server that does not answer is given up after 20 s and more, one that refuses within a few round trips. */
const answeredWithinMs = 5000;

const asksForRelay = (servers: readonly IceServer[]): boolean =>
  servers.some(({ urls }) => urls.some((url) => url.startsWith('turn:') && !isForBrowsers(url)));

export class Gathering {
  private readonly sinceMs: number;
  private readonly relayWanted: boolean;
  private hasRelay = false;
  private ended = false;

  constructor(
    private readonly monotonicMs: () => number,
    servers: readonly IceServer[],
    private readonly gathered: (durationMs: number, relay: RelayOutcome) => void,
  ) {
    this.sinceMs = monotonicMs();
    this.relayWanted = asksForRelay(servers);
  }

  /** @param candidate `""`: there are no more */
  candidate(candidate: string): void {
    if (this.ended) return;
    if (/\styp relay\b/.test(candidate)) this.hasRelay = true;
    if (candidate !== '') return;
    this.ended = true;
    const tookMs = this.monotonicMs() - this.sinceMs;
    this.gathered(tookMs, this.relayAfter(tookMs));
  }

  private relayAfter(tookMs: number): RelayOutcome {
    if (!this.relayWanted) return 'unused';
    if (this.hasRelay) return 'allocated';
    return tookMs < answeredWithinMs ? 'refused' : 'unreachable';
  }
}
