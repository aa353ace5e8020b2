/**
 * Where the packets of a relayed path go first: to the addresses of the TURN servers that it may run through. Names are resolved here, once a minute
 * at most. Nothing else is kept; RouteWatch measures the way to what is found.
 */
import { lookup } from 'node:dns/promises';

const keptForMs = 60_000;
/** Of names, and of servers of one path. */
const maxKept = 64;

/** RFC 7065, over UDP: the ICE agent uses no other. */
const turnPattern = /^turn:(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d+)?(?:\?transport=udp)?$/i;

const known = new Map<string, { readonly addresses: Promise<readonly string[]>; readonly untilMs: number }>();

/**
 * The server that the relayed address belongs to, where an address of one is that very address; else all of `urls`, for nobody says which one is in
 * use; else the relayed address itself: most servers relay from their own. Never rejects.
 */
export async function turnServerAddresses(relayed: string, urls: Iterable<string>): Promise<readonly string[]> {
  const hosts = new Set([...urls].flatMap((url) => turnPattern.exec(url)?.slice(1).find(Boolean) ?? []));
  if (hosts.has(relayed)) return [relayed];
  const found = await Promise.all([...hosts].slice(0, maxKept).map(addressesOf));
  const addresses = [...new Set(found.flat())].slice(0, maxKept);
  return addresses.length === 0 || addresses.includes(relayed) ? [relayed] : addresses;
}

function addressesOf(host: string): Promise<readonly string[]> {
  const nowMs = performance.now();
  const kept = known.get(host);
  if (kept !== undefined && kept.untilMs > nowMs) return kept.addresses;
  const addresses = lookup(host, { all: true }).then(
    (found) => found.map(({ address }) => address),
    () => [],
  );
  known.delete(host);
  known.set(host, { addresses, untilMs: nowMs + keptForMs });
  for (const oldest of known.keys()) {
    if (known.size <= maxKept) break;
    known.delete(oldest);
  }
  return addresses;
}
