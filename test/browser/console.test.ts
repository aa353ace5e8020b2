/** The console as a visitor has it: the built page of the real service in Chromium, with a real tube that is broken and comes back. Needs a build. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { chromium, type Browser, type Page } from 'playwright-core';
import { chromiumFlags } from '../support/chromium.js';
import { axe, openPage, overflowPx, screenshots } from '../support/console-page.js';
import { describeWith, pathOf } from '../support/require.js';
import { Controller, controlToken, startService, type Service } from '../support/service.js';

jest.setTimeout(60_000);

describeWith('chromium', 'the console', () => {
  let service: Service;
  let browser: Browser;
  let page: Page;
  let control: Controller;
  const complaints: string[] = [];

  /** The top-level states that the drawing has shown as active, in their order. */
  const walked = (): Promise<string[]> =>
    page.evaluate(() =>
      (globalThis as unknown as { walked: string[] }).walked.filter((one, i, all) => one !== all[i - 1]),
    );
  const state = (): Promise<string> => page.locator('.stage .state').innerText();
  const reached = async (name: string): Promise<void> => {
    await page.locator('.stage .state', { hasText: name }).waitFor({ timeout: 10_000 });
  };
  const figure = async (name: string): Promise<number> =>
    Number((await page.locator(`[data-figure="${name}"]`).innerText()).replace(/\D/g, ''));
  const button = (name: string) => page.locator('main').getByRole('button', { name, exact: true });
  const open = async (): Promise<number> => ((await control.ok('list_tubes', {}))['tubes'] as unknown[]).length;

  beforeAll(async () => {
    service = await startService(['--fault-injection', 'on']);
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
    page = await openPage(browser, service.url, complaints);
    control = await Controller.connect(service.url);
  }, 30_000);

  afterAll(async () => {
    control?.close();
    await browser?.close();
    await service?.stop();
  });

  describe('the token', () => {
    it('is asked for when the link has none, and asked for again when it is wrong', async () => {
      await page.goto(`${service.url}/`);
      const field = page.getByLabel('Token', { exact: true });
      await field.waitFor();
      expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Control token');
      await page.getByText('The link that brought you here has no token.').waitFor();
      await field.fill('wrong');
      await field.press('Enter');
      await page.getByRole('alert').filter({ hasText: 'did not accept the token' }).waitFor();
      expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).toBe('{}');
      expect(await axe(page)).toEqual([]);
    });

    it('is asked for with the reason, which stays when another page is chosen', async () => {
      await page.getByText('It may be that of another service, or of an earlier run of this one.').waitFor();
      await page.getByRole('link', { name: 'Node', exact: true }).click();
      expect(page.url()).toMatch(/#\/node$/);
      expect(await page.getByRole('alert').innerText()).toMatch(/did not accept the token/);
      expect(await page.getByText('has no token').count()).toBe(0);
    });

    it('is taken from the link, out of the address, and kept for the tab only', async () => {
      await page.goto('about:blank');
      await page.goto(`${service.url}/console/#token=${controlToken}`);
      await page.getByText('connected to the service').waitFor();
      expect(page.url()).toBe(`${service.url}/console/`);
      expect(await page.evaluate(() => localStorage.length)).toBe(0);
      expect(await page.context().cookies()).toEqual([]);
      await page.reload();
      await page.getByText('connected to the service').waitFor();
    });
  });

  describe('a tube of one’s own', () => {
    it('is offered where there is none yet, and opens by keyboard', async () => {
      await page.getByRole('link', { name: 'Open one from this browser' }).focus();
      await page.keyboard.press('Enter');
      await button('Open a tube').focus();
      await page.keyboard.press('Enter');
      await reached('Connected');
      // The focus went on to the next thing to do.
      await button('Break the path').waitFor();
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Break the path');
    });

    it('carries messages both ways, as text and nothing else', async () => {
      await page.getByLabel('Message to the service').fill('from the tab');
      await page.getByLabel('Message to the service').press('Enter');
      await page.getByLabel('Message to this tab').fill('<b>from the service</b>');
      await page.getByLabel('Message to this tab').press('Enter');
      const arrived = (list: string) => page.getByRole('log', { name: list }).locator('.arrived .text');
      await arrived('Messages at the service').waitFor();
      await arrived('Messages in this tab').waitFor();
      expect(await arrived('Messages at the service').innerText()).toBe('from the tab');
      expect(await arrived('Messages in this tab').innerText()).toBe('<b>from the service</b>');
    });

    it('walks its chart from connected over degraded to connected when its path is broken, and loses nothing', async () => {
      await page.waitForFunction(() => Number(document.querySelector('[data-figure=tab-received]')?.textContent) > 5);
      await page.locator('.chart-state.is-active[data-state="tube.connected"]').waitFor();
      await page.evaluate(watchTheWalk);
      const brokenAtMs = Date.now();
      await button('Break the path').click();
      expect(await button('Break the path').getAttribute('aria-disabled')).toBe('true');
      expect(await state()).toBe('Connected');
      await page.getByLabel('Message to the service').fill('into the dark');
      await page.getByLabel('Message to the service').press('Enter');
      await reached('Degraded');
      await reached('Connected');
      expect(Date.now() - brokenAtMs).toBeLessThan(8000);

      await page.getByText(/What was sent meanwhile has arrived: messages lost 0 of \d\d+, out of order 0\./).waitFor();
      await page.getByRole('log', { name: 'Messages at the service' }).getByText('into the dark').waitFor();
      await page.locator('.chart-state.is-active[data-state="tube.connected"]').waitFor();
      expect(await walked()).toEqual(['connected', 'degraded', 'connected']);
      const trail = page.getByRole('list', { name: 'States that the tube went through, newest first' });
      expect(await trail.innerText()).toMatch(/connected[\s\S]*degraded › restarting[\s\S]*degraded › doubted/);
    });

    it('tells the story of the break step by step', async () => {
      const steps = await page.locator('.story li').allInnerTexts();
      const expected = [/^0 ms.*broken/s, /suspects/, /offers generation 2/, /answered/];
      expected.forEach((pattern, index) => expect(steps[index]).toMatch(pattern));
      // The end of the service and that of the tab tell theirs over two sockets.
      const ending = steps.slice(expected.length).join('\n');
      for (const pattern of [/Generation 2 is connected/, /Recovered at the first attempt/, /lost 0/])
        expect(ending).toMatch(pattern);
    });

    it('has an incident with its phases, the evidence, and whose fault it looks like', async () => {
      const incident = page.locator('.incident').first();
      await incident.getByText('recovered', { exact: true }).waitFor();
      for (const phase of ['detect', 'signal', 'connect'])
        expect(await incident.locator(`[data-phase=${phase}]`).innerText()).toMatch(/\d+(\.\d+)? (ms|s)/);
      expect(await incident.locator('.phase-bar span').count()).toBeGreaterThanOrEqual(3);
      expect(await incident.innerText()).toMatch(/Pings unanswered/);
      expect(await incident.innerText()).toMatch(/without a path, 1 attempt; most of it noticing/);
      expect(await incident.innerText()).toMatch(/Rather them: this host’s way to the peer is as it was/);
      await screenshots(page, 'try');
      expect(await axe(page)).toEqual([]);
    });

    it('has lost and confused none of the steady traffic', async () => {
      await page.getByRole('switch').press('Space');
      await page.waitForFunction(() =>
        ['service', 'tab'].every((end) => document.querySelector(`[data-figure=${end}-waiting]`)?.textContent === '0'),
      );
      for (const end of ['service', 'tab']) {
        expect(await figure(`${end}-sent`)).toBeGreaterThan(10);
        expect(await figure(`${end}-received`)).toBe(await figure(`${end}-sent`));
        expect(await figure(`${end}-lost`)).toBe(0);
        expect(await figure(`${end}-disordered`)).toBe(0);
      }
    });
  });

  describe('the same tube as an operator sees it', () => {
    it('is in the list, live, and leads to its page with a click', async () => {
      await page.getByRole('link', { name: 'Tubes', exact: true }).click();
      const row = page.locator('.list-body .list-row').first();
      await row.getByText('Connected').waitFor();
      expect(await row.innerText()).toMatch(/console-/);
      await screenshots(page, 'real-tubes');
      await row.getByRole('link').click();
      await page.getByRole('heading', { level: 1, name: /^console-/ }).waitFor();
    });

    it('says on its page why, what comes next and what the last recovery cost; measurements, path and history', async () => {
      const facts = page.locator('.facts.answers');
      await facts.getByText(/without a path, 1 attempt/).waitFor();
      expect(await facts.innerText()).toMatch(/What comes next\s/);
      await page.locator('.generations').getByText('carries the data').waitFor();
      await page
        .locator('.history')
        .getByText(/Recovered with 1 attempt/)
        .waitFor();
      await page.locator('.plot').first().waitFor();
      for (const chart of ['tube', 'keepalive', 'health'])
        await page.getByRole('img', { name: new RegExp(`Statechart “${chart}”, active: `) }).waitFor();
      await screenshots(page, 'real-tube');
      expect(await axe(page)).toEqual([]);
    });

    it('is restarted by the button, and the list of incidents grows', async () => {
      await button('Restart').click();
      await page.getByText('A restart was asked for.').waitFor();
      await page.locator('.incident').nth(1).waitFor();
      await page.locator('.incident-what', { hasText: 'Asked for by hand' }).waitFor();
    });

    it('is broken by a fault that the node injects, and its page shows the trouble and the recovery', async () => {
      const head = (name: string) => page.locator('.tube-state .state', { hasText: name });
      // The restart that was asked for is over, and so is its overlap.
      await page.locator('.incident[data-outcome=recovered]').nth(1).waitFor({ timeout: 10_000 });
      await head('Connected').waitFor({ timeout: 10_000 });
      await page.waitForTimeout(4000);
      await button('Black hole').click();
      await head('Degraded').waitFor({ timeout: 10_000 });
      await head('Connected').waitFor({ timeout: 15_000 });
      await page.locator('.incident-what', { hasText: 'Pings unanswered' }).first().waitFor();
    });

    it('saves its history as a file', async () => {
      const download = page.waitForEvent('download');
      await button('Save history').click();
      expect((await download).suggestedFilename()).toMatch(/^holdfast-[0-9a-f-]+\.json$/);
    });

    it('shows the node behind it', async () => {
      await page.getByRole('link', { name: 'Node', exact: true }).click();
      await page.getByText('Is it getting worse?').waitFor();
      await page.getByText('webrtc_ice_restart').first().waitFor();
      expect(await page.getByRole('meter').count()).toBeGreaterThan(2);
      await screenshots(page, 'real-node');
      expect(await axe(page)).toEqual([]);
    });

    it('is closed after a question, and can still be looked at', async () => {
      await page.goBack();
      await button('Close').click();
      await page.getByRole('dialog').getByRole('button', { name: 'Close the tube' }).click();
      await page.locator('.tube-state .state', { hasText: 'Closed' }).waitFor();
      await page.locator('.incident').first().waitFor();
      expect(await open()).toBe(0);
      await page.goto(`${service.url}/console/#/closed`);
      await page.getByRole('link', { name: /^console-/ }).waitFor();
    });
  });

  it('closes its own tube when the page is left', async () => {
    await page.goto(`${service.url}/console/#/try`);
    await button('Open a tube').click();
    await reached('Connected');
    expect(await open()).toBe(1);
    await page.reload();
    const endMs = Date.now() + 3000;
    while ((await open()) > 0 && Date.now() < endMs) await page.waitForTimeout(50);
    expect(await open()).toBe(0);
  });

  it('needs no sideways scrolling on a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const hash of ['#/tubes', '#/closed', '#/node', '#/try']) {
      await page.goto(`${service.url}/console/${hash}`);
      await page.locator('main h1').waitFor();
      expect(await overflowPx(page)).toBe(0);
    }
  });

  it('has asked no other host for anything and has complained about nothing', () => {
    expect(complaints).toEqual([]);
  });
});

/** Runs in the page: notes each top-level state that the drawing marks as active. */
function watchTheWalk(): void {
  const page = globalThis as unknown as { walked: string[] };
  page.walked = [];
  const look = (): void => {
    for (const name of ['initializing', 'connecting', 'connected', 'degraded', 'failed', 'closed'])
      if (document.querySelector(`.chart-state.is-active[data-state="tube.${name}"]`) !== null) page.walked.push(name);
  };
  look();
  const chart = document.querySelector('.live-charts');
  if (chart !== null) new MutationObserver(look).observe(chart, { subtree: true, childList: true, attributes: true });
}
