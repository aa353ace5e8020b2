/**
 * `/metrics/tubes`: measurements of single tubes for Prometheus or a person, a page at a time. Whoever asks brings a control token or JWT as
 * `Authorization: Bearer`, and sees the tubes of its tenant only. It is off unless `tubeMetrics` says otherwise: thousands of tubes are many series.
 */
import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { AppError } from '../errors.js';
import { AuthError, type ControlAuth } from './auth.js';
import { noStore, problem } from './http-problem.js';
import { addressOf, type RateLimit } from './limits.js';
import type { GatewayObserver } from './observer.port.js';
import { tubesText, type MeasuredTube } from './tube-text.js';
import type { Tubes, TubeView } from './tubes.port.js';
import { pageOf } from './views.js';

export interface TubePageDeps {
  readonly tubes: Pick<Tubes, 'list' | 'stats'>;
  readonly auth: ControlAuth;
  /** Of an address, together with its socket.io handshakes. */
  readonly handshakes: RateLimit;
  readonly trustForwardedFor: boolean;
  readonly observer: Pick<GatewayObserver, 'authFailure' | 'rateLimited' | 'refusal'>;
}

const defaultLimit = 200;
/** A page of it is half a megabyte, and holds the event loop for 10 ms. */
const maxLimit = 500;
/** Tubes that are measured before others have their turn. */
const atOnce = 50;

type PageContext = Context<{ Bindings: HttpBindings }>;

/** The handler of the route. */
export function tubePage(deps: TubePageDeps): (c: PageContext) => Promise<Response> {
  return async (c) => {
    const wait = await overRate(deps, c.env.incoming);
    if (wait !== null) return problem(c, 429, 'rate_exceeded', 'Too many requests.', { 'retry-after': String(wait) });
    try {
      const { tenant } = await deps.auth(bearerOf(c.req.header('authorization')));
      return await answer(deps, c, tenant);
    } catch (error) {
      if (error instanceof AuthError) return unauthorized(deps, c, error);
      if (error instanceof AppError && error.code === 'input_schema') return problem(c, 400, error.code, error.message);
      throw error;
    }
  };
}

/** Seconds to wait; null when it may go on. */
async function overRate(deps: TubePageDeps, incoming: IncomingMessage): Promise<number | null> {
  const { allowed, delayMs } = await deps.handshakes(addressOf(incoming, deps.trustForwardedFor), 1);
  if (allowed) return null;
  deps.observer.rateLimited('address');
  deps.observer.refusal('rate_exceeded');
  return Math.ceil(delayMs / 1000);
}

/** RFC 6750 §2.1. Undefined when there is none. */
const bearerOf = (header: string | undefined): string | undefined => /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];

function unauthorized({ observer }: TubePageDeps, c: PageContext, error: AuthError): Response {
  observer.authFailure(error.method, error.code === 'auth_missing' ? 'missing' : 'invalid');
  observer.refusal(error.code);
  const challenge = { 'www-authenticate': 'Bearer realm="holdfast"' };
  return problem(c, 401, error.code, 'A control token or JWT is required as Authorization: Bearer.', challenge);
}

async function answer({ tubes }: TubePageDeps, c: PageContext, tenant: string): Promise<Response> {
  const limit = limitOf(c.req.query('limit'));
  const cursor = c.req.query('cursor');
  const views = ownOf(tubes.list(), tenant);
  const { page, nextCursor } = pageOf(views, { state: undefined, conversationId: undefined, limit, cursor });
  const next = new URLSearchParams({ limit: String(limit), cursor: nextCursor ?? '' });
  const link = nextCursor === null ? {} : { link: `</metrics/tubes?${next.toString()}>; rel="next"` };
  const text = tubesText(await measured(tubes, page));
  return c.body(text, 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', ...noStore, ...link });
}

/** Throws AppError `input_schema`. */
function limitOf(given: string | undefined): number {
  const limit = given === undefined ? defaultLimit : Number(given);
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxLimit) return limit;
  throw new AppError('input_schema', `limit: must be a whole number from 1 to ${String(maxLimit)}`);
}

function* ownOf(views: Iterable<TubeView>, tenant: string): Generator<TubeView> {
  for (const view of views) if (view.identity.tenant === tenant) yield view;
}

/** Asking the native library takes its time: a page of hundreds must not hold up pings. */
async function measured(tubes: Pick<Tubes, 'stats'>, page: readonly TubeView[]): Promise<MeasuredTube[]> {
  const all: MeasuredTube[] = [];
  for (let from = 0; from < page.length; from += atOnce) {
    const some = page.slice(from, from + atOnce).map(async (view) => ({
      view,
      stats: await tubes.stats(view.identity.tubeId).catch(() => null),
    }));
    all.push(...(await Promise.all(some)));
    await setImmediate();
  }
  return all;
}
