/**
 * A tube whose actor crashes, in the real service with a real peer: the tube goes on over its native connection, comes back as a new
 * generation, and nobody else notices. The crash is an event that the chart can never get from outside.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { createApp, type App } from '../../src/app.js';
import { loadConfig } from '../../src/config/load.js';
import { createPeer, type HoldfastPeer } from '../../src/peer/node.js';
import { StreamCheck } from '../support/stream.js';
import { sleep, until } from '../support/until.js';

type Answer = Record<string, unknown>;

describe('a tube that crashes', () => {
  let app: App;
  let url: string;
  let control: Socket;
  const peers: HoldfastPeer[] = [];

  const open = async (): Promise<{ tubeId: string; peer: HoldfastPeer }> => {
    const created = (await control.emitWithAck('create_tube', {
      conversation_id: 'crash',
      settings: {},
      trickle_ice: true,
    })) as Answer;
    const peer = createPeer({ url, token: String(created['peer_token']) });
    peers.push(peer);
    await peer.connect();
    await peer.opened('data');
    return { tubeId: String(created['tube_id']), peer };
  };
  /** An action of the chart throws at this. */
  const crash = (tubeId: string): boolean =>
    app.registry.deliver(tubeId, { type: 'transport.sampled', generation: 1, atMs: 0, sample: null } as never);

  beforeAll(async () => {
    const flags = ['--port', '0', '--control-tokens', 'crash', '--log-level', 'silent', '--drain-delay-ms', '0'];
    app = createApp(loadConfig({ argv: flags, env: {}, readFile: () => '' }));
    const { port } = await app.start();
    url = `http://127.0.0.1:${String(port)}`;
    control = io(`${url}/control`, { auth: { token: 'crash' }, transports: ['websocket'] });
  });
  afterAll(async () => {
    for (const peer of peers) peer.close();
    control.disconnect();
    await app.stop();
  });

  it('comes back as a new generation without losing a message, and nothing else notices', async () => {
    const { tubeId, peer } = await open();
    const other = await open();
    const check = new StreamCheck();
    const otherStates: string[] = [];
    other.peer.on('state', ({ state }) => otherStates.push(state));
    control.on('signal', (signal: { tube_id: string; kind: string; data: { payload: string } }) => {
      if (signal.kind === 'message' && signal.tube_id === tubeId) check.take(Number(signal.data.payload));
    });
    let sent = 0;
    const timer = setInterval(() => peer.send('data', String((sent += 1))), 10);
    await sleep(200);
    expect(crash(tubeId)).toBe(true);
    await until(
      () =>
        app.registry.entries.get(tubeId)?.state === 'connected' &&
        app.registry.entries.get(tubeId)?.record?.activeGeneration === 2,
      10_000,
    );
    await sleep(200);
    clearInterval(timer);
    await until(() => check.received >= sent, 5_000);
    expect([check.received, check.outOfOrder]).toEqual([sent, 0]);
    expect(otherStates).toEqual([]);
    expect(app.registry.entries.get(other.tubeId)?.record?.generation).toBe(1);
  }, 30_000);

  it('is given up with its native handles after the sixth crash within the window', async () => {
    const { tubeId } = await open();
    const closed = new Promise<unknown>((resolve) => {
      const stop = app.registry.onNotice(({ identity, emission }) => {
        if (identity.tubeId !== tubeId || emission.type !== 'closed') return;
        stop();
        resolve(emission.reason);
      });
    });
    for (let n = 0; n < 6; n += 1) {
      crash(tubeId);
      await sleep(100);
    }
    expect(await closed).toBe('crashed');
    expect(app.registry.entries.has(tubeId)).toBe(false);
    expect((await control.emitWithAck('get_connection_stats', { tube_id: tubeId })) as Answer).toMatchObject({
      ok: false,
    });
  }, 30_000);
});
