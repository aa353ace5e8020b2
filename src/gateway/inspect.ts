/**
 * The namespace /inspect: the statecharts of a chosen tube, live, for controllers of its tenant (the console, the bridge to stately.ai). Same tokens
 * as /control, calls `watch` and `unwatch`, event `inspect`. What is streamed is made elsewhere (src/observability/inspection.ts); a socket that
 * reads too slowly is ended like any other.
 */
import { AppError } from '../errors.js';
import type { InspectAbout, InspectMessage } from '../operator/inspection.types.js';
import type { WireObject } from './answers.js';
import type { ControlAuth } from './auth.js';
import { CallDesk, type CallHandler } from './calls.js';
import { Controller, type ControllerDeps } from './controller.js';
import { oneTube } from './control-wire.js';
import type { InspectEvent } from './events.js';
import { handshakeGuard } from './handshake.js';
import type { RateLimit } from './limits.js';
import { guarded, type GatewayObserver, type Log } from './observer.port.js';
import type { GatewayNamespace, GatewaySocket } from './sockets.js';
import { parse } from './wire.js';

/** What app.ts supplies. */
export interface InspectionSource {
  /**
   * Streams the actors of a tube until the result is called, or the tube is gone (`ended`); not at all where it is not wanted any more when it could
   * begin. Rejects with AppError `limit_subscriptions` or `tube_unknown`.
   */
  watch(
    tubeId: string,
    send: (batch: {
      readonly messages: readonly InspectMessage[];
      readonly skipped: number;
      readonly ended: boolean;
    }) => void,
    isWanted: () => boolean,
  ): Promise<() => void>;
}

export interface InspectOptions extends ControllerDeps {
  readonly namespace: GatewayNamespace;
  readonly inspection: InspectionSource;
  readonly auth: ControlAuth;
  readonly handshakes: RateLimit;
  readonly calls: RateLimit;
  readonly trustForwardedFor: boolean;
  readonly observer: GatewayObserver;
  readonly log: Log;
}

/** A person looks at one tube, or compares a few. */
const maxWatchesPerSocket = 4;
/** Half of what a node can bear: no tenant keeps the others out. */
const maxWatchesPerTenant = 16;

/** One socket and what it watches. */
class Spectator {
  readonly #socket: GatewaySocket;
  readonly #controller: Controller;
  readonly #options: InspectOptions;
  /** All that there are, this one too. */
  readonly #everybody: ReadonlySet<Spectator>;
  /** By tube; the stream of a value that was replaced or removed is over. */
  readonly #watches = new Map<string, { stop: () => void }>();

  constructor(socket: GatewaySocket, tenant: string, options: InspectOptions, everybody: ReadonlySet<Spectator>) {
    this.#socket = socket;
    this.#controller = new Controller(socket, tenant, options);
    this.#options = options;
    this.#everybody = everybody;
  }

  /** A tube that is watched already is begun anew. Rejects with AppError. */
  async watch(tubeId: string): Promise<WireObject> {
    this.#controller.require(tubeId);
    // A call may be taken up when its socket is gone: nobody would end the stream.
    if (!this.#socket.connected) return {};
    this.unwatch(tubeId);
    if (this.#watches.size >= maxWatchesPerSocket || this.#watchesOfTenant() >= maxWatchesPerTenant)
      throw new AppError('limit_subscriptions');
    const watch = { stop: (): void => undefined };
    this.#watches.set(tubeId, watch);
    try {
      const isWanted = (): boolean => this.#watches.get(tubeId) === watch;
      const take: Parameters<InspectionSource['watch']>[1] = ({ messages, skipped, ended }) => {
        if (!isWanted()) return;
        if (ended) this.#watches.delete(tubeId);
        this.#send(messages, { tube_id: tubeId, skipped, ended });
      };
      watch.stop = await this.#options.inspection.watch(tubeId, take, isWanted);
    } catch (error) {
      if (this.#watches.get(tubeId) === watch) this.#watches.delete(tubeId);
      throw error;
    }
    // Unwatched, or gone, before the stream was there.
    if (this.#watches.get(tubeId) !== watch) watch.stop();
    return { tube_id: tubeId };
  }

  /** Not being watched is no error. */
  unwatch(tubeId: string): void {
    const watch = this.#watches.get(tubeId);
    this.#watches.delete(tubeId);
    watch?.stop();
  }

  leave(): void {
    for (const tubeId of [...this.#watches.keys()]) this.unwatch(tubeId);
  }

  #watchesOfTenant(): number {
    const own = [...this.#everybody].filter((other) => other.#controller.tenant === this.#controller.tenant);
    return own.reduce((sum, other) => sum + other.#watches.size, 0);
  }

  #send(messages: readonly InspectMessage[], about: InspectAbout): void {
    this.#socket.emit('inspect', messages, about);
    this.#options.observer.message('inspect', 'out', 'ok');
  }
}

type Handler = CallHandler<Spectator>;

const calls: Record<InspectEvent, Handler> = {
  watch: async (spectator, payload) => ({ answer: await spectator.watch(parse(oneTube, payload).tubeId) }),
  unwatch: (spectator, payload) => {
    spectator.unwatch(parse(oneTube, payload).tubeId);
    return { answer: {} };
  },
};

export function openInspect(options: InspectOptions): void {
  const { namespace, auth, observer, log } = options;
  namespace.use(
    handshakeGuard({
      role: 'control',
      handshakes: options.handshakes,
      trustForwardedFor: options.trustForwardedFor,
      admit: async (socket, token) => {
        socket.data = { tenant: (await auth(token)).tenant };
      },
      observer,
      log,
    }),
  );
  const desk = new CallDesk<Spectator>({
    role: 'control',
    calls: new Map(Object.entries(calls)),
    missing: new Map(),
    rate: options.calls,
    observer,
    log,
  });
  const everybody = new Set<Spectator>();
  const welcome = (socket: GatewaySocket): void => {
    const { tenant } = socket.data;
    if (tenant === undefined) throw new Error('a socket came past the handshake');
    const spectator = new Spectator(socket, tenant, options, everybody);
    everybody.add(spectator);
    const leave = (): void => {
      everybody.delete(spectator);
      spectator.leave();
    };
    socket.on('disconnect', guarded(log, 'inspect.disconnect', leave));
    desk.attach(socket, spectator);
  };
  namespace.on('connection', guarded(log, 'inspect.connection', welcome));
}
