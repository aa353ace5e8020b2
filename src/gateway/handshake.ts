/**
 * The middleware of a namespace: rate of handshakes per address, then who it is. A refusal carries `data: {code, ...}`. Runs for
 * recovered sockets too (`skipMiddlewares: false`).
 */
import { AppError } from '../errors.js';
import { refusal } from './answers.js';
import { AuthError } from './auth.js';
import type { GatewayObserver, Log, Role } from './observer.port.js';
import { addressOf, type RateLimit } from './limits.js';
import type { GatewaySocket } from './sockets.js';

export interface HandshakeOptions {
  readonly role: Role;
  readonly handshakes: RateLimit;
  readonly trustForwardedFor: boolean;
  /** Throws or rejects with AuthError; on success it has filled in `socket.data`. */
  admit(socket: GatewaySocket, token: unknown): void | Promise<void>;
  readonly observer: GatewayObserver;
  readonly log: Log;
}

export type Middleware = (socket: GatewaySocket, next: (error?: Error) => void) => void;

export function handshakeGuard(options: HandshakeOptions): Middleware {
  return (socket, next) => {
    admit(options, socket).then(
      (error) => next(error ?? undefined),
      (err: unknown) => {
        options.log.error({ err }, 'a handshake failed unexpectedly');
        next(refusal(new AppError('service_internal')));
      },
    );
  };
}

/** Null = welcome. */
async function admit(options: HandshakeOptions, socket: GatewaySocket): Promise<Error | null> {
  const { role, observer, log } = options;
  const verdict = await options.handshakes(addressOf(socket.request, options.trustForwardedFor), 1);
  if (!verdict.allowed) {
    observer.rateLimited('address');
    observer.refusal('rate_exceeded');
    return refusal(new AppError('rate_exceeded'), verdict.delayMs);
  }
  try {
    await options.admit(socket, (socket.handshake.auth as Record<string, unknown>)['token']);
    return null;
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    observer.authFailure(error.method, error.code === 'auth_missing' ? 'missing' : 'invalid');
    observer.refusal(error.code);
    log.info({ role, reason: error.code }, 'a handshake was refused');
    return refusal(error);
  }
}
