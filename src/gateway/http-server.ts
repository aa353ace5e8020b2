/** The TCP side of the gateway: the HTTP server that serves the routes (http.ts), and that socket.io attaches to. */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket as TcpSocket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { createControlAuth } from './auth.js';
import type { GatewayOptions } from './gateway.port.js';
import { createHttpApp, type HttpDeps } from './http.js';
import type { RateLimit } from './limits.js';

/** @param handshakes counts requests that bring a token with the handshakes of their address */
export function createHttpServer(
  options: GatewayOptions,
  isDraining: () => boolean,
  handshakes: RateLimit,
): HttpServer {
  const { log } = options;
  const app = createHttpApp(depsOf(options, isDraining, handshakes));
  const listener = getRequestListener(app.fetch);
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    listener(request, response).catch((err: unknown) => log.error({ err }, 'an HTTP request failed'));
  });
  // Also a connection that cannot be accepted (no file descriptors left) is told here; without a listener it would end the process.
  server.on('error', (err) => log.error({ err }, 'the HTTP server reported an error'));
  return server;
}

function depsOf(
  { log, http, auth, tubes, observer, rates }: GatewayOptions,
  isDraining: () => boolean,
  handshakes: RateLimit,
): HttpDeps {
  const { trustForwardedFor } = rates;
  return {
    publicDir: http.publicDir,
    console: http.console !== false,
    statelyInspector: http.statelyInspector === true,
    isReady: () => http.isReady(),
    metrics: () => http.metrics(),
    info: () => http.info(),
    isDraining,
    log,
    tubePages:
      http.tubeMetrics === true
        ? { tubes, auth: createControlAuth(auth), handshakes, trustForwardedFor, observer }
        : null,
  };
}

/** Rejects when the port cannot be opened. */
export function listen(http: HttpServer, { host, port }: GatewayOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      http.off('error', reject);
      resolve(http.address() as AddressInfo);
    });
  });
}

/** http.Server forgets a connection once it is a WebSocket, but waits for it when closing. */
export function trackConnections(http: HttpServer): ReadonlySet<TcpSocket> {
  const connections = new Set<TcpSocket>();
  http.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return connections;
}
