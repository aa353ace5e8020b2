/**
 * Reads the text of three tables of Linux: /proc/net/route, /proc/net/ipv6_route and /proc/net/if_inet6 (proc(5); the kernel's
 * Documentation/networking). Pure; network-state.ts supplies the text. Counters, flags and lifetimes that change by themselves are left out,
 * so that two equal routings give equal lists.
 */
import { SocketAddress } from 'node:net';

// include/uapi/linux/route.h and ipv6_route.h
const rejectFlag = 0x0200;
const otherThanUnicastFlags = 0x8000_0000 /* local */ | 0x0010_0000 /* anycast */ | 0x0100_0000; /* cache */
// include/uapi/linux/if_addr.h
const optimisticFlag = 0x04;
const failedFlag = 0x08;
const tentativeFlag = 0x40;

export interface Route {
  /** `default via 192.0.2.1 dev eth0 metric 100` */
  readonly text: string;
  readonly dev: string;
  /** To neighbours on that interface, without a gateway; the default route is never one. */
  readonly isOnLink: boolean;
}

/** Unicast routes of IPv4's main table. */
export function parseRoutes(text: string): Route[] {
  return rowsOf(text).flatMap(([dev, destination, gateway, flags, , , metric, mask]) => {
    if (dev === undefined || mask === undefined || dev === 'Iface' || has(flags, rejectFlag)) return [];
    const length = [...Number.parseInt(mask, 16).toString(2)].filter((bit) => bit === '1').length;
    return [makeRoute(ipv4(destination), length, ipv4(gateway), dev, Number(metric))];
  });
}

/** Unicast routes of IPv6. The file does not tell tables apart: those of other tables are among them. */
export function parseRoutes6(text: string): Route[] {
  return rowsOf(text).flatMap(([destination, length, , , gateway, metric, , , flags, dev]) => {
    if (dev === undefined || has(flags, rejectFlag) || has(flags, otherThanUnicastFlags)) return [];
    // Link-local and multicast: every interface has its own, of containers too.
    if (/^(fe[89ab]|ff)/.test(destination ?? '')) return [];
    const metricNumber = Number.parseInt(metric ?? '', 16);
    return [makeRoute(ipv6(destination), Number.parseInt(length ?? '', 16), ipv6(gateway), dev, metricNumber)];
  });
}

/** IPv6 addresses that are there but must not be used: duplicate address detection is not over, or found one (RFC 4862 §5.4). */
export function parseUnready(text: string): Set<string> {
  const unready = rowsOf(text).filter(([, , , , flags]) => {
    return has(flags, failedFlag) || (has(flags, tentativeFlag) && !has(flags, optimisticFlag));
  });
  return new Set(unready.map(([address]) => ipv6(address)));
}

function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/));
}

function has(flags: string | undefined, wanted: number): boolean {
  return (Number.parseInt(flags ?? '0', 16) & wanted) !== 0;
}

function makeRoute(destination: string, length: number, gateway: string, dev: string, metric: number): Route {
  const where = length === 0 ? 'default' : `${destination}/${length}`;
  const isDirect = gateway === '0.0.0.0' || gateway === '::';
  const text = `${where}${isDirect ? '' : ` via ${gateway}`} dev ${dev}${metric === 0 ? '' : ` metric ${metric}`}`;
  return { text, dev, isOnLink: isDirect && length > 0 };
}

/** Eight digits of a number in the byte order of the machine, little-endian wherever Node runs but on s390x. */
function ipv4(digits = ''): string {
  return (digits.match(/../g) ?? [])
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}

/** 32 digits to the spelling that the rest of Node uses. */
function ipv6(digits = ''): string {
  if (!/^[0-9a-f]{32}$/.test(digits)) return digits;
  return new SocketAddress({ family: 'ipv6', address: (digits.match(/.{4}/g) ?? []).join(':') }).address;
}
