/** Addresses that say nothing of any network, and this host itself; routes that come and go are in test/system/network-watcher.test.ts. */
import { expect, it } from '@jest/globals';
import { sourceAddressesTo, sourceAddressTo } from '../../src/network/route-source.js';

it.each([
  '',
  'localhost',
  'example.org',
  '1.2.3',
  '1.2.3.4:80',
  '1.2.3.4 ',
  '[::1]',
  '::1%',
  '0.0.0.0',
  '::',
  '0:0:0:0:0:0:0:0',
  '::ffff:0.0.0.0',
  '::ffff:999.0.0.1',
  '255.255.255.255',
  'a\0b',
])('there is no way to %j', async (remote) => {
  expect(await sourceAddressTo(remote)).toBeNull();
});

it('this host reaches itself', async () => {
  expect(await sourceAddressTo('127.0.0.1')).toBe('127.0.0.1');
  expect(await sourceAddressTo('::ffff:127.0.0.1')).toBe('127.0.0.1');
});

it('many are asked at once, each has an entry, and other work goes on', async () => {
  const remotes = [
    ...Array.from({ length: 1000 }, (_, index) => `127.0.${index >> 8}.${index & 255}`),
    'nobody',
    'nobody',
  ];
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  const sources = await sourceAddressesTo(remotes.values());
  clearInterval(timer);
  expect(sources.size).toBe(1001);
  expect(sources.get('127.0.3.7')).toBe('127.0.0.1');
  expect(sources.get('nobody')).toBeNull();
  expect(turns).toBeGreaterThan(3);
});
