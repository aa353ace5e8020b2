import { describe, expect, test } from '@jest/globals';
import { fromCallback } from 'xstate';
import type { TubeEvent } from '../../machines/events.js';
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
  const transport = fromCallback<TransportCommand, TransportInput>(({ input, sendBack }) => {
    inputs.push(input);
    const description = { type: 'offer' as const, sdp: `offer ${String(input.generation)}` };
    const { generation } = input;
    sendBack({
      type: 'transport.described',
      description,
      generation,
      atMs: clock.nowMs,
    } satisfies TransportEvent);
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
