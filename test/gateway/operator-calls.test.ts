// The calls that operators make on /control: their schemas, the wall between tenants, and tubes that closed lately.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { SignalPublisher } from '../../src/gateway/publisher.js';
import { identity } from '../support/tube-harness.js';
import { Harness, otherToken, type TestController } from '../support/gateway-harness.js';

let harness: Harness;
let controller: TestController;

beforeEach(async () => {
  harness = await new Harness().start();
  controller = await harness.controller();
});
afterEach(() => harness.stop());

const code = async (call: Promise<{ error?: { code: string } }>): Promise<string | undefined> =>
  (await call).error?.code;

describe('what is known of a tube', () => {
  test('is told to its tenant, incidents also when it was closed lately', async () => {
    const { tubeId } = await controller.createTube();
    expect(await controller.call('get_incidents', { tube_id: tubeId })).toEqual({
      ok: true,
      tube_id: tubeId,
      incidents: [],
    });
    expect(await controller.call('get_samples', { tube_id: tubeId })).toMatchObject({
      ok: true,
      tube_id: tubeId,
      samples: [{ rtt_ms: 2 }],
    });
    await controller.call('close_tube', { tube_id: tubeId });
    expect(await controller.call('get_incidents', { tube_id: tubeId })).toMatchObject({ ok: true, tube_id: tubeId });
    expect(await code(controller.call('get_samples', { tube_id: tubeId }))).toBe('tube_closed');
    harness.desk.hasForgotten = true;
    expect(await code(controller.call('get_incidents', { tube_id: tubeId }))).toBe('tube_closed');
  });

  test('is known of as many closed tubes as operators are told of', async () => {
    const closed = (maxClosed: number): string | null => {
      const publisher = new SignalPublisher({
        ...{ view: () => null, iceServers: () => [], emit: () => undefined, ended: () => undefined },
        ...{ observer: { message: () => undefined } as never, maxClosed },
      });
      for (let n = 0; n < 6000; n += 1) {
        const own = { ...identity, tubeId: String(n) };
        publisher.begin(own)();
        const notice = { identity: own, generation: 1, atMs: n, previousState: 'connected' } as const;
        publisher.notice({ ...notice, emission: { type: 'closed', reason: 'requested' } });
      }
      return publisher.closedTube('0')?.tenant ?? null;
    };
    expect([closed(200), closed(10_000)]).toEqual([null, identity.tenant]);
  });

  test('does not exist for another tenant, live or closed', async () => {
    const { tubeId } = await controller.createTube();
    const other = await harness.controller(otherToken);
    for (const call of ['get_incidents', 'get_samples', 'inject_fault']) {
      const fields = call === 'inject_fault' ? { tube_id: tubeId, fault: 'black_hole' } : { tube_id: tubeId };
      expect(await code(other.call(call, fields))).toBe('tube_unknown');
    }
    await controller.call('close_tube', { tube_id: tubeId });
    expect(await code(other.call('get_incidents', { tube_id: tubeId }))).toBe('tube_unknown');
    expect(await code(other.call('get_incidents', { tube_id: randomUUID() }))).toBe('tube_unknown');
    expect(harness.desk.asked).toEqual([]);
  });

  test('of closed tubes a tenant is told its own', async () => {
    expect(await controller.call('list_closed')).toEqual({ ok: true, tubes: [] });
    expect(harness.desk.asked).toEqual([['closed', 'acme']]);
  });
});

test('the node and the log levels are told, and a level is set for a while', async () => {
  expect(await controller.call('get_node')).toMatchObject({ ok: true, node_id: 'node-1' });
  expect(await controller.call('get_log_levels')).toMatchObject({ ok: true, levels: [{ target: 'service' }] });
  const set = { target: 'service', level: 'debug', ttl_ms: 60_000 };
  expect(await controller.call('set_log_level', set)).toMatchObject({ ok: true, target: 'service', level: 'debug' });
  expect(await controller.call('set_log_level', { target: 'service', level: 'info' })).toMatchObject({ ok: true });
  expect(harness.desk.asked).toEqual([
    ['setLogLevel', 'service', 'debug', 60_000],
    ['setLogLevel', 'service', 'info', null],
  ]);
  expect(harness.seen.logged.join()).toContain('a controller changes a log level');
  for (const ttl_ms of [0, 999, 100_000_000, 'soon', null])
    expect(await code(controller.call('set_log_level', { ...set, ttl_ms }))).toBe('input_schema');
});

test('what concerns all tenants is for those of operators', async () => {
  const other = await harness.controller(otherToken);
  for (const call of ['set_log_level', 'set_resource_limits']) {
    const fields = call === 'set_log_level' ? { target: 'service', level: 'silent' } : { max_concurrent_ice_agents: 1 };
    expect(await code(other.call(call, fields))).toBe('service_not_allowed');
  }
  expect(harness.desk.asked).toEqual([]);
  expect(await controller.call('get_node')).toMatchObject({ network: { interfaces: [{ name: 'eth0' }] } });
  expect(await other.call('get_node')).toMatchObject({ ok: true, network: { interfaces: [], last_change: null } });
});

describe('a fault', () => {
  test('is refused where faults are not allowed', async () => {
    const { tubeId } = await controller.createTube();
    expect(await code(controller.call('inject_fault', { tube_id: tubeId, fault: 'black_hole' }))).toBe(
      'service_not_allowed',
    );
  });

  test('is passed on where they are, for a time with bounds', async () => {
    harness.desk.allowsFaults = true;
    const { tubeId } = await controller.createTube();
    const call = (fields: object) => controller.call('inject_fault', { tube_id: tubeId, ...fields });
    expect(await call({ fault: 'black_hole' })).toEqual({ ok: true });
    expect(await call({ fault: 'connection_closed', duration_ms: 500 })).toEqual({ ok: true });
    expect(harness.desk.asked).toEqual([
      ['injectFault', tubeId, 'black_hole', 30_000],
      ['injectFault', tubeId, 'connection_closed', 500],
    ]);
    expect(harness.seen.logged.join()).toContain('a controller injected a fault');
    for (const fields of [{ fault: 'meteor' }, { fault: 'black_hole', duration_ms: 3_600_000 }, {}])
      expect(await code(call(fields))).toBe('input_schema');
  });
});
