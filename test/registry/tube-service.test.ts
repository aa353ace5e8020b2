import { describe, expect, test } from '@jest/globals';
import { fromCallback } from 'xstate';
import type { TubeEvent } from '../../machines/events.js';
import type { Failure, FailureCode } from '../../machines/failure.js';
import type { TransportCommand, TransportEvent, TransportInput } from '../../machines/ports/transport.port.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import { TubeRegistry } from '../../src/registry/tube-registry.js';
import { TubeService, type TubeServiceOptions } from '../../src/registry/tube-service.js';
import { defaultSettings } from '../support/settings.js';
import { TestClock } from '../support/test-clock.js';
import { identity } from '../support/tube-harness.js';

const { tubeId } = identity;

/** The service over a real registry, whose transports describe themselves at once. */
function run(pace?: TubeServiceOptions['pace']) {
  const clock = new TestClock();
  const bugs: unknown[] = [];
  const inputs: TransportInput[] = [];
  let failing: Failure | null = null;
  const applied: string[] = [];
  const transport = fromCallback<TransportCommand, TransportInput>(({ input, sendBack, receive }) => {
    inputs.push(input);
    const common = { generation: input.generation, atMs: clock.nowMs };
    receive((command) => {
      if (command.type !== 'transport.applyAnswer') return;
      applied.push(command.sdp);
      const { requestId } = command;
      const facts = { peerKind: 'plain', sameConnection: false, newConnection: false, dtlsRole: 'active' } as const;
      sendBack({ type: 'transport.remoteApplied', requestId, ...facts, ...common } satisfies TransportEvent);
    });
    if (failing !== null) {
      sendBack({ type: 'transport.failed', failure: failing, ...common } satisfies TransportEvent);
      return;
    }
    const description = { type: 'offer' as const, sdp: `offer ${String(input.generation)}` };
    sendBack({ type: 'transport.described', description, ...common } satisfies TransportEvent);
  });
  let skewMs = 0;
  const now = (): number => clock.nowMs + skewMs;
  const registry = new TubeRegistry({
    tubeLogic: tubeMachine.provide({ actors: { transport } }),
    crashRestarts: 5,
    crashWindowMs: 30_000,
    now,
    clock,
    release: () => undefined,
    crashed: () => undefined,
    bug: (where, error) => bugs.push([where, error]),
  });
  const delivered: TubeEvent[] = [];
  const deliver = registry.deliver.bind(registry);
  registry.deliver = (id, event) => {
    const found = deliver(id, event);
    if (found) delivered.push(event);
    return found;
  };
  const service = new TubeService({ registry, now, clock, ...(pace === undefined ? {} : { pace }) });
  return {
    clock,
    registry,
    service,
    inputs,
    bugs,
    delivered,
    applied,
    failWith: (code: FailureCode): void => {
      failing = { code, detail: '' };
    },
    create: () => service.create(identity, defaultSettings, null),
    told: (type: TubeEvent['type']): number => delivered.filter((event) => event.type === type).length,
    setClockBack: (ms: number): void => {
      skewMs -= ms;
    },
  };
}

describe('creating a tube', () => {
  test('answers with its offer', async () => {
    const { create } = run();
    await expect(create()).resolves.toEqual({ generation: 1, description: { type: 'offer', sdp: 'offer 1' } });
  });

  test('whose id exists is refused, and the one that runs is left alone', async () => {
    const { create, registry, inputs, told, bugs } = run();
    await create();
    const { ref } = registry.entries.get(tubeId)!;
    await expect(create()).rejects.toMatchObject({ code: 'service_internal' });
    expect(registry.entries.get(tubeId)?.ref).toBe(ref);
    expect(ref.getSnapshot().value).toBe('connecting');
    expect([told('tube.close'), inputs.length, bugs]).toEqual([0, 1, []]);
  });
});

describe('a create that fails', () => {
  test.each([
    ['input_sdp', 'requested'],
    ['transport_gather_timeout', 'gather_timeout'],
    ['limit_ice_agents', 'limit'],
    ['transport_init', 'internal'],
  ] as const)('with %s closes its tube with %s', async (code, reason) => {
    const { create, failWith, registry } = run();
    const reasons: string[] = [];
    registry.onNotice(({ emission }) => void (emission.type === 'closed' && reasons.push(emission.reason)));
    failWith(code);
    await expect(create()).rejects.toMatchObject({ code });
    expect([reasons, registry.entries.size]).toEqual([[reason], 0]);
  });
});

describe('an answer that is sent again', () => {
  const answer = { type: 'answer', sdp: 'the answer' } as const;

  test('is accepted again without being applied again', async () => {
    const { create, service, applied } = run();
    await create();
    const taken = { generation: 1, answer: null };
    await expect(service.remoteDescription(tubeId, answer, null)).resolves.toEqual(taken);
    await expect(service.remoteDescription(tubeId, answer, null)).resolves.toEqual(taken);
    await expect(service.remoteDescription(tubeId, answer, 1)).resolves.toEqual(taken);
    expect(applied).toEqual(['the answer']);
  });

  test('is not mistaken for another answer, another generation or another tube', async () => {
    const { create, service, applied } = run();
    await create();
    await service.remoteDescription(tubeId, answer, null);
    const other = { type: 'answer', sdp: 'another answer' } as const;
    await expect(service.remoteDescription(tubeId, other, null)).rejects.toMatchObject({
      code: 'signalling_unexpected_answer',
    });
    await expect(service.remoteDescription(tubeId, answer, 7)).rejects.toMatchObject({
      code: 'signalling_stale_generation',
    });
    service.close(tubeId, 'requested');
    await expect(service.remoteDescription(tubeId, answer, null)).rejects.toMatchObject({ code: 'tube_unknown' });
    await create();
    await service.remoteDescription(tubeId, answer, null);
    expect(applied).toEqual(['the answer', 'the answer']);
  });
});

describe('data that is sent', () => {
  test('is told to its tube at most once per second', async () => {
    const { create, service, clock, told } = run();
    await create();
    for (let n = 0; n < 100; n += 1) {
      service.dataSent(tubeId);
      clock.advance(100);
    }
    expect(told('tube.dataSent')).toBe(10);
  });

  test('is told also after the clock was set back', async () => {
    const { create, service, setClockBack, told } = run();
    await create();
    service.dataSent(tubeId);
    setClockBack(3_600_000);
    service.dataSent(tubeId);
    service.dataSent(tubeId);
    expect(told('tube.dataSent')).toBe(2);
  });

  test('is nobody’s news when there is no such tube, and forgotten with its tube', async () => {
    const { create, service, told } = run();
    service.dataSent(tubeId);
    expect(told('tube.dataSent')).toBe(0);
    await create();
    service.dataSent(tubeId);
    service.close(tubeId, 'requested');
    await create();
    service.dataSent(tubeId);
    expect(told('tube.dataSent')).toBe(2);
  });
});

describe('a network change that is reported', () => {
  const reports = (delivered: readonly TubeEvent[]) =>
    delivered.filter((event) => event.type === 'tube.networkChanged').map(({ type: _type, ...report }) => report);

  test('is told to those tubes that are here, with who said it', async () => {
    const { create, service, clock, delivered } = run();
    await create();
    expect(service.networkChanged([tubeId, 'nobody'], 'ip_change', 'controller', 'eth0')).toBe(1);
    const report = { change: 'ip_change', source: 'controller', detail: 'eth0', route: null, atMs: clock.nowMs };
    expect(reports(delivered)).toEqual([report]);
    expect(service.networkChanged([], 'ip_change', 'controller', '')).toBe(0);
  });

  test('in a loop, it is told about once per second, the last one never lost', async () => {
    const { create, service, clock, delivered } = run();
    await create();
    for (let count = 0; count < 100; count += 1) {
      service.networkChanged([tubeId], 'interface_change', 'peer', String(count));
      clock.advance(300);
    }
    clock.advance(5000);
    // 30 s: what comes within a moment of another is one change to the tube, so these are no more restarts than seconds.
    const firstMs = reports(delivered)[0]?.atMs ?? 0;
    const offsets = reports(delivered).map(({ atMs }) => (atMs - firstMs) % 1000);
    expect(Math.max(...offsets)).toBeLessThan(250);
    expect(offsets.length).toBeLessThanOrEqual(62);
    expect(reports(delivered).at(-1)).toMatchObject({ detail: '99', source: 'peer' });
  });

  test('in a loop, it makes no more generations than seconds, and the last one gets its answer', async () => {
    const { create, service, clock, registry, inputs } = run();
    await create();
    const answer = { type: 'answer', sdp: 'the answer' } as const;
    const up = (generation: number): void =>
      void registry.deliver(tubeId, { type: 'transport.up', generation, atMs: clock.nowMs });
    await service.remoteDescription(tubeId, answer, 1);
    up(1);
    expect(service.view(tubeId)?.state).toBe('connected');
    for (let count = 0; count < 600; count += 1) {
      service.networkChanged([tubeId], 'interface_change', 'peer', 'online');
      clock.advance(50);
    }
    expect(inputs.length).toBeGreaterThan(5);
    expect(inputs.length).toBeLessThanOrEqual(1 + 31);
    clock.advance(2000);
    const newest = inputs.at(-1)?.generation ?? 0;
    await service.remoteDescription(tubeId, { ...answer, sdp: 'another answer' }, newest);
    up(newest);
    expect(service.view(tubeId)).toMatchObject({ state: 'connected', activeGeneration: newest });
  });

  test('goes by the pace of the node, and is told as it is when its turn comes', async () => {
    const work: (() => void)[] = [];
    const { create, service, clock, delivered } = run((_tubeId, fn) => void work.push(fn));
    await create();
    const calledAtMs = clock.nowMs;
    service.networkChanged([tubeId], 'interface_change', 'controller', '');
    expect(reports(delivered)).toEqual([]);
    clock.advance(2000);
    for (const fn of work) fn();
    expect(reports(delivered)).toMatchObject([{ change: 'interface_change', atMs: calledAtMs + 2000 }]);
  });

  test('waits for no tube that was closed meanwhile', async () => {
    const { create, service, clock, delivered, bugs } = run();
    await create();
    service.networkChanged([tubeId], 'ip_change', 'peer', '1');
    clock.advance(300);
    service.networkChanged([tubeId], 'ip_change', 'peer', '2');
    service.close(tubeId, 'requested');
    clock.advance(5000);
    expect(reports(delivered)).toHaveLength(1);
    expect(bugs).toEqual([]);
  });
});
