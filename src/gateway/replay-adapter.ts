/**
 * The in-memory adapter of socket.io with connection state recovery that is bounded and tells the truth. It differs from socket.io's own
 * SessionAwareAdapter: what is kept is capped in count and bytes; an idle client whose last packet is old still recovers; nothing is
 * replayed before the new handshake is authenticated; packets that are sent while it is are not lost; and a client that returns before
 * its dead connection was noticed takes it over. Driven by socket.io, and by control.ts through `replay` and `forfeit`.
 */
import { Adapter, type BroadcastOptions, type Session } from 'socket.io-adapter';

export interface ReplayOptions {
  /** Only this namespace is recovered; the others get everything again by themselves. */
  readonly namespace: string;
  readonly windowMs: number;
  readonly maxPackets: number;
  readonly maxBytes: number;
  readonly maxSessions: number;
  /** Events that are not repeated: who comes back asks for them again. */
  readonly passing: ReadonlySet<string>;
}

interface Packet {
  readonly type: number;
  readonly id?: number;
  readonly data: unknown[];
}

interface Retained {
  readonly data: unknown[];
  readonly opts: BroadcastOptions;
  readonly bytes: number;
  readonly atMs: number;
  /** Ids of the sockets it was written to. */
  readonly to: Set<string>;
}

interface KeptSession {
  readonly sid: string;
  readonly pid: string;
  readonly rooms: string[];
  readonly data: unknown;
  readonly disconnectedAtMs: number;
  /** Number of the last packet before the disconnection. */
  readonly lastSeq: number;
}

/** The parts of a socket.io socket that its types hide. */
interface RawSocket {
  readonly pid?: string;
  readonly conn: { close(discard: boolean): void };
  packet(packet: { type: number; data: unknown[] }): void;
}

const eventPacket = 2;

export class ReplayAdapter extends Adapter {
  readonly #options: ReplayOptions;
  readonly #isRecoverable: boolean;
  readonly #retained = new Map<number, Retained>();
  readonly #sessions = new Map<string, KeptSession>();
  /** Socket ids of the kept sessions. */
  readonly #away = new Set<string>();
  /** Sessions on their way back: restored by socket.io, not yet through the handshake. By socket id. */
  readonly #claims = new Map<string, { readonly session: KeptSession; readonly from: number }>();
  /** Number of the newest dropped packet that had been written to a socket. */
  readonly #lost = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #seq = 0;
  #bytes = 0;
  #newestDropped = 0;

  constructor(nsp: { readonly name: string }, options: ReplayOptions) {
    super(nsp);
    this.#options = options;
    this.#isRecoverable = nsp.name === options.namespace;
    this.#timer = setInterval(() => this.#expire(Date.now()), Math.max(1000, options.windowMs / 4));
    this.#timer.unref();
  }

  override close(): void {
    clearInterval(this.#timer);
  }

  /** What is kept now, for tests and metrics. */
  get size(): { readonly packets: number; readonly bytes: number; readonly sessions: number } {
    return { packets: this.#retained.size, bytes: this.#bytes, sessions: this.#sessions.size };
  }

  override broadcast(packet: Packet, opts: BroadcastOptions): void {
    // A packet that wants an acknowledgement cannot be repeated: its callback belongs to the first connection.
    const isRepeatable = packet.type === eventPacket && packet.id === undefined && opts.flags?.volatile === undefined;
    const isPassing = this.#options.passing.has(String(packet.data[0]));
    if (this.#isRecoverable && isRepeatable && !isPassing) this.#retain(packet, opts);
    super.broadcast(packet, opts);
  }

  #retain(packet: Packet, opts: BroadcastOptions): void {
    const to = this.#recipients(opts);
    if (to.size === 0 && this.#sessions.size === 0 && this.#claims.size === 0) return;
    this.#seq += 1;
    const bytes = estimateBytes(packet.data);
    // The client keeps a last argument that is a string as its offset.
    packet.data.push(this.#seq.toString(36));
    this.#retained.set(this.#seq, { data: packet.data, opts, bytes, atMs: Date.now(), to });
    this.#bytes += bytes;
    while (this.#retained.size > this.#options.maxPackets || this.#bytes > this.#options.maxBytes) this.#dropOldest();
  }

  #recipients(opts: BroadcastOptions): Set<string> {
    const rooms = [...opts.rooms];
    const to = new Set(
      rooms.length === 0 ? this.sids.keys() : rooms.flatMap((room) => [...(this.rooms.get(room) ?? [])]),
    );
    for (const room of opts.except ?? []) for (const sid of this.rooms.get(room) ?? []) to.delete(sid);
    return to;
  }

  #dropOldest(): void {
    const oldest = this.#retained.entries().next().value;
    if (oldest === undefined) return;
    const [seq, packet] = oldest;
    this.#retained.delete(seq);
    this.#bytes -= packet.bytes;
    this.#newestDropped = seq;
    for (const sid of packet.to) if (this.sids.has(sid) || this.#away.has(sid)) this.#lost.set(sid, seq);
  }

  #expire(nowMs: number): void {
    const thresholdMs = nowMs - this.#options.windowMs;
    for (const session of this.#sessions.values()) if (session.disconnectedAtMs < thresholdMs) this.#forget(session);
    for (const packet of this.#retained.values()) {
      if (packet.atMs >= thresholdMs) break;
      this.#dropOldest();
    }
  }

  #forget(session: KeptSession): void {
    this.#sessions.delete(session.pid);
    this.#away.delete(session.sid);
    if (!this.sids.has(session.sid)) this.#lost.delete(session.sid);
  }

  override persistSession(session: { sid: string; pid: string; rooms: string[]; data: unknown }): void {
    if (!this.#isRecoverable) return;
    this.#keep({ ...session, disconnectedAtMs: Date.now(), lastSeq: this.#seq });
  }

  #keep(session: KeptSession): void {
    this.#sessions.set(session.pid, session);
    this.#away.add(session.sid);
    const oldest = this.#sessions.size > this.#options.maxSessions ? this.#sessions.values().next().value : undefined;
    if (oldest !== undefined) this.#forget(oldest);
  }

  /** Rejects when there is nothing to recover; socket.io then makes a new session. The missed packets follow in `replay`. */
  override async restoreSession(pid: string, offset: string): Promise<Session> {
    const from = /^[0-9a-z]{1,11}$/.test(offset) ? Number.parseInt(offset, 36) : -1;
    const session = this.#isRecoverable ? (this.#sessions.get(pid) ?? this.#takeOver(pid)) : undefined;
    if (session === undefined) throw new Error('no such session');
    this.#forgetUnlessComplete(session, from);
    this.#sessions.delete(pid);
    this.#claims.set(session.sid, { session, from });
    return { sid: session.sid, pid, rooms: session.rooms, data: session.data, missedPackets: [] };
  }

  /** A client may be back before the server noticed that its old connection is dead (for one ping timeout): end that one now. */
  #takeOver(pid: string): KeptSession | undefined {
    const { sockets } = this.nsp as { readonly sockets: ReadonlyMap<string, RawSocket> };
    for (const socket of sockets.values()) {
      if (socket.pid !== pid) continue;
      // Closing runs persistSession before it returns.
      socket.conn.close(true);
      return this.#sessions.get(pid);
    }
    return undefined;
  }

  #forgetUnlessComplete(session: KeptSession, from: number): void {
    const isExpired = session.disconnectedAtMs < Date.now() - this.#options.windowMs;
    if (!isExpired && this.#isComplete(session, from)) return;
    this.#forget(session);
    throw new Error('the session cannot be recovered completely');
  }

  /** Everything after `from` that was, or would have been, written to the socket is still here. */
  #isComplete(session: KeptSession, from: number): boolean {
    if (from < 0 || from > this.#seq) return false;
    return (this.#lost.get(session.sid) ?? 0) <= from && this.#newestDropped <= Math.max(from, session.lastSeq);
  }

  /** Socket.io calls this at the end of a socket, also of one whose handshake was refused: then the session stays for another try. */
  override delAll(sid: string): void {
    const claim = this.#claims.get(sid);
    this.#claims.delete(sid);
    if (claim !== undefined) this.#keep(claim.session);
    super.delAll(sid);
    if (!this.#away.has(sid)) this.#lost.delete(sid);
  }

  /** Sends a returning socket what it missed; call it in the `connection` handler. False when there was nothing to return to. */
  replay(socket: { readonly id: string }): boolean {
    const claim = this.#claims.get(socket.id);
    if (claim === undefined) return false;
    this.#claims.delete(socket.id);
    this.#away.delete(socket.id);
    const { session, from } = claim;
    if (!this.#isComplete(session, from)) return false;
    for (const [seq, packet] of this.#retained) {
      if (seq <= from) continue;
      const isMeant = seq <= session.lastSeq ? packet.to.has(session.sid) : isFor(session.rooms, packet.opts);
      if (!isMeant) continue;
      (socket as unknown as RawSocket).packet({ type: eventPacket, data: packet.data });
      packet.to.add(session.sid);
    }
    return true;
  }

  /** The returning socket turned out to be somebody else: nothing is replayed, and its old rooms are not its own. */
  forfeit(sid: string): void {
    this.#claims.delete(sid);
    this.#away.delete(sid);
    for (const room of this.socketRooms(sid) ?? []) void this.del(sid, room);
  }
}

function isFor(rooms: readonly string[], opts: BroadcastOptions): boolean {
  const isIncluded = opts.rooms.size === 0 || rooms.some((room) => opts.rooms.has(room));
  return isIncluded && rooms.every((room) => opts.except?.has(room) !== true);
}

const perValueBytes = 16;

/** Rough size of JSON-like data, without serialising it a second time. */
export function estimateBytes(value: unknown): number {
  if (typeof value === 'string') return perValueBytes + value.length;
  if (typeof value !== 'object' || value === null) return perValueBytes;
  let bytes = perValueBytes;
  for (const [key, item] of Object.entries(value)) bytes += key.length + estimateBytes(item);
  return bytes;
}

/** A class that socket.io can instantiate by itself, one per namespace. */
export function replayAdapter(options: ReplayOptions): typeof Adapter {
  return class extends ReplayAdapter {
    constructor(nsp: { readonly name: string }) {
      super(nsp, options);
    }
  };
}
