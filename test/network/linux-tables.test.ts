/** The kernel's tables, as captured from a little-endian machine. */
import { describe, expect, it } from '@jest/globals';
import { parseRoutes, parseRoutes6, parseUnready, type Route } from '../../src/network/linux-tables.js';

const route = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
wlan0	00000000	FE01A8C0	0003	0	0	600	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
*	0000000A	00000000	0200	0	0	0	000000FF	0	0	0
`;

const route6 = `fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000003 00000000 00000003     eth0
20010db8000000000000000000000005 80 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000000 00000003 00000000 01000003     eth0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000004 00000000 80200001       lo
fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000004 00000000 80200001     eth0
fd000000000000000000000000000000 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000004 00000000 00100001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000003 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

const textsOf = (routes: readonly Route[]): string[] => routes.map(({ text }) => text);

describe('the routes of Linux', () => {
  it('of IPv4 are the unicast ones', () => {
    expect(textsOf(parseRoutes(route))).toEqual([
      'default via 192.0.2.1 dev eth0',
      'default via 192.168.1.254 dev wlan0 metric 600',
      '192.0.2.0/24 dev eth0',
    ]);
  });

  it('of IPv6 are the unicast ones: no link-local, multicast, local, anycast, cached or refusing ones', () => {
    expect(textsOf(parseRoutes6(route6))).toEqual([
      'fd00::/64 dev eth0 metric 256',
      'default via fd00::1 dev eth0 metric 1024',
    ]);
  });

  it('lead to neighbours when they have no gateway, the default route excepted', () => {
    const tunnel = 'wg0	00000000	00000000	0001	0	0	0	00000000	0	0	0\n';
    const onLink = [...parseRoutes(route + tunnel), ...parseRoutes6(route6)].filter(({ isOnLink }) => isOnLink);
    expect(textsOf(onLink)).toEqual(['192.0.2.0/24 dev eth0', 'fd00::/64 dev eth0 metric 256']);
  });

  it('are the same when only counters and lifetimes differ', () => {
    const later = route6.replace('00000003 00000000 00000003     eth0', '00000009 00000077 00400003     eth0');
    expect(later).not.toBe(route6);
    expect(parseRoutes6(later)).toEqual(parseRoutes6(route6));
  });

  it.each(['', '\n', 'nonsense', 'a b c\n', '\t\t\n\0'])('of a file that says %j are none', (text) => {
    expect([parseRoutes(text), parseRoutes6(text), parseUnready(text).size]).toEqual([[], [], 0]);
  });
});

it('an IPv6 address is unready while it is tentative, unless it may be used at once, and when it is a duplicate', () => {
  const text = `00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000001 02 40 00 40     eth0
20010db8000000000000000000000002 02 40 00 44     eth0
20010db8000000000000000000000003 02 40 00 48     eth0
20010db8000000000000000000000004 02 40 00 80     eth0
20010db8000000000000000000000005 02 40 00 08     eth0
`;
  expect([...parseUnready(text)]).toEqual(['2001:db8::1', '2001:db8::3', '2001:db8::5']);
});
