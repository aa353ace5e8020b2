/**
 * ICE server URLs (RFC 7064, RFC 7065) as node-datachannel wants them. Pure. The library takes any text without a word and then gathers nothing,
 * so text that is no such URL is refused here, with a reason. URLs that only other ICE agents can use (TLS, TCP) are left out: browsers get
 * them from the same list. Of several STUN servers the library asks one, of several TURN servers two, at random each time.
 */
import { isIPv6 } from 'node:net';
import type { IceServer } from '../channels/connection.port.js';

export interface NativeIceServer {
  readonly hostname: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly relayType?: 'TurnUdp';
}

const defaultPort = 3478;
const maxCredentialLength = 512;
const urlPattern =
  /^(stun|turn):(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?(?:\?transport=([A-Za-z]+))?$/;

/** For browsers only: the ICE agent (libjuice) knows neither TLS nor TCP. */
export const isForBrowsers = (url: string): boolean => /^(stuns|turns):/.test(url) || /\?transport=tcp$/i.test(url);

/**
 * One per URL that the ICE agent can use.
 * @throws Error naming the URL and what is wrong with it; credentials never appear in the text
 */
export function parseIceServer(server: IceServer): NativeIceServer[] {
  return server.urls.filter((url) => !isForBrowsers(url)).map((url) => parseUrl(url, server));
}

function parseUrl(url: string, server: IceServer): NativeIceServer {
  const refuse = (why: string): never => {
    throw new Error(`ICE server "${url.slice(0, 200)}": ${why}`);
  };
  const match = urlPattern.exec(url);
  if (match === null) return refuse('expected stun:host[:port] or turn:host[:port][?transport=udp]');
  const [, scheme = '', host = '', portText, transport] = match;
  if (transport !== undefined && transport !== 'udp') return refuse('only transport=udp is supported by the ICE agent');
  if (transport !== undefined && scheme === 'stun') return refuse('stun: takes no transport');
  const hostname = host.startsWith('[') ? host.slice(1, -1) : host;
  if (host.startsWith('[') && !isIPv6(hostname)) return refuse('not an IPv6 address');
  const port = portText === undefined ? defaultPort : Number(portText);
  if (port < 1 || port > 65535) return refuse('the port must be 1 to 65535');
  if (scheme === 'stun') return { hostname, port };
  const { username, credential } = server;
  if (!username || !credential) return refuse('turn: needs username and credential');
  if (username.length > maxCredentialLength || credential.length > maxCredentialLength)
    return refuse('the credentials are too long');
  return { hostname, port, username, password: credential, relayType: 'TurnUdp' };
}
