/**
 * Which local address would this host use towards a remote one, now? Asked of the system's routing by connecting a UDP socket: nothing is sent,
 * and it takes some 30 µs. Stateless; with it, the owner of a NetworkWatcher finds out which connections a change concerns.
 */
import { createSocket } from 'node:dgram';
import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

const maxWaitMs = 1000;
/** Sockets at a time: file descriptors are for connections. */
const maxSockets = 32;
/** Any: routing does not look at it, and nothing is sent. */
const port = 9;

/**
 * The local address towards `remoteAddress`, an IPv4 or IPv6 literal; an IPv4-mapped one counts as IPv4. Null: there is no route, or the text is no
 * address of a host, or the system did not answer within 1 s (it was out of file descriptors, say). An address that no running interface has counts as no route: Linux keeps
 * the routes of an interface that lost its carrier. Never rejects.
 */
export async function sourceAddressTo(remoteAddress: string): Promise<string | null> {
  return (await sourceAddressesTo([remoteAddress])).get(remoteAddress) ?? null;
}

/**
 * `sourceAddressTo` for many, each once, 32 at a time; other work goes on in between. A remote that could not be asked about (no file descriptors
 * left, say) has no entry: that is not to say that nothing leads there. Never rejects.
 */
export async function sourceAddressesTo(remotes: Iterable<string>): Promise<Map<string, string | null>> {
  const wanted = [...new Set(remotes)];
  const present = presentAddresses();
  const sources = new Map<string, string | null>();
  for (let start = 0; start < wanted.length; start += maxSockets) {
    if (start > 0) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(
      wanted.slice(start, start + maxSockets).map(async (remote) => {
        const source = await askRouting(remote.replace(/^::ffff:(?=\d+\.)/i, ''));
        if (source !== undefined)
          sources.set(remote, source !== null && present.has(withoutZone(source)) ? source : null);
      }),
    );
  }
  return sources;
}

function presentAddresses(): Set<string> {
  try {
    return new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)));
  } catch {
    return new Set();
  }
}

/** Undefined: not to be known now. */
function askRouting(remote: string): Promise<string | null | undefined> {
  const family = isIPv4(remote) ? 'udp4' : isIPv6(remote) ? 'udp6' : null;
  // The system takes "any address" for this host itself.
  if (family === null || /^[0.:]+$/.test(withoutZone(remote))) return Promise.resolve(null);
  return new Promise((resolve) => {
    const socket = attempt(() => createSocket(family));
    const settle = (source: string | null | undefined): void => {
      clearTimeout(timer);
      resolve(source);
      attempt(() => socket?.close());
    };
    const timer = setTimeout(() => settle(undefined), maxWaitMs);
    if (socket === null) return settle(undefined);
    socket.on('error', (error: NodeJS.ErrnoException) =>
      settle(exhausted.includes(error.code ?? '') ? undefined : null),
    );
    socket.once('connect', () => settle(attempt(() => socket.address().address)));
    attempt(() => socket.connect(port, remote));
  });
}

/** The trouble is this process', not the route's. */
const exhausted = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];

function attempt<T>(fn: () => T): T | null {
  try {
    return fn();
  } catch {
    return null;
  }
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, '');
}
