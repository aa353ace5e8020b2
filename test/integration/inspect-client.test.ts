// The console's stream of a tube over real sockets: it says when what is shown is old, and comes back after everything but a wrong token.
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Server, type Namespace } from 'socket.io';
import { watchTube, type InspectWatch } from '../../src/console/socket/inspect-client.js';
import { until } from '../support/until.js';

let http: HttpServer;
let namespace: Namespace;
let io: Server;
let watch: InspectWatch | null = null;
/** Codes of the handshakes that are refused, one after the other. */
const refusals: string[] = [];
let watches = 0;

beforeEach(async () => {
  watches = 0;
  refusals.length = 0;
  http = createServer();
  io = new Server(http, { transports: ['websocket'], serveClient: false });
  namespace = io.of('/inspect');
  namespace.use((_socket, next) => {
    const code = refusals.shift();
    next(code === undefined ? undefined : Object.assign(new Error(`No: ${code}.`), { data: { code } }));
  });
  namespace.on('connection', (socket) => {
    socket.on('watch', (_fields: object, ack: (answer: object) => void) => {
      watches += 1;
      ack({ ok: true });
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  watch?.close();
  await io.close();
});

const begin = (): InspectWatch => {
  watch = watchTube({ url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, token: 'token' }, 'tube');
  return watch;
};
const isLive = (): boolean => watch?.problem.value === '';

test('tries again when a handshake is refused for its rate', async () => {
  refusals.push('rate_exceeded');
  const { problem } = begin();
  await until(() => problem.value !== '', 5_000);
  expect(problem.value).toContain('No: rate_exceeded.');
  await until(() => watches === 1 && isLive(), 10_000);
});

test('says that what is shown is old once the connection is lost, and comes back', async () => {
  const { problem } = begin();
  await until(() => watches === 1 && isLive(), 5_000);
  for (const socket of namespace.sockets.values()) socket.conn.close();
  await until(() => problem.value.startsWith('Not live'), 5_000);
  await until(() => watches === 2 && isLive(), 10_000);
  // socket.io's client takes this for the last word.
  namespace.disconnectSockets(true);
  await until(() => problem.value.startsWith('Not live'), 5_000);
  await until(() => watches === 3 && isLive(), 10_000);
});

test('gives up when the token is not accepted', async () => {
  refusals.push('auth_invalid');
  const { problem } = begin();
  await until(() => problem.value !== '', 5_000);
  expect(problem.value).toBe('No: auth_invalid.');
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect(watches).toBe(0);
});
