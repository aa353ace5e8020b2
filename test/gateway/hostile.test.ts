// What clients may throw at the gateway: it answers, refuses or hangs up on that one client, and lives on.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RateOptions } from '../../src/gateway/limits.js';
import { acmeToken, Harness, until, type TestController } from '../support/gateway-harness.js';

let harness: Harness;
let controller: TestController;
const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);

beforeEach(async () => {
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  harness = await new Harness().start();
  controller = await harness.controller();
});

afterEach(async () => {
  // The gateway is alive for others, whatever the test did to it.
  const another = await harness.controller();
  expect((await another.call('create_tube', { conversation_id: 'after' })).ok).toBe(true);
  await harness.stop();
  process.off('uncaughtException', note);
  process.off('unhandledRejection', note);
  expect(uncaught.splice(0)).toEqual([]);
});

/** Writes a raw engine.io message, past the checks of the client library. */
function writeRaw({ socket }: TestController, text: string): void {
  socket.io.engine.write(text);
}

describe('forged event names', () => {
  test.each([
    'xstate.stop',
    'xstate.init',
    'tube.close',
    '__proto__',
    'constructor',
    'toString',
    'error',
    'ping',
    'signal',
    '',
    '*',
  ])('%j is an unknown event', async (event) => {
    expect((await controller.call(event, { type: 'xstate.stop' })).error?.code).toBe('input_unknown_event');
    expect(controller.socket.connected).toBe(true);
  });

  test('a number is an unknown event', async () => {
    writeRaw(controller, '2/control,[7,{}]');
    await until(() => harness.seen.refusals.includes('input_unknown_event'));
  });

  test.each(['connect', 'disconnect', 'connect_error', 'disconnecting', 'newListener', 'removeListener'])(
    'the reserved name %j costs the connection',
    async (event) => {
      const closed = new Promise((resolve) => controller.socket.once('disconnect', resolve));
      writeRaw(controller, `2/control,[${JSON.stringify(event)},{}]`);
      await closed;
    },
  );
});

describe('broken frames', () => {
  const deep = '['.repeat(100_000);
  test.each([
    ['no packet', 'garbage'],
    ['no JSON', '2/control,[[['],
    ['no array', '2/control,{"a":1}'],
    ['a binary header without attachments', '51-/control,["x",{"_placeholder":true,"num":0}]2'],
    ['too many attachments', '599999-/control,["x"]'],
    ['an acknowledgement of nothing', '3/control,7[1]'],
    ['an unknown namespace', '2/nowhere,["x"]'],
    ['a second handshake', '0/control,{}'],
    ['deep nesting', `2/control,["create_tube",${deep}${']'.repeat(100_000)}]`],
  ])('%s', async (_name, frame) => {
    writeRaw(controller, frame);
    await new Promise((resolve) => setTimeout(resolve, 50));
  });

  test('an oversized frame closes the connection of its sender only', async () => {
    const bystander = await harness.controller();
    const closed = new Promise((resolve) => controller.socket.once('disconnect', resolve));
    controller.socket.emit('create_tube', { conversation_id: 'x'.repeat(300 * 1024) });
    await closed;
    expect(bystander.socket.connected).toBe(true);
    expect((await bystander.call('list_tubes')).ok).toBe(true);
  });

  test('binary payloads are refused by the schema', async () => {
    expect((await controller.call('create_tube', { conversation_id: Buffer.from('x') })).error?.code).toBe(
      'input_schema',
    );
    expect((await controller.call('create_tube', Buffer.from('x'))).error?.code).toBe('input_schema');
  });

  test('the default namespace and unknown ones are closed', async () => {
    expect(await harness.refusedHandshake('/', { token: acmeToken })).toMatchObject({ code: 'input_unknown_event' });
    expect(await harness.refusedHandshake('/admin', { token: acmeToken })).toMatchObject({
      message: 'Invalid namespace',
    });
  });
});

/** Numerical Recipes' generator: the same frames on every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('random frames', () => {
  const words = [
    'create_tube',
    'send',
    'subscribe',
    'list_tubes',
    'close_tube',
    'get_tube',
    'restart_ice',
    'set_remote_description',
    'nope',
    '__proto__',
  ];
  const keys = [
    'tube_id',
    'conversation_id',
    'data',
    'all',
    'limit',
    'cursor',
    'sdp',
    'candidate',
    'is_answer',
    '__proto__',
    'settings',
    'x',
  ];

  function randomValue(random: () => number, tubeIds: readonly string[], depth = 0): unknown {
    const kind = Math.floor(random() * (depth > 3 ? 7 : 10));
    if (kind === 0) return tubeIds[Math.floor(random() * tubeIds.length)];
    if (kind <= 6) return [null, true, random() * 1e9, 'x'.repeat(Math.floor(random() * 300)), -1, ''][kind - 1];
    if (kind === 7)
      return Array.from({ length: Math.floor(random() * 4) }, () => randomValue(random, tubeIds, depth + 1));
    const entries = Array.from({ length: Math.floor(random() * 5) }, () => {
      const key = keys[Math.floor(random() * keys.length)] ?? 'x';
      return `${JSON.stringify(key)}:${JSON.stringify(randomValue(random, tubeIds, depth + 1)) ?? 'null'}`;
    });
    return JSON.parse(`{${entries.join(',')}}`) as unknown;
  }

  test('10,000 of them are all answered', async () => {
    const random = seeded(42);
    const tubeIds = [(await controller.createTube()).tubeId, 'no-id'];
    let answered = 0;
    for (let frame = 0; frame < 10_000; frame += 1) {
      const event = words[Math.floor(random() * words.length)] ?? 'x';
      const args = Array.from({ length: Math.floor(random() * 2.2) }, () => randomValue(random, tubeIds));
      controller.socket.emit(event, ...args, () => {
        answered += 1;
      });
      if (frame % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until(() => answered === 10_000, '10,000 answers', 20_000);
    expect(controller.socket.connected).toBe(true);
    expect(({} as Record<string, unknown>)['tube_id']).toBeUndefined();
  }, 30_000);
});

describe('rates', () => {
  const rates: RateOptions = {
    controlCallsPerSecond: 20,
    peerCallsPerSecond: 20,
    connectionsPer10s: 10_000,
    trustForwardedFor: false,
  };

  async function withRates(limits: Partial<RateOptions>, body: (limited: Harness) => Promise<void>): Promise<void> {
    const limited = await new Harness({ rates: { ...rates, ...limits } }).start();
    await body(limited).finally(() => limited.stop());
  }

  test('over the rate is refused with a wait, every item of an array counts', () =>
    withRates({}, async (limited) => {
      const one = await limited.controller();
      const replies = await Promise.all(Array.from({ length: 25 }, () => one.call('list_tubes')));
      const over = replies.filter(({ ok }) => !ok);
      expect(over.length).toBeGreaterThanOrEqual(1);
      expect(over[0]?.error).toMatchObject({ code: 'rate_exceeded', retryable: true });
      expect(over[0]?.error?.suggested_delay_ms).toBeLessThanOrEqual(1000);
      expect(limited.seen.limited).toContain('control');
      const another = await limited.controller();
      expect(
        (
          await another.call(
            'list_tubes',
            Array.from({ length: 30 }, () => ({})),
          )
        ).error?.code,
      ).toBe('rate_exceeded');
      await new Promise((resolve) => setTimeout(resolve, 1050));
      expect((await one.call('list_tubes')).ok).toBe(true);
    }));

  test('a flood costs the connection', () =>
    withRates({}, async (limited) => {
      const one = await limited.controller();
      const closed = new Promise((resolve) => one.socket.once('disconnect', resolve));
      for (let call = 0; call < 500; call += 1) one.socket.emit('list_tubes', {});
      await closed;
    }));

  test('handshakes per address', () =>
    withRates({ connectionsPer10s: 3 }, async (limited) => {
      for (let handshake = 0; handshake < 3; handshake += 1) await limited.controller();
      const refused = await limited.refusedHandshake('/control', { token: acmeToken });
      expect(refused).toMatchObject({ code: 'rate_exceeded', retryable: true });
      expect(refused['suggested_delay_ms']).toBeGreaterThan(0);
      expect(limited.seen.limited).toEqual(['address']);
    }));

  test('connections without any handshake are cut off at ten times that', () =>
    withRates({ connectionsPer10s: 1 }, async (limited) => {
      const codes = new Set<unknown>();
      for (let attempt = 0; attempt < 12; attempt += 1) {
        const refused = await limited.refusedHandshake('/control', {});
        codes.add(refused['code'] ?? refused['message']);
      }
      expect([...codes]).toEqual(['auth_missing', 'rate_exceeded', 'websocket error']);
    }));
});

describe('a client that does not read', () => {
  test('is disconnected when too much waits for it', async () => {
    const tight = await new Harness({ maxSocketBufferBytes: 512 * 1024 }).start();
    try {
      const one = await tight.controller();
      const { tubeId } = await one.createTube();
      one.socket.io.reconnection(false);
      const { ws } = one.socket.io.engine.transport as unknown as {
        ws: { _socket: { pause(): void; destroy(): void } };
      };
      // The client library drops its reference when it closes.
      const tcp = ws._socket;
      tcp.pause();
      for (let message = 0; message < 200; message += 1) {
        tight.tubes.receive(tubeId, 'data', 'x'.repeat(64 * 1024));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => tight.seen.connections.some(([, delta]) => delta === -1), 'a disconnection');
      expect(tight.seen.logged.join('')).toContain('reads too slowly');
      tcp.destroy();
    } finally {
      await tight.stop();
    }
  });
});
