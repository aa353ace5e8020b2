/**
 * Two MessageLinks and the paths between them, on a test clock of its own: each generation is a pair of channels that are ordered and lossless while they
 * live, delay what they carry, and lose it when they are killed. That is what SCTP does.
 */
import type { Channel, ChannelHandlers } from '../../src/channels/connection.port.js';
import { MessageLink } from '../../src/channels/message-link.js';

type Data = string | Uint8Array;

interface Timer {
  readonly atMs: number;
  readonly fn: () => void;
  readonly order: number;
}

export class FakeTime {
  nowMs = 0;
  private timers: Timer[] = [];
  private order = 0;

  readonly schedule = (fn: () => void, delayMs: number): (() => void) => {
    const timer = { atMs: this.nowMs + delayMs, fn, order: this.order++ };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  };

  get pending(): number {
    return this.timers.length;
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const [next] = this.timers
        .filter(({ atMs }) => atMs <= endMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      if (next === undefined) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.fn();
    }
    this.nowMs = endMs;
  }
}

/** One end of a path. */
export class PathEnd implements Channel {
  readonly class: 'reliable' | 'latest';
  handlers: ChannelHandlers | null = null;
  peer: PathEnd | null = null;
  opened = false;
  alive = true;
  /** Sends fail while the channel looks open, as on a connection that is closing. */
  stuck = false;
  private inFlight = 0;

  constructor(
    readonly label: string,
    kind: 'reliable' | 'latest',
    private readonly time: FakeTime,
    private readonly delayMs: () => number,
  ) {
    this.class = kind;
  }

  private lastArrivalMs = 0;

  id(): number | null {
    return 2;
  }

  isOpen(): boolean {
    return this.opened && this.alive;
  }

  send(data: Data): boolean {
    if (!this.isOpen() || this.stuck) return false;
    const copy = typeof data === 'string' ? data : data.slice();
    this.inFlight += data.length;
    this.lastArrivalMs = Math.max(this.lastArrivalMs, this.time.nowMs + this.delayMs());
    this.time.schedule(() => {
      this.inFlight -= data.length;
      if (this.alive && this.peer?.alive === true) this.peer.handlers?.message(copy);
      if (this.isOpen() && this.inFlight <= 256 * 1024) this.handlers?.drained();
    }, this.lastArrivalMs - this.time.nowMs);
    return true;
  }

  bufferedBytes(): number {
    return this.inFlight;
  }

  setLowWaterBytes(): void {
    // The low water of the link, 256 KiB, is built in.
  }

  close(): void {
    this.alive = false;
  }

  open(): void {
    this.opened = true;
    this.handlers?.open();
  }
}

export interface Party {
  readonly link: MessageLink;
  readonly received: Data[];
  readonly drops: [string, number][];
  /** How many went out once more, each time. */
  readonly replays: number[];
  /** Bytes of messages over all paths. */
  readonly carried: { in: number; out: number };
}

export class LinkPair {
  readonly time = new FakeTime();
  readonly paths = new Map<number, readonly [PathEnd, PathEnd]>();
  delayMs: () => number = () => 1;

  party(
    options: Partial<{ replayBufferBytes: number; dropAboveBufferedBytes: number; maxMessageBytes: number }> = {},
  ): Party {
    const received: Data[] = [];
    const drops: [string, number][] = [];
    const replays: number[] = [];
    const carried = { in: 0, out: 0 };
    const link = new MessageLink({
      maxMessageBytes: 65_536,
      replayBufferBytes: 1024 * 1024,
      dropAboveBufferedBytes: 64 * 1024,
      ...options,
      schedule: this.time.schedule,
      deliver: (_label, data) => received.push(typeof data === 'string' ? data : data.slice()),
      dropped: (_label, cause, count) => drops.push([cause, count]),
      replayed: (_label, count) => replays.push(count),
      carried: (direction, bytes) => (carried[direction] += bytes),
    });
    return { link, received, drops, replays, carried };
  }

  /** A path of one channel between two links; open when told. */
  path(generation: number, a: Party, b: Party, kind: 'reliable' | 'latest' = 'reliable'): readonly [PathEnd, PathEnd] {
    const ends = [a, b].map((party) => {
      const end = new PathEnd('data', kind, this.time, () => this.delayMs());
      end.handlers = party.link.attach(generation, 'data', end);
      return end;
    }) as [PathEnd, PathEnd];
    ends[0].peer = ends[1];
    ends[1].peer = ends[0];
    this.paths.set(generation, ends);
    return ends;
  }

  /** Everything on its way is lost, and both sides learn that their channel closed. */
  kill(generation: number): void {
    for (const end of this.paths.get(generation) ?? []) {
      if (!end.alive) continue;
      end.alive = false;
      end.handlers?.closed();
    }
  }
}
