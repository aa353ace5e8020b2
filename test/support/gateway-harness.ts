/** A running gateway over fake tubes, and socket.io clients to it over loopback. Everything opened here is closed by `stop`. */
import { createHash } from 'node:crypto';
import { io, type Socket } from 'socket.io-client';
import { AppError } from '../../src/errors.js';
import { createGateway, type Gateway } from '../../src/gateway/gateway.js';
import type { GatewayOptions } from '../../src/gateway/gateway.port.js';
import type { GatewayObserver, Log } from '../../src/gateway/observer.port.js';
import type { WireSignal } from '../../src/gateway/signals.js';
import { FakeDesk } from './fake-desk.js';
import { FakeTubes, fakeSettings } from './fake-tubes.js';

export const acmeToken = 'acme-secret';
export const otherToken = 'other-secret';

const digest = (token: string): string => createHash('sha256').update(token).digest('hex');

export interface Reply {
  readonly ok: boolean;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly suggested_delay_ms?: number;
  };
  readonly [field: string]: unknown;
}

export interface Seen {
  readonly messages: [string, string, string][];
  readonly refusals: string[];
  readonly authFailures: [string, string][];
  readonly limited: string[];
  readonly connections: [string, number][];
  /** Everything that was logged, as JSON. */
  readonly logged: string[];
}

function observerOf(seen: Seen): GatewayObserver {
  return {
    connection: (role, delta) => void seen.connections.push([role, delta]),
    message: (event, direction, outcome) => void seen.messages.push([event, direction, outcome]),
    handled: () => undefined,
    authFailure: (method, cause) => void seen.authFailures.push([method, cause]),
    rateLimited: (scope) => void seen.limited.push(scope),
    refusal: (code) => void seen.refusals.push(code),
  };
}

function logOf(seen: Seen): Log {
  const write = (fields: object, message: string): void => {
    const { err } = fields as { err?: unknown };
    seen.logged.push(JSON.stringify({ ...fields, err: err instanceof Error ? err.stack : err, message }));
  };
  return { debug: write, info: write, warn: write, error: write };
}

export class Harness {
  readonly tubes = new FakeTubes();
  readonly desk = new FakeDesk();
  readonly seen: Seen = { messages: [], refusals: [], authFailures: [], limited: [], connections: [], logged: [] };
  tokens = [
    { digest: digest(acmeToken), tenant: 'acme' },
    { digest: digest(otherToken), tenant: 'other' },
  ];
  isReady = true;
  peerTokenKey = Buffer.alloc(32, 7);
  url = '';
  readonly gateway: Gateway;
  readonly #sockets: Socket[] = [];

  constructor(overrides: Partial<GatewayOptions> = {}) {
    this.gateway = createGateway({ ...this.#options(), ...overrides });
  }

  #options(): GatewayOptions {
    return {
      host: '127.0.0.1',
      port: 0,
      operatorTenants: ['acme'],
      tubes: this.tubes,
      desk: this.desk,
      resolveSettings: ({ profile, settings, trickleIce }) => {
        if (profile !== undefined && profile !== 'mobile')
          throw new AppError('input_schema', `profile: unknown "${profile}"`);
        if (Object.keys(settings).some((key) => key !== 'pingIntervalMs'))
          throw new AppError('input_schema', 'settings: unknown key');
        return fakeSettings(trickleIce);
      },
      auth: { tokens: () => this.tokens, jwt: null },
      peerTokenKey: () => this.peerTokenKey,
      rates: {
        controlCallsPerSecond: 100_000,
        peerCallsPerSecond: 100_000,
        connectionsPer10s: 10_000,
        trustForwardedFor: false,
      },
      http: {
        publicDir: '/nonexistent',
        isReady: () => this.isReady,
        metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'holdfast_info 1\n' }),
        info: () => ({ version: '0.0.0' }),
      },
      inspection: { watch: () => Promise.reject(new AppError('tube_unknown')) },
      observer: observerOf(this.seen),
      log: logOf(this.seen),
      signalReplayWindowMs: 120_000,
      flightRecorderClosedTubes: 200,
      signalReplayMaxBytes: 1024 * 1024,
      signalReplayMaxSignals: 1000,
      maxFrameBytes: 256 * 1024,
      maxSocketBufferBytes: 16 * 1024 * 1024,
      maxSubscriptionsPerSocket: 1000,
      socketPingIntervalMs: 10_000,
      socketPingTimeoutMs: 10_000,
    };
  }

  async start(): Promise<this> {
    const { host, port } = await this.gateway.start();
    this.url = `http://${host}:${String(port)}`;
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.disconnect();
    await this.gateway.stop();
  }

  /** Not connected yet; every client has a connection of its own. */
  client(namespace: string, auth: object): Socket {
    const socket = io(`${this.url}${namespace}`, {
      transports: ['websocket'],
      forceNew: true,
      autoConnect: false,
      auth,
      reconnectionDelay: 20,
      reconnectionDelayMax: 50,
    });
    this.#sockets.push(socket);
    return socket;
  }

  async controller(token: string = acmeToken): Promise<TestController> {
    const controller = new TestController(this.client('/control', { token }));
    await controller.connect();
    return controller;
  }

  /** The error data of a handshake that must be refused. */
  async refusedHandshake(namespace: string, auth: object): Promise<Record<string, unknown>> {
    const socket = this.client(namespace, auth);
    const refused = new Promise<Record<string, unknown>>((resolve, reject) => {
      socket.once('connect', () => reject(new Error('the handshake was accepted')));
      socket.once('connect_error', (error: Error & { data?: Record<string, unknown> }) =>
        resolve(error.data ?? { message: error.message }),
      );
    });
    socket.connect();
    return refused.finally(() => socket.disconnect());
  }
}

/** A client that records what it is told. */
export class TestController {
  readonly socket: Socket;
  readonly signals: WireSignal[] = [];
  readonly sessions: { recovered: boolean; replay_window_ms: number; hole: boolean }[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('signal', (signal: WireSignal) => this.signals.push(signal));
    socket.on('session', (session: { recovered: boolean; replay_window_ms: number; hole: boolean }) =>
      this.sessions.push(session),
    );
  }

  async connect(): Promise<void> {
    const before = this.sessions.length;
    this.socket.connect();
    await until(() => this.sessions.length > before, 'a session');
  }

  call(event: string, ...args: unknown[]): Promise<Reply> {
    return this.socket.timeout(5000).emitWithAck(event, ...args) as Promise<Reply>;
  }

  /** Creates a tube that must succeed. */
  async createTube(fields: object = {}): Promise<{ tubeId: string; peerToken: string }> {
    const reply = await this.call('create_tube', { conversation_id: 'talk', ...fields });
    if (!reply.ok) throw new Error(JSON.stringify(reply.error));
    return { tubeId: String(reply['tube_id']), peerToken: String(reply['peer_token']) };
  }

  /** Breaks the connection as a network would; the client comes back by itself. */
  dropConnection(): void {
    this.socket.io.engine.close();
  }
}

export async function until(condition: () => boolean, what = 'a condition', patienceMs = 5000): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${String(patienceMs)} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const nextEvent = <T>(socket: Socket, event: string): Promise<T> =>
  new Promise((resolve) => socket.once(event, (data: T) => resolve(data)));
