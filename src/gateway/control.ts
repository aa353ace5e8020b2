/**
 * The namespace /control: handshake, recovery after a lost connection, and the rooms through which signals reach controllers. The calls
 * are in control-calls.ts, the signals in publisher.ts. Driven by socket.io and by gateway.ts.
 */
import type { TubeIdentity } from '../../machines/events.js';
import type { ControlAuth } from './auth.js';
import type { CallDesk } from './calls.js';
import { Controller, type ControllerDeps } from './controller.js';
import { guarded, type GatewayObserver, type Log } from './observer.port.js';
import { handshakeGuard } from './handshake.js';
import type { RateLimit } from './limits.js';
import { ReplayAdapter } from './replay-adapter.js';
import type { WireSignal } from './signals.js';
import { roomsOf, tubeRoom, type GatewayNamespace, type GatewaySocket } from './sockets.js';

export interface ControlOptions extends ControllerDeps {
  readonly namespace: GatewayNamespace;
  readonly auth: ControlAuth;
  readonly desk: CallDesk<Controller>;
  readonly handshakes: RateLimit;
  readonly trustForwardedFor: boolean;
  readonly replayWindowMs: number;
  isDraining(): boolean;
  readonly observer: GatewayObserver;
  readonly log: Log;
}

export function openControl(options: ControlOptions): void {
  const { namespace, observer, log } = options;
  namespace.use(
    handshakeGuard({
      role: 'control',
      handshakes: options.handshakes,
      trustForwardedFor: options.trustForwardedFor,
      admit: async (socket, token) => settleTenant(socket, (await options.auth(token)).tenant),
      observer,
      log,
    }),
  );
  namespace.on(
    'connection',
    guarded(log, 'control.connection', (socket: GatewaySocket) => welcome(options, socket)),
  );
}

/** A recovered socket brings the data of its former self; it is that self only if the tenant is the same. */
function settleTenant(socket: GatewaySocket, tenant: string): void {
  const isStranger = socket.recovered && socket.data.tenant !== tenant;
  if (isStranger) adapterOf(socket).forfeit(socket.id);
  socket.data = { tenant };
}

function adapterOf({ nsp }: GatewaySocket): ReplayAdapter {
  const { adapter } = nsp as { readonly adapter: unknown };
  if (!(adapter instanceof ReplayAdapter)) throw new TypeError('/control needs the ReplayAdapter');
  return adapter;
}

function welcome(options: ControlOptions, socket: GatewaySocket): void {
  const { observer, log } = options;
  const { tenant } = socket.data;
  if (tenant === undefined) throw new Error('a socket came past the handshake');
  const controller = new Controller(socket, tenant, options);
  observer.connection('control', 1);
  socket.on(
    'disconnect',
    guarded(log, 'control.disconnect', () => observer.connection('control', -1)),
  );
  options.desk.attach(socket, controller);
  // Before `session`: if the connection breaks in between, the offset of the client still tells the truth.
  const recovered = adapterOf(socket).replay(socket);
  const hole = !recovered && isReturning(socket);
  if (recovered) controller.leaveOldRooms();
  socket.emit('session', { recovered, replay_window_ms: options.replayWindowMs, hole });
  if (options.isDraining()) socket.emit('draining', drainingNotice);
  log.info({ role: 'control', tenant, recovered, hole }, 'a controller connected');
}

export const drainingNotice = { reason: 'shutdown' } as const;

/** The client holds a session of this service and wanted it back. */
const isReturning = (socket: GatewaySocket): boolean =>
  typeof (socket.handshake.auth as Record<string, unknown>)['pid'] === 'string';

/** A socket in several of the rooms gets the signal once. */
export function emitSignal(namespace: GatewayNamespace, identity: TubeIdentity, signal: WireSignal): void {
  namespace.to(roomsOf(identity)).emit('signal', signal);
}

export function closeTubeRoom(namespace: GatewayNamespace, identity: TubeIdentity): void {
  const room = tubeRoom(identity.tubeId);
  namespace.in(room).socketsLeave(room);
}
