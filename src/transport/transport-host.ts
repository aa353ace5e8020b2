/**
 * Owner of every native connection, outside of any actor: an actor that crashes leaves its tube's connections carrying data, and its successor, or
 * the registry's finaliser, finds them here. It brings generations up on command (transport.actor.ts) and passes messages between channels
 * and the rest of the service; when to restart is the tube's to decide.
 */
import { randomBytes } from 'node:crypto';
import type { FailureCode } from '../../machines/failure.js';
import type {
  SelectedPair,
  TransportCommand,
  TransportEvent,
  TransportInput,
  TransportState,
} from '../../machines/ports/transport.port.js';
import type { ChannelClass } from '../../machines/settings.js';
import type { ConnectionConfig, ConnectionFactory, ConnectionFault } from '../channels/connection.port.js';
import type { EndCause, LaneStats } from '../channels/lane.js';
import type { FlowMeter } from './flow-meter.js';
import { Generation, type PathLoss } from './generation.js';
import type { Clock } from './generation.types.js';
import { HeardReports } from './heard-reports.js';
import type { TransportCounter, TransportObserver } from './transport-observer.js';
import { type GenerationListener, TubeEntry } from './tube-entry.js';

/** `settle` looks this often. Longer than an acknowledgement may be due (lane.ts), so that the last one is out. */
const settleLookMs = 50;
/** `closeAll` gives up waiting for connections to close after this. */
const closeAllWithinMs = 3000;

export interface TransportHostOptions {
  readonly createConnection: ConnectionFactory;
  /** Asked for every generation: ICE servers may change at run time, and credentials for them are made anew. */
  connection(tube: Pick<TransportInput, 'tubeId' | 'settings'>): Omit<ConnectionConfig, 'maxMessageBytes'>;
  readonly observer: TransportObserver;
  /** Default: the real one. */
  readonly clock?: Clock;
}

export interface TubeStats {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly rttMs: number | null;
  /** After a cut-over that of the path before, until there is one of the new path; null when the peer never answered anything. */
  readonly loss: PathLoss | null;
  readonly selectedPair: SelectedPair | null;
  readonly bufferedBytes: number;
  readonly generations: readonly {
    readonly generation: number;
    readonly state: TransportState;
    readonly active: boolean;
  }[];
  readonly channels: readonly LaneStats[];
}

/** What an actor holds of its generation. */
export interface GenerationHandle {
  command(command: TransportCommand): void;
  /** The actor ends; the generation lives on until it is adopted or its tube is closed. */
  release(): void;
}

const realClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (fn, delayMs) => {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
};

export class TransportHost {
  private readonly tubes = new Map<string, TubeEntry>();
  private readonly generations = new Set<Generation>();
  private readonly emptied = new Set<() => void>();
  private readonly observer: TransportObserver;
  private readonly clock: Clock;

  constructor(private readonly options: TransportHostOptions) {
    this.observer = this.guarded(options.observer);
    const clock = options.clock ?? realClock;
    this.clock = {
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      schedule: (fn, delayMs) => clock.schedule(() => this.attempt('timer', 'listener_threw', fn), delayMs),
    };
  }

  /**
   * Brings up a new generation, or (mode `adopt`) takes a live one over; everything more comes through `listener`. Of generations that a crashed
   * actor left behind only the active one is kept.
   */
  open(input: TransportInput, listener: GenerationListener): GenerationHandle {
    if (input.mode.kind === 'adopt') return this.adopt(input, listener);
    const entry = this.tubes.get(input.tubeId) ?? this.createEntry(input);
    entry.live.get(input.generation)?.generation.close();
    this.closeOrphans(entry, entry.active);
    const generation = this.createGeneration(entry, input);
    const live = { generation, listener };
    entry.live.set(input.generation, live);
    generation.start();
    return this.handle(entry, generation, live);
  }

  /** @returns null when accepted; see MessageLink.send, and `tube_unknown` */
  send(tubeId: string, label: string, data: string | Uint8Array): FailureCode | null {
    const entry = this.tubes.get(tubeId);
    return entry === undefined ? 'tube_unknown' : entry.link.send(label, data);
  }

  /** What kind of channel a label is; `reliable` when it is not known. */
  classOf(tubeId: string, label: string): ChannelClass {
    return this.tubes.get(tubeId)?.classOf(label) ?? 'reliable';
  }

  /** Application channels of all tubes by class: how many are open, and what waits to be sent. */
  channelTotals(): Readonly<Record<ChannelClass, { readonly open: number; readonly bufferedBytes: number }>> {
    const totals = { reliable: { open: 0, bufferedBytes: 0 }, latest: { open: 0, bufferedBytes: 0 } };
    for (const { link } of this.tubes.values()) {
      for (const { kind, isOpen, bufferedBytes } of link.all()) {
        totals[kind].open += Number(isOpen);
        totals[kind].bufferedBytes += bufferedBytes;
      }
    }
    return totals;
  }

  /** Generations whose control channel is open. */
  openControls(): number {
    let open = 0;
    for (const { isUp } of this.generations) open += Number(isUp);
    return open;
  }

  /** What is known of the silences of a tube; null for one that has had no generation here. It may be kept beyond the end of the tube. */
  flow(tubeId: string): FlowMeter | null {
    return this.tubes.get(tubeId)?.flow ?? null;
  }

  /** Null for a tube that has none here. */
  async stats(tubeId: string): Promise<TubeStats | null> {
    const entry = this.tubes.get(tubeId);
    if (entry === undefined) return null;
    const live = [...entry.live.values()].map(({ generation }) => generation);
    // One that is going may refuse to be asked; the rest is still worth having.
    const asked = await Promise.allSettled(live.map((generation) => generation.stats()));
    const each = asked.map((answer) => (answer.status === 'fulfilled' ? answer.value : null));
    const shown = live.findIndex((generation) => generation.number === entry.active);
    const channels = entry.link.stats();
    return {
      bytesSent: each.reduce((sum, stats) => sum + (stats?.bytesSent ?? 0), entry.past.bytesSent),
      bytesReceived: each.reduce((sum, stats) => sum + (stats?.bytesReceived ?? 0), entry.past.bytesReceived),
      rttMs: each[shown]?.rttMs ?? null,
      loss: live[shown]?.loss() ?? entry.lastLoss,
      selectedPair: each[shown]?.selectedPair ?? null,
      bufferedBytes: channels.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0),
      generations: live.map((generation) => ({
        generation: generation.number,
        state: generation.state(),
        active: generation.number === entry.active,
      })),
      channels,
    };
  }

  /** Breaks the path that carries data; false when the tube has none that can be broken. */
  injectFault(tubeId: string, fault: ConnectionFault, durationMs: number): boolean {
    const entry = this.tubes.get(tubeId);
    return entry?.live.get(entry.active ?? -1)?.generation.injectFault(fault, durationMs) ?? false;
  }

  /** Generations whose native connection is not closed yet, those of closed tubes included. */
  liveGenerations(): number {
    return this.generations.size;
  }

  /** Finaliser of a tube: closes what is open and forgets it. Idempotent, never throws; `transport.closed` still reaches who listens. */
  closeTube(tubeId: string, cause: EndCause = 'closed'): void {
    const entry = this.tubes.get(tubeId);
    if (entry === undefined) return;
    this.tubes.delete(tubeId);
    entry.link.close(cause);
    for (const { generation } of [...entry.live.values()]) generation.close();
  }

  /** The process is about to leave its tubes to another: nothing more is taken from peers (MessageLink.deafen). */
  deafen(): void {
    for (const { link } of this.tubes.values()) link.deafen();
  }

  /** Gives what was accepted for peers up to `withinMs` to arrive. The connections stay: to close them would close the channels of plain peers. */
  async settle(withinMs: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + withinMs;
    do await this.pause(settleLookMs);
    while (this.clock.monotonicMs() < endMs && !this.isSettled());
  }

  /** A tube without a path has nobody to settle with. */
  private isSettled(): boolean {
    return [...this.tubes.values()].every(({ active, link }) => active === null || link.isSettled);
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.clock.schedule(resolve, delayMs));
  }

  /** Closes every tube and waits until the connections are closed, at most 3 s. */
  async closeAll(): Promise<void> {
    for (const tubeId of [...this.tubes.keys()]) this.closeTube(tubeId);
    if (this.generations.size === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.clock.schedule(() => done(), closeAllWithinMs);
      const done = (): void => {
        cancel();
        this.emptied.delete(done);
        resolve();
      };
      this.emptied.add(done);
    });
  }

  private adopt(input: TransportInput, listener: GenerationListener): GenerationHandle {
    const entry = this.tubes.get(input.tubeId);
    const live = entry?.live.get(input.generation);
    if (entry === undefined || live === undefined) {
      const origin = { generation: input.generation, atMs: this.clock.now() };
      this.tell(listener, { type: 'transport.down', cause: 'closed', ...origin });
      this.tell(listener, { type: 'transport.closed', ...origin });
      return { command: () => undefined, release: () => undefined };
    }
    live.listener = listener;
    this.closeOrphans(entry, input.generation);
    this.reportState(live.generation, listener);
    return this.handle(entry, live.generation, live);
  }

  private reportState(generation: Generation, listener: GenerationListener): void {
    const origin = { generation: generation.number, atMs: this.clock.now() };
    this.tell(listener, { type: 'transport.stateChanged', state: generation.state(), ...origin });
    for (const channel of generation.records())
      this.tell(listener, { type: 'transport.channelOpened', channel, ...origin });
    if (generation.isUp) this.tell(listener, { type: 'transport.up', ...origin });
    const { selectedPair: pair } = generation;
    if (pair !== null) this.tell(listener, { type: 'transport.selectedPair', pair, ...origin });
  }

  private handle(
    entry: TubeEntry,
    generation: Generation,
    live: { listener: GenerationListener | null },
  ): GenerationHandle {
    const mine = live.listener;
    return {
      command: (command) => {
        if (!generation.hasEnded)
          this.attempt('command', 'command_threw', () => this.execute(entry, generation, command));
      },
      release: () => {
        if (live.listener === mine) live.listener = null;
      },
    };
  }

  private execute(entry: TubeEntry, generation: Generation, command: TransportCommand): void {
    switch (command.type) {
      case 'transport.applyAnswer':
        return generation.applyAnswer(command.requestId, command.sdp);
      case 'transport.addCandidate':
        return generation.addCandidate(command.requestId, command.candidate, command.mid);
      case 'transport.ping':
        return generation.ping(command.seq);
      case 'transport.sample':
        return generation.sample();
      case 'transport.activate':
        entry.activate(generation.number);
        return this.closeOrphans(entry, generation.number);
      case 'transport.close':
        return generation.close();
    }
  }

  private createEntry({ tubeId, settings, peerSession = null }: TransportInput): TubeEntry {
    const instance = randomBytes(9).toString('hex');
    const entry = new TubeEntry(tubeId, instance, this.clock, settings, this.observer, peerSession);
    this.tubes.set(tubeId, entry);
    return entry;
  }

  private createGeneration(entry: TubeEntry, input: TransportInput): Generation {
    const reports = new HeardReports(this.clock, (data, atMs) => {
      if (!generation.hasEnded)
        this.dispatch(entry, generation, { type: 'transport.heard', data, generation: generation.number, atMs });
    });
    const generation: Generation = new Generation(input, {
      createConnection: this.options.createConnection,
      connection: () => this.options.connection(input),
      clock: this.clock,
      link: entry.link,
      facts: entry,
      emit: (event) => this.dispatch(entry, generation, event),
      heard: (data) => {
        const nowMs = this.clock.monotonicMs();
        entry.flow.heard(nowMs);
        reports.heard(data, nowMs);
      },
      count: (counter) => this.observer.counted(counter, 1),
      flooded: () => this.flooded(entry.tubeId),
      gathered: (durationMs, relay) => this.observer.gathered?.(durationMs, relay),
    });
    this.generations.add(generation);
    return generation;
  }

  private flooded(tubeId: string): void {
    this.observer.counted('peer_flooded', 1);
    this.observer.flooded?.(tubeId);
  }

  private dispatch(entry: TubeEntry, generation: Generation, event: TransportEvent): void {
    const live = entry.live.get(generation.number);
    const listener = live?.generation === generation ? live.listener : null;
    if (event.type === 'transport.described') entry.described(generation);
    if (event.type === 'transport.closed') this.ended(entry, generation);
    if (listener !== null) this.tell(listener, event);
  }

  private ended(entry: TubeEntry, generation: Generation): void {
    entry.forget(generation);
    this.generations.delete(generation);
    generation
      .stats()
      .then(({ bytesSent, bytesReceived }) => {
        entry.past.bytesSent += bytesSent;
        entry.past.bytesReceived += bytesReceived;
      })
      .catch(() => undefined);
    if (this.generations.size === 0) for (const wake of [...this.emptied]) wake();
  }

  /** Generations that nobody listens to: what a crashed actor was bringing up, or letting linger. */
  private closeOrphans(entry: TubeEntry, keep: number | null): void {
    for (const { generation, listener } of [...entry.live.values()]) {
      if (listener !== null || generation.number === keep) continue;
      this.observer.counted('generation_orphaned', 1);
      generation.close();
    }
  }

  private tell(listener: GenerationListener, event: TransportEvent): void {
    this.attempt('listener', 'listener_threw', () => listener(event));
  }

  /** Listeners are called from native callbacks and timers: nothing they throw may get there. */
  private attempt(where: string, counter: TransportCounter, fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.observer.counted(counter, 1);
      this.observer.fault(where, error);
    }
  }

  private guarded(observer: TransportObserver): TransportObserver {
    const quiet = (fn: () => void): void => {
      try {
        fn();
      } catch {
        // The observer is where faults are told; its own have no other place.
      }
    };
    return {
      message: (...args) => this.attempt('message', 'listener_threw', () => observer.message(...args)),
      dropped: (...args) => this.attempt('dropped', 'listener_threw', () => observer.dropped(...args)),
      flooded: (...args) => this.attempt('flooded', 'listener_threw', () => observer.flooded?.(...args)),
      replayed: (...args) => this.attempt('replayed', 'listener_threw', () => observer.replayed?.(...args)),
      gathered: (...args) => this.attempt('gathered', 'listener_threw', () => observer.gathered?.(...args)),
      counted: (counter, count) => quiet(() => observer.counted(counter, count)),
      fault: (where, error) => quiet(() => observer.fault(where, error)),
    };
  }
}
