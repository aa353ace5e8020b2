import { describe, expect, test } from '@jest/globals';
import { fromCallback } from 'xstate';
import type { TubeEvent } from '../../machines/events.js';
import type { Failure, FailureCode } from '../../machines/failure.js';
import type { TransportCommand, TransportEvent, TransportInput } from '../../machines/ports/transport.port.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import { TubeRegistry } from '../../src/registry/tube-registry.js';
import { TubeService } from '../../src/registry/tube-service.js';
import { defaultSettings } from '../support/settings.js';
import { TestClock } from '../support/test-clock.js';
import { identity } from '../support/tube-harness.js';

const { tubeId } = identity;

/** The service over a real registry, whose transports describe themselves at once. */
function run() {
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
  const service = new TubeService({ registry, now });
  return {
    clock,
    registry,
    service,
    inputs,
    bugs,
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
