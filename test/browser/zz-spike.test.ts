import { chromium } from 'playwright-core';
import { expect, it } from '@jest/globals';
import { chromiumFlags } from '../support/chromium.js';
import { PlainPeer } from '../support/plain-page.js';
import { Controller, startService } from '../support/service.js';
it('spike', async () => {
  const service = await startService(process.env['SPIKE_FLAGS']?.split(' ') ?? []);
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: chromiumFlags });
  const control = await Controller.connect(service.url);
  const peer = await PlainPeer.open(browser, control, service.url);
  const t = performance.now();
  await peer.connectAsAnswerer();
  await peer.waitForChannel('data');
  console.log('connect', performance.now() - t);
  const out: string[] = [];
  for (let n = 0; n < 8; n += 1) {
    const recovered = control.next(({ kind }) => kind === 'recovered');
    const s = performance.now();
    await control.ok('restart_ice', { tube_id: peer.tubeId });
    await recovered;
    out.push((performance.now() - s).toFixed(0));
  }
  console.log(out.join(' '), JSON.stringify((await peer.look()).closes));
  await browser.close(); control.close(); await service.stop();
  console.log(service.output().slice(-3000));
  expect(1).toBe(1);
}, 60000);
