/**
 * One connected controller: its tenant, its rooms, and the wall between tenants. A tube of another tenant does not exist for it.
 */
import { AppError } from '../errors.js';
import type { Subscription } from './control-wire.js';
import type { SignalPublisher } from './publisher.js';
import type { WireSignal } from './signals.js';
import type { TubeFeed } from './tube-feed.js';
import { conversationRoom, feedRoom, tenantRoom, tubeOfRoom, tubeRoom, type GatewaySocket } from './sockets.js';
import type { Tubes, TubeView } from './tubes.port.js';

export interface ControllerDeps {
  readonly tubes: Tubes;
  readonly publisher: SignalPublisher;
  readonly maxSubscriptions: number;
  readonly operatorTenants: readonly string[];
}

/** Every socket is in the room of its own id. */
const ownRooms = 1;

export class Controller {
  readonly tenant: string;
  readonly #socket: GatewaySocket;
  readonly #deps: ControllerDeps;

  constructor(socket: GatewaySocket, tenant: string, deps: ControllerDeps) {
    this.#socket = socket;
    this.tenant = tenant;
    this.#deps = deps;
  }

  /** Throws AppError `tube_unknown`, or `tube_closed` for a tube of this tenant that was closed lately. */
  require(tubeId: string): TubeView {
    const view = this.#deps.tubes.view(tubeId);
    if (view !== null && view.identity.tenant === this.tenant) return view;
    if (this.wasClosed(tubeId)) throw new AppError('tube_closed');
    throw new AppError('tube_unknown');
  }

  /** For what is still known after the end of a tube. Throws AppError `tube_unknown`. */
  requireKnown(tubeId: string): void {
    if (!this.wasClosed(tubeId)) this.require(tubeId);
  }

  wasClosed(tubeId: string): boolean {
    return this.#deps.publisher.closedTube(tubeId)?.tenant === this.tenant;
  }

  *ownTubes(): Generator<TubeView> {
    for (const view of this.#deps.tubes.list()) if (view.identity.tenant === this.tenant) yield view;
  }

  /** It may change, and see, what concerns all tenants of the node. */
  get isOperator(): boolean {
    return this.#deps.operatorTenants.includes(this.tenant);
  }

  /** Throws AppError `service_not_allowed`. */
  requireOperator(): void {
    if (!this.isOperator) throw new AppError('service_not_allowed', 'this tenant is not in operatorTenants');
  }

  /** Throws AppError `limit_subscriptions` when another room would be one too many. */
  requireRoom(): void {
    if (this.#socket.rooms.size - ownRooms >= this.#deps.maxSubscriptions) throw new AppError('limit_subscriptions');
  }

  /** False when the socket followed the tube already, or is gone. */
  follow(tubeId: string): boolean {
    if (!this.#socket.connected || this.#socket.rooms.has(tubeRoom(tubeId))) return false;
    void this.#socket.join(tubeRoom(tubeId));
    this.#deps.tubes.followed(tubeId);
    return true;
  }

  /** Only to this socket, with the numbers that the signals have. */
  sendDirectly(signals: readonly WireSignal[]): void {
    for (const signal of signals) this.#socket.emit('signal', signal);
  }

  /** The tubes that the subscription covers now. Throws AppError. */
  subscribe(subscription: Subscription): TubeView[] {
    const covered = this.#covered(subscription);
    const room = this.#roomOf(subscription);
    if (!this.#socket.rooms.has(room)) this.requireRoom();
    void this.#socket.join(room);
    return covered;
  }

  /** A subscription that does not exist is no error. */
  unsubscribe(subscription: Subscription): void {
    void this.#socket.leave(this.#roomOf(subscription));
  }

  /** After a recovery: tubes that ended in the meantime need no room any more, and the list of tubes has to be asked for again. */
  leaveOldRooms(): void {
    void this.#socket.leave(feedRoom(this.tenant));
    for (const room of [...this.#socket.rooms]) {
      const tubeId = tubeOfRoom(room);
      if (tubeId !== null && this.#deps.tubes.view(tubeId) === null) void this.#socket.leave(room);
    }
  }

  /** The list of the tenant's tubes, from when `begin` is called. Throws AppError `rate_exceeded`. */
  watchTubes(feed: TubeFeed): ReturnType<TubeFeed['watch']> {
    return feed.watch(this.#socket, this.tenant);
  }

  unwatchTubes(feed: TubeFeed): void {
    feed.unwatch(this.#socket, this.tenant);
  }

  #covered(subscription: Subscription): TubeView[] {
    if (subscription.kind === 'tube') return [this.require(subscription.tubeId)];
    const own = [...this.ownTubes()];
    if (subscription.kind === 'all') return own;
    return own.filter(({ identity }) => identity.conversationId === subscription.conversationId);
  }

  #roomOf(subscription: Subscription): string {
    switch (subscription.kind) {
      case 'tube':
        return tubeRoom(subscription.tubeId);
      case 'conversation':
        return conversationRoom(this.tenant, subscription.conversationId);
      case 'all':
        return tenantRoom(this.tenant);
    }
  }
}
