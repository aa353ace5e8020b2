/** Snapshots of addresses, and what counts as which change. */
import { describe, expect, it } from '@jest/globals';
import { diff, takeSnapshot, type Interfaces } from '../../src/network/network-snapshot.js';

function interfaces(listed: Record<string, string[]>): Interfaces {
  const info = (address: string) => ({
    address,
    netmask: '',
    mac: '',
    internal: address === '127.0.0.1' || address === '::1',
    cidr: null,
    ...(address.includes(':') ? { family: 'IPv6' as const, scopeid: 0 } : { family: 'IPv4' as const }),
  });
  return Object.fromEntries(Object.entries(listed).map(([name, addresses]) => [name, addresses.map(info)]));
}

describe('a snapshot', () => {
  it.each<[string, Record<string, string[]>, string[]]>([
    ['is sorted', { wlan0: ['192.0.2.9'], eth0: ['192.0.2.8'] }, ['eth0 192.0.2.8', 'wlan0 192.0.2.9']],
    ['has no loopback', { lo: ['127.0.0.1', '::1'] }, []],
    ['has no link-local IPv4', { eth0: ['169.254.7.7', '169.25.4.7'] }, ['eth0 169.25.4.7']],
    [
      'has no link-local IPv6',
      { eth0: ['fe80::1', 'febf::1', 'FE90::1', 'fec0::1', 'fd00::1'] },
      ['eth0 fd00::1', 'eth0 fec0::1'],
    ],
    ['says nothing twice', { eth0: ['192.0.2.8', '192.0.2.8'] }, ['eth0 192.0.2.8']],
    ['of a host without a network is empty', {}, []],
  ])('%s', (_name, listed, expected) => {
    expect(takeSnapshot(interfaces(listed))).toEqual(expected);
  });

  it('leaves out what the system does not use yet', () => {
    const listed = interfaces({ eth0: ['192.0.2.1', '2001:db8::1', '2001:db8::2'] });
    expect(takeSnapshot(listed, new Set(['2001:db8::2']))).toEqual(['eth0 192.0.2.1', 'eth0 2001:db8::1']);
  });
});

describe('a difference', () => {
  it.each<[string, string[], string[], ReturnType<typeof diff>]>([
    ['nothing changed', ['eth0 192.0.2.1'], ['eth0 192.0.2.1'], null],
    ['nothing there, before and after', [], [], null],
    [
      'another address',
      ['eth0 192.0.2.1'],
      ['eth0 192.0.2.2'],
      { type: 'ip_change', added: ['eth0 192.0.2.2'], removed: ['eth0 192.0.2.1'] },
    ],
    [
      'one address more',
      ['eth0 192.0.2.1'],
      ['eth0 192.0.2.1', 'eth0 2001:db8::1'],
      { type: 'ip_change', added: ['eth0 2001:db8::1'], removed: [] },
    ],
    [
      'an interface more',
      ['eth0 192.0.2.1'],
      ['eth0 192.0.2.1', 'wlan0 192.0.2.9'],
      { type: 'interface_change', added: ['wlan0 192.0.2.9'], removed: [] },
    ],
    [
      'Ethernet to Wi-Fi',
      ['eth0 192.0.2.1'],
      ['wlan0 192.0.2.1'],
      { type: 'interface_change', added: ['wlan0 192.0.2.1'], removed: ['eth0 192.0.2.1'] },
    ],
    [
      'the network is gone',
      ['eth0 192.0.2.1'],
      [],
      { type: 'interface_change', added: [], removed: ['eth0 192.0.2.1'] },
    ],
    [
      'a name with spaces',
      ['Wi-Fi 2 192.0.2.1'],
      ['Wi-Fi 2 192.0.2.2'],
      { type: 'ip_change', added: ['Wi-Fi 2 192.0.2.2'], removed: ['Wi-Fi 2 192.0.2.1'] },
    ],
    [
      'names that differ after a space',
      ['Wi-Fi 2 192.0.2.1'],
      ['Wi-Fi 3 192.0.2.1'],
      { type: 'interface_change', added: ['Wi-Fi 3 192.0.2.1'], removed: ['Wi-Fi 2 192.0.2.1'] },
    ],
  ])('%s', (_name, before, after, expected) => {
    expect(diff(before, after)).toEqual(expected);
  });
});
