/**
 * The preflight of what is elsewhere: STUN servers answer and agree, TURN servers allocate with the configured credentials (asked by the ICE agent itself),
 * those for peers only can be connected to, and the keys of JWTs can be fetched.
 */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIPv6 } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Config } from '../../config/load.js';
import type { IceServer } from '../../channels/connection.port.js';
import { isForBrowsers } from '../../transport/ice-servers.js';
import { createNativeConnection } from '../../transport/native-connection.js';
import { observeNative } from '../../transport/native-runtime.js';
import { iceServersFor } from '../../transport/turn-credentials.js';
import { length } from '../words.js';
import { codeOf, fail, ok, skip, warn, type Check, type Finding } from './check.js';
import { connectionPlace, ownAddresses } from './network.js';
import { askStun, isTurnServer, type Mapped } from './stun.js';

interface Place {
  readonly url: string;
  readonly host: string;
  readonly port: number;
}

const urlPattern = /^(stuns?|turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?/;

/** Of a URL that the configuration schema has let through. */
function placeOf(url: string): Place {
  const [, scheme = '', host = '', port] = urlPattern.exec(url) ?? [];
  return { url, host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? (scheme.endsWith('s') ? 5349 : 3478)) };
}

const urlsOf = (servers: readonly IceServer[], scheme: RegExp): string[] => [
  ...new Set(servers.flatMap(({ urls }) => urls).filter((url) => scheme.test(url))),
];

/** An address of the family that our sockets have. Rejects when the name has none. */
async function resolve(host: string, bindAddress: string | null): Promise<string> {
  const family = bindAddress === null ? 0 : isIPv6(bindAddress) ? 6 : 4;
  const found = await lookup(host, { family, all: true });
  const address = (found.find((one) => one.family === 4) ?? found[0])?.address;
  if (address === undefined) throw new Error('no address');
  return address;
}

function openUdp(family: 4 | 6, bindAddress: string | null): Promise<Socket> {
  return new Promise((opened, failed) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.once('error', failed);
    socket.bind({ port: 0, ...(bindAddress === null ? {} : { address: bindAddress }) }, () => {
      // What is not listening there is told by silence.
      socket.off('error', failed).on('error', () => undefined);
      opened(socket);
    });
  });
}

interface Asked<Answer> extends Place {
  /** Null: it did not answer, or could not be asked. */
  readonly answer: Answer | null;
  /** Why it could not even be asked. */
  readonly error: string | null;
}

/** All through the same socket of each family, so that their answers can be compared. */
async function askAll<Answer>(
  places: readonly Place[],
  bindAddress: string | null,
  ask: (socket: Socket, server: Mapped) => Promise<Answer | null>,
): Promise<Asked<Answer>[]> {
  const sockets = new Map<4 | 6, Promise<Socket>>();
  const socketFor = (family: 4 | 6): Promise<Socket> => {
    const socket = sockets.get(family) ?? openUdp(family, bindAddress);
    sockets.set(family, socket);
    return socket;
  };
  const askOne = async (place: Place): Promise<Asked<Answer>> => {
    try {
      const address = await resolve(place.host, bindAddress);
      const socket = await socketFor(isIPv6(address) ? 6 : 4);
      return { ...place, answer: await ask(socket, { address, port: place.port }), error: null };
    } catch (error) {
      return { ...place, answer: null, error: codeOf(error) };
    }
  };
  try {
    return await Promise.all(places.map(askOne));
  } finally {
    for (const socket of sockets.values())
      socket.then(
        (one) => one.close(),
        () => undefined,
      );
  }
}

const shownPlace = ({ address, port }: Mapped): string => `${address.includes(':') ? `[${address}]` : address}:${port}`;

const unreachable = 'is it the right host and port? Does a firewall keep UDP from it, or its answers from here?';

/** Null: it has answered. */
function silenceOf(kind: 'STUN' | 'TURN', { url, host, answer, error }: Asked<unknown>): Finding | null {
  if (error !== null)
    return fail(`${kind}: ${url} cannot be asked (${error})`, `is ${host} the right name? Does DNS work here?`);
  return answer === null || answer === false ? fail(`${kind}: ${url} does not answer`, unreachable) : null;
}

function stunFinding(asked: Asked<Mapped>): Finding {
  const { url, answer } = asked;
  const silence = silenceOf('STUN', asked);
  if (silence !== null || answer === null) return silence ?? skip(`STUN: ${url}`);
  const own = ownAddresses().includes(answer.address);
  return ok(`STUN: ${url} sees us as ${shownPlace(answer)}${own ? ': no NAT in between' : ''}`);
}

/** RFC 4787 §4.1: a NAT whose mapping depends on the destination; what STUN found is worth nothing to a peer then. */
export function mappingFinding(mapped: readonly Mapped[], hasTurn: boolean): Finding | null {
  const ofOneFamily = mapped.filter(({ address }) => isIPv6(address) === isIPv6(mapped[0]?.address ?? ''));
  const seen = new Set(ofOneFamily.map(shownPlace));
  if (seen.size < 2) return null;
  const detail = `NAT: each server sees us elsewhere (${[...seen].join(', ')}), so peers behind a NAT of their own cannot reach us by STUN`;
  return hasTurn
    ? ok(`${detail}; TURN is configured`)
    : warn(detail, 'configure a TURN server (turnUrls, docs/turn.md), or map the ports one to one');
}

async function stun(config: Config): Promise<Finding[]> {
  const urls = urlsOf(config.iceServers, /^stuns?:/);
  const asked = urls.filter((url) => !isForBrowsers(url));
  if (urls.length === 0) return [skip('STUN: no server is configured')];
  const answers = await askAll(asked.map(placeOf), config.bindAddress, askStun);
  const hasTurn = config.turnUrls.length > 0 || urlsOf(config.iceServers, /^turns?:/).length > 0;
  const mapping = mappingFinding(
    answers.flatMap(({ answer }) => answer ?? []),
    hasTurn,
  );
  return [
    ...answers.map(stunFinding),
    ...(mapping === null ? [] : [mapping]),
    ...(await Promise.all(urls.filter(isForBrowsers).map(connectFinding))),
  ];
}

const gatherWithinMs = 20_000;

/** The relayed address that the ICE agent gets; null: none. Rejects when it cannot even begin. */
async function allocate(config: Config, server: IceServer): Promise<string | null> {
  let found: (candidate: string | null) => void = () => undefined;
  const result = new Promise<string | null>((settle) => (found = settle));
  const timer = setTimeout(() => found(null), gatherWithinMs);
  const connection = createNativeConnection(
    { ...connectionPlace(config), iceServers: [server] },
    {
      localDescription: () => undefined,
      localCandidate: (candidate) => {
        if (candidate === '' || / typ relay( |$)/.test(candidate)) found(candidate === '' ? null : candidate);
      },
      stateChanged: () => undefined,
      iceConnected: () => undefined,
      remoteChannel: () => null,
    },
  );
  try {
    const handlers = {
      open: () => undefined,
      closed: () => undefined,
      message: () => undefined,
      drained: () => undefined,
    };
    connection.createChannel({ label: 'doctor', class: 'reliable', negotiatedId: 0 }, handlers);
    await connection.offer();
    // foundation component protocol priority address port typ type (RFC 8839 §5.1)
    const [, , , , address, port] = (await result)?.split(' ') ?? [];
    return address === undefined || port === undefined ? null : shownPlace({ address, port: Number(port) });
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

async function turn(config: Config): Promise<Finding[]> {
  const servers = iceServersFor(config, 'doctor', 600_000, Date.now());
  const urls = urlsOf(servers, /^turns?:/);
  if (urls.length === 0) return [skip('TURN: no server is configured')];
  const own = urls.filter((url) => !isForBrowsers(url)).map(placeOf);
  const findings: Finding[] = [];
  // One after the other: the log of the native code does not say which connection it is about.
  for (const asked of await askAll(own, config.bindAddress, isTurnServer)) {
    const server = servers.find(({ urls: all }) => all.includes(asked.url));
    findings.push(silenceOf('TURN', asked) ?? (await turnFinding(config, { ...server, urls: [asked.url] })));
  }
  return [...findings, ...(await Promise.all(urls.filter(isForBrowsers).map(connectFinding)))];
}

async function turnFinding(config: Config, server: IceServer): Promise<Finding> {
  const [url = ''] = server.urls;
  const said: string[] = [];
  // It has ICE passwords, too: nothing of it is shown but a code.
  observeNative({ log: (_, message) => said.push(message), threw: () => undefined }, 'Verbose');
  const relayed = await allocate(config, server);
  if (relayed !== null) return ok(`TURN: ${url} relays for us at ${relayed}`);
  const code = lastErrorCode(said);
  return fail(`TURN: ${url} gives no allocation${code === null ? '' : `, but error ${code}`}`, adviceFor(code));
}

/** libjuice tells of an error response by its code (RFC 8489 §14.8). The first 401 is part of every log-in. */
function lastErrorCode(said: readonly string[]): string | null {
  const codes = said.flatMap((line) => /STUN error code (\d{3})/.exec(line)?.[1] ?? []);
  return codes.at(-1) ?? null;
}

function adviceFor(code: string | null): string {
  switch (code) {
    case '401':
    case '438':
      return 'it does not accept the credentials: compare turnSecret with its static-auth-secret, or user and password; and the clocks';
    case '486':
    case '508':
      return 'it has no allocation left for us: raise its quota, or give it more ports';
    default:
      return 'look into its log';
  }
}

const connectWithinMs = 5000;

/** Of servers that only peers use: whether there is something, and whether its certificate is good. They may be reachable for them and not from here. */
async function connectFinding(url: string): Promise<Finding> {
  const { host, port } = placeOf(url);
  const isTls = /^(stuns|turns):/.test(url);
  const name = `${url.startsWith('stun') ? 'STUN' : 'TURN'}: ${url}, which only peers use,`;
  return new Promise((settle) => {
    const done = (finding: Finding): void => {
      socket.destroy();
      settle(finding);
    };
    const answered = (): void => done(ok(`${name} can be connected to${isTls ? ', and its certificate is good' : ''}`));
    const socket = isTls
      ? connectTls({ host, port, servername: host }, answered)
      : connectTcp({ host, port }, answered);
    socket.setTimeout(connectWithinMs, () =>
      done(
        warn(
          `${name} does not answer within ${length(connectWithinMs)}`,
          'is it up? It may be that only peers can reach it',
        ),
      ),
    );
    socket.once('error', (error) =>
      done(
        warn(
          `${name} cannot be connected to (${codeOf(error)})`,
          'is it up, and its certificate valid? It may be that only peers can reach it',
        ),
      ),
    );
  });
}

const jwksWithinMs = 5000;
const maxClockDifferenceMs = 5000;

async function jwks({ controlJwt }: Config): Promise<Finding[]> {
  if (controlJwt === null || !('jwksUrl' in controlJwt.key)) return [];
  const { jwksUrl } = controlJwt.key;
  try {
    const answer = await fetch(jwksUrl, { signal: AbortSignal.timeout(jwksWithinMs) });
    const { keys } = (await answer.json()) as { keys?: unknown };
    if (!answer.ok || !Array.isArray(keys) || keys.length === 0)
      return [
        fail(
          `JWT: no keys come from ${jwksUrl} (status ${answer.status})`,
          'is jwksUrl right? No JWT is accepted without them',
        ),
      ];
    return [ok(`JWT: keys at ${jwksUrl}: ${keys.length}`), ...dateFindings(jwksUrl, answer.headers.get('date'))];
  } catch (error) {
    return [
      fail(
        `JWT: ${jwksUrl} cannot be fetched (${codeOf((error as Error).cause ?? error)})`,
        'is jwksUrl right, and can it be reached? No JWT is accepted without it',
      ),
    ];
  }
}

/** What the issuer's clock says of ours; to the second. */
function dateFindings(url: string, date: string | null): Finding[] {
  const differenceMs = date === null ? Number.NaN : Date.now() - Date.parse(date);
  if (!(Math.abs(differenceMs) > maxClockDifferenceMs)) return [];
  return [
    warn(
      `clock: ${length(Math.abs(differenceMs))} ${differenceMs > 0 ? 'ahead of' : 'behind'} that of ${new URL(url).host}`,
      'synchronize it: JWTs are refused, or live too long',
    ),
  ];
}

export const serverChecks: readonly Check[] = [
  { name: 'stun', about: 'STUN servers', run: stun },
  { name: 'turn', about: 'TURN servers', run: turn },
  { name: 'jwt', about: 'the keys of JWTs', run: jwks },
];
