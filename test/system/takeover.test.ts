/** One tube, two devices with the same token: the first sleeps, the second takes over, the first wakes and is the peer again. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { createPeer } from '../../src/peer/node.js';
import { Controller, startService } from '../support/service.js';
import { sleep, until } from '../support/until.js';

/** A way to the service that can be cut. */
class Proxy {
  open = true;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(port: number) {
    this.#server = createServer((near) => {
      if (!this.open) return void near.destroy();
      const far = connect(port, '127.0.0.1');
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        const end = (): void => void near.destroy(far.destroy().errored ?? undefined);
        socket.on('error', end).on('close', end);
      }
    });
  }

  async url(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve()));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  end(): void {
    this.cut();
    this.#server.close();
  }
}

/** Ended in any case: what a failed test leaves open would keep the test run alive. */
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

it('messages flow both ways with the device that came back', async () => {
  const service = await startService(['--bind-address', '127.0.0.1', '--generation-linger-ms', '300']);
  endings.push(() => service.stop());
  const control = await Controller.connect(service.url);
  endings.push(() => control.close());
  const { tube_id, peer_token } = await control.ok('create_tube', {
    conversation_id: 'x',
    settings: {},
    trickle_ice: true,
  });
  const token = String(peer_token);
  const heard: string[] = [];
  control.onSignal(({ kind, data }) => {
    if (kind === 'message') heard.push((data as { payload: string }).payload);
  });
  const proxy = new Proxy(Number(new URL(service.url).port));
  endings.push(() => proxy.end());
  const a = createPeer({ url: await proxy.url(), token });
  endings.push(() => a.close());
  const aHeard: unknown[] = [];
  a.on('message', ({ data }) => aHeard.push(data));
  await Promise.all([a.connect(), a.opened('data')]);
  // The peer's end is open a moment before ours.
  await until(() =>
    control.signals.some(({ kind, data }) => kind === 'channel_opened' && (data as { label: string }).label === 'data'),
  );
  const first = a.instance;
  for (let index = 0; index < 5; index++) {
    a.send('data', `a${index}`);
    await control.ok('send', { tube_id, data: `s${index}` });
  }
  await until(() => heard.length === 5 && aHeard.length === 5);
  await sleep(200);
  proxy.cut();
  const b = createPeer({ url: service.url, token });
  endings.push(() => b.close());
  await Promise.all([b.connect(), b.opened('data')]);
  b.send('data', 'b0');
  await until(() => heard.includes('b0'));
  heard.length = aHeard.length = 0;
  proxy.open = true;
  await until(() => a.state === 'connected' && a.instance !== first, 25_000, 'the first device is back');
  for (let index = 0; index < 4; index++) {
    a.send('data', `A${index}`);
    await control.ok('send', { tube_id, data: `S${index}` });
  }
  await until(() => heard.length >= 4 && aHeard.length >= 4);
  expect(heard).toEqual(['A0', 'A1', 'A2', 'A3']);
  expect(aHeard).toEqual(['S0', 'S1', 'S2', 'S3']);
}, 60_000);
