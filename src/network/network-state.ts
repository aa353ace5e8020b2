/**
 * What the operating system says of its network at this moment: usable addresses and, on Linux, routes. Costs about 0.15 ms; nothing is kept.
 * NetworkWatcher calls it. Elsewhere than on Linux routes are not read: there a moved default route is seen when an address changes with it.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { networkInterfaces, platform } from 'node:os';
import { parseRoutes, parseRoutes6, parseUnready } from './linux-tables.js';
import { interfacesOf, takeSnapshot, type Snapshot } from './network-snapshot.js';

export interface NetworkState {
  readonly addresses: Snapshot;
  /** Unicast routes, sorted, in words; without those to neighbours on an interface that has no usable address (a container's veth). */
  readonly routes: readonly string[];
}

/** Some 450 routes. A router with more is watched by its first ones; the default route of IPv4 is the very first. */
const maxTableBytes = 64 * 1024;

/** Throws when the system cannot say (no file descriptor left, for example): that is no change of the network. */
export function readNetworkState(): NetworkState {
  const interfaces = networkInterfaces();
  if (platform() !== 'linux') return { addresses: takeSnapshot(interfaces), routes: [] };
  const addresses = takeSnapshot(interfaces, parseUnready(readTable('/proc/net/if_inet6')));
  const usable = new Set(interfacesOf(addresses));
  const routes = [...parseRoutes(readTable('/proc/net/route')), ...parseRoutes6(readTable('/proc/net/ipv6_route'))];
  const relevant = routes.filter(({ isOnLink, dev }) => !isOnLink || usable.has(dev));
  return { addresses, routes: relevant.map(({ text }) => text).sort() };
}

/** Empty when there is no such table (no IPv6), or a sandbox hides it. */
function readTable(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
  try {
    return readUpTo(fd, maxTableBytes);
  } finally {
    closeSync(fd);
  }
}

/** Whole lines only. */
function readUpTo(fd: number, maxBytes: number): string {
  const buffer = Buffer.alloc(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const bytes = readSync(fd, buffer, length, maxBytes - length, null);
    if (bytes === 0) return buffer.toString('latin1', 0, length);
    length += bytes;
  }
  return buffer.toString('latin1', 0, buffer.lastIndexOf('\n'));
}
