/** The preflight of ports and addresses: what the service listens on, its UDP sockets, and from where peers could reach it. */
import { createServer } from 'node:net';
import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Config } from '../../config/load.js';
import { probeSocket } from '../../transport/socket-probe.js';
import { codeOf, fail, ok, warn, type Check, type Finding } from './check.js';

async function port(config: Config): Promise<Finding> {
  const { host, port: wanted } = config;
  const place = `${host.includes(':') ? `[${host}]` : host}:${wanted}`;
  const error = await listenOnce(host, wanted);
  if (error === null) return ok(wanted === 0 ? `port: any free one of ${host}` : `port: ${place} is free`);
  switch (error.code) {
    case 'EADDRINUSE': {
      const name = await whoListens(host, wanted);
      const advice = 'stop what listens there, or choose another --port';
      return name === null
        ? fail(`port: ${place} is taken`, advice)
        : warn(`port: ${name} runs at ${place} already`, 'nothing, if it is the one that this is about');
    }
    case 'EACCES':
      return fail(`port: ${place} is not allowed`, 'choose a --port above 1023, or allow it (CAP_NET_BIND_SERVICE)');
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return fail(`port: ${host} is no address of this machine`, 'set --host to one that it has, or to 0.0.0.0');
    default:
      return fail(`port: ${place} cannot be listened on (${codeOf(error)})`, 'choose another --host or --port');
  }
}

function listenOnce(host: string, wanted: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host, port: wanted, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

const anyAddress: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** `Holdfast 0.1.0`, or null when it is something else. */
async function whoListens(host: string, at: number): Promise<string | null> {
  const address = anyAddress[host] ?? host;
  try {
    const url = `http://${address.includes(':') ? `[${address}]` : address}:${at}/api/v1/info`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    const { name, version } = (await answer.json()) as { name?: unknown; version?: unknown };
    return name === 'holdfast' ? `Holdfast ${String(version)}` : null;
  } catch {
    return null;
  }
}

async function udp(config: Config): Promise<Finding> {
  const { bindAddress, udpPortBegin: begin, udpPortEnd: end, maxConcurrentIceAgents: agents } = config;
  const where = `${bindAddress ?? 'every address'}, ${begin === 0 ? 'any port' : `ports ${begin} to ${end}`}`;
  try {
    await probeSocket(connectionPlace(config));
  } catch (error) {
    const code = codeOf(error);
    const advice =
      code === 'EADDRNOTAVAIL'
        ? 'set bindAddress to an address of this machine'
        : 'free some of these ports, or set udpPortBegin and udpPortEnd to others';
    return fail(`UDP: no socket can be opened on ${where} (${code})`, advice);
  }
  const count = end - begin + 1;
  if (begin !== 0 && count < agents)
    return warn(
      `UDP: ${count} ports for ${agents} generations (maxConcurrentIceAgents), each of which takes one`,
      `make the range larger, or set maxConcurrentIceAgents to ${count}`,
    );
  return ok(`UDP: sockets can be opened on ${where}`);
}

/** Where the native connections of this configuration are bound. */
export function connectionPlace({ bindAddress, udpPortBegin, udpPortEnd }: Config) {
  return {
    iceServers: [],
    maxMessageBytes: 65_536,
    ...(bindAddress === null ? {} : { bindAddress }),
    ...(udpPortBegin === 0 ? {} : { portRange: { begin: udpPortBegin, end: udpPortEnd } }),
  };
}

/** RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6. */
const local = new BlockList();
for (const [net, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
] as const)
  local.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  local.addSubnet(net, bits, 'ipv6');
local.addAddress('::1', 'ipv6');

const isPublic = (address: string): boolean => !local.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');

/** Addresses of this machine that others may use; those of loopback and of one link only are not among them. */
export function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.filter(({ internal, address }) => !internal && !/^fe80:/i.test(address)).map(({ address }) => address);
}

export function addressFinding(addresses: readonly string[], { bindAddress, iceServers, turnUrls }: Config): Finding {
  const used = bindAddress === null ? addresses : [bindAddress];
  const shown = used.slice(0, 4).join(', ') + (used.length > 4 ? ` and ${used.length - 4} more` : '');
  if (used.length === 0)
    return warn('addresses: none but loopback', 'only peers on this machine can be reached: connect it to a network');
  if (used.some(isPublic)) return ok(`addresses: ${shown}`);
  if (iceServers.length > 0 || turnUrls.length > 0)
    return ok(`addresses: ${shown}; private, so peers elsewhere need the ICE servers`);
  return warn(
    `addresses: ${shown}; all of them private, and no ICE server is configured`,
    'for peers outside of this network set iceServers (STUN) or turnUrls (TURN), see docs/turn.md',
  );
}

export const networkChecks: readonly Check[] = [
  { name: 'port', about: 'the port of the service', run: port },
  { name: 'udp', about: 'UDP sockets', run: udp },
  { name: 'addresses', about: 'addresses', run: (config) => addressFinding(ownAddresses(), config) },
];
