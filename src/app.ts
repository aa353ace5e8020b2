/**
 * The composition root: the only file that knows every room. Builds the service from a configuration, connects the small interfaces of the
 * rooms to each other, and owns the order of starting and stopping. No decisions here.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { tubeMachine } from '../machines/tube.machine.js';
import type { TubeSettings } from '../machines/settings.js';
import { nodeLimitsOf, ResourceLimits } from './config/limits.js';
import type { Config } from './config/load.js';
import { logTargets } from './config/log-targets.js';
import { planReload } from './config/reload.js';
import { parseTubeSettings, profileNamed, resolveTubeSettings } from './config/tube-settings.js';
import { AppError } from './errors.js';
import { FlightRecording } from './flight-recording.js';
import { sha256Hex, type StaticToken } from './gateway/auth.js';
import { gatewayEvents } from './gateway/events.js';
import type { GatewayOptions, SettingsRequest } from './gateway/gateway.port.js';
import { createGateway, type Gateway } from './gateway/gateway.js';
import { LiveTubes } from './live-tubes.js';
import { limitedResources, metricSources } from './metric-sources.js';
import { NodeLimits } from './node-limits.js';
import { NodeRecovery } from './node-recovery.js';
import { DropLog } from './observability/drop-log.js';
import { Inspection } from './observability/inspection.js';
import { type Log, Logging, nativeLevelFor, nativeLog } from './observability/logger.js';
import { Metrics, type MetricSources } from './observability/metrics.js';
import { createTubeLog } from './observability/tube-log.js';
import { isWantedEnd } from '../machines/failure.js';
import { ServiceDesk } from './operator-desk.js';
import { iceServersFor, iceUrlsOf } from './transport/turn-credentials.js';
import { IncidentBook } from './registry/incident-book.js';
import { TubeRegistry, type TubeRegistryOptions } from './registry/tube-registry.js';
import { TubeService } from './registry/tube-service.js';
import { withFaults } from './transport/fault-injection.js';
import { isForBrowsers } from './transport/ice-servers.js';
import { createNativeConnection } from './transport/native-connection.js';
import { observeNative, shutdown as shutdownNative } from './transport/native-runtime.js';
import { createTransportActor } from './transport/transport.actor.js';
import { TransportHost } from './transport/transport-host.js';
import { transportCounters, type TransportObserver } from './transport/transport-observer.js';
import type { StoreObserver } from './store/record-store.port.js';
import { openStore, TubeStore, type TubeStoreOptions } from './tube-store.js';
import { libraryVersion } from './peer/version.js';

export interface App {
  /** Opens the store, carries on the tubes in it, and opens the port. Rejects with StoreError, or when the port cannot be had. */
  start(): Promise<{ readonly host: string; readonly port: number }>;
  /** Takes what can change at run time from a configuration that `read` reads again; when that throws nothing changes. Never throws. */
  reload(read: () => Config): void;
  /**
   * Drains, closes tubes, connections and native code, in that order. With `dataDir` it leaves the tubes to the next process instead, and native
   * connections as they are: the process must end then. Idempotent.
   */
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
      for (const identity of await rooms.records.start()) gateway.carriedOn(identity);
      const address = await gateway.start();
      rooms.recovery.start();
      rooms.life.ready = true;
      tellUnusableServers(config, logging.target('service'));
      logging.target('service').info({ ...address, version: libraryVersion }, 'listening');
      return address;
    },
    reload: (read) => reload(read, logging, rooms),
    stop: stopOnce(config, logging, rooms, gateway),
  };
}

interface Life {
  ready: boolean;
  stopping: boolean;
  /** As it was read last (SIGHUP); what needs a restart stays as it was at the start. */
  config: Config;
  tokens: readonly StaticToken[];
}

const digestsOf = ({ controlTokens }: Config): StaticToken[] =>
  controlTokens.map(({ tenant, token }) => ({ tenant, digest: sha256Hex(token) }));

type Rooms = ReturnType<typeof buildRooms>;

function buildRooms(config: Config, logging: Logging, limits: ResourceLimits) {
  const life: Life = { ready: false, stopping: false, config, tokens: digestsOf(config) };
  const metrics: Metrics = createMetrics(metricSources(() => ({ ...rooms, limits, isReady: isReady(rooms) })));
  observeNativeCode(logging, metrics);
  const host = createHost(
    life,
    transportObserver(logging, metrics, () => rooms.tubes),
  );
  const listeners = registryListeners(life, logging, metrics, (tubeId) => recording.crashed(tubeId));
  const recording = new FlightRecording({ ...config, registry: () => registry, bug: listeners.bug });
  const book = new IncidentBook({
    now: () => Date.now(),
    maxClosed: config.flightRecorderClosedTubes,
    followedWithinMs: config.signalReplayWindowMs,
    carried: (tubeId) => host.flow(tubeId),
  });
  const registry: TubeRegistry = createRegistry(config, host, listeners, recording);
  registry.onNotice((notice) => recording.observe(notice));
  registry.onNotice((notice) => book.observe(notice));
  registry.onNotice((notice) => metrics.observe(notice));
  registry.onNotice(createTubeLog((target) => logging.target(target)));
  const recovery = new NodeRecovery({
    registry,
    limits: config,
    iceUrls: () => iceUrlsOf(life.config),
    log: logging.target('webrtc_ice_restart'),
    stormActive: (active) => metrics.stormActive(active),
  });
  const pace = (tubeId: string, work: () => void): void => recovery.reports.run('report', tubeId, work);
  const records = createRecords(config, logging, metrics, { registry, pace });
  // A tube that failed holds no generation for the moment, and may want one again: it keeps its place.
  const inUse = () => ({ iceAgents: Math.max(host.liveGenerations(), registry.entries.size), creates: tubes.creates });
  const tubes: LiveTubes = new LiveTubes({
    host,
    registry,
    service: new TubeService({ registry, now: () => Date.now(), pace }),
    limits: new NodeLimits(limits, inUse, logging.target('resource_management')),
    recorder: recording.recorder,
    flight: recording.flight,
    records,
    iceServers: (tubeId, settings) => iceServersOf(life, tubeId, settings),
    traffic: (channelClass, direction, bytes) => metrics.traffic(channelClass, direction, bytes),
  });
  const inspection = createInspection(logging, registry);
  const rooms = {
    life,
    host,
    registry,
    metrics,
    tubes,
    recovery,
    records,
    recording,
    recorder: recording.recorder,
    book,
    inspection,
  };
  book.onIncident((_identity, incident) => metrics.incidentEnded(incident));
  return rooms;
}

function createRecords(
  config: Config,
  logging: Logging,
  metrics: Metrics,
  parts: Pick<TubeStoreOptions, 'registry' | 'pace'>,
): TubeStore {
  const open = (observer: StoreObserver) => openStore(config.dataDir, observer);
  return new TubeStore({ ...config, ...parts, open, metrics, log: logging.target('service'), now: () => Date.now() });
}

function registryListeners(
  life: Life,
  logging: Logging,
  metrics: Metrics,
  recordCrash: (tubeId: string) => void,
): RegistryListeners {
  const log = logging.target('service');
  return {
    crashed: (tubeId, error, outcome) => {
      metrics.crashed(outcome);
      recordCrash(tubeId);
      log.error({ tube_id: tubeId, outcome, err: error }, 'a tube crashed');
    },
    bug: (where, error) => {
      log.error({ where, err: error }, 'a listener threw');
      // Without its supervisor nothing here can be trusted: readiness says so, and somebody restarts the process.
      if (where === 'registry') life.ready = false;
    },
  };
}

/** Draining is not ready either: `stop` sets `ready` first. */
const isReady = ({ life, records }: Rooms): boolean => life.ready && records.isSound;

const createMetrics = (sources: MetricSources): Metrics =>
  new Metrics({ version: libraryVersion, events: gatewayEvents, transportCounters, sources });

const createInspection = (logging: Logging, registry: TubeRegistry): Inspection =>
  new Inspection({
    root: registry.root,
    tube: (tubeId) => registry.entries.get(tubeId)?.ref,
    schedule: (work, delayMs) => void setTimeout(work, delayMs).unref(),
    bug: (where, err) => logging.target('service').error({ where, err }, 'an inspection listener threw'),
  });

/** What the transport tells the rest: messages, counts, and the peers that are too much. */
function transportObserver(logging: Logging, metrics: Metrics, tubes: () => LiveTubes): TransportObserver {
  const log = logging.target('service');
  const drops = new DropLog({
    log: logging.target('webrtc_activity'),
    schedule: (fn, delayMs) => void setTimeout(fn, delayMs).unref(),
  });
  return {
    message: (...args) => tubes().received(...args),
    counted: (counter, count) => metrics.transport(counter, count),
    replayed: (_tubeId, _label, count) => metrics.replayed(count),
    gathered: (durationMs, relay) => metrics.gathered(durationMs, relay),
    dropped: (tubeId, label, cause, count, channelClass) => {
      metrics.dropped(channelClass, cause, count);
      if (channelClass === 'latest') drops.dropped(tubeId, label, cause, count);
    },
    fault: (where, error) => log.error({ where, err: error }, 'a transport listener threw'),
    flooded: (tubeId) => {
      log.warn({ tube_id: tubeId }, 'a peer sends faster than it can be read; its tube is closed');
      tubes().close(tubeId, 'limit');
    },
  };
}

/** Again after a change of the level of `webrtc_native`: the library has a level of its own. */
function observeNativeCode(logging: Logging, metrics: Metrics): void {
  logging.changed = (target) => {
    if (target === 'webrtc_native') observeNativeCode(logging, metrics);
  };
  const threw = (where: string, error: unknown): void => {
    metrics.nativeCallbackError();
    logging.target('service').error({ where, err: error }, 'a native callback threw');
  };
  const level = nativeLevelFor(logging.levels().webrtc_native);
  observeNative({ log: nativeLog(logging.target('webrtc_native')), threw }, level);
}

function createHost(life: Life, observer: TransportObserver): TransportHost {
  const { bindAddress, udpPortBegin, udpPortEnd, faultInjection } = life.config;
  const local = {
    ...(bindAddress === null ? {} : { bindAddress }),
    ...(udpPortBegin === 0 ? {} : { portRange: { begin: udpPortBegin, end: udpPortEnd } }),
  };
  return new TransportHost({
    createConnection: faultInjection ? withFaults(createNativeConnection) : createNativeConnection,
    connection: ({ tubeId, settings }) => ({ ...local, iceServers: iceServersOf(life, tubeId, settings) }),
    observer,
  });
}

const iceServersOf = ({ config }: Life, tubeId: string, { turnCredentialTtlMs }: TubeSettings) =>
  iceServersFor(config, tubeId, turnCredentialTtlMs, Date.now());

/** Our own ICE agent takes what it can use of the servers that peers are given. */
function tellUnusableServers(config: Config, log: Log): void {
  const urls = iceUrlsOf(config).filter(isForBrowsers);
  if (urls.length > 0) log.warn({ urls }, 'ICE servers for peers only: this end uses neither TLS nor TCP');
}

type RegistryListeners = Pick<TubeRegistryOptions, 'crashed' | 'bug'>;

function createRegistry(
  config: Config,
  host: TransportHost,
  { crashed, bug }: RegistryListeners,
  recording: FlightRecording,
): TubeRegistry {
  return new TubeRegistry({
    tubeLogic: tubeMachine.provide({ actors: { transport: createTransportActor(host, recording.heard) } }),
    crashRestarts: config.crashRestarts,
    crashWindowMs: config.crashWindowMs,
    now: () => Date.now(),
    clock: recording.watch({
      setTimeout: (fn, delayMs) => setTimeout(fn, delayMs),
      clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
    }),
    tap: recording.tap,
    release: (tubeId, reason) => host.closeTube(tubeId, isWantedEnd(reason) ? 'closed' : 'given_up'),
    crashed,
    bug,
  });
}

function resolveSettings(limits: ResourceLimits, { config }: Life, request: SettingsRequest): TubeSettings {
  const profile = request.profile === undefined ? undefined : profileNamed(request.profile);
  if (profile === null)
    throw new AppError('input_schema', `profile: there is no profile ${JSON.stringify(request.profile)}`);
  const asked = parseTubeSettings(request.settings);
  if (!asked.ok) throw new AppError('input_schema', asked.problems.map((problem) => `settings: ${problem}`).join('; '));
  const settings = resolveTubeSettings(limits, profile, asked.value, request.trickleIce);
  // Without a secret there are at most TURN servers whose credentials do not expire: nothing to renew.
  return config.turnSecret === null ? { ...settings, turnCredentialTtlMs: 0 } : settings;
}

function gatewayOptions(
  config: Config,
  logging: Logging,
  limits: ResourceLimits,
  rooms: Rooms,
  nodeId: string,
): GatewayOptions {
  return {
    ...config,
    tubes: rooms.tubes,
    desk: new ServiceDesk({
      ...rooms,
      config,
      logging,
      nodeId,
      version: libraryVersion,
      isDraining: () => rooms.life.stopping,
      resources: () => limitedResources({ ...rooms, limits }),
    }),
    resolveSettings: (request) => resolveSettings(limits, rooms.life, request),
    auth: { tokens: () => rooms.life.tokens, jwt: config.controlJwt },
    peerTokenKey: () => rooms.records.peerTokenKey(),
    rates: config,
    http: {
      publicDir: fileURLToPath(new URL('../public', import.meta.url)),
      isReady: () => isReady(rooms),
      metrics: async () => ({ contentType: rooms.metrics.contentType, body: await rooms.metrics.scrape() }),
      tubeMetrics: config.tubeMetrics,
      info: () => ({
        name: 'holdfast',
        version: libraryVersion,
        node_id: nodeId,
        profile: config.profile,
        stately_inspector: config.statelyInspector,
      }),
      console: config.console,
      statelyInspector: config.statelyInspector,
    },
    inspection: rooms.inspection,
    observer: rooms.metrics,
    log: logging.target('signalling'),
  };
}

function reload(read: () => Config, logging: Logging, { life, tubes }: Rooms): void {
  if (life.stopping) return;
  const log = logging.target('service');
  try {
    const { config, changed, ignored } = planReload(life.config, read());
    life.config = config;
    life.tokens = digestsOf(config);
    tubes.limits.apply(nodeLimitsOf(config));
    for (const target of logTargets) logging.setBase(target, config.logLevels[target] ?? config.logLevel);
    if (changed.includes('iceServers') || changed.includes('turnUrls')) tellUnusableServers(config, log);
    log.info({ changed }, 'configuration reloaded');
    if (ignored.length > 0) log.warn({ ignored }, 'changed keys are ignored until the service is restarted');
  } catch (err) {
    log.error({ err }, 'the configuration cannot be reloaded; nothing has changed');
  }
}

/** A round trip or two, where there is a path. */
const settleWithinMs = 1000;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Not ready → no creates → sockets, tubes, peer connections, native code → store: in any other order something is lost or aborts. */
function stopOnce(config: Config, logging: Logging, rooms: Rooms, gateway: Gateway): () => Promise<void> {
  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    const log = logging.target('service');
    log.info({}, 'draining');
    rooms.life.stopping = true;
    rooms.life.ready = false;
    rooms.metrics.draining(true);
    // Creates are still served while those in front of this node find out that it is not ready.
    await wait(config.drainDelayMs);
    await gateway.drain();
    rooms.recovery.stop();
    await (rooms.records.outlivesProcess ? leave(rooms, gateway) : close(rooms, gateway));
    await rooms.records.stop();
    log.info({}, 'stopped');
  };
  return () => (stopped ??= stop());
}

async function close({ registry, host }: Rooms, gateway: Gateway): Promise<void> {
  registry.stop();
  await gateway.stop();
  await host.closeAll();
  await shutdownNative();
}

/** What peers sent and was not told to controllers before their sockets close stays with the peers; what was accepted for them gets a moment to arrive. */
async function leave({ registry, host }: Rooms, gateway: Gateway): Promise<void> {
  host.deafen();
  await gateway.stop();
  await host.settle(settleWithinMs);
  registry.leave();
}
