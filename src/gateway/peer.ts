/**
 * The namespace /peer: the peer of a tube, let in by the tube's own token. Passes offers and candidates on to it, tells the tube whether
 * its peer can be reached, and sends a late comer what it missed. What the peer says back is in peer-calls.ts.
 *
 * A later socket replaces an earlier one when it first says something, not when it connects: a connection that the peer gave up long ago
 * may still arrive, and must not end the one that the peer uses. Until then both are told everything.
 */
import { AuthError, checkPeerToken } from './auth.js';
import type { CallDesk } from './calls.js';
import { drainingNotice } from './control.js';
import { guarded, type GatewayObserver, type Log } from './observer.port.js';
import { handshakeGuard } from './handshake.js';
import type { RateLimit } from './limits.js';
import { Outlet } from './outlet.js';
import { setupOf, type PeerCaller } from './peer-calls.js';
import type { SignalPublisher } from './publisher.js';
import type { GatewayNamespace, GatewaySocket } from './sockets.js';
import type { Tubes } from './tubes.port.js';
import type { TubeNotice } from '../registry/notice.js';
import type { CloseReason } from '../../machines/failure.js';
import type { Description } from '../../machines/ports/transport.port.js';

export interface PeerOptions {
  readonly namespace: GatewayNamespace;
  readonly tubes: Tubes;
  readonly publisher: SignalPublisher;
  readonly desk: CallDesk<PeerCaller>;
  readonly handshakes: RateLimit;
  readonly trustForwardedFor: boolean;
  isDraining(): boolean;
  readonly observer: GatewayObserver;
  readonly log: Log;
}

interface Offer {
  readonly generation: number;
  readonly description: Description;
  readonly purpose: 'initial' | 'restart';
}

interface Frame {
  readonly event: 'offer' | 'ice_restart_offer' | 'icecandidate' | 'closed';
  readonly data: object;
}

interface Visit {
  readonly socket: GatewaySocket;
  /** To the socket; held while its own offer is being answered. */
  readonly outlet: Outlet<Frame>;
  readonly tubeId: string;
  /** Of the peer library; the same page or process keeps it over reconnections. */
  instance: string | null;
}

/** Sockets of one tube at a time; more than two means that somebody plays with the token. */
const maxVisits = 4;

export class PeerHub {
  readonly #options: PeerOptions;
  /** Per tube, in the order in which they came. */
  readonly #visits = new Map<string, Visit[]>();

  constructor(options: PeerOptions) {
    this.#options = options;
  }

  open(): void {
    const { namespace, observer, log } = this.#options;
    namespace.use(
      handshakeGuard({
        role: 'peer',
        handshakes: this.#options.handshakes,
        trustForwardedFor: this.#options.trustForwardedFor,
        admit: (socket, token) => this.#admit(socket, token),
        observer,
        log,
      }),
    );
    namespace.on(
      'connection',
      guarded(log, 'peer.connection', (socket: GatewaySocket) => this.#welcome(socket)),
    );
  }

  /** The service ends, not the signalling of its peers: no tube needs to hear of the sockets that close now. */
  close(): void {
    this.#visits.clear();
  }

  /** What a tube says that its peer must hear. */
  notice({ identity, emission }: TubeNotice): void {
    for (const visit of [...(this.#visits.get(identity.tubeId) ?? [])]) {
      if (emission.type === 'description' && emission.description.type === 'offer') this.#offer(visit, emission);
      else if (emission.type === 'candidate')
        this.#candidate(visit, emission.candidate, emission.mid, emission.generation);
      else if (emission.type === 'closed') this.#dismiss(visit.socket, emission.reason);
    }
  }

  #admit(socket: GatewaySocket, token: unknown): void {
    const tubeId = checkPeerToken(token, (id) => {
      const view = this.#options.tubes.view(id);
      return view === null || view.state === 'closed' ? null : view.identity.peerTokenDigest;
    });
    socket.data = { tubeId };
  }

  #welcome(socket: GatewaySocket): void {
    const { observer, log, desk } = this.#options;
    const { tubeId } = socket.data;
    if (tubeId === undefined) throw new AuthError('auth_invalid', 'peer_token');
    const outlet = new Outlet<Frame>((frame) => this.#send(socket, frame));
    const visit: Visit = { socket, outlet, tubeId, instance: null };
    observer.connection('peer', 1);
    socket.on(
      'disconnect',
      guarded(log, 'peer.disconnect', () => this.#leave(visit)),
    );
    desk.attach(socket, {
      tubeId,
      spoke: (instance) => this.#spoke(visit, instance),
      hold: () => outlet.hold(),
    });
    this.#arrive(visit);
    if (this.#options.isDraining()) socket.emit('draining', drainingNotice);
    this.#catchUp(visit);
    log.info({ role: 'peer', tube_id: tubeId }, 'a peer connected');
  }

  #arrive(visit: Visit): void {
    const visits = this.#visits.get(visit.tubeId);
    if (visits === undefined) {
      this.#visits.set(visit.tubeId, [visit]);
      this.#options.tubes.peerSignalling(visit.tubeId, true);
      return;
    }
    visits.push(visit);
    if (visits.length > maxVisits) this.#dismiss(visits[0]?.socket, 'replaced');
  }

  /** The newest that speaks is the peer. Its own earlier connections end without a word, another page is told why. */
  #spoke(visit: Visit, instance: string | null): void {
    visit.instance = instance ?? visit.instance;
    const visits = this.#visits.get(visit.tubeId) ?? [];
    const earlier = visits.slice(0, Math.max(0, visits.indexOf(visit)));
    for (const { socket, instance: other } of earlier) {
      if (other !== null && other === visit.instance) socket.disconnect();
      else this.#dismiss(socket, 'replaced');
    }
  }

  #leave({ socket, tubeId }: Visit): void {
    this.#options.observer.connection('peer', -1);
    const visits = this.#visits.get(tubeId);
    if (visits === undefined) return;
    const others = visits.filter((visit) => visit.socket !== socket);
    if (others.length > 0) {
      this.#visits.set(tubeId, others);
      return;
    }
    this.#visits.delete(tubeId);
    this.#options.tubes.peerSignalling(tubeId, false);
  }

  /** The offer that waits for this peer, and the candidates that came before it did. */
  #catchUp(visit: Visit): void {
    const { tubeId } = visit;
    const pending = this.#options.tubes.pendingOffer(tubeId);
    if (pending === null) return;
    this.#offer(visit, pending);
    for (const { data, generation, sdp_mid: mid } of this.#options.publisher.candidateSignals(
      tubeId,
      pending.generation,
    )) {
      this.#candidate(visit, String(data), String(mid), generation);
    }
  }

  #offer({ outlet, tubeId }: Visit, { generation, description, purpose }: Offer): void {
    const view = this.#options.tubes.view(tubeId);
    if (view === null) return;
    const { type, sdp } = description;
    const setup = setupOf(view, this.#options.tubes);
    outlet.put({
      event: purpose === 'restart' ? 'ice_restart_offer' : 'offer',
      data: { type, sdp, generation, tube_id: tubeId, ...setup },
    });
  }

  #candidate({ outlet }: Visit, candidate: string, sdpMid: string, generation: number): void {
    outlet.put({ event: 'icecandidate', data: { candidate, sdpMid, generation } });
  }

  /** `disconnect` from our side: the client does not come back by itself. Other namespaces of the same connection stay. */
  #dismiss(socket: GatewaySocket | undefined, reason: CloseReason): void {
    if (socket === undefined) return;
    this.#send(socket, { event: 'closed', data: { reason } });
    socket.disconnect();
  }

  #send(socket: GatewaySocket, { event, data }: Frame): void {
    // What was held for a socket that has been dismissed since.
    if (!socket.connected) return;
    socket.emit(event, data);
    this.#options.observer.message(event, 'out', 'ok');
  }
}
