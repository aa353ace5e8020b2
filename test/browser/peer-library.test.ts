/** The peer library in Chromium: the browser's own connection behind the port, restarts under load, and no Blob anywhere. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import type * as PeerLibrary from '../../src/peer/browser.js';
import { createNativeConnection } from '../../src/transport/native-connection.js';
import { shutdown } from '../../src/transport/native-runtime.js';
import { MiniService } from '../support/mini-service.js';
import { describeWith, pathOf } from '../support/require.js';
import { sleep, until } from '../support/until.js';

/** What the page has after `open`. */
interface InPage {
  holdfast: typeof PeerLibrary;
  peer: PeerLibrary.HoldfastPeer;
  seen: string[];
  log: string[];
}

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
const schedule = (fn: () => void, delayMs: number): (() => void) => {
  const timer = setTimeout(fn, delayMs);
  return () => clearTimeout(timer);
};

describeWith('chromium', 'the peer library in Chromium', () => {
  let browser: Browser;
  let page: Page;
  let service: MiniService;

  beforeAll(async () => {
    const bundle = await build({
      entryPoints: ['src/peer/browser.ts'],
      bundle: true,
      write: false,
      format: 'iife',
      globalName: 'holdfast',
      target: 'es2022',
    });
    browser = await chromium.launch({
      executablePath: pathOf('chromium'),
      args: [...flags, '--disable-features=WebRtcHideLocalIpsWithMdns'],
    });
    page = await browser.newPage();
    service = new MiniService(createNativeConnection, schedule, 500);
    await service.start();
    await page.addScriptTag({ content: bundle.outputFiles[0]?.text ?? '' });
    const connecting = page.evaluate(
      ([url, token]) => {
        const here = globalThis as unknown as InPage;
        here.seen = [];
        here.log = [];
        here.peer = here.holdfast.createPeer({ url, token, generationLingerMs: 500 });
        here.peer.on('message', ({ data }) => here.seen.push(typeof data === 'string' ? data : `bytes ${data.join()}`));
        here.peer.on('error', (error) => here.log.push(error.message));
        here.peer.on('state', ({ state }) => here.log.push(state));
        return here.peer.connect().then(() => here.peer.opened('data'));
      },
      [service.url, service.token] as const,
    );
    await Promise.all([service.restart(), connecting]);
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    await service.stop();
    await shutdown();
  });

  it('carries text and bytes both ways and answers pings', async () => {
    service.send('text');
    service.send(Uint8Array.of(1, 2, 255));
    service.ping(9);
    await page.evaluate(() => {
      const { peer } = globalThis as unknown as InPage;
      peer.send('data', 'grüße');
      peer.send('data', Uint8Array.of(0, 128));
    });
    await page.waitForFunction(() => (globalThis as unknown as InPage).seen.length === 2);
    await sleep(50);
    expect(service.received.splice(0)).toEqual(['grüße', Uint8Array.of(0, 128)]);
    expect(await page.evaluate(() => (globalThis as unknown as InPage).seen.splice(0))).toEqual([
      'text',
      'bytes 1,2,255',
    ]);
    expect(service.pongs).toEqual([9]);
  });

  it('loses, repeats and reorders nothing in five restarts under load', async () => {
    await page.evaluate(() => {
      const { peer } = globalThis as unknown as InPage;
      let count = 0;
      const timer = setInterval(() => {
        if (count < 1000) peer.send('data', `p${count++}`);
        else clearInterval(timer);
      }, 2);
    });
    let count = 0;
    const load = setInterval(() => service.send(`s${count++}`), 2);
    for (let round = 0; round < 5; round++) {
      await service.restart();
      await sleep(100);
    }
    clearInterval(load);
    await page.waitForFunction((total) => (globalThis as unknown as InPage).seen.length >= total, count);
    await until(() => service.received.length >= 1000);
    expect(service.received.splice(0)).toEqual(Array.from({ length: 1000 }, (_, index) => `p${index}`));
    const seen = await page.evaluate(() => (globalThis as unknown as InPage).seen.splice(0));
    expect(seen).toEqual(Array.from({ length: count }, (_, index) => `s${index}`));
  }, 60_000);

  it('knows its selected pair and has reported no error', async () => {
    const stats = await page.evaluate(() => (globalThis as unknown as InPage).peer.stats());
    expect(stats).toMatchObject({ state: 'connected', generation: 6, restarts: 5 });
    expect(stats.selectedPair?.local.protocol).toBe('udp');
    expect(stats.rttMs).not.toBeNull();
    const log = await page.evaluate(() => (globalThis as unknown as InPage).log);
    expect(log.filter((line) => !['connecting', 'connected', 'restarting'].includes(line))).toEqual([]);
  });

  it('reconnects at once and says so when the browser is online again', async () => {
    const hellos = service.hellos.length;
    await page.evaluate(() => {
      const here = globalThis as unknown as InPage;
      here.log.length = 0;
      here.peer.on('signalling', ({ status }) => here.log.push(status));
      dispatchEvent(new Event('offline'));
    });
    // socket.io-client gives its socket up by itself then.
    await page.waitForFunction(() => (globalThis as unknown as InPage).log.includes('reconnecting'));
    const wentOnlineAtMs = Date.now();
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await until(() => service.requests.length > 0);
    expect(Date.now() - wentOnlineAtMs).toBeLessThan(900);
    expect(service.requests).toEqual(['network_change {"type":"online","data":""}']);
    expect(service.hellos.slice(hellos)).toMatchObject([{ generation: 6 }]);
    expect(await page.evaluate(() => (globalThis as unknown as InPage).peer.state)).toBe('connected');
  });

  it('says so when the device slept: the wall clock is ahead', async () => {
    service.requests.length = 0;
    const realNow = await page.evaluateHandle(() => Date.now.bind(Date));
    const sleepFor = (ms: number, wake: string | null): Promise<void> =>
      page.evaluate(
        ([aheadMs, event]) => {
          const now = Date.now.bind(Date);
          Date.now = () => now() + aheadMs;
          if (event !== null) dispatchEvent(new Event(event));
        },
        [ms, wake] as const,
      );
    await sleepFor(60_000, 'focus');
    await until(() => service.requests.length === 1);
    await sleepFor(90_000, 'pageshow');
    await until(() => service.requests.length === 2);
    // No event: found by the clock alone. A few seconds are no sleep, and a clock that was put back is none.
    await sleepFor(-600_000, null);
    await sleepFor(4000, 'focus');
    await sleepFor(3_600_000, null);
    await until(() => service.requests.length === 3, 10_000);
    await page.evaluate((now) => {
      Date.now = now;
    }, realNow);
    expect(service.requests).toEqual([
      'network_change {"type":"online","data":"woke up after 60 s"}',
      'network_change {"type":"online","data":"woke up after 90 s"}',
      'network_change {"type":"online","data":"woke up after 3600 s"}',
    ]);
  });

  it('notices that the service ended the connection', async () => {
    service.closeGeneration(6);
    // ICE alone would find out 5 to 8 s later (RFC 7675 §5.1).
    await page.waitForFunction(() => (globalThis as unknown as InPage).peer.state === 'disconnected', null, {
      timeout: 2000,
    });
    await service.restart();
    await page.waitForFunction(() => (globalThis as unknown as InPage).peer.state === 'connected');
  });
});
