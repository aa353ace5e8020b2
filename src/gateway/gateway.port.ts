/**
 * What the gateway asks of app.ts besides the tubes (tubes.port.ts). Small interfaces and plain values, so that the gateway imports
 * neither configuration nor observability.
 */
import type { TubeSettings } from '../../machines/settings.js';
import type { AuthOptions } from './auth.js';
import type { HttpOptions } from './http.js';
import type { InspectionSource } from './inspect.js';
import type { RateOptions } from './limits.js';
import type { GatewayObserver, Log } from './observer.port.js';
import type { OperatorDesk } from './operator.port.js';
import type { Tubes } from './tubes.port.js';

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
  readonly desk: OperatorDesk;
  /** Throws AppError `input_schema` on an unknown profile, key or value. */
  resolveSettings(request: SettingsRequest): TubeSettings;
  readonly auth: AuthOptions;
  /** 32 bytes that tokens of peers are made with; not asked for before the start. */
  peerTokenKey(): Uint8Array;
  readonly rates: RateOptions;
  readonly http: HttpOptions;
  readonly inspection: InspectionSource;
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
  /** Closed tubes of which `desk` and `tubes` still know what happened. */
  readonly flightRecorderClosedTubes: number;
  readonly maxSubscriptionsPerSocket: number;
  /** Tenants that may change what concerns all of them. */
  readonly operatorTenants: readonly string[];
  /** How often a socket is pinged, and how long its pong may take, milliseconds. */
  readonly socketPingIntervalMs: number;
  readonly socketPingTimeoutMs: number;
}
