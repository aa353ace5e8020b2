/**
 * What the list of tubes costs the browser: 5,000 tubes, 500 changes a second, looked at and scrolled. Processor time is that of the page's renderer
 * process, all of its threads; tasks are those of its main thread. Needs a build.
 */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { chromium, type Browser, type CDPSession, type Page } from 'playwright-core';
import { chromiumFlags } from '../support/chromium.js';
import { openPage } from '../support/console-page.js';
import { FakeNode } from '../support/fake-node.js';
import { describeWith, pathOf } from '../support/require.js';

jest.setTimeout(60_000);

const tubes = 5000;
const changesPerSecond = 500;
const measuredMs = 10_000;
const maxCoreShare = 0.1;

interface ProcessInfo {
  readonly type: string;
  readonly id: number;
  /** Seconds since it began. */
  readonly cpuTime: number;
}

describeWith('chromium', 'the list of tubes under load', () => {
  const node = new FakeNode(tubes);
  let browser: Browser;
  let page: Page;
  let ofPage: CDPSession;
  let ofBrowser: CDPSession;

  const taskSeconds = async (): Promise<number> => {
    const { metrics } = await ofPage.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN;
  };
  /** Of all renderers: there is one page. */
  const cpuSeconds = async (): Promise<number> => {
    const { processInfo } = (await ofBrowser.send('SystemInfo.getProcessInfo')) as {
      readonly processInfo: readonly ProcessInfo[];
    };
    return processInfo.filter(({ type }) => type === 'renderer').reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  };
  /** Shares of a core while `busy` runs, or `measuredMs` pass. */
  const cost = async (busy: () => Promise<unknown> = () => page.waitForTimeout(measuredMs)) => {
    const [startedAtMs, tasks, cpu] = [Date.now(), await taskSeconds(), await cpuSeconds()];
    await busy();
    const seconds = (Date.now() - startedAtMs) / 1000;
    return { tasks: ((await taskSeconds()) - tasks) / seconds, cpu: ((await cpuSeconds()) - cpu) / seconds };
  };
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

  beforeAll(async () => {
    await node.start();
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
    page = await openPage(browser, node.url, []);
    ofPage = await page.context().newCDPSession(page);
    await ofPage.send('Performance.enable');
    ofBrowser = await browser.newBrowserCDPSession();
    await page.goto(`${node.url}/console/#token=${node.token}`);
    await page.locator('.list-body .list-row').first().waitFor();
    node.churn(changesPerSecond);
    await page.waitForTimeout(2000);
  });

  afterAll(async () => {
    await browser?.close();
    await node.stop();
  });

  it('takes less than a tenth of a core while 500 tubes change each second', async () => {
    const before = await page.evaluate(() => document.querySelector('.chips')?.textContent);
    const { tasks, cpu } = await cost();
    console.log(`looked at: ${percent(cpu)} of a core, main thread busy ${percent(tasks)}`);
    expect(await page.evaluate(() => document.querySelector('.chips')?.textContent)).not.toBe(before);
    expect(cpu).toBeLessThan(maxCoreShare);
  });

  it('scrolls without stopping, and rows are there when they come into view', async () => {
    const { longestTaskMs, blanks, frames } = await page.evaluate(scrollThrough);
    console.log(`scrolled: ${frames} frames, longest task ${longestTaskMs.toFixed(0)} ms, ${blanks} without all rows`);
    expect(frames).toBeGreaterThan(100);
    // Two frames on a machine with nothing else to do.
    expect(longestTaskMs).toBeLessThan(500);
    expect(blanks).toBe(0);
  });

  it('costs little more when it is searched and sorted by something that changes', async () => {
    await page.getByRole('columnheader', { name: 'RTT' }).getByRole('button').click();
    await page.getByRole('searchbox').fill('o');
    const { tasks, cpu } = await cost();
    console.log(`sorted and searched: ${percent(cpu)} of a core, main thread busy ${percent(tasks)}`);
    expect(cpu).toBeLessThan(maxCoreShare);
  });
});

/** Runs in the page: scrolls 60 px a frame for three seconds and looks at each frame whether the middle of the list has a row. */
async function scrollThrough(): Promise<{ longestTaskMs: number; blanks: number; frames: number }> {
  let longestTaskMs = 0;
  const observer = new PerformanceObserver((entries) => {
    for (const { duration } of entries.getEntries()) longestTaskMs = Math.max(longestTaskMs, duration);
  });
  observer.observe({ type: 'longtask' });
  const list = document.querySelector<HTMLElement>('.list') as HTMLElement;
  const box = list.getBoundingClientRect();
  let [frames, blanks] = [0, 0];
  const endAtMs = performance.now() + 3000;
  while (performance.now() < endAtMs) {
    list.scrollTop += 60;
    await new Promise(requestAnimationFrame);
    await new Promise((resolve) => setTimeout(resolve));
    frames += 1;
    const seen = document.elementFromPoint(box.left + 40, box.top + box.height / 2);
    if (seen?.closest('.list-row') === null) blanks += 1;
  }
  observer.disconnect();
  return { longestTaskMs, blanks, frames };
}
