/**
 * What the gateway asks of app.ts besides the tubes (tubes.port.ts): options, an observer for metrics, a log. Small interfaces, so that
 * the gateway imports neither configuration nor observability. Observer and log are called for every frame: they must be cheap.
 */
import type { FailureCode } from '../../machines/failure.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { AuthOptions } from './auth.js';
import type { HttpOptions } from './http.js';
import type { RateOptions } from './limits.js';
import type { Tubes } from './tubes.port.js';

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

/** What a controller asked for when it created a tube; `settings` is checked by the resolver. */
export interface SettingsRequest {
  readonly profile: string | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly trickleIce: boolean;
}

export interface GatewayOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly tubes: Tubes;
  /** Throws AppError `input_schema` on an unknown profile, key or value. */
  resolveSettings(request: SettingsRequest): TubeSettings;
  readonly auth: AuthOptions;
  readonly rates: RateOptions;
  readonly http: HttpOptions;
  readonly observer: GatewayObserver;
  readonly log: Log;
  /** How long a controller may be away and still get every signal it missed, milliseconds. */
  readonly signalReplayWindowMs: number;
  /** Caps of what is kept for that, for all controllers together. */
  readonly signalReplayMaxBytes: number;
  readonly signalReplayMaxSignals: number;
  /** Largest frame; the connection of a client that sends a larger one is closed. */
  readonly maxFrameBytes: number;
  /** A client that reads so slowly that more than this waits for it is disconnected (it may come back and recover). */
  readonly maxSocketBufferBytes: number;
  readonly maxSubscriptionsPerSocket: number;
  /** How often a socket is pinged, and how long its pong may take, milliseconds. */
  readonly socketPingIntervalMs: number;
  readonly socketPingTimeoutMs: number;
}

/** Runs a listener so that nothing it throws gets out. */
export function guarded<Args extends unknown[]>(log: Log, what: string, body: (...args: Args) => void): (...args: Args) => void {
  return (...args) => {
    try {
      body(...args);
    } catch (err) {
      log.error({ err, event: what }, 'a gateway listener failed');
    }
  };
}
