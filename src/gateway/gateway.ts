/**
 * The gateway: one port for HTTP and socket.io, the namespaces, and the path of what tubes say to those who listen. Composes the
 * files of this folder and owns their life; app.ts supplies the rest of the service through GatewayOptions.
 */
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket as TcpSocket } from 'node:net';
import { Server } from 'socket.io';
import type { TubeIdentity } from '../../machines/events.js';
import type { TubeNotice } from '../registry/notice.js';
import { AppError } from '../errors.js';
import { refusal } from './answers.js';
import { createControlAuth, PeerTokens } from './auth.js';
import { CallDesk } from './calls.js';
import { controlCalls, missingControlCalls } from './control-calls.js';
import { closeTubeRoom, drainingNotice, emitSignal, openControl } from './control.js';
import type { Controller } from './controller.js';
import { TubeCreator } from './create-tube.js';
import type { GatewayOptions } from './gateway.port.js';
import { openInspect } from './inspect.js';
import { guarded } from './observer.port.js';
import { OfferBudget } from './offer-budget.js';
import { createHttpServer, listen, trackConnections } from './http-server.js';
import { addressOf, createConnectionLimits, createRateLimit, type ConnectionLimits } from './limits.js';
import { missingPeerCalls, peerCalls, type PeerCaller } from './peer-calls.js';
import { PeerHub } from './peer.js';
import { SignalPublisher } from './publisher.js';
import { estimateBytes, replayAdapter } from './replay-adapter.js';
import { SlowClients } from './slow-clients.js';
import type { GatewayNamespace, GatewayServer } from './sockets.js';
import { TubeFeed } from './tube-feed.js';

export interface Gateway {
  /** Before the start: a tube of the process before this one, which a repeated `create_tube` shall find. */
  carriedOn(identity: TubeIdentity): void;
  /** Opens the port. Rejects when it cannot. Repeated calls return the same. */
  start(): Promise<{ readonly host: string; readonly port: number }>;
  /** Not ready any more, creates are refused, clients are told; resolves when the calls that run are answered, at the latest after 5 s. */
  drain(): Promise<void>;
  /** Closes all connections; clients will try to come back. Idempotent. */
  stop(): Promise<void>;
}

const maxReplaySessions = 10_000;
const drainPatienceMs = 5000;
/** Clients get this long to close their side. */
const closePatienceMs = 1000;
/** A connection must join a namespace within this. */
const joinTimeoutMs = 10_000;

export function createGateway(options: GatewayOptions): Gateway {
  const life = { isDraining: false };
  const isDraining = (): boolean => life.isDraining;
  const limits = createConnectionLimits(options.rates);
  const http = createHttpServer(options, isDraining, limits.handshakes);
  const io = createIo(http, options, limits);
  const rooms = openRooms(io, options, limits, isDraining);
  const connections = trackConnections(http);
  let started: Promise<AddressInfo> | null = null;
  let stopped: Promise<void> | null = null;
  return {
    carriedOn: (identity) => rooms.carriedOn(identity),
    start: async () => {
      started ??= listen(http, options);
      const { address, port } = await started;
      return { host: address, port };
    },
    drain: async () => {
      if (!life.isDraining) {
        life.isDraining = true;
        for (const namespace of [rooms.control, rooms.peer]) namespace.emit('draining', drainingNotice);
      }
      await withPatience(rooms.idle(), drainPatienceMs);
    },
    stop: () => {
      life.isDraining = true;
      stopped ??= shutDown(io, rooms, connections);
      return stopped;
    },
  };
}

function createIo(http: HttpServer, options: GatewayOptions, { connections }: ConnectionLimits): GatewayServer {
  const io: GatewayServer = new Server(http, {
    serveClient: false,
    transports: ['websocket'],
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: options.maxFrameBytes,
    connectTimeout: joinTimeoutMs,
    pingInterval: options.socketPingIntervalMs,
    pingTimeout: options.socketPingTimeoutMs,
    // Middlewares run for recovered sockets too: a token may have been withdrawn in the meantime.
    connectionStateRecovery: { maxDisconnectionDuration: options.signalReplayWindowMs, skipMiddlewares: false },
    adapter: replayAdapter({
      namespace: '/control',
      windowMs: options.signalReplayWindowMs,
      maxPackets: options.signalReplayMaxSignals,
      maxBytes: options.signalReplayMaxBytes,
      maxSessions: maxReplaySessions,
      passing: new Set(['tubes']),
    }),
    allowRequest: (request, decide) => {
      connections(addressOf(request, options.rates.trustForwardedFor), 1).then(
        ({ allowed }) => decide(allowed ? null : 'rate_exceeded', allowed),
        () => decide('service_internal', false),
      );
    },
  });
  io.use((_socket, next) =>
    next(refusal(new AppError('input_unknown_event', 'Connect to /control, /peer or /inspect.'))),
  );
  return io;
}

/** The namespaces with everything that lives in them. */
function openRooms(io: GatewayServer, options: GatewayOptions, limits: ConnectionLimits, isDraining: () => boolean) {
  const { tubes, observer, log } = options;
  const [control, peer, inspect] = [io.of('/control'), io.of('/peer'), io.of('/inspect')];
  const slow = new SlowClients([control, peer, inspect], options.maxSocketBufferBytes, log);
  const publisher = createPublisher(control, slow, options);
  const creator = createCreator(publisher, options, isDraining);
  const feed = new TubeFeed({ ...options, namespace: control, sent: (bytes) => slow.note(bytes) });
  const desks = createDesks(options, { creator, publisher, feed });
  const { handshakes } = limits;
  const { trustForwardedFor, controlCallsPerSecond } = options.rates;
  const shared = { observer, log, tubes, publisher, isDraining, handshakes, trustForwardedFor };
  const { operatorTenants, maxSubscriptionsPerSocket: maxSubscriptions } = options;
  const controllers = { auth: createControlAuth(options.auth), maxSubscriptions, operatorTenants };
  const { inspection, signalReplayWindowMs: replayWindowMs } = options;
  openControl({ ...shared, ...controllers, namespace: control, desk: desks.control, replayWindowMs });
  const calls = createRateLimit(controlCallsPerSecond, 1);
  openInspect({ ...shared, ...controllers, namespace: inspect, inspection, calls });
  const peers = new PeerHub({ ...shared, namespace: peer, desk: desks.peer });
  peers.open();
  const unlisten = listenToTubes(options, { publisher, peers, creator });
  return {
    control,
    peer,
    carriedOn: (identity: TubeIdentity) => creator.carriedOn(identity),
    idle: async () => void (await Promise.all([desks.control.idle(), desks.peer.idle()])),
    close: () => {
      unlisten();
      feed.stop();
      peers.close();
      slow.stop();
    },
  };
}

function createPublisher(
  control: GatewayNamespace,
  slow: SlowClients,
  { tubes, observer, flightRecorderClosedTubes: maxClosed }: GatewayOptions,
): SignalPublisher {
  return new SignalPublisher({
    maxClosed,
    view: (tubeId) => tubes.view(tubeId),
    iceServers: (tubeId) => tubes.iceServers(tubeId),
    emit: (identity, signal) => {
      emitSignal(control, identity, signal);
      slow.note(estimateBytes(signal.data));
    },
    ended: (identity) => closeTubeRoom(control, identity),
    observer,
  });
}

function createCreator(publisher: SignalPublisher, options: GatewayOptions, isDraining: () => boolean): TubeCreator {
  return new TubeCreator({
    tubes: options.tubes,
    publisher,
    peerTokens: new PeerTokens(() => options.peerTokenKey()),
    resolveSettings: (request) => options.resolveSettings(request),
    isDraining,
  });
}

type Rooms = ReturnType<typeof openRooms>;

function createDesks(
  options: GatewayOptions,
  parts: { readonly creator: TubeCreator; readonly publisher: SignalPublisher; readonly feed: TubeFeed },
) {
  const { tubes, desk, observer, log, rates } = options;
  const offers = new OfferBudget();
  return {
    control: new CallDesk<Controller>({
      role: 'control',
      calls: controlCalls({ ...parts, tubes, desk, offers, log }),
      missing: missingControlCalls,
      rate: createRateLimit(rates.controlCallsPerSecond, 1),
      observer,
      log,
    }),
    peer: new CallDesk<PeerCaller>({
      role: 'peer',
      calls: peerCalls({ tubes, offers, log }),
      missing: missingPeerCalls,
      rate: createRateLimit(rates.peerCallsPerSecond, 1),
      observer,
      log,
    }),
  };
}

interface Listeners {
  readonly publisher: SignalPublisher;
  readonly peers: PeerHub;
  readonly creator: TubeCreator;
}

/** Each listener is guarded by itself: one that fails takes nothing from the others. */
function listenToTubes({ tubes, log }: GatewayOptions, { publisher, peers, creator }: Listeners): () => void {
  const tellControllers = guarded(log, 'publisher.notice', (notice: TubeNotice) => publisher.notice(notice));
  const tellPeer = guarded(log, 'peer.notice', (notice: TubeNotice) => peers.notice(notice));
  const unlisteners = [
    tubes.onNotice((notice) => {
      tellControllers(notice);
      tellPeer(notice);
      if (notice.emission.type === 'closed') creator.forget(notice.identity.tubeId);
    }),
    tubes.onMessage(
      guarded(log, 'publisher.message', (tubeId, channel, data) => publisher.message(tubeId, channel, data)),
    ),
  ];
  return () => unlisteners.forEach((unlisten) => unlisten());
}

async function shutDown(io: GatewayServer, rooms: Rooms, connections: ReadonlySet<TcpSocket>): Promise<void> {
  // First: what ends now is this process, not the peers' signalling, and no tube needs to hear of it.
  rooms.close();
  const closed = io.close();
  await withPatience(closed, closePatienceMs);
  for (const socket of connections) socket.destroy();
  await closed;
}

/** Resolves with the work, or when patience is at an end. */
async function withPatience(work: Promise<void>, patienceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const atAnEnd = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs);
  });
  await Promise.race([work, atAnEnd]);
  clearTimeout(timer);
}
