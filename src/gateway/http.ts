/**
 * The HTTP routes beside socket.io: health, metrics, the console's files, the peer library, and what this node is. Errors are
 * RFC 9457 problem documents with our `code`. What the routes tell is supplied by app.ts.
 */
import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { noStore, problem } from './http-problem.js';
import { tubePage, type TubePageDeps } from './http-tubes.js';
import type { Log } from './observer.port.js';
import { readStatic } from './static-files.js';

export interface HttpOptions {
  /** dist/public of the build. */
  readonly publicDir: string;
  /** False while the service starts or a part of it is broken; draining is known to the gateway itself. */
  isReady(): boolean;
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Whether /metrics/tubes is there. Default false. */
  readonly tubeMetrics?: boolean;
  /** For /api/v1/info: version, node id and the like; no secrets, it needs no token. */
  info(): Readonly<Record<string, unknown>>;
  /** The console is served. Default true. */
  readonly console?: boolean;
  /** The bridge page to stately.ai's inspector is served; default: not. */
  readonly statelyInspector?: boolean;
}

export interface HttpDeps extends HttpOptions {
  isDraining(): boolean;
  readonly log: Log;
  /** Null: it is off. */
  readonly tubePages: TubePageDeps | null;
}

/** The console runs nothing but its own files, and talks to its own service only (wherever that is reached). */
const consolePolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  // Its own WebSocket too (CSP 3 §6.7.2.8 takes ws and wss for the scheme of the page).
  connectSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** The one page that shows a page of others: what it passes on is sanitised (src/observability/inspection-view.ts). */
const bridgeFile = '/stately.html';
const bridgePath = `/console${bridgeFile}`;
const bridgePolicy = { ...consolePolicy, frameSrc: ['https://stately.ai'] };

type App = Hono<{ Bindings: HttpBindings }>;

export function createHttpApp(deps: HttpDeps): App {
  const app: App = new Hono();
  const [usual, bridge] = [headersWith(consolePolicy), headersWith(bridgePolicy)];
  const hasBridge = deps.statelyInspector === true;
  app.use((c, next) => (hasBridge && c.req.path === bridgePath ? bridge : usual)(c, next));
  addHealth(app, deps);
  addMetrics(app, deps);
  addFiles(app, deps);
  app.get('/api/v1/info', (c) => c.json({ ...deps.info(), draining: deps.isDraining() }, 200, noStore));
  app.notFound((c) => problem(c, 404, 'http_not_found', 'There is nothing here.'));
  app.onError((err, c) => {
    deps.log.error({ err }, 'an HTTP request failed');
    return problem(c, 500, 'service_internal', 'Internal error; see the log.');
  });
  return app;
}

const headersWith = (contentSecurityPolicy: typeof consolePolicy): MiddlewareHandler =>
  secureHeaders({
    contentSecurityPolicy,
    referrerPolicy: 'no-referrer',
    // TLS is the proxy's; and the peer library is for pages of other origins.
    strictTransportSecurity: false,
    crossOriginResourcePolicy: false,
  });

function addHealth(app: App, deps: HttpDeps): void {
  // Answers as long as the event loop turns, and says nothing else.
  app.get('/livez', (c) => c.json({ status: 'ok' }, 200, noStore));
  const readiness = (c: Context): Response => {
    if (deps.isDraining()) return problem(c, 503, 'service_draining', 'This node is shutting down.');
    if (!deps.isReady()) return problem(c, 503, 'service_not_ready', 'This node is not ready.');
    return c.json({ status: 'ready' }, 200, noStore);
  };
  app.get('/readyz', readiness);
  app.get('/healthz', readiness);
}

function addMetrics(app: App, deps: HttpDeps): void {
  app.get('/metrics', async (c) => {
    const { contentType, body } = await deps.metrics();
    return c.body(body, 200, { 'content-type': contentType, ...noStore });
  });
  if (deps.tubePages !== null) app.get('/metrics/tubes', tubePage(deps.tubePages));
}

function addFiles(
  app: App,
  { publicDir, console: hasConsole = true, statelyInspector: hasBridge = false }: HttpOptions,
): void {
  const serve = async (c: Context, path: string, headers: Record<string, string> = {}): Promise<Response> => {
    const file = !hasBridge && path.endsWith(bridgeFile) ? null : await readStatic(publicDir, path);
    if (file === null) return c.notFound();
    return c.body(file.body, 200, { 'content-type': file.contentType, 'cache-control': 'no-cache', ...headers });
  };
  if (hasConsole) {
    app.get('/', (c) => c.redirect('/console/'));
    app.get('/console', (c) => c.redirect('/console/'));
    app.get('/console/*', (c) => serve(c, decoded(c.req.path).slice(1)));
  }
  // Pages of any origin may import the library; it holds no secrets.
  const shared = { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };
  app.get('/peer/holdfast-peer.js', (c) => serve(c, 'holdfast-peer.js', shared));
  app.get('/peer/holdfast-peer.js.map', (c) => serve(c, 'holdfast-peer.js.map', shared));
}

/** A path that cannot be decoded names no file. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return '/\0';
  }
}
