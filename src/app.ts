/**
 * The composition root: the only file that knows every room. Builds the service from a configuration, connects the small interfaces of the
 * rooms to each other, and owns the order of starting and stopping. No decisions here.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { tubeMachine } from '../machines/tube.machine.js';
import type { TubeState } from '../machines/events.js';
import { ResourceLimits } from './config/limits.js';
import type { Config } from './config/load.js';
import { parseTubeOverrides, profileNamed, resolveTubeSettings } from './config/tube-settings.js';
import { AppError } from './errors.js';
import { sha256Hex } from './gateway/auth.js';
import { gatewayEvents } from './gateway/events.js';
import type { GatewayOptions, SettingsRequest } from './gateway/gateway.port.js';
import { createGateway, type Gateway } from './gateway/gateway.js';
import type { Tubes } from './gateway/tubes.port.js';
import { NodeLimits } from './node-limits.js';
import { Logging, nativeLevelFor, nativeLog } from './observability/logger.js';
import { Metrics } from './observability/metrics.js';
import { createTubeLog } from './observability/tube-log.js';
import { TubeRegistry } from './registry/tube-registry.js';
import { TubeService } from './registry/tube-service.js';
import { createNativeConnection } from './transport/native-connection.js';
import { observeNative, shutdown as shutdownNative } from './transport/native-runtime.js';
import { createTransportActor } from './transport/transport.actor.js';
import { TransportHost } from './transport/transport-host.js';
import { libraryVersion } from './peer/version.js';

type MessageListener = Parameters<Tubes['onMessage']>[0];

export interface App {
  /** Opens the port. */
  start(): Promise<{ readonly host: string; readonly port: number }>;
  /** Drains, closes tubes, connections and native code, in that order. Idempotent. */
  stop(): Promise<void>;
  readonly registry: TubeRegistry;
  readonly metrics: Metrics;
}

/** Builds the service; nothing listens before `start`. */
export function createApp(config: Config): App {
  const nodeId = randomUUID();
  const logging = new Logging({ level: config.logLevel, levels: config.logLevels, pretty: config.logPretty, nodeId });
  const limits = new ResourceLimits(config);
  const rooms = buildRooms(config, logging, limits);
  const gateway = createGateway(gatewayOptions(config, logging, limits, rooms, nodeId));
  return {
    registry: rooms.registry,
    metrics: rooms.metrics,
    start: async () => {
      const address = await gateway.start();
      rooms.life.ready = true;
      logging.target('service').info({ ...address, version: libraryVersion }, 'listening');
      return address;
    },
    stop: stopOnce(config, logging, rooms, gateway),
  };
}

type Rooms = ReturnType<typeof buildRooms>;

function buildRooms(config: Config, logging: Logging, limits: ResourceLimits) {
  const life = { ready: false, creates: 0 };
  const log = logging.target('service');
  const messages = new Set<MessageListener>();
  const metrics: Metrics = new Metrics({
    version: libraryVersion,
    events: gatewayEvents,
    sources: metricSources(limits, () => rooms),
  });
  observeNative(
    {
      log: nativeLog(logging.target('webrtc_native')),
      threw: (where, error) => {
        metrics.nativeCallbackError();
        log.error({ where, err: error }, 'a native callback threw');
      },
    },
    nativeLevelFor(config.logLevels.webrtc_native ?? config.logLevel),
  );
  const host = createHost(config, metrics, messages, (where, error) =>
    log.error({ where, err: error }, 'a transport listener threw'),
  );
  const registry = new TubeRegistry({
    tubeLogic: tubeMachine.provide({ actors: { transport: createTransportActor(host) } }),
    crashRestarts: config.crashRestarts,
    crashWindowMs: config.crashWindowMs,
    now: () => Date.now(),
    clock: {
      setTimeout: (fn, delayMs) => setTimeout(fn, delayMs),
      clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
    },
    release: (tubeId) => host.closeTube(tubeId),
    crashed: (tubeId, error, outcome) => {
      metrics.crashed(outcome);
      log.error({ tube_id: tubeId, outcome, err: error }, 'a tube crashed');
    },
    bug: (where, error) => log.error({ where, err: error }, 'a listener threw'),
  });
  registry.onNotice((notice) => metrics.observe(notice));
  registry.onNotice(createTubeLog((target) => logging.target(target)));
  const service = new TubeService({ registry, now: () => Date.now() });
  const nodeLimits = new NodeLimits(limits, () => ({ iceAgents: host.liveGenerations(), creates: life.creates }));
  const tubes = createTubes({ config, host, service, registry, metrics, messages, nodeLimits, life });
  const rooms = { life, host, registry, service, metrics, tubes };
  return rooms;
}

function createHost(
  config: Config,
  metrics: Metrics,
  messages: Set<MessageListener>,
  fault: (where: string, error: unknown) => void,
): TransportHost {
  const { bindAddress, udpPortBegin, udpPortEnd, iceServers } = config;
  const connection = {
    iceServers,
    ...(bindAddress === null ? {} : { bindAddress }),
    ...(udpPortBegin === 0 ? {} : { portRange: { begin: udpPortBegin, end: udpPortEnd } }),
  };
  return new TransportHost({
    createConnection: createNativeConnection,
    connection: () => connection,
    observer: {
      message: (tubeId, label, data) => {
        metrics.traffic('reliable', 'in', data.length);
        for (const listener of messages) listener(tubeId, label, data);
      },
      counted: () => undefined,
      dropped: (_tubeId, _label, cause, count) => metrics.dropped('reliable', cause, count),
      fault,
    },
  });
}

interface TubesParts {
  readonly config: Config;
  readonly host: TransportHost;
  readonly service: TubeService;
  readonly registry: TubeRegistry;
  readonly metrics: Metrics;
  readonly messages: Set<MessageListener>;
  readonly nodeLimits: NodeLimits;
  readonly life: { creates: number };
}

/** The calls of the gateway, over the registry for what a chart decides and over the host for bytes. */
function createTubes({ config, host, service, registry, metrics, messages, nodeLimits, life }: TubesParts): Tubes {
  return {
    create: async (identity, settings, offerSdp) => {
      const { refusal } = nodeLimits.capacity();
      if (refusal !== null) throw new AppError(refusal);
      life.creates += 1;
      try {
        return await service.create(identity, settings, offerSdp);
      } finally {
        life.creates -= 1;
      }
    },
    remoteDescription: (...args) => service.remoteDescription(...args),
    remoteCandidate: (...args) => service.remoteCandidate(...args),
    restart: (...args) => service.restart(...args),
    close: (...args) => service.close(...args),
    activity: (tubeId) => service.activity(tubeId),
    peerSignalling: (...args) => service.peerSignalling(...args),
    pendingOffer: (tubeId) => service.pendingOffer(tubeId),
    view: (tubeId) => service.view(tubeId),
    list: () => service.list(),
    stats: async (tubeId) => {
      const stats = await host.stats(tubeId);
      if (stats === null) return null;
      const { lossRatio, channels, ...rest } = stats;
      const messagesSent = channels.reduce((sum, channel) => sum + channel.messagesSent, 0);
      const messagesReceived = channels.reduce((sum, channel) => sum + channel.messagesReceived, 0);
      return { ...rest, packetLossRatio: lossRatio, messagesSent, messagesReceived };
    },
    send: (tubeId, channel, data) => {
      const refusal = host.send(tubeId, channel, data);
      if (refusal === null) {
        metrics.traffic('reliable', 'out', data.length);
        service.dataSent(tubeId);
      } else if (refusal === 'channel_not_open' || refusal === 'channel_full') service.operationFailed(tubeId);
      return refusal;
    },
    onNotice: (listener) => registry.onNotice(listener),
    onMessage: (listener) => {
      messages.add(listener);
      return () => messages.delete(listener);
    },
    iceServers: () => config.iceServers,
    limits: nodeLimits,
  };
}

function metricSources(limits: ResourceLimits, rooms: () => Rooms) {
  return {
    tubesByState: () => {
      const counts: Partial<Record<TubeState, number>> = {};
      for (const { state } of rooms().registry.entries.values()) counts[state] = (counts[state] ?? 0) + 1;
      return counts;
    },
    resources: () => {
      const { maxConcurrentIceAgents, maxConcurrentCreates, maxConcurrentSockets } = limits.current();
      return {
        sockets: { used: 0, limit: maxConcurrentSockets },
        ice_agents: { used: rooms().host.liveGenerations(), limit: maxConcurrentIceAgents },
        creates: { used: rooms().life.creates, limit: maxConcurrentCreates },
      };
    },
  };
}

function resolveSettings(limits: ResourceLimits, request: SettingsRequest) {
  const profile = request.profile === undefined ? undefined : profileNamed(request.profile);
  if (profile === null)
    throw new AppError('input_schema', `profile: there is no profile ${JSON.stringify(request.profile)}`);
  const overrides = parseTubeOverrides(request.settings);
  if (!overrides.ok)
    throw new AppError('input_schema', overrides.problems.map((problem) => `settings: ${problem}`).join('; '));
  return resolveTubeSettings({ tube: limits.tubeDefaults() }, profile, overrides.value, request.trickleIce);
}

function gatewayOptions(
  config: Config,
  logging: Logging,
  limits: ResourceLimits,
  rooms: Rooms,
  nodeId: string,
): GatewayOptions {
  const tokens = config.controlTokens.map(({ tenant, token }) => ({ tenant, digest: sha256Hex(token) }));
  return {
    ...config,
    tubes: rooms.tubes,
    resolveSettings: (request) => resolveSettings(limits, request),
    auth: { tokens: () => tokens, jwt: config.controlJwt },
    rates: config,
    http: {
      publicDir: fileURLToPath(new URL('../public', import.meta.url)),
      isReady: () => rooms.life.ready,
      metrics: async () => ({ contentType: rooms.metrics.contentType, body: await rooms.metrics.render() }),
      info: () => ({ name: 'holdfast', version: libraryVersion, node_id: nodeId, profile: config.profile }),
    },
    observer: rooms.metrics,
    log: logging.target('signalling'),
  };
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Not ready → no creates → sockets → tubes → peer connections → native code: in any other order something is lost or aborts. */
function stopOnce(config: Config, logging: Logging, rooms: Rooms, gateway: Gateway): () => Promise<void> {
  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    const log = logging.target('service');
    log.info({}, 'draining');
    rooms.metrics.draining(true);
    const drained = gateway.drain();
    await wait(config.drainDelayMs);
    await drained;
    rooms.registry.stop();
    await gateway.stop();
    await rooms.host.closeAll();
    await shutdownNative();
    log.info({}, 'stopped');
  };
  return () => (stopped ??= stop());
}
