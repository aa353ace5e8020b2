/** Runs the tube chart live under a parent that only listens, on a test clock, with a transport that only writes down what it is told. */
import { createActor, fromCallback, fromTransition, type AnyActorRef } from 'xstate';
import type { NodeFacts, TubeEmission, TubeEvent, TubeIdentity, TubeRecord, TubeState } from '../../machines/events.js';
import type {
  ChannelRecord,
  PeerKind,
  TransportCommand,
  TransportEvent,
  TransportInput,
} from '../../machines/ports/transport.port.js';
import type { TubeSettings } from '../../machines/settings.js';
import type { TubeInput } from '../../machines/tube.context.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import { defaultSettings } from './settings.js';
import { TestClock } from './test-clock.js';
import type { NetworkChangeType, PeerSignalling, RestartTrigger, Route } from '../../machines/policies/recovery.js';

export const identity: TubeIdentity = {
  tubeId: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  conversationId: 'conversation-1',
  tenant: 'tenant-1',
  peerTokenDigest: '00',
  createdAtMs: 1_000_000,
};

type Plain<Event> = Event extends unknown ? Omit<Event, 'generation' | 'atMs'> : never;
type Timed<Value> = Value & { readonly sinceStartMs: number };

export interface HarnessOptions {
  readonly settings?: Partial<TubeSettings>;
  /** Carry this record on instead of creating a tube. */
  readonly resume?: TubeRecord;
  /** What the crashed actor knew of the peer's signalling. */
  readonly signalling?: PeerSignalling;
  /** Its restart waits for the node. */
  readonly held?: boolean;
}

/** What the fake transport has seen of one generation. */
export interface FakeTransport {
  readonly input: TransportInput;
  readonly commands: Timed<TransportCommand>[];
  /** Its actor was stopped. */
  stopped: boolean;
}

export class TubeHarness {
  readonly clock = new TestClock();
  readonly startMs = this.clock.nowMs;
  readonly emissions: Timed<TubeEmission>[] = [];
  readonly transports = new Map<number, FakeTransport>();
  /** What the tube's parent was told: done or error. */
  readonly ended: string[] = [];
  readonly settings: TubeSettings;
  /** What its registry knows of its generation before it has said anything. */
  readonly firstGeneration: number;
  /** Transitions that were taken, as `transitionsOf` names them. */
  readonly taken = new Set<string>();
  /** Whether pings are answered (20 ms RTT, at once on the clock). */
  ponging = true;
  /** Whether `transport.close` is followed by `transport.closed`. */
  closing = true;
  /** Told every command, after it was written down. */
  commanded: (generation: number, command: TransportCommand) => void = () => undefined;
  /** A command of this type makes the transport throw. */
  throwsOn: TransportCommand['type'] | null = null;
  readonly #tube;
  #requests = 0;

  constructor({ settings, resume, signalling = 'relayed', held = false }: HarnessOptions = {}) {
    this.settings = { ...defaultSettings, ...settings };
    this.firstGeneration = resume?.generation ?? 1;
    const parent = createActor(
      fromTransition((state: null, event: { type: string }) => {
        this.ended.push(event.type.replace(/\.tube$/, ''));
        return state;
      }, null),
      { clock: this.clock },
    );
    parent.start();
    const atMs = this.clock.nowMs;
    const input: TubeInput =
      resume === undefined
        ? { kind: 'create', identity, settings: this.settings, atMs }
        : { kind: 'resume', record: resume, signalling, held, atMs };
    const machine = tubeMachine.provide({ actors: { transport: this.#transport() } });
    this.#tube = createActor(machine, { parent: parent as never, id: 'tube', input });
    this.#tube.on('*', (emission) => {
      this.emissions.push({ ...emission, sinceStartMs: this.elapsedMs });
    });
    parent.system.inspect((inspected) => {
      if (inspected.type !== '@xstate.microstep' || inspected.actorRef !== this.#tube) return;
      for (const transition of inspected._transitions) this.taken.add(nameOf(transition));
    });
    this.#tube.start();
  }

  #transport() {
    return fromCallback<TransportCommand, TransportInput>(({ input, receive, sendBack }) => {
      const seen: FakeTransport = { input, commands: [], stopped: false };
      this.transports.set(input.generation, seen);
      receive((command) => {
        seen.commands.push({ ...command, sinceStartMs: this.elapsedMs });
        const origin = { generation: input.generation, atMs: this.clock.nowMs };
        if (command.type === this.throwsOn) throw new Error('thrown by the test');
        if (command.type === 'transport.ping' && this.ponging)
          sendBack({ type: 'transport.pong', seq: command.seq, rttMs: 20, ...origin } satisfies TransportEvent);
        this.commanded(input.generation, command);
        if (command.type === 'transport.close' && this.closing)
          sendBack({ type: 'transport.closed', ...origin } satisfies TransportEvent);
      });
      return () => {
        seen.stopped = true;
      };
    });
  }

  // What is done to it.

  send(event: TubeEvent): void {
    this.#tube.send(event);
  }

  /** A report of a generation, as its transport would make it; also of generations that are gone. */
  report(generation: number, event: Plain<TransportEvent>): void {
    this.send({ ...event, generation, atMs: this.clock.nowMs });
  }

  begin(offer = false): void {
    const sent = offer ? { sdp: 'offer of the peer', requestId: this.#requestId() } : null;
    this.send({ type: 'tube.begin', offer: sent, atMs: this.clock.nowMs });
  }

  /** A tube of `record` in a process that has just started. */
  static afterProcess(record: TubeRecord, options: Omit<HarnessOptions, 'resume'> = {}): TubeHarness {
    const tube = new TubeHarness({ held: true, ...options, resume: { ...record, activeGeneration: null } });
    tube.send({ type: 'tube.begin', offer: null, cause: 'service_restart', atMs: tube.clock.nowMs });
    return tube;
  }

  described(generation = this.newest, type: 'offer' | 'answer' = 'offer'): void {
    this.report(generation, {
      type: 'transport.described',
      description: { type, sdp: `${type} ${String(generation)}` },
    });
  }

  /** The description of the peer is applied. */
  applied(peer: PeerKind, generation = this.newest, sameConnection = peer === 'plain', requestId = 'applied'): void {
    const newConnection = peer === 'plain' && !sameConnection && this.of('cutOver').length > 0;
    const remote = { peerKind: peer, sameConnection, newConnection, dtlsRole: 'active' as const };
    this.report(generation, { type: 'transport.remoteApplied', requestId, ...remote });
  }

  up(generation = this.newest): void {
    this.report(generation, { type: 'transport.up' });
  }

  down(generation: number, cause: 'disconnected' | 'failed' | 'closed' = 'failed'): void {
    this.report(generation, { type: 'transport.down', cause });
  }

  /** A description from the peer or controller. Returns the id of the call. */
  describe(type: 'offer' | 'answer', generation: number | null = null): string {
    const requestId = this.#requestId();
    const description = { type, sdp: `${type} of the peer` };
    this.send({ type: 'tube.remoteDescription', requestId, description, generation, atMs: this.clock.nowMs });
    return requestId;
  }

  /** The answer to the pending offer comes and is applied. */
  answer(peer: PeerKind = 'plain', generation = this.newest): string {
    const requestId = this.describe('answer', generation);
    this.applied(peer, generation, peer === 'plain' && generation > 1, requestId);
    return requestId;
  }

  candidate(generation: number | null): string {
    const requestId = this.#requestId();
    this.send({
      type: 'tube.remoteCandidate',
      requestId,
      candidate: 'candidate:1',
      mid: '0',
      generation,
      atMs: this.clock.nowMs,
    });
    return requestId;
  }

  restart(trigger: RestartTrigger = 'manual', fresh = false): string {
    const requestId = this.#requestId();
    this.send({ type: 'tube.restart', requestId, trigger, fresh, atMs: this.clock.nowMs });
    return requestId;
  }

  signalling(online: boolean): void {
    this.send({ type: 'tube.peerSignalling', online, atMs: this.clock.nowMs });
  }

  /** `route`: of a change of the host, its way to the peer since. */
  networkChanged(
    change: NetworkChangeType,
    source: 'host' | 'peer' | 'controller' = 'host',
    route: Route | null = null,
  ): void {
    this.send({ type: 'tube.networkChanged', change, source, detail: 'test', route, atMs: this.clock.nowMs });
  }

  /** What the node tells all of its tubes. */
  node(node: Partial<NodeFacts>): void {
    this.send({ type: 'tube.nodeChanged', node, atMs: this.clock.nowMs });
  }

  /** The pair that a generation uses; `type` is that of its remote end. */
  pair(generation: number, type = 'host'): void {
    const end = { protocol: 'udp', address: '192.0.2.1', port: 9 };
    const pair = { local: { ...end, type: 'host' }, remote: { ...end, type } };
    this.report(generation, { type: 'transport.selectedPair', pair });
  }

  close(): void {
    this.send({ type: 'tube.close', reason: 'requested', atMs: this.clock.nowMs });
  }

  heard(data: boolean, generation = this.context.active ?? 0): void {
    this.report(generation, { type: 'transport.heard', data });
  }

  advance(ms: number): void {
    this.clock.advance(ms);
  }

  /** A tube in `connected` over generation 1, its pings answered. */
  static connected(peer: PeerKind = 'plain', options: HarnessOptions = {}): TubeHarness {
    const tube = new TubeHarness(options);
    tube.begin();
    tube.described();
    tube.answer(peer);
    tube.report(1, { type: 'transport.channelOpened', channel: controlChannel });
    tube.report(1, { type: 'transport.channelOpened', channel: dataChannel });
    tube.up();
    return tube;
  }

  /** The pending attempt is described, answered and comes up. */
  complete(peer: PeerKind = 'plain'): void {
    this.described();
    this.answer(peer);
    this.up();
  }

  #requestId(): string {
    return `call-${String((this.#requests += 1))}`;
  }

  // What is seen of it.

  get elapsedMs(): number {
    return this.clock.nowMs - this.startMs;
  }

  get snapshot() {
    return this.#tube.getSnapshot();
  }

  get context() {
    return this.snapshot.context;
  }

  get newest(): number {
    return this.context.generation;
  }

  /** All of the state: `degraded.restarting.overlapping`. */
  get path(): string {
    const parts = (value: unknown): string[] =>
      typeof value === 'string'
        ? [value]
        : Object.entries(value as object).flatMap(([key, inner]) => [key, ...parts(inner)]);
    return parts(this.snapshot.value).join('.');
  }

  get state(): TubeState {
    return this.path.split('.')[0] as TubeState;
  }

  /** Ids of the children that run. */
  get children(): string[] {
    const children: Record<string, AnyActorRef | undefined> = this.snapshot.children;
    return Object.keys(children)
      .filter((id) => (children[id]?.getSnapshot() as { status: string }).status === 'active')
      .sort();
  }

  /** The snapshot of the restart child; undefined when there is none. */
  get restartChild(): { readonly value: unknown; readonly status: string } | undefined {
    const children: Record<string, AnyActorRef | undefined> = this.snapshot.children;
    return children['restart']?.getSnapshot() as { value: unknown; status: string } | undefined;
  }

  of<Type extends TubeEmission['type']>(type: Type): Timed<Extract<TubeEmission, { type: Type }>>[] {
    return this.emissions.filter((emission) => emission.type === type) as never;
  }

  last<Type extends TubeEmission['type']>(type: Type): Timed<Extract<TubeEmission, { type: Type }>> | undefined {
    return this.of(type).at(-1);
  }

  get states(): TubeState[] {
    return this.of('state').map(({ state }) => state);
  }

  /** Commands to a generation, without pings and samples; `@` when on the test's clock. */
  commands(generation: number): string[] {
    return (this.transports.get(generation)?.commands ?? [])
      .filter(({ type }) => type !== 'transport.ping' && type !== 'transport.sample')
      .map(({ type, sinceStartMs }) => `${type.slice('transport.'.length)}@${String(sinceStartMs)}`);
  }

  refusal(requestId: string): string | undefined {
    return this.of('refused').find((emission) => emission.requestId === requestId)?.failure.code;
  }

  /** Forgets what was emitted so far. */
  clear(): void {
    this.emissions.length = 0;
  }
}

interface Transition {
  readonly source: { readonly id: string };
  readonly eventType: string;
  readonly guard?: unknown;
  readonly target?: readonly { readonly id: string }[] | undefined;
}

function nameOf({ source, eventType, guard, target }: Transition): string {
  const to = target === undefined ? '' : ` -> ${target.map(({ id }) => id).join()}`;
  const known =
    guard === undefined
      ? ''
      : ` [${typeof guard === 'string' ? guard : String((guard as { type?: string }).type ?? 'in')}]`;
  return `${source.id} ${eventType}${known}${to}`;
}

interface StateNode {
  readonly transitions: ReadonlyMap<string, readonly Transition[]>;
  readonly always?: readonly Transition[];
  readonly states: Readonly<Record<string, StateNode>>;
}

/** All transitions that the chart has. */
export function transitionsOf(node: StateNode = tubeMachine.root): string[] {
  const own = [...node.transitions.values(), node.always ?? []].flat().map(nameOf);
  return [...own, ...Object.values(node.states).flatMap((state) => transitionsOf(state))];
}

export const controlChannel: ChannelRecord = { label: 'control', id: 0, class: 'reliable' };
export const dataChannel: ChannelRecord = { label: 'data', id: 2, class: 'reliable' };
