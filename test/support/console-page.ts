/** The console in Chromium, for its tests: a page that is watched for complaints, axe, screenshots that are kept, and the usual looks at it. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import axeCore from 'axe-core';
import type { Browser, Page } from 'playwright-core';

const screenshotFolder = fileURLToPath(new URL('../../tmp/screenshots', import.meta.url));

export type Scheme = 'light' | 'dark';
export const schemes: readonly Scheme[] = ['light', 'dark'];

/** What must not happen on any page: errors, warnings, and requests to other hosts. */
function watchPage(page: Page, serviceUrl: string, complaints: string[]): void {
  const origin = new URL(serviceUrl).host;
  const check = (url: string): void => {
    if (!/^(data|blob):/.test(url) && new URL(url).host !== origin) complaints.push(`request to ${url}`);
  };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`thrown: ${error.message}`));
  page.on('request', (request) => check(request.url()));
  page.on('websocket', (socket) => check(socket.url()));
}

export async function openPage(
  browser: Browser,
  serviceUrl: string,
  complaints: string[],
  width = 1280,
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: width > 500 ? 800 : 844 } });
  const page = await context.newPage();
  page.setDefaultTimeout(6000);
  watchPage(page, serviceUrl, complaints);
  return page;
}

/** Kept in tmp/screenshots. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshotFolder, { recursive: true });
  await page.screenshot({ path: `${screenshotFolder}/${name}.png`, fullPage: true });
}

/** In both themes; the page is left in the dark one. */
export async function screenshots(page: Page, name: string): Promise<void> {
  const width = page.viewportSize()?.width ?? 0;
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme });
    // Colours that change slowly have changed.
    await page.waitForTimeout(400);
    await screenshot(page, `${name}-${colorScheme}-${width}`);
  }
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** What axe finds wrong, one line each. Its script comes by the debugger, past the policy of the page. */
export async function axe(page: Page): Promise<string[]> {
  await page.evaluate(axeCore.source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResult> } }).axe.run(),
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ html, failureSummary = '' }) => `${id}: ${help}: ${html.slice(0, 160)} ${failureSummary.slice(0, 200)}`,
    ),
  );
}

/** How much wider the page is than its window, in pixels. */
export const overflowPx = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
