/**
 * The host's usable addresses as a sorted list of `eth0 192.0.2.1`, and what changed between two such lists. Pure: network-state.ts reads the
 * system, NetworkWatcher compares. Loopback and link-local addresses are left out: they come and go with every interface and carry nothing.
 * libuv lists interfaces that are up and have a carrier, so a pulled cable removes the addresses although the system keeps them.
 */
import type { networkInterfaces } from 'node:os';

/** What `os.networkInterfaces()` returns. */
export type Interfaces = ReturnType<typeof networkInterfaces>;

/** Sorted entries: interface, space, address. An interface name may contain spaces (Windows), an address does not. */
export type Snapshot = readonly string[];

export interface AddressChange {
  /** `interface_change`: other interfaces have usable addresses than before. `ip_change`: the same ones, with other addresses. */
  readonly type: 'interface_change' | 'ip_change';
  /** Entries as in the snapshot. */
  readonly added: Snapshot;
  readonly removed: Snapshot;
}

/** IPv4 RFC 3927, IPv6 RFC 4291 §2.5.6. */
const linkLocal = /^(169\.254\.|fe[89ab][0-9a-f]:)/i;

/** @param unready addresses that the system lists but does not use yet (RFC 4862 §5.4) */
export function takeSnapshot(interfaces: Interfaces, unready: ReadonlySet<string> = new Set()): Snapshot {
  const entries = Object.entries(interfaces).flatMap(([name, list]) =>
    (list ?? [])
      .filter(({ internal, address }) => !internal && !linkLocal.test(address) && !unready.has(address))
      .map(({ address }) => `${name} ${address}`),
  );
  return [...new Set(entries)].sort();
}

/** Null when nothing changed. */
export function diff(before: Snapshot, after: Snapshot): AddressChange | null {
  const { added, removed } = differences(before, after);
  if (added.length === 0 && removed.length === 0) return null;
  const names = differences(interfacesOf(before), interfacesOf(after));
  const isSameSet = names.added.length === 0 && names.removed.length === 0;
  return { type: isSameSet ? 'ip_change' : 'interface_change', added, removed };
}

/** What one list has and the other has not, in its order. */
export function differences(
  before: readonly string[],
  after: readonly string[],
): { added: readonly string[]; removed: readonly string[] } {
  const [old, current] = [new Set(before), new Set(after)];
  return { added: after.filter((entry) => !old.has(entry)), removed: before.filter((entry) => !current.has(entry)) };
}

/** Names of interfaces, some more than once. */
export function interfacesOf(snapshot: Snapshot): string[] {
  return snapshot.map((entry) => entry.slice(0, entry.lastIndexOf(' ')));
}
