/** The bridge page to stately.ai's inspector, with a stand-in for that page: the receiver that the real one is made with. Needs a build. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { InspectMessage } from '../../src/operator/inspection.types.js';
import { chromiumFlags } from '../support/chromium.js';
import { describeWith, pathOf } from '../support/require.js';
import { Controller, controlToken, startService, type Service } from '../support/service.js';
import { until } from '../support/until.js';

const inspectorUrl = 'https://stately.ai/inspect';

/** The page of stately.ai as far as the bridge can tell. */
async function standIn(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { createBrowserReceiver } from '@statelyai/inspect';
        window.seen = [];
        createBrowserReceiver().subscribe((event) => window.seen.push(event));`,
      resolveDir: fileURLToPath(new URL('../../', import.meta.url)),
    },
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    logLevel: 'error',
  });
  return `<!doctype html><title>Inspector</title><script>${outputFiles[0]?.text ?? ''}</script>`;
}

const bridge = (service: Service): string => `${service.url}/console/stately.html`;

describeWith('chromium', 'the bridge to stately.ai', () => {
  let browser: Browser;
  let service: Service;
  let control: Controller;
  let tubeId: string;
  let page: Page;
  const asked: string[] = [];

  const seen = async (): Promise<InspectMessage[]> => {
    const frame = page.frames().find((one) => one.url() === inspectorUrl);
    return frame === undefined ? [] : frame.evaluate(() => (window as unknown as { seen: InspectMessage[] }).seen);
  };
  const statusOf = (shown: Page): Promise<string> => shown.locator('#status').innerText();

  beforeAll(async () => {
    service = await startService(['--stately-inspector', 'on']);
    control = await Controller.connect(service.url);
    tubeId = String((await control.ok('create_tube', { conversation_id: 'inspected', trickle_ice: true }))['tube_id']);
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
    page = await browser.newPage();
    page.on('request', (request) => asked.push(request.url()));
    const body = await standIn();
    await page.route(/^https:/, (route) => route.fulfill({ contentType: 'text/html', body }));
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    control?.close();
    await service?.stop();
  });

  it('shows the inspector the tube, once its page is ready, and what happens to it', async () => {
    await page.goto(`${bridge(service)}#tube=${tubeId}&token=${controlToken}`);
    await page.waitForFunction(() => document.getElementById('status')?.textContent === 'Live.');
    let messages: InspectMessage[] = [];
    const look = setInterval(() => void seen().then((now) => (messages = now)), 20);
    try {
      await until(() => messages.length > 2, 10_000);
      expect(messages[0]).toMatchObject({ type: '@xstate.actor', name: 'tube' });
      await control.ok('close_tube', { tube_id: tubeId });
      await until(() => messages.some((one) => one.type === '@xstate.snapshot' && one.snapshot.status === 'done'));
    } finally {
      clearInterval(look);
    }
    expect(await statusOf(page)).toBe('The tube is closed.');
  }, 30_000);

  it('asks nobody but the service and stately.ai, and leaves no token in the address', () => {
    const origins = new Set(asked.filter((url) => !url.startsWith('data:')).map((url) => new URL(url).origin));
    expect([...origins].sort()).toEqual([new URL(service.url).origin, 'https://stately.ai'].sort());
    expect(page.url()).not.toContain(controlToken);
  });

  it('may be framed by nobody, and frames stately.ai only; other pages frame nothing', async () => {
    const policyOf = async (path: string): Promise<string> =>
      (await fetch(`${service.url}${path}`)).headers.get('content-security-policy') ?? '';
    expect(await policyOf('/console/stately.html')).toMatch(/frame-src https:\/\/stately\.ai(;|$)/);
    expect(await policyOf('/console/stately.html')).toContain("frame-ancestors 'none'");
    expect(await policyOf('/console/')).not.toContain('frame-src');
    expect(await (await fetch(`${service.url}/api/v1/info`)).json()).toMatchObject({ stately_inspector: true });
  });

  it('says what is missing', async () => {
    const bare = await browser.newPage();
    await bare.goto(bridge(service));
    expect(await statusOf(bare)).toContain('No tube is named');
    await bare.goto(`${bridge(service)}?again#tube=${tubeId}`);
    expect(await statusOf(bare)).toContain('no control token');
    await bare.close();
  });

  it('is not there unless it is allowed', async () => {
    const closed = await startService();
    try {
      expect((await fetch(bridge(closed))).status).toBe(404);
      expect(await (await fetch(`${closed.url}/api/v1/info`)).json()).toMatchObject({ stately_inspector: false });
    } finally {
      await closed.stop();
    }
  }, 30_000);
});
