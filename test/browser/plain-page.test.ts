/** A plain W3C peer in Chromium: one RTCPeerConnection for life, signalling relayed by a controller, and no channel may ever close. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { chromium, type Browser } from 'playwright-core';
import { chromiumFlags } from '../support/chromium.js';
import { PlainPeer } from '../support/plain-page.js';
import { describeWith, pathOf } from '../support/require.js';
import { Controller, startService, type Service } from '../support/service.js';
import { until } from '../support/until.js';

describeWith('chromium', 'a plain page', () => {
  let browser: Browser;
  let service: Service;
  let control: Controller;
  let peer: PlainPeer;

  beforeAll(async () => {
    service = await startService();
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
  }, 60_000);
  beforeEach(async () => {
    control = await Controller.connect(service.url);
    peer = await PlainPeer.open(browser, control, service.url);
  });
  afterEach(async () => {
    await control.call('close_tube', { tube_id: peer.tubeId });
    await peer.close();
    control.close();
  });
  afterAll(async () => {
    await browser.close();
    expect(await service.stop()).toBe(0);
  });

  const echoes = async (channel: string, text: string): Promise<void> => {
    const echoed = control.next(
      ({ kind, data }) => kind === 'message' && (data as { payload: string }).payload === text,
    );
    await control.ok('send', { tube_id: peer.tubeId, channel, data: `echo ${text}` });
    await echoed;
  };

  const expectUnbroken = async (): Promise<void> => {
    const seen = await peer.look();
    expect(seen.closes).toBe(0);
    expect(seen.connection).toBe('connected');
    expect(Object.values(seen.channels).every((state) => state === 'open')).toBe(true);
    expect(peer.errors).toEqual([]);
  };

  /** Asks for a restart; milliseconds until it has recovered. */
  const restart = async (): Promise<number> => {
    const recovered = control.next(({ kind, tube_id: tubeId }) => kind === 'recovered' && tubeId === peer.tubeId);
    const startedAtMs = performance.now();
    await control.ok('restart_ice', { tube_id: peer.tubeId });
    await recovered;
    return performance.now() - startedAtMs;
  };

  it('lives through eight restarts with zero close events on channels of the service', async () => {
    await peer.connectAsAnswerer();
    await peer.waitForChannel('data');
    await echoes('data', 'first');
    const durations: number[] = [];
    for (let n = 1; n <= 8; n += 1) {
      durations.push(await restart());
      await echoes('data', `after restart ${String(n)}`);
    }
    await expectUnbroken();
    console.log(`plain page: restarts took ${durations.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    expect(durations.sort((a, b) => a - b)[4]).toBeLessThan(2_000);
  }, 60_000);

  it('keeps channels that the page created', async () => {
    await peer.connectAsAnswerer();
    await peer.waitForChannel('data');
    await peer.openChannel('mine');
    await peer.waitForChannel('mine');
    await until(() =>
      control.signals.some(({ kind, data }) => kind === 'channel_opened' && JSON.stringify(data).includes('mine')),
    );
    await echoes('mine', 'before');
    for (const n of [1, 2, 3]) {
      await restart();
      await echoes('mine', `after ${String(n)}`);
      await echoes('data', `also ${String(n)}`);
    }
    await expectUnbroken();
  }, 60_000);

  it('keeps everything when the service answers the offer of the page', async () => {
    await peer.connectAsOfferer('mine');
    await peer.waitForChannel('mine');
    await peer.waitForChannel('data');
    await echoes('mine', 'before');
    for (const n of [1, 2, 3]) {
      await restart();
      await echoes('mine', `after ${String(n)}`);
      await echoes('data', `also ${String(n)}`);
    }
    await expectUnbroken();
  }, 60_000);

  it.each([
    ['the service offered first', (): Promise<void> => peer.connectAsAnswerer()],
    ['the page offered first', (): Promise<void> => peer.connectAsOfferer('mine')],
  ])(
    'survives its own restart offers when %s',
    async (_, connect) => {
      await connect();
      await peer.waitForChannel('data');
      await echoes('data', 'before');
      for (const n of [1, 2, 3]) {
        const recovered = control.next(({ kind }) => kind === 'recovered');
        await peer.restart();
        await recovered;
        await echoes('data', `after ${String(n)}`);
      }
      await expectUnbroken();
    },
    60_000,
  );

  it('gets messages that were sent during the restart, in order, and none twice', async () => {
    await peer.connectAsAnswerer();
    await peer.waitForChannel('data');
    let sent = 0;
    const timer = setInterval(
      () => void control.call('send', { tube_id: peer.tubeId, channel: 'data', data: `n${String((sent += 1))}` }),
      10,
    );
    await restart();
    await restart();
    clearInterval(timer);
    await peer.waitForMessage(`n${String(sent)}`);
    const { received } = await peer.look();
    expect(new Set(received).size).toBe(received.length);
    expect(received).toEqual([...received].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))));
    console.log(`plain page: ${String(received.length)} of ${String(sent)} messages arrived over two restarts`);
    await expectUnbroken();
  }, 60_000);

  it('connects without trickle too, and is not judged by pings that it does not answer', async () => {
    await peer.connectAsAnswerer({}, false);
    await peer.waitForChannel('data');
    await echoes('data', 'all candidates were in the offer');
    const refused = await control.call('restart_ice', { tube_id: peer.tubeId });
    expect(refused.error?.code).toBe('restart_trickle_disabled');
    const stats = await control.ok('get_connection_stats', { tube_id: peer.tubeId });
    expect(stats['packet_loss_rate']).toBeNull();
    await expectUnbroken();
  }, 60_000);

  it.each([
    ['by restart_ice fresh', true],
    ['by itself when the service notices', false],
  ])(
    'is given its channels anew on a new RTCPeerConnection, %s',
    async (_, fresh) => {
      await peer.connectAsAnswerer();
      await peer.waitForChannel('data');
      await echoes('data', 'on the first connection');
      await peer.replaceConnection();
      const recovered = control.next(({ kind }) => kind === 'recovered', 30_000);
      await control.call('restart_ice', { tube_id: peer.tubeId, fresh });
      await recovered;
      await peer.waitForChannel('data');
      await echoes('data', 'on a new connection');
      await restart();
      await echoes('data', 'and after one more restart');
    },
    60_000,
  );
});
