/**
 * What the gateway tells of itself: to metrics through the observer, to people through the log. app.ts supplies both. They are called
 * for every frame, so they must be cheap.
 */
import type { FailureCode } from '../../machines/failure.js';

export type Role = 'control' | 'peer';
export type AuthMethod = 'control_token' | 'jwt' | 'peer_token';

/** Called with closed enums only: `event` is one of `gatewayEvents` (events.ts). */
export interface GatewayObserver {
  connection(role: Role, delta: 1 | -1): void;
  message(event: string, direction: 'in' | 'out', outcome: 'ok' | 'error'): void;
  handled(event: string, seconds: number): void;
  authFailure(method: AuthMethod, cause: 'missing' | 'invalid'): void;
  rateLimited(scope: Role | 'address'): void;
  refusal(code: FailureCode): void;
}

/** The part of a pino logger that the gateway uses. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Runs a listener so that nothing it throws gets out. */
export function guarded<Args extends unknown[]>(
  log: Log,
  what: string,
  body: (...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    try {
      body(...args);
    } catch (err) {
      log.error({ err, event: what }, 'a gateway listener failed');
    }
  };
}
