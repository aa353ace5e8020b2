/** Every page of the console, over a node that only pretends: thousands of tubes, hostile names, both themes, the keyboard, a phone. Needs a build. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest, test } from '@jest/globals';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { TubeRow } from '../../src/operator/operator.types.js';
import { chromiumFlags } from '../support/chromium.js';
import { axe, openPage, overflowPx, schemes, screenshot, screenshots } from '../support/console-page.js';
import { FakeNode } from '../support/fake-node.js';
import { describeWith, pathOf } from '../support/require.js';

jest.setTimeout(90_000);

/** Script, styles, page and the drawings of the charts. */
const budgetBytes = 80 * 1024;
const hostile = '<img src=x onerror="document.title=\'taken\'"> \u202e${alert(1)} {{1+1}}';

test('all of the console weighs less than 80 KB gzipped', () => {
  const folder = fileURLToPath(new URL('../../dist/public/console', import.meta.url));
  const isConsole = (name: string): boolean => /\.(js|css|html|json)$/.test(name) && !name.includes('stately');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(isConsole);
  const bytes = files.map((name) => gzipSync(readFileSync(`${folder}/${name}`), { level: 9 }).byteLength);
  expect(files).toContain('main.js');
  expect(bytes.reduce((sum, size) => sum + size)).toBeLessThan(budgetBytes);
});

describeWith('chromium', 'the pages of the console', () => {
  const node = new FakeNode(5000);
  let browser: Browser;
  let page: Page;
  let well: TubeRow;
  let troubled: TubeRow;
  const complaints: string[] = [];

  const go = async (hash: string): Promise<void> => {
    await page.evaluate((wanted) => (location.hash = wanted), hash);
    await page.locator('main h1').waitFor();
  };
  const names = (): Promise<string[]> => page.locator('.list-body .c-name a').allInnerTexts();
  const chip = (name: string) => page.locator('.tubes-page .chip', { hasText: name });
  const only = (fits: (row: TubeRow) => boolean): TubeRow => [...node.rows.values()].find(fits) as TubeRow;

  beforeAll(async () => {
    await node.start();
    well = only(({ state, incidents }) => state === 'connected' && incidents > 1);
    troubled = only(({ state }) => state === 'degraded');
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
    page = await openPage(browser, node.url, complaints);
    await page.goto(`${node.url}/console/#token=${node.token}`);
    await page.locator('.list-body .list-row').first().waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    await node.stop();
  });

  describe('the list', () => {
    it('tells how many tubes are in which state, and shows the worst first', async () => {
      const failed = [...node.rows.values()].filter(({ state }) => state === 'failed').length;
      expect(await chip('All').innerText()).toMatch(/5,000/);
      expect(await chip('Failed').innerText()).toMatch(new RegExp(`\\b${failed}$`));
      expect(await page.locator('.list-body .state').first().innerText()).toBe('Failed');
    });

    it('has only the rows that can be seen, and says how many there are', async () => {
      expect(await page.locator('.list-body .list-row').count()).toBeLessThan(60);
      const table = page.getByRole('table', { name: /Tubes, 5,000 of 5,000/ });
      expect(await table.getAttribute('aria-rowcount')).toBe('5001');
    });

    it('answers which are down, since when, why and what comes next, without a click', async () => {
      const row = await page.locator('.list-body .list-row').first().innerText();
      expect(row).toMatch(/Failed[\s\S]*\d+ (s|min)[\s\S]*all attempts are used up[\s\S]*is closed in \d+/);
    });

    it('cuts off neither the time of what comes next nor the answers above, and has all of it as a title', async () => {
      const next = { what: 'wait_for_controller', at_ms: Date.now() + 100_000 } as const;
      node.set({ ...troubled, next, since_ms: Date.now() });
      await page.getByRole('searchbox').fill(troubled.conversation_id);
      const sub = page.locator('.list-body .c-incident .sub', { hasText: /controller/ });
      const words = await sub.innerText();
      const [time = ''] = /^waits 1 min \d\d s more/.exec(words) ?? [];
      expect(time).not.toBe('');
      expect(await sub.evaluate(isInside, time.length)).toBe(true);
      const title = await page.locator('.list-body .c-name a').first().getAttribute('title');
      expect(title).toMatch(/waits 1 min \d\d s more for a controller, then restarts without one$/);
      for (const detail of await page.locator('.answer .detail').all())
        expect(await detail.evaluate((box) => box.scrollWidth <= box.clientWidth)).toBe(true);
      await screenshots(page, 'tubes-next');
      node.set(troubled);
      await page.getByRole('searchbox').fill('');
    });

    it('filters by state with one click, and back', async () => {
      await chip('Degraded').click();
      const states = await page.locator('.list-body .state').allInnerTexts();
      expect(new Set(states)).toEqual(new Set(['Degraded']));
      expect(await chip('Degraded').getAttribute('aria-pressed')).toBe('true');
      await chip('All').click();
      expect(await page.getByRole('table').getAttribute('aria-rowcount')).toBe('5001');
    });

    it('is searched by conversation', async () => {
      await page.getByRole('searchbox').fill(well.conversation_id.toUpperCase());
      await page.waitForFunction(() => document.querySelectorAll('.list-body .list-row').length === 1);
      expect(await names()).toEqual([well.conversation_id]);
      await page.getByRole('searchbox').fill('nothing is called so');
      await page.getByRole('button', { name: 'Show all' }).click();
      expect(await page.getByRole('searchbox').inputValue()).toBe('');
    });

    it('is sorted by a column, both ways, and as before', async () => {
      const head = page.getByRole('columnheader', { name: 'Conversation' });
      const button = head.getByRole('button');
      await button.click();
      expect(await head.getAttribute('aria-sort')).toBe('ascending');
      const rising = (await names()).slice(0, 10);
      expect(rising).toEqual([...rising].sort());
      await button.click();
      expect((await names())[0]).toMatch(/^ward-/);
      await button.click();
      expect(await head.getAttribute('aria-sort')).toBe('none');
      expect(await page.locator('.list-body .state').first().innerText()).toBe('Failed');
    });

    it('is walked with the keyboard, from end to end', async () => {
      await page.getByRole('table').focus();
      await page.keyboard.press('ArrowDown');
      const focused = (): Promise<string | undefined> =>
        page.evaluate(() => document.activeElement?.closest<HTMLElement>('[data-index]')?.dataset.index);
      expect(await focused()).toBe('0');
      await page.keyboard.press('ArrowDown');
      expect(await focused()).toBe('1');
      await page.keyboard.press('End');
      await page.waitForFunction(() => document.activeElement?.closest('[data-index="4999"]') !== null);
      await page.keyboard.press('Home');
      await page.waitForFunction(() => document.activeElement?.closest('[data-index="0"]') !== null);
      await page.keyboard.press('Enter');
      await page.locator('.tube-head h1').waitFor();
      await page.goBack();
      await page.locator('.list-body .list-row').first().waitFor();
    });

    it('keeps the focus on a row that is scrolled away', async () => {
      await page.getByRole('table').focus();
      await page.keyboard.press('Home');
      const focused = (): Promise<string | undefined> =>
        page.evaluate(() => document.activeElement?.closest<HTMLElement>('[data-index]')?.dataset.index);
      const scrollTo = async (px: number): Promise<void> => {
        await page.getByRole('table').evaluate((box, top) => (box.scrollTop = top), px);
        await page.waitForTimeout(200);
      };
      await page.waitForFunction(() => document.activeElement?.closest('[data-index="0"]') !== null);
      for (const px of [40_000, 90_000, 20_000]) {
        await scrollTo(px);
        expect(await focused()).toBe('0');
      }
      expect(await page.locator('.list-body .list-row').count()).toBeLessThan(60);
      await page.keyboard.press('ArrowDown');
      await page.waitForFunction(() => document.activeElement?.closest('[data-index="1"]') !== null);
    });

    it('follows what changes, and what ends', async () => {
      await page.getByRole('searchbox').fill(well.conversation_id);
      node.set({ ...well, state: 'failed', reason: 'restart_exhausted', since_ms: Date.now() });
      await page.locator('.list-body .state', { hasText: 'Failed' }).waitFor();
      node.set(well);
      await page.locator('.list-body .state', { hasText: 'Connected' }).waitFor();
      const gone = only(({ state, tube_id: id }) => state === 'connecting' && id !== well.tube_id);
      await page.getByRole('searchbox').fill(gone.conversation_id);
      await page.locator('.list-body .list-row').first().waitFor();
      node.close(gone.tube_id);
      await page.getByText('No tube is like that now.').waitFor();
      await page.getByRole('button', { name: 'Show all' }).click();
    });

    it('shows hostile names as text', async () => {
      node.set({ ...well, conversation_id: hostile });
      await page.getByRole('searchbox').fill('onerror');
      await page.locator('.list-body .list-row').first().waitFor();
      expect((await names())[0]).toContain('<img src=x onerror=');
      await page.locator('.list-body .c-name a').first().click();
      expect(await page.locator('.tube-head h1').innerText()).toContain('<img src=x');
      expect(await page.locator('main img').count()).toBe(0);
      expect(await page.title()).not.toBe('taken');
      node.set(well);
      await go('#/tubes');
      await page.getByRole('searchbox').fill('');
    });
  });

  describe('an operator’s questions', () => {
    it('us or them, and is it getting worse: without a click, and in full with one', async () => {
      await page.locator('.answer', { hasText: 'It looks like them' }).waitFor();
      await page.locator('.answer', { hasText: 'Getting worse' }).first().click();
      await page
        .locator('.verdict', { hasText: /95 incidents in the last 10 min, against \d+ in as long before/ })
        .waitFor();
      expect(await page.getByRole('meter').count()).toBeGreaterThan(6);
    });

    it('what happens next and when, and what the last recovery cost: with one click on the tube', async () => {
      await go(`#/tubes/${troubled.tube_id}`);
      const facts = await page.locator('.facts.answers').innerText();
      expect(facts).toMatch(/What comes next\s+(Next attempt|Waits)/);
      await page
        .locator('.facts.answers', { hasText: '2.59 s without a path, 1 attempt; most of it noticing (2.41 s)' })
        .waitFor();
    });

    it('how many attempts there were: one count, within the incident', async () => {
      const incident = page.locator('.incident[data-outcome=recovered]').first();
      expect(await incident.locator('.incident-cost').innerText()).toMatch(/1 attempt\b/);
      const entries = await incident.locator('.entries').evaluate((list) => list.textContent);
      expect(entries).toMatch(/Decided: attempt 1 now[\s\S]*Attempt 1 began/);
      const history = page.locator('.history');
      await history.getByText('Recovered with 1 attempt').first().waitFor();
      expect((await history.innerText()).match(/attempt 1 (now|began)/gi)?.length).toBeGreaterThan(3);
    });
  });

  describe('actions', () => {
    const last = () => node.asked.at(-1);

    it('restart at a press; close after a question only', async () => {
      await go(`#/tubes/${well.tube_id}`);
      await page.getByRole('button', { name: 'Restart', exact: true }).click();
      await page.getByText('A restart was asked for.').waitFor();
      expect(last()).toEqual({ call: 'restart_ice', fields: { tube_id: well.tube_id } });
      await page.getByRole('button', { name: 'Close', exact: true }).click();
      await page.getByRole('button', { name: 'No, leave it' }).click();
      expect(last()?.call).toBe('restart_ice');
    });

    it('inject a fault where the node allows it', async () => {
      await page.getByRole('button', { name: 'Network change' }).click();
      await page.getByText('Network change: done.').waitFor();
      expect(last()?.fields).toMatchObject({ tube_id: well.tube_id, fault: 'network_change' });
    });

    it('set a log level for a while', async () => {
      await go('#/node');
      await page.getByRole('combobox', { name: 'Target' }).selectOption('webrtc_ice');
      await page.getByRole('combobox', { name: 'Level' }).selectOption('trace');
      await page.getByRole('combobox', { name: 'For' }).selectOption('30 min');
      await page.getByRole('button', { name: 'Set', exact: true }).click();
      await page.locator('tr.is-changed', { hasText: /webrtc_ice\s*trace\s*29 min \d\d s, then info/ }).waitFor();
      expect(last()?.fields).toEqual({ target: 'webrtc_ice', level: 'trace', ttl_ms: 1_800_000 });
    });
  });

  describe('for everybody', () => {
    const pages = (): Record<string, string> => ({
      tubes: '#/tubes',
      'tube-degraded': `#/tubes/${troubled.tube_id}`,
      'tube-well': `#/tubes/${well.tube_id}`,
      'tube-unknown': '#/tubes/nobody',
      closed: '#/closed',
      node: '#/node',
      'try-empty': '#/try',
    });

    it.each(schemes)('every page is clean to axe in the %s theme, contrast included', async (colorScheme) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const [name, hash] of Object.entries(pages())) {
        await go(hash);
        await page.waitForTimeout(500);
        expect({ name, found: await axe(page) }).toEqual({ name, found: [] });
        await screenshot(page, `${name}-${colorScheme}-1280`);
      }
    });

    it('needs no sideways scrolling on a phone', async () => {
      const phone = await openPage(browser, node.url, complaints, 390);
      await phone.goto(`${node.url}/console/#token=${node.token}`);
      for (const [name, hash] of Object.entries(pages())) {
        await phone.evaluate((wanted) => (location.hash = wanted), hash);
        await phone.locator('main h1').waitFor();
        await phone.waitForTimeout(500);
        expect({ name, overflowPx: await overflowPx(phone) }).toEqual({ name, overflowPx: 0 });
        await screenshots(phone, name);
      }
      await phone.context().close();
    });

    it('takes the theme that is chosen over that of the system, and remembers it', async () => {
      await page.emulateMedia({ colorScheme: 'light' });
      const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await ground();
      const toggle = page.getByRole('button', { name: /theme; change to/ });
      await toggle.click();
      expect(await ground()).toBe(light);
      await toggle.click();
      expect(await ground()).not.toBe(light);
      await page.reload();
      await page.locator('main h1').waitFor();
      expect(await ground()).not.toBe(light);
      await toggle.click();
      expect(await page.evaluate(() => localStorage.length)).toBe(0);
    });

    it('goes to the top of another page with the focus on its heading', async () => {
      await page.getByRole('link', { name: 'Node', exact: true }).focus();
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
      expect(await page.title()).toBe('Node · Holdfast');
    });
  });

  it('says when the service cannot be reached, and is up to date again when it can', async () => {
    await go('#/tubes');
    node.drop();
    await page.getByRole('alert').filter({ hasText: 'cannot be reached' }).waitFor();
    await page.getByText('connected to the service').waitFor({ timeout: 10_000 });
    node.set({ ...well, conversation_id: 'after-the-drop' });
    await page.getByRole('searchbox').fill('after-the-drop');
    await page.locator('.list-body .list-row').first().waitFor();
  });

  it('forgets what it showed when somebody signs out, and shows nothing of it to the next one', async () => {
    await go('#/tubes');
    await page.getByRole('searchbox').fill('');
    await page.locator('.list-body .list-row').first().waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    const field = page.getByLabel('Token', { exact: true });
    await field.waitFor();
    await page.getByText('You are signed out of this tab.').waitFor();
    expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).toBe('{}');
    node.pictures = false;
    await field.fill(node.token);
    await field.press('Enter');
    await page.getByText('connected to the service').waitFor();
    await page.getByText('The list is being loaded').waitFor();
    expect(await page.locator('.list-body .list-row').count()).toBe(0);
    expect(await chip('All').innerText()).toMatch(/\b0$/);
  });

  it('has asked no other host for anything and has complained about nothing', () => {
    expect(complaints.filter((text) => !text.includes('WebSocket'))).toEqual([]);
  });
});

describeWith('chromium', 'a service that is gone', () => {
  const node = new FakeNode(40);
  let browser: Browser;
  let page: Page;
  const well = [...node.rows.values()].find(({ state }) => state === 'connected') as TubeRow;
  const button = (name: string) => page.locator('main').getByRole('button', { name, exact: true });

  beforeAll(async () => {
    await node.start();
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
    page = await openPage(browser, node.url, []);
    await page.goto(`${node.url}/console/#token=${node.token}`);
    await page.evaluate((id) => (location.hash = `#/tubes/${id}`), well.tube_id);
    for (const text of ['carries the data', 'Log levels', 'Break it on purpose']) await page.getByText(text).waitFor();
    await page.locator('.incidents').waitFor();
    expect(await button('Restart').getAttribute('aria-disabled')).toBe('false');
    await node.stop();
    await page.getByRole('alert').filter({ hasText: 'cannot be reached' }).waitFor();
  });

  afterAll(() => browser?.close());

  it('is said once on the page of a tube, however long it lasts', async () => {
    await page.waitForTimeout(6000);
    expect(await page.locator('main .problem').allInnerTexts()).toEqual([expect.stringMatching(/cannot be reached/)]);
    await screenshots(page, 'tube-offline');
  });

  it('stops the clocks', async () => {
    const facts = page.locator('.tube-now');
    const before = await facts.innerText();
    expect(before).toMatch(/Since/);
    await page.waitForTimeout(2500);
    expect(await facts.innerText()).toBe(before);
  });

  it('can be asked for nothing', async () => {
    for (const name of ['Restart', 'Save history', 'Close', 'Black hole', 'Set'])
      expect([name, await button(name).getAttribute('aria-disabled')]).toEqual([name, 'true']);
    await button('Set').click({ force: true });
    expect(await page.locator('main .outcome').allInnerTexts()).toEqual(['', '', '']);
  });
});

/** Runs in the page: whether so much of the text of an element can be seen. */
function isInside(box: Element, length: number): boolean {
  const range = document.createRange();
  range.setStart(box.firstChild as Node, 0);
  range.setEnd(box.firstChild as Node, length);
  return range.getBoundingClientRect().right <= box.getBoundingClientRect().right;
}
