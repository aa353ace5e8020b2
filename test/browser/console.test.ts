/** The console as a visitor has it: the built page of the real service in Chromium. Needs a build. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { chromiumFlags } from '../support/chromium.js';
import { describeWith, pathOf } from '../support/require.js';
import { Controller, controlToken, startService, type Service } from '../support/service.js';

describeWith('chromium', 'the console', () => {
  let service: Service;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let control: Controller;
  /** What must not happen on any page of these tests. */
  const complaints: string[] = [];

  const watch = (watched: Page): void => {
    watched.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`);
    });
    watched.on('pageerror', (error) => complaints.push(`thrown: ${error.message}`));
    const origin = new URL(service.url).host;
    const check = (url: string): void => {
      if (!url.startsWith('data:') && new URL(url).host !== origin) complaints.push(`request to ${url}`);
    };
    watched.on('request', (request) => check(request.url()));
    watched.on('websocket', (socket) => check(socket.url()));
  };
  const current = (): Promise<string> => page.locator('.station[aria-current=step]').innerText();
  const reached = (state: string): Promise<unknown> =>
    page.waitForFunction((name) => document.querySelector('.station[aria-current=step]')?.textContent === name, state, {
      timeout: 10_000,
      polling: 20,
    });
  const closed = (): Promise<void> => page.locator('#state-sentence', { hasText: 'The tube is closed.' }).waitFor();
  const figure = async (id: string): Promise<number> =>
    Number((await page.locator(`#${id}`).innerText()).replace(/\D/g, ''));
  const button = (name: string) => page.getByRole('button', { name, exact: true });

  beforeAll(async () => {
    service = await startService();
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
    context = await browser.newContext();
    page = await context.newPage();
    page.setDefaultTimeout(4000);
    watch(page);
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
      expect(await field.isVisible()).toBe(true);
      expect(await button('Open a tube').isVisible()).toBe(false);
      await field.fill('wrong');
      await field.press('Enter');
      await page.getByRole('alert').filter({ hasText: 'did not accept the token' }).waitFor();
      expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).toBe('{}');
    });

    it('is taken from the link, out of the address, and kept for the tab only', async () => {
      await page.goto('about:blank');
      await page.goto(`${service.url}/console/#token=${controlToken}`);
      await page.getByText('connected to the service').waitFor();
      expect(page.url()).toBe(`${service.url}/console/`);
      expect(await page.evaluate(() => localStorage.length)).toBe(0);
      expect(await context.cookies()).toEqual([]);
      await page.reload();
      await page.getByText('connected to the service').waitFor();
      expect(await button('Open a tube').isEnabled()).toBe(true);
    });
  });

  describe('a tube', () => {
    it('opens at the press of a button, by keyboard', async () => {
      await button('Open a tube').focus();
      await page.keyboard.press('Enter');
      await reached('connected');
      expect(await page.locator('#generation').innerText()).toBe('1');
      // The focus went on to the next thing to do.
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Break the path');
    });

    it('carries messages both ways', async () => {
      await page.getByLabel('Message to the service').fill('from the tab');
      await page.getByLabel('Message to the service').press('Enter');
      await page.getByLabel('Message to this tab').fill('<b>from the service</b>');
      await page.getByLabel('Message to this tab').press('Enter');
      const arrived = (list: string) => page.getByRole('log', { name: list }).locator('.arrived .text').innerText();
      expect(await arrived('Messages at the service')).toBe('from the tab');
      expect(await arrived('Messages in this tab')).toBe('<b>from the service</b>');
      expect(await page.locator('#service-log').innerText()).toContain('A message came on “data”: from the tab');
    });

    it('comes back by itself after its path was broken, and loses nothing', async () => {
      await page.waitForFunction(() => Number(document.getElementById('tab-received')?.textContent) > 5);
      const brokenAtMs = Date.now();
      await button('Break the path').click();
      expect(await button('Break the path').isEnabled()).toBe(false);
      expect(await current()).toBe('connected');
      await page.getByLabel('Message to the service').fill('into the dark');
      await page.getByLabel('Message to the service').press('Enter');
      await reached('degraded');
      await reached('connected');
      expect(Date.now() - brokenAtMs).toBeLessThan(6000);
      expect(await page.locator('#generation').innerText()).toBe('2');

      await page.getByText(/What was sent meanwhile has arrived: messages lost 0 of \d\d+, out of order 0\./).waitFor();
      await page.getByRole('log', { name: 'Messages at the service' }).getByText('into the dark').waitFor();
      const steps = await page.locator('#story li').allInnerTexts();
      const expected = [
        /^0 ms.*broken/s,
        /^[12],\d{3} ms.*suspects/s,
        /offers generation 2/,
        /answered/,
        /Generation 2 is connected/,
        /Recovered at the first attempt/,
        /lost 0/,
      ];
      expect(steps).toHaveLength(expected.length);
      expected.forEach((pattern, index) => expect(steps[index]).toMatch(pattern));
    }, 15_000);

    it('is restarted on request without any gap worth the name', async () => {
      const before = await figure('tab-gap');
      await button('Restart now').click();
      await page.getByText('The controller asks for a restart').waitFor();
      await page.getByText('What was sent meanwhile has arrived').waitFor();
      expect(await page.locator('#generation').innerText()).toBe('3');
      // The longest gap is still that of the break.
      expect(await figure('tab-gap')).toBe(before);
    });

    it('has lost and confused none of the steady traffic', async () => {
      await page.getByRole('switch').press('Space');
      await page.waitForFunction(() =>
        ['service', 'tab'].every((end) => document.getElementById(`${end}-waiting`)?.textContent === '0'),
      );
      for (const end of ['service', 'tab']) {
        expect(await figure(`${end}-sent`)).toBeGreaterThan(10);
        expect(await figure(`${end}-received`)).toBe(await figure(`${end}-sent`));
        expect(await figure(`${end}-lost`)).toBe(0);
        expect(await figure(`${end}-disordered`)).toBe(0);
      }
    });

    it('is closed at the press of a button, and when the page is left', async () => {
      const open = async (): Promise<number> => ((await control.ok('list_tubes', {}))['tubes'] as unknown[]).length;
      expect(await open()).toBe(1);
      await button('Close').click();
      await closed();
      expect(await open()).toBe(0);

      await button('Open a tube').click();
      await reached('connected');
      expect(await open()).toBe(1);
      await page.reload();
      const endMs = Date.now() + 3000;
      while ((await open()) > 0 && Date.now() < endMs) await page.waitForTimeout(50);
      expect(await open()).toBe(0);
    });
  });

  describe('for everybody', () => {
    it('has a name for every control, one main heading, and no id twice', async () => {
      const unnamed = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('button, input, a, section, [role=log], [tabindex="0"]')]
          .filter((control) => {
            const labels = control instanceof HTMLInputElement ? [...(control.labels ?? [])] : [];
            const named = document.getElementById(control.getAttribute('aria-labelledby') ?? '');
            const own = control.matches('button, a') ? control.textContent : '';
            const text =
              [...labels, named].map((label) => label?.textContent ?? '').join('') + own + (control.ariaLabel ?? '');
            return text.trim() === '';
          })
          .map(({ outerHTML }) => outerHTML),
      );
      expect(unnamed).toEqual([]);
      const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map(({ id }) => id));
      expect(new Set(ids).size).toBe(ids.length);
      expect(await page.locator('h1').count()).toBe(1);
      expect(await page.locator('main').count()).toBe(1);
      expect(await page.locator('html').getAttribute('lang')).toBe('en');
      expect(await page.locator('#story').getAttribute('aria-live')).toBe('polite');
    });

    it.each(['light', 'dark'] as const)(
      'is readable in the %s theme: contrast of at least 4.5',
      async (colorScheme) => {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await button('Open a tube').click();
        await reached('connected');
        expect(await page.evaluate(faintTexts)).toEqual([]);
        await button('Break the path').click();
        await reached('degraded');
        expect(await page.evaluate(faintTexts)).toEqual([]);
        await button('Close').click();
        await closed();
      },
    );

    it('needs no sideways scrolling on a phone', async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    });
  });

  it('has asked no other host for anything and has complained about nothing', () => {
    expect(complaints).toEqual([]);
  });
});

/** Visible texts whose contrast to their background is below 4.5 (WCAG 2.2, 1.4.3); inactive controls are exempt. Runs in the page. */
function faintTexts(): string[] {
  const rgb = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
  const light = (color: string): number => {
    const [r = 0, g = 0, b = 0] = rgb(color).map((part) =>
      part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (from: Element | null): string => {
    for (let at = from; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if ((rgb(backgroundColor)[3] ?? 1) > 0) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = [...document.querySelectorAll<HTMLElement>('body *')].filter(
    (candidate) =>
      [...candidate.childNodes].some(({ nodeType, textContent }) => nodeType === 3 && textContent?.trim() !== '') &&
      candidate.checkVisibility() &&
      !candidate.matches(':disabled, [aria-disabled=true], script'),
  );
  return texts.flatMap((candidate) => {
    const [ink, paper] = [light(getComputedStyle(candidate).color), light(backgroundOf(candidate))];
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    return contrast >= 4.5 ? [] : [`${contrast.toFixed(2)}: ${candidate.textContent?.trim().slice(0, 40)}`];
  });
}
