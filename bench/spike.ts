import { chromium } from 'playwright-core';
import { chromiumFlags } from '../test/support/chromium.js';
import { PlainPeer } from '../test/support/plain-page.js';
import { Controller, startService } from '../test/support/service.js';
const service = await startService(['--log-levels', 'webrtc_ice=debug']);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: chromiumFlags });
const control = await Controller.connect(service.url);
const peer = await PlainPeer.open(browser, control, service.url);
await peer.connectAsAnswerer();
await peer.waitForChannel('data');
const out: string[] = [];
const n = Number(process.argv[2] ?? 20);
for (let i = 0; i < n; i += 1) {
  const recovered = control.next(({ kind }) => kind === 'recovered');
  const s = performance.now();
  await control.ok('restart_ice', { tube_id: peer.tubeId });
  await recovered;
  out.push((performance.now() - s).toFixed(0));
}
console.log(out.join(' '), (await peer.look()).closes, peer.errors);
await browser.close(); control.close(); await service.stop();
if (process.argv[3]) console.log(service.output());
process.exit(0);
