/**
 * Everything bad that a controller or a peer can send, against the real service, while an innocent tube carries a stream: each gets a typed
 * error or is counted, the stream loses nothing, memory stays flat, and the process ends with 0. Seed: HOLDFAST_FUZZ_SEED.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { io } from 'socket.io-client';
import { failureTable } from '../../machines/failure.js';
import { createPeer, type HoldfastPeer } from '../../src/peer/node.js';
import { createMutator } from '../support/mutate.js';
import { Random } from '../support/random.js';
import { Controller, controlToken, startService, type Answer, type Service } from '../support/service.js';
import { StreamCheck } from '../support/stream.js';
import { sleep, until } from '../support/until.js';

const seed = Number(process.env['HOLDFAST_FUZZ_SEED'] ?? 1);
const attacks = 10_000;
const atOnce = 50;
const codes = new Set(Object.keys(failureTable));

describe('the service under attack', () => {
  let service: Service;
  let control: Controller;
  let innocent: HoldfastPeer;
  let innocentId: string;
  const check = new StreamCheck();
  let sent = 0;
  let timer: NodeJS.Timeout;

  const rssMiB = async (): Promise<number> => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 2 ** 20;
  };

  beforeAll(async () => {
    service = await startService([
      '--control-calls-per-second',
      '100000',
      '--peer-calls-per-second',
      '100000',
      '--bind-address',
      '127.0.0.1',
    ]);
    control = await Controller.connect(service.url);
    const created = await control.ok('create_tube', { conversation_id: 'innocent', settings: {}, trickle_ice: true });
    innocentId = String(created['tube_id']);
    innocent = createPeer({ url: service.url, token: String(created['peer_token']) });
    await innocent.connect();
    await innocent.opened('data');
    control.onSignal(({ kind, data, tube_id: tubeId }) => {
      if (kind === 'message' && tubeId === innocentId) check.take(Number((data as { payload: string }).payload));
    });
    timer = setInterval(() => innocent.send('data', String((sent += 1))), 10);
  }, 30_000);

  afterAll(async () => {
    clearInterval(timer);
    await until(() => check.received >= sent, 5_000);
    expect([check.received, check.outOfOrder]).toEqual([sent, 0]);
    innocent.close();
    control.close();
    expect(await service.stop()).toBe(0);
    expect(service.output()).not.toMatch(
      /listener threw|native callback threw|a tube crashed|a frame could not be handled/,
    );
  });

  it(`answers ${String(attacks)} mutated descriptions and candidates with a result or a typed error`, async () => {
    const random = new Random(seed);
    const { mutate, sdpBases, candidateBases } = createMutator(random);
    const attacker = await Controller.connect(service.url);
    const target = String(
      (await attacker.ok('create_tube', { conversation_id: 'target', settings: {}, trickle_ice: true }))['tube_id'],
    );
    const outcomes = new Map<string, number>();
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const attack = (): Promise<Answer> => {
      const tube_id = random.chance(0.5) ? target : innocentId;
      switch (random.below(5)) {
        case 0:
          return attacker.call('create_tube', {
            conversation_id: 'a',
            settings: {},
            trickle_ice: true,
            offer: base64(mutate(random.pick(sdpBases))),
          });
        case 1:
          return attacker.call('set_remote_description', {
            tube_id: target,
            sdp: base64(mutate(random.pick(sdpBases))),
            is_answer: true,
          });
        case 2:
          // Garbage only: a good offer for the innocent tube would be a restart, not an attack.
          return attacker.call('set_remote_description', {
            tube_id: innocentId,
            sdp: base64(mutate('v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n')),
            is_answer: random.chance(0.5),
          });
        default:
          return attacker.call('add_ice_candidate', { tube_id, candidate: mutate(random.pick(candidateBases)) });
      }
    };
    const memory: number[] = [];
    for (let done = 0; done < attacks; done += atOnce) {
      const answers = await Promise.all(Array.from({ length: atOnce }, attack));
      for (const { ok, error, tube_id: tubeId } of answers) {
        outcomes.set(ok ? 'ok' : String(error?.code), (outcomes.get(ok ? 'ok' : String(error?.code)) ?? 0) + 1);
        if (!ok) expect(codes).toContain(error?.code);
        if (tubeId !== undefined) await attacker.call('close_tube', { tube_id: tubeId });
      }
      if (done % 1_000 === 0) memory.push(await rssMiB());
    }
    console.log(
      `attacks with seed ${String(seed)}: ${JSON.stringify(Object.fromEntries(outcomes))}; memory ${memory.map((mib) => mib.toFixed(0)).join(' ')} MiB`,
    );
    expect(outcomes.get('service_internal')).toBeUndefined();
    expect(outcomes.get('service_timeout')).toBeUndefined();
    expect(Math.max(...memory.slice(-3))).toBeLessThan(Math.max(...memory.slice(2, 6)) + 50);
    expect((await control.ok('get_connection_state', { tube_id: innocentId }))['state']).toBe('connected');
    attacker.close();
  }, 180_000);

  it('counts unknown events and forged event types, and refuses them', async () => {
    const attacker = await Controller.connect(service.url);
    for (const event of [
      'xstate.stop',
      'xstate.init',
      'xstate.error.actor.tube',
      'transport.up',
      'tube.close',
      '__proto__',
      'constructor',
      'toString',
      '',
    ]) {
      const { ok, error } = await attacker.call(event, { tube_id: innocentId, type: 'xstate.stop', reason: 'crashed' });
      expect([event, ok, error?.code]).toEqual([event, false, 'input_unknown_event']);
    }
    // The text of a scrape may be a second old.
    await sleep(1100);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(
      Number(/^holdfast_signalling_refusals_total\{code="input_unknown_event"\} (\d+)/m.exec(metrics)?.[1]),
    ).toBeGreaterThanOrEqual(9);
    attacker.close();
  });

  it('closes the connection of a client with an oversized frame and nobody else’s', async () => {
    const attacker = await Controller.connect(service.url);
    const gone = new Promise<string>((resolve) => attacker.socket.once('disconnect', resolve));
    attacker.socket.io.reconnection(false);
    attacker.socket.emit('send', { tube_id: innocentId, channel: 'data', data: 'x'.repeat(400_000) });
    await gone;
    expect(control.socket.connected).toBe(true);
    attacker.close();
  });

  it('keeps strangers out, and peers to their own tube', async () => {
    const refusedWith = async (namespace: string, auth: object): Promise<string> => {
      const socket = io(`${service.url}${namespace}`, {
        auth,
        transports: ['websocket'],
        forceNew: true,
        reconnection: false,
      });
      const error = await new Promise<Error & { data?: { code: string } }>((resolve) =>
        socket.once('connect_error', resolve),
      );
      socket.close();
      return error.data?.code ?? error.message;
    };
    expect(await refusedWith('/control', {})).toBe('auth_missing');
    expect(await refusedWith('/control', { token: `${controlToken}x` })).toBe('auth_invalid');
    expect(await refusedWith('/peer', { token: controlToken })).toBe('auth_invalid');
    expect(await refusedWith('/peer', { token: `${innocentId}.${'A'.repeat(43)}` })).toBe('auth_invalid');
  });

  it('survives a peer that talks nonsense on its channels and floods its own tube', async () => {
    const created = await control.ok('create_tube', { conversation_id: 'noisy', settings: {}, trickle_ice: true });
    const noisy = createPeer({ url: service.url, token: String(created['peer_token']) });
    await noisy.connect();
    await noisy.opened('data');
    for (let n = 0; n < 60; n += 1) {
      try {
        noisy.openChannel(`extra ${String(n)}`);
      } catch {
        // The library itself may refuse; the service must bear what gets through.
      }
    }
    for (let n = 0; n < 500; n += 1) noisy.requestRestart('again');
    await sleep(500);
    expect((await control.ok('get_tube', { tube_id: created['tube_id'] }))['ok']).toBe(true);
    noisy.close();
    await control.ok('close_tube', { tube_id: created['tube_id'] });
  }, 30_000);
});
