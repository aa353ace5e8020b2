/** Our library in Chromium, as the service serves it, against the real service: restarts on a working path lose nothing and show no gap. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chromium, type Browser, type Page } from 'playwright-core';
import type * as PeerLibrary from '../../src/peer/browser.js';
import { chromiumFlags } from '../support/chromium.js';
import { describeWith, pathOf } from '../support/require.js';
import { Controller, startService, type Service } from '../support/service.js';
import { StreamCheck } from '../support/stream.js';
import { sleep, until } from '../support/until.js';

interface InPage {
  peer: PeerLibrary.HoldfastPeer;
  seen: { count: number; outOfOrder: number; longestGapMs: number };
  sent: number;
}

describeWith('chromium', 'our library in Chromium with the real service', () => {
  let browser: Browser;
  let service: Service;
  let control: Controller;
  let page: Page;
  let tubeId: string;
  let token: string;

  const connect = async (): Promise<void> => {
    await page.goto(`${service.url}/livez`);
    await page.evaluate(
      async ([url, token]) => {
        const library = (await import(`${url}/peer/holdfast-peer.js`)) as typeof PeerLibrary;
        const here = globalThis as unknown as InPage;
        here.seen = { count: 0, outOfOrder: 0, longestGapMs: 0 };
        let lastAtMs = performance.now();
        here.peer = library.createPeer({ url, token });
        here.peer.on('message', ({ data }) => {
          const nowMs = performance.now();
          if (here.seen.count > 0) here.seen.longestGapMs = Math.max(here.seen.longestGapMs, nowMs - lastAtMs);
          lastAtMs = nowMs;
          here.seen.count += 1;
          if (Number(data) !== here.seen.count) here.seen.outOfOrder += 1;
        });
        await here.peer.connect();
        await here.peer.opened('data');
      },
      [service.url, token] as const,
    );
  };

  beforeAll(async () => {
    service = await startService(['--control-calls-per-second', '5000']);
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
    control = await Controller.connect(service.url);
    const created = await control.ok('create_tube', { conversation_id: 'page', settings: {}, trickle_ice: true });
    tubeId = String(created['tube_id']);
    token = String(created['peer_token']);
    page = await browser.newPage();
    await connect();
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    control.close();
    expect(await service.stop()).toBe(0);
  });

  it('loses nothing and shows no gap in a 10 ms stream each way over five restarts', async () => {
    const fromPage = new StreamCheck();
    control.onSignal(({ kind, data }) => {
      if (kind === 'message') fromPage.take(Number((data as { payload: string }).payload));
    });
    await page.evaluate(() => {
      const here = globalThis as unknown as InPage;
      here.sent = 0;
      setInterval(() => here.peer.send('data', String((here.sent += 1))), 10);
    });
    let sent = 0;
    const timer = setInterval(
      () => control.socket.emit('send', { tube_id: tubeId, channel: 'data', data: String((sent += 1)) }),
      10,
    );
    const tookMs: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      await sleep(200);
      const recovered = control.next(({ kind }) => kind === 'recovered');
      const startedAtMs = performance.now();
      await control.ok('restart_ice', { tube_id: tubeId });
      await recovered;
      tookMs.push(performance.now() - startedAtMs);
    }
    clearInterval(timer);
    await sleep(200);
    const seen = await page.evaluate(() => (globalThis as unknown as InPage).seen);
    await until(() => fromPage.received > 50);
    expect([seen.count, seen.outOfOrder]).toEqual([sent, 0]);
    expect(fromPage.outOfOrder).toBe(0);
    console.log(
      `library in Chromium: restarts ${tookMs.map((ms) => ms.toFixed(0)).join(', ')} ms; longest gap ${fromPage.longestGapMs.toFixed(0)} ms from the page, ${seen.longestGapMs.toFixed(0)} ms to it`,
    );
    expect(Math.max(fromPage.longestGapMs, seen.longestGapMs)).toBeLessThan(500);
  }, 40_000);

  it('hands the state of its tube to the page and survives the loss of its signalling', async () => {
    await page.context().setOffline(true);
    await page.context().setOffline(false);
    const recovered = control.next(({ kind }) => kind === 'recovered', 20_000);
    await control.call('restart_ice', { tube_id: tubeId });
    await recovered;
    expect(await page.evaluate(() => (globalThis as unknown as InPage).peer.state)).toBe('connected');
  }, 40_000);

  it('leaves the tube open when the page is loaded again, and ends it when it is closed', async () => {
    await connect();
    expect((await control.ok('get_tube', { tube_id: tubeId }))['state']).not.toBe('closed');
    const closed = control.next(({ kind, data }) => kind === 'connection_state_changed' && data === 'closed', 5_000);
    await page.evaluate(() => (globalThis as unknown as InPage).peer.close());
    expect(await closed).toMatchObject({ reason: 'peer_closed' });
  }, 40_000);
});
