/** How soon a page hears that the service closed its connection, on a machine that is busy: the library alone leaves it to chance (native-connection.ts). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { Connection } from '../../src/channels/connection.port.js';
import { createNativeConnection } from '../../src/transport/native-connection.js';
import { liveCounts, shutdown } from '../../src/transport/native-runtime.js';
import { chromiumFlags } from '../support/chromium.js';
import { describeWith, pathOf } from '../support/require.js';
import { sleep, until } from '../support/until.js';

const rounds = 20;
const labels = ['control', 'data'];

/** Everything in the page is plain WebRTC. */
interface InPage {
  pcs: RTCPeerConnection[];
  /** When channels closed, in milliseconds since the epoch. */
  closedAtMs: number[];
}

describeWith('chromium', 'the goodbye of the service', () => {
  let browser: Browser;
  let page: Page;
  const workers: Worker[] = [];

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
    page = await browser.newPage();
    await page.evaluate(() => Object.assign(globalThis, { pcs: [], closedAtMs: [] }));
  }, 60_000);

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.terminate()));
    await browser.close();
    await shutdown();
  });

  /** Twice as many threads as cores that never rest. */
  async function makeBusy(): Promise<void> {
    for (let n = 0; n < 2 * availableParallelism(); n++) {
      const worker = new Worker('for (;;);', { eval: true });
      workers.push(worker);
      await once(worker, 'online');
    }
  }

  const answerInPage = (offer: string): Promise<string> =>
    page.evaluate(async (sdp) => {
      const here = globalThis as unknown as InPage;
      const pc = new RTCPeerConnection();
      here.pcs.push(pc);
      pc.ondatachannel = ({ channel }) => {
        channel.onclose = () => here.closedAtMs.push(Date.now());
      };
      await pc.setRemoteDescription({ type: 'offer', sdp });
      await pc.setLocalDescription();
      return pc.localDescription?.sdp ?? '';
    }, offer);

  const candidatesInPage = (candidates: readonly string[]): Promise<void> =>
    page.evaluate(async (all) => {
      const pc = (globalThis as unknown as InPage).pcs.at(-1);
      for (const candidate of all) await pc?.addIceCandidate({ candidate, sdpMid: '0' });
    }, candidates);

  async function connected(): Promise<Connection> {
    const candidates: string[] = [];
    let [sdp, open] = ['', 0];
    const connection = createNativeConnection(
      { iceServers: [], maxMessageBytes: 65_536, bindAddress: '127.0.0.1' },
      {
        localDescription: (description) => void ({ sdp } = description),
        localCandidate: (candidate) => candidates.push(candidate),
        stateChanged: () => undefined,
        iceConnected: () => undefined,
        remoteChannel: () => null,
      },
    );
    for (const label of labels) {
      connection.createChannel(
        { label, class: 'reliable', negotiatedId: null },
        { open: () => void (open += 1), closed: () => undefined, message: () => undefined, drained: () => undefined },
      );
    }
    await connection.offer();
    await until(() => sdp !== '' && candidates.at(-1) === '');
    const offer = sdp.replace('a=setup:actpass', 'a=setup:active').replace(/^a=candidate:.*\r\n/gm, '');
    await connection.applyAnswer(await answerInPage(offer));
    await candidatesInPage(candidates.slice(0, -1));
    await until(() => open === labels.length, 10_000);
    return connection;
  }

  it('is heard within 2 s, every time', async () => {
    const connections: Connection[] = [];
    for (let n = 0; n < rounds; n++) connections.push(await connected());
    await makeBusy();
    for (const connection of connections) {
      connection.close();
      await sleep(20);
    }
    const closedAtMs = Date.now();
    const closes = rounds * labels.length;
    await page
      .waitForFunction((all) => (globalThis as unknown as InPage).closedAtMs.length === all, closes, {
        timeout: 15_000,
      })
      .catch(() => undefined);
    const heard = await page.evaluate(() => (globalThis as unknown as InPage).closedAtMs);
    const late = heard.filter((atMs) => atMs - closedAtMs > 2000).length;
    expect({ heard: heard.length, late }).toEqual({ heard: closes, late: 0 });
    await until(() => liveCounts().peerConnections === 0 && liveCounts().dataChannels === 0, 3000);
  }, 90_000);
});
