/** The TCP side of the gateway: the HTTP server that serves the routes (http.ts), and that socket.io attaches to. */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket as TcpSocket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { GatewayOptions } from './gateway.port.js';
import { createHttpApp } from './http.js';

export function createHttpServer({ log, http }: GatewayOptions, isDraining: () => boolean): HttpServer {
  const app = createHttpApp({
    publicDir: http.publicDir,
    isReady: () => http.isReady(),
    metrics: () => http.metrics(),
    info: () => http.info(),
    statelyInspector: http.statelyInspector ?? false,
    isDraining,
    log,
  });
  const listener = getRequestListener(app.fetch);
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    listener(request, response).catch((err: unknown) => log.error({ err }, 'an HTTP request failed'));
  });
  // Also a connection that cannot be accepted (no file descriptors left) is told here; without a listener it would end the process.
  server.on('error', (err) => log.error({ err }, 'the HTTP server reported an error'));
  return server;
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
