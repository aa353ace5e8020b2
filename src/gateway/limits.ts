/**
 * Rates: calls per socket, handshakes per address. Over the rate is a refusal with a wait; ten times over is a flood and costs the
 * connection. Fixed windows in memory (rate-limiter-flexible); the keys expire by themselves.
 */
import type { IncomingMessage } from 'node:http';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

export interface RateOptions {
  /** Calls per second and socket; every item of an array counts. */
  readonly controlCallsPerSecond: number;
  readonly peerCallsPerSecond: number;
  /** Handshakes per address in 10 s. */
  readonly connectionsPer10s: number;
  /** Take the client's address from the last entry of X-Forwarded-For: only behind a proxy that sets it. */
  readonly trustForwardedFor: boolean;
}

export interface RateVerdict {
  readonly allowed: boolean;
  /** Until the window ends, milliseconds. */
  readonly delayMs: number;
  readonly isFlood: boolean;
}

export type RateLimit = (key: string, cost: number) => Promise<RateVerdict>;

const floodFactor = 10;

export function createRateLimit(points: number, windowSeconds: number): RateLimit {
  const limiter = new RateLimiterMemory({ points, duration: windowSeconds });
  return async (key, cost) => {
    try {
      await limiter.consume(key, cost);
      return { allowed: true, delayMs: 0, isFlood: false };
    } catch (rejection) {
      if (!(rejection instanceof RateLimiterRes)) throw rejection;
      const delayMs = Math.max(1, Math.ceil(rejection.msBeforeNext));
      return { allowed: false, delayMs, isFlood: rejection.consumedPoints > points * floodFactor };
    }
  };
}

/** Handshakes get a reasoned refusal; raw connections without one are cut off at ten times that rate. */
export interface ConnectionLimits {
  readonly handshakes: RateLimit;
  readonly connections: RateLimit;
}

export function createConnectionLimits(options: RateOptions): ConnectionLimits {
  return {
    handshakes: createRateLimit(options.connectionsPer10s, 10),
    connections: createRateLimit(options.connectionsPer10s * floodFactor, 10),
  };
}

export function addressOf(request: IncomingMessage, trustForwardedFor: boolean): string {
  const header = trustForwardedFor ? request.headers['x-forwarded-for'] : undefined;
  const last = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').at(-1)?.trim() ?? '';
  return last === '' ? (request.socket.remoteAddress ?? 'unknown') : last.slice(0, 64);
}
