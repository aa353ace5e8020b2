/**
 * The one error class of the peer library, thrown by `send` and carried by the `error` event. Compare by `code`: the service's failure
 * codes (machines/failure.ts) and a few that only this side knows.
 */
import type { FailureCode } from '../../machines/failure.js';

export type PeerErrorCode =
  | FailureCode
  /** A handler of the application threw; the library went on. `cause` is what it threw. */
  | 'handler_failed'
  /** Signalling sent something that is not in the protocol; it was ignored. */
  | 'signalling_malformed';

export class PeerError extends Error {
  readonly code: PeerErrorCode;

  constructor(code: PeerErrorCode, detail: string, options?: { cause?: unknown }) {
    super(`${code}: ${detail}`, options);
    this.name = 'PeerError';
    this.code = code;
  }
}

/** What somebody threw, as words. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
