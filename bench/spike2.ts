import { chromium } from 'playwright-core';
import { chromiumFlags } from '../test/support/chromium.js';
import { PlainPeer } from '../test/support/plain-page.js';
import { Controller, startService } from '../test/support/service.js';
const service = await startService(['--log-levels', 'webrtc_ice=debug,webrtc_ice_restart=debug,webrtc_lifecycle=debug,signalling=debug']);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: chromiumFlags });
const control = await Controller.connect(service.url);
for (let i = 0; i < 3; i += 1) {
  const peer = await PlainPeer.open(browser, control, service.url);
  await peer.connectAsAnswerer();
  await peer.waitForChannel('data');
  await peer.replaceConnection();
  const recovered = control.next(({ kind, tube_id }) => kind === 'recovered' && tube_id === peer.tubeId, 40_000);
  const s = performance.now();
  const a = await control.call('restart_ice', { tube_id: peer.tubeId, fresh: true });
  console.log('answer', a.ok, a.error, a['already_in_progress'], a['generation']);
  await recovered;
  await peer.waitForChannel('data');
  console.log((performance.now() - s).toFixed(0), peer.errors);
}
await browser.close(); control.close(); await service.stop();
console.log(service.output());
process.exit(0);
