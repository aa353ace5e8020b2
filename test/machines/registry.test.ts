import { describe, expect, test } from '@jest/globals';
import { createActor, fromCallback, setup, type AnyActorRef } from 'xstate';
import type { TubeEmission, TubeEvent, TubeState } from '../../machines/events.js';
import type { TransportCommand, TransportEvent, TransportInput } from '../../machines/ports/transport.port.js';
import { createRegistryLogic, stopSubtree } from '../../machines/registry.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import { installIndexedScheduler } from '../../src/registry/indexed-scheduler.js';
import { defaultSettings } from '../support/settings.js';
import { TestClock } from '../support/test-clock.js';
import { dataChannel, identity } from '../support/tube-harness.js';

interface Notice {
  readonly tubeId: string;
  readonly previous: TubeState;
  readonly emission: TubeEmission;
}

class Harness {
  readonly clock = new TestClock();
  readonly notices: Notice[] = [];
  readonly released: string[] = [];
  readonly releaseReasons: string[] = [];
  readonly crashes: string[] = [];
  /** `tube/generation` of the transport actors that run. */
  readonly running = new Set<string>();
  readonly inputs: TransportInput[] = [];
  /** `tube command` that makes a transport throw. */
  throwsOn = '';
  readonly pendingTimers: () => number;
  readonly root;
  #crashing = false;

  constructor() {
    const transport = fromCallback<TransportCommand, TransportInput>(({ input, receive, sendBack }) => {
      const name = `${input.tubeId}/${String(input.generation)}`;
      this.inputs.push(input);
      this.running.add(name);
      if (this.throwsOn === `${input.tubeId} start`) throw new Error('thrown by the test');
      receive((command) => {
        if (this.throwsOn === `${input.tubeId} ${command.type}`) throw new Error('thrown by the test');
        const origin = { generation: input.generation, atMs: this.clock.nowMs };
        if (command.type === 'transport.ping')
          sendBack({ type: 'transport.pong', seq: command.seq, rttMs: 20, ...origin } satisfies TransportEvent);
        if (command.type === 'transport.close')
          sendBack({ type: 'transport.closed', ...origin } satisfies TransportEvent);
      });
      return () => {
        this.running.delete(name);
      };
    });
    const noteFailedOperation = (): void => {
      if (this.#crashing) throw new Error('thrown by the test');
    };
    const logic = createRegistryLogic(
      tubeMachine.provide({ actors: { transport }, actions: { noteFailedOperation } }),
      {
        now: () => this.clock.nowMs,
        crashRestarts: 5,
        crashWindowMs: 30_000,
        notice: (entry, previous, emission) => {
          this.notices.push({ tubeId: entry.identity.tubeId, previous, emission });
        },
        release: (tubeId, reason) => {
          this.released.push(tubeId);
          this.releaseReasons.push(reason);
        },
        crashed: (entry, _error, outcome) => {
          this.crashes.push(`${entry.identity.tubeId} ${outcome}`);
        },
      },
    );
    this.root = createActor(logic, { clock: this.clock });
    this.pendingTimers = installIndexedScheduler(this.root, this.clock);
    this.root.start();
  }

  open(tubeId: string): void {
    const atMs = this.clock.nowMs;
    const input = { kind: 'create' as const, identity: { ...identity, tubeId }, settings: defaultSettings, atMs };
    this.root.send({ type: 'registry.open', input, begin: { type: 'tube.begin', offer: null, atMs } });
  }

  deliver(tubeId: string, event: TubeEvent): void {
    this.root.send({ type: 'registry.deliver', tubeId, event });
  }

  /** Brings the newest generation of a tube up. */
  connect(tubeId: string): void {
    const generation = this.entry(tubeId)!.ref.getSnapshot().context.generation;
    const origin = { generation, atMs: this.clock.nowMs };
    this.deliver(tubeId, { type: 'transport.described', description: { type: 'offer', sdp: 'o' }, ...origin });
    const description = { type: 'answer' as const, sdp: 'a' };
    this.deliver(tubeId, {
      type: 'tube.remoteDescription',
      requestId: 'r',
      description,
      generation,
      atMs: origin.atMs,
    });
    this.deliver(tubeId, {
      type: 'transport.remoteApplied',
      requestId: 'r',
      peerKind: 'overlap',
      sameConnection: false,
      newConnection: false,
      dtlsRole: 'active',
      ...origin,
    });
    this.deliver(tubeId, { type: 'transport.channelOpened', channel: dataChannel, ...origin });
    this.deliver(tubeId, { type: 'transport.up', ...origin });
  }

  /** An action of the tube's own throws, so that XState leaves its children running. */
  crash(tubeId: string): void {
    this.#crashing = true;
    this.deliver(tubeId, { type: 'tube.operationFailed', atMs: this.clock.nowMs });
    this.#crashing = false;
  }

  entry(tubeId: string) {
    return this.root.getSnapshot().tubes.get(tubeId);
  }

  emissions(tubeId: string): TubeEmission[] {
    return this.notices.filter((notice) => notice.tubeId === tubeId).map(({ emission }) => emission);
  }
}

describe('the registry', () => {
  test('opens tubes, delivers their events and tells what they say with the state before', () => {
    const harness = new Harness();
    harness.open('a');
    harness.open('b');
    harness.connect('a');
    expect(harness.entry('a')?.state).toBe('connected');
    expect(harness.entry('b')?.state).toBe('initializing');
    expect(
      harness.notices
        .filter(({ tubeId, emission }) => tubeId === 'a' && emission.type === 'state')
        .map(({ previous, emission }) => [previous, emission.type === 'state' && emission.state]),
    ).toEqual([
      ['initializing', 'initializing'],
      ['initializing', 'connecting'],
      ['connecting', 'connected'],
    ]);
    expect(harness.entry('a')?.record).toMatchObject({ tubeId: 'a', activeGeneration: 1, channels: [dataChannel] });
  });

  test('ignores events for tubes that it does not know', () => {
    const harness = new Harness();
    harness.deliver('nobody', { type: 'tube.activity', atMs: 0 });
    harness.root.send({ type: 'xstate.done.actor.tube.nobody' } as never);
    harness.root.send({ type: 'xstate.error.actor.tube.nobody', error: new Error() } as never);
    expect(harness.root.getSnapshot().status).toBe('active');
    expect([harness.released, harness.crashes, harness.notices]).toEqual([[], [], []]);
  });

  test('forgets and releases a tube that is done', () => {
    const harness = new Harness();
    harness.open('a');
    harness.open('b');
    harness.connect('a');
    harness.deliver('a', { type: 'tube.close', reason: 'requested', atMs: 0 });
    expect(harness.emissions('a').at(-1)).toEqual({ type: 'closed', reason: 'requested' });
    expect([...harness.root.getSnapshot().tubes.keys()]).toEqual(['b']);
    expect([harness.released, harness.releaseReasons]).toEqual([['a'], ['requested']]);
    expect([...harness.running]).toEqual(['b/1']);
    expect(harness.crashes).toEqual([]);
  });

  test('shows counts only, and keeps one snapshot for ever', () => {
    const harness = new Harness();
    const before = harness.root.getSnapshot();
    harness.open('a');
    harness.open('b');
    expect(harness.root.getSnapshot()).toBe(before);
    expect(JSON.parse(JSON.stringify(before))).toEqual({ status: 'active', tubes: 2 });
  });

  test('leaves nothing behind after a thousand tubes', () => {
    const harness = new Harness();
    for (let n = 0; n < 1_000; n += 1) {
      harness.open(String(n));
      if (n % 2 === 0) harness.connect(String(n));
    }
    expect(harness.pendingTimers()).toBeGreaterThan(1_000);
    for (let n = 0; n < 1_000; n += 1) harness.deliver(String(n), { type: 'tube.close', reason: 'requested', atMs: 0 });
    expect(harness.pendingTimers()).toBe(0);
    expect(harness.clock.pending).toBe(0);
    expect(harness.running.size).toBe(0);
    expect(harness.released).toHaveLength(1_000);
  });

  test('resumes a tube from its record as a new generation', () => {
    const before = new Harness();
    before.open('a');
    before.connect('a');
    const harness = new Harness();
    harness.root.send({
      type: 'registry.resume',
      record: JSON.parse(JSON.stringify(before.entry('a')!.record)) as never,
    });
    expect(harness.entry('a')?.state).toBe('degraded');
    expect(harness.entry('a')?.ref.getSnapshot().context.signalling).toBe('relayed');
    expect(harness.inputs).toEqual([]);
    harness.deliver('a', { type: 'tube.nodeChanged', node: { held: false }, atMs: 0 });
    // There is nothing to adopt: its connections went with the process.
    expect(harness.inputs).toMatchObject([
      { tubeId: 'a', generation: 2, mode: { kind: 'offer' }, channels: [dataChannel] },
    ]);
    expect(harness.emissions('a').filter(({ type }) => type === 'state')).toEqual([
      { type: 'state', state: 'initializing', reason: 'resumed' },
      { type: 'state', state: 'degraded', reason: 'service_restart' },
    ]);
    harness.connect('a');
    expect(harness.entry('a')?.state).toBe('connected');
  });

  test('counts the time without a process as outage, and not as time that restarting took', () => {
    const before = new Harness();
    before.open('a');
    before.connect('a');
    const harness = new Harness();
    const resumedAtMs = harness.clock.nowMs;
    harness.root.send({
      type: 'registry.resume',
      record: before.entry('a')!.record!,
      silentSinceMs: resumedAtMs - 20 * 60_000,
    });
    harness.clock.advance(10_000);
    harness.deliver('a', { type: 'tube.nodeChanged', node: { held: false }, atMs: harness.clock.nowMs });
    expect(harness.entry('a')?.state).toBe('degraded');
    harness.connect('a');
    expect(harness.emissions('a').find(({ type }) => type === 'recovered')).toMatchObject({
      trigger: 'service_restart',
      outageMs: 20 * 60_000 + 10_000,
    });
  });

  test('leaves a tube that runs alone when its id is opened or resumed again', () => {
    const harness = new Harness();
    harness.open('a');
    harness.connect('a');
    const { ref, record } = harness.entry('a')!;
    const timers = harness.pendingTimers();
    harness.notices.length = 0;
    harness.open('a');
    harness.root.send({ type: 'registry.resume', record: record! });
    expect(harness.entry('a')!.ref).toBe(ref);
    expect(ref.getSnapshot().status).toBe('active');
    expect([...harness.running]).toEqual(['a/1']);
    expect(harness.pendingTimers()).toBe(timers);
    expect(harness.notices).toEqual([]);
    harness.deliver('a', { type: 'tube.close', reason: 'requested', atMs: 0 });
    expect(harness.pendingTimers()).toBe(0);
    harness.open('a');
    expect(harness.entry('a')?.state).toBe('initializing');
  });
});

describe('a tube that crashes', () => {
  test.each([true, false])('still knows whether its peer is online: %s', (online) => {
    const harness = new Harness();
    harness.open('a');
    harness.connect('a');
    harness.deliver('a', { type: 'tube.peerSignalling', online, atMs: harness.clock.nowMs });
    for (let n = 1; n <= 2; n += 1) {
      harness.crash('a');
      expect(harness.entry('a')!.ref.getSnapshot().context.signalling).toBe(online ? 'online' : 'offline');
    }
    // An offer could not reach a peer that is away.
    expect([...harness.running].sort()).toEqual(online ? ['a/1', 'a/3'] : ['a/1']);
    harness.deliver('a', { type: 'tube.peerSignalling', online: true, atMs: harness.clock.nowMs });
    harness.connect('a');
    expect(harness.entry('a')?.state).toBe('connected');
  });

  test('is reaped, and carried on from its record as a new generation; others do not notice', () => {
    const harness = new Harness();
    harness.open('a');
    harness.connect('a');
    harness.open('b');
    harness.connect('b');
    const old = harness.entry('a')!.ref;
    const other = harness.entry('b')!.ref;
    harness.notices.length = 0;
    harness.crash('a');
    expect(harness.crashes).toEqual(['a restarted']);
    expect(harness.released).toEqual([]);
    expect(old.getSnapshot().status).toBe('error');
    for (const child of Object.values(old.getSnapshot().children as Record<string, AnyActorRef>))
      expect(child.getSnapshot()).toMatchObject({ status: expect.stringMatching(/stopped|error/) });
    expect([...harness.running].sort()).toEqual(['a/1', 'a/2', 'b/1']);
    expect(harness.inputs.slice(2)).toMatchObject([
      { tubeId: 'a', generation: 1, mode: { kind: 'adopt' } },
      { tubeId: 'a', generation: 2, mode: { kind: 'offer' }, channels: [dataChannel] },
    ]);
    expect(harness.entry('a')!.ref).not.toBe(old);
    expect(harness.entry('b')!.ref).toBe(other);
    expect(harness.emissions('b')).toEqual([]);
    expect(harness.emissions('a').slice(0, 5)).toMatchObject([
      { type: 'state', state: 'initializing' },
      { type: 'state', state: 'degraded' },
      { type: 'decision', decision: { trigger: 'crash', action: 'do' } },
      { type: 'record', record: { generation: 2 } },
      { type: 'attemptStarted', generation: 2, trigger: 'crash' },
    ]);
    harness.connect('a');
    expect(harness.entry('a')?.state).toBe('connected');
    harness.clock.advance(60_000);
    const alone = new Harness();
    alone.open('a');
    alone.connect('a');
    alone.clock.advance(60_000);
    expect(harness.pendingTimers()).toBe(2 * alone.pendingTimers());
    expect([...harness.running].sort()).toEqual(['a/2', 'b/1']);
  });

  test('because its transport throws is carried on as well', () => {
    const harness = new Harness();
    harness.open('a');
    harness.throwsOn = 'a transport.activate';
    harness.connect('a');
    harness.throwsOn = '';
    expect(harness.crashes).toEqual(['a restarted']);
    harness.connect('a');
    expect(harness.entry('a')?.state).toBe('connected');
  });

  test('at its very start is tried five times more and given up', () => {
    const harness = new Harness();
    harness.throwsOn = 'a start';
    harness.open('a');
    expect(harness.crashes.at(-1)).toBe('a given_up');
    expect(harness.entry('a')).toBeUndefined();
    expect(harness.released).toEqual(['a']);
    expect(harness.pendingTimers()).toBe(0);
  });

  test('is given up at the sixth time in 30 s: closed as crashed, and released', () => {
    const harness = new Harness();
    harness.open('a');
    harness.connect('a');
    for (let n = 1; n <= 5; n += 1) {
      harness.crash('a');
      expect(harness.crashes).toHaveLength(n);
      harness.connect('a');
      harness.clock.advance(5_999);
    }
    expect(harness.released).toEqual([]);
    harness.notices.length = 0;
    harness.crash('a');
    expect(harness.crashes.at(-1)).toBe('a given_up');
    expect(harness.emissions('a').slice(-2)).toEqual([
      { type: 'state', state: 'closed', reason: 'crashed' },
      { type: 'closed', reason: 'crashed' },
    ]);
    expect(harness.notices.at(-2)?.previous).toBe('connected');
    expect([harness.released, harness.releaseReasons]).toEqual([['a'], ['crashed']]);
    expect(harness.entry('a')).toBeUndefined();
    expect(harness.running.size).toBe(0);
    expect(harness.pendingTimers()).toBe(0);
    expect(harness.root.getSnapshot().status).toBe('active');
  });

  test('is carried on for ever when its crashes are further apart', () => {
    const harness = new Harness();
    harness.open('a');
    harness.connect('a');
    for (let n = 1; n <= 20; n += 1) {
      harness.crash('a');
      harness.connect('a');
      harness.clock.advance(6_000);
    }
    expect(new Set(harness.crashes)).toEqual(new Set(['a restarted']));
    expect(harness.crashes).toHaveLength(20);
  });

  test('at once again and again is given up within one moment', () => {
    const harness = new Harness();
    harness.open('a');
    harness.connect('a');
    harness.throwsOn = 'a start';
    harness.deliver('a', {
      type: 'tube.restart',
      requestId: 'r',
      trigger: 'manual',
      fresh: false,
      atMs: harness.clock.nowMs,
    });
    expect(harness.crashes).toEqual([...Array.from({ length: 5 }, () => 'a restarted'), 'a given_up']);
    expect(harness.released).toEqual(['a']);
    expect(harness.pendingTimers()).toBe(0);
  });

  test('before it has a record is given up', () => {
    const harness = new Harness();
    const record = null;
    harness.open('a');
    harness.entry('a')!.record = record;
    harness.throwsOn = 'a transport.close';
    harness.clock.advance(60_000);
    expect(harness.crashes).toEqual(['a given_up']);
    expect(harness.emissions('a').at(-1)).toEqual({ type: 'closed', reason: 'crashed' });
    expect(harness.released).toEqual(['a']);
    expect(harness.pendingTimers()).toBe(0);
  });
});

describe('stopSubtree', () => {
  test('really stops the children and grandchildren of a machine whose own action threw (canary)', () => {
    const events: string[] = [];
    const leaf = (name: string) =>
      fromCallback(() => {
        events.push(`${name} runs`);
        return () => {
          events.push(`${name} stopped`);
        };
      });
    const middle = setup({ actors: { leaf: leaf('grandchild') } }).createMachine({
      initial: 'one',
      states: { one: { invoke: { src: 'leaf', id: 'leaf' }, after: { 1000: 'two' } }, two: {} },
    });
    const parent = setup({
      actors: { invoked: leaf('invoked'), middle },
      actions: {
        throwIt: () => {
          throw new Error('thrown by the test');
        },
      },
    }).createMachine({
      invoke: { src: 'invoked', id: 'invoked' },
      initial: 'one',
      states: { one: { invoke: { src: 'middle', id: 'middle' }, after: { 5000: 'two' } }, two: {} },
      on: { crash: { actions: 'throwIt' } },
    });
    const clock = new TestClock();
    const root = createActor(parent, { clock: clock });
    root.subscribe({ error: () => undefined });
    root.start();
    expect(clock.pending).toBe(2);
    root.send({ type: 'crash' });
    // The reason for stopSubtree: if XState stopped these by itself, it could go.
    expect(events).toEqual(['invoked runs', 'grandchild runs']);
    expect(clock.pending).toBe(1);
    stopSubtree(root);
    expect(events.slice(2).sort()).toEqual(['grandchild stopped', 'invoked stopped']);
    expect(clock.pending).toBe(0);
  });
});
