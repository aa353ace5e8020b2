/** SIGTERM with tubes open: exit code 0, fifty times out of fifty, in whatever state the tubes are. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { createPeer } from '../../src/peer/node.js';
import { Controller, controlToken, startService } from '../support/service.js';
import { sleep } from '../support/until.js';

/** Two at a time: one starts while the other ends. */
const atOnce = 2;

describe.each([
  { rounds: 50, lasting: false },
  { rounds: 30, lasting: true },
])('stopping the service (its tubes outlive it: $lasting)', ({ rounds, lasting }) => {
  const codes: (number | string | null)[] = [];
  const durationsMs: number[] = [];
  const outputs: string[] = [];

  const round = async (n: number): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-stop-'));
    const service = await startService(lasting ? ['--data-dir', folder] : []);
    const control = await Controller.connect(service.url);
    const create = async () => control.ok('create_tube', { conversation_id: 'stop', settings: {}, trickle_ice: true });
    const connected = await create();
    const peer = createPeer({ url: service.url, token: String(connected['peer_token']) });
    await peer.connect();
    // One that nobody answers, one in the middle of a restart, one that has hardly begun.
    await create();
    if (n % 2 === 0) await control.ok('restart_ice', { tube_id: connected['tube_id'] });
    if (n % 3 === 0) void create().catch(() => undefined);
    const startedAtMs = performance.now();
    codes.push(await service.stop());
    durationsMs.push(performance.now() - startedAtMs);
    if (codes.at(-1) !== 0) outputs.push(service.output());
    peer.close();
    control.close();
    await rm(folder, { recursive: true });
  };

  it(`exits 0 on SIGTERM ${String(rounds)} times out of ${String(rounds)} with tubes open`, async () => {
    let left = rounds;
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await round(left);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    expect(outputs).toEqual([]);
    expect(codes).toEqual(Array.from({ length: rounds }, () => 0));
    expect(Math.max(...durationsMs)).toBeLessThan(10_000);
  }, 180_000);

  afterAll(() => {
    if (durationsMs.length > 0) console.log(`stopping took ${Math.max(...durationsMs).toFixed(0)} ms at most`);
  });
});

describe('stopping the service', () => {
  it('is not ready at once, and refuses creates only after drainDelayMs', async () => {
    const service = await startService(['--drain-delay-ms', '1500'], ['--control-tokens', controlToken]);
    const control = await Controller.connect(service.url);
    const draining = new Promise((resolve) => control.socket.once('draining', resolve));
    const stopped = service.stop();
    while ((await fetch(`${service.url}/readyz`)).status !== 503) await sleep(10);
    expect(await (await fetch(`${service.url}/metrics`)).text()).toContain('holdfast_draining 1');
    const create = { conversation_id: 'drain', settings: {}, trickle_ice: true };
    expect(await control.call('create_tube', create)).toMatchObject({ ok: true });
    await draining;
    expect(await stopped).toBe(0);
    control.close();
  }, 20_000);
});
