/** A real coturn on a loopback address that shares a secret, and a client that asks it for allocations, to see what it grants and refuses. */
import { spawn } from 'node:child_process';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathOf } from './require.js';
import { sleep, until } from './until.js';

const address = '127.0.0.1';
/**
 * Not an address of any peer: permissions of an allocation are by address (RFC 8656 §9), and two ends that may only talk to each other's relays learn
 * of no other way.
 */
const relayAddress = '127.0.0.4';

export interface TurnServer {
  /** `turn:127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** What it wrote, credentials of its clients not among it. */
  output(): string;
  stop(): Promise<void>;
}

export interface TurnServerOptions {
  readonly secret: string;
  /** Longest life of an allocation, whatever a client asks for. libjuice asks for 600 s and comes back after 540 s. */
  readonly maxAllocateLifetimeS?: number;
}

const switches =
  'use-auth-secret fingerprint no-tls no-dtls no-tcp no-tcp-relay no-cli allow-loopback-peers verbose'.split(' ');

/** Resolves when it answers. */
export async function startTurnServer({ secret, maxAllocateLifetimeS = 3600 }: TurnServerOptions): Promise<TurnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-turn-'));
  const port = await freePort();
  const values = {
    'listening-ip': address,
    'listening-port': port,
    'relay-ip': relayAddress,
    realm: 'holdfast.test',
    'static-auth-secret': secret,
    'max-allocate-lifetime': maxAllocateLifetimeS,
    'stale-nonce': 600,
    'log-file': 'stdout',
    pidfile: join(folder, 'pid'),
    userdb: join(folder, 'db'),
  };
  const flags = [
    ...Object.entries(values).map(([name, value]) => `--${name}=${value}`),
    ...switches.map((name) => `--${name}`),
  ];
  // Without a file of its own it would read the one of the machine.
  const child = spawn(pathOf('coturn'), ['-c', '/dev/null', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const read = (chunk: string): void => {
    output = (output + chunk).slice(-200_000);
  };
  child.stdout.setEncoding('utf8').on('data', read);
  child.stderr.setEncoding('utf8').on('data', read);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const stop = async (): Promise<void> => {
    if (!hasEnded()) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  let answers = false;
  for (const endMs = Date.now() + 10_000; !answers && !hasEnded() && Date.now() < endMs; await sleep(50)) {
    const client = await TurnClient.open(port);
    answers = await client.answers();
    client.close();
  }
  if (answers) return { url: `turn:${address}:${port}`, port, output: () => output, stop };
  await stop();
  throw new Error(`coturn does not answer: ${output}`);
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

// RFC 8656 §18 and RFC 8489 §18.
const method = { allocate: 0x003, refresh: 0x004 } as const;
const attribute = {
  username: 0x0006,
  integrity: 0x0008,
  error: 0x0009,
  lifetime: 0x000d,
  realm: 0x0014,
  nonce: 0x0015,
  transport: 0x0019,
} as const;
const cookie = 0x2112a442;

/** Just enough of RFC 8656 to log in: one allocation per client, which ends by itself. */
export class TurnClient {
  readonly #socket = createSocket('udp4');
  #challenge: { realm: Buffer; nonce: Buffer } | null = null;

  static async open(port: number): Promise<TurnClient> {
    const client = new TurnClient();
    // What is not listening there is told by silence.
    client.#socket.on('error', () => undefined);
    await new Promise<void>((resolve) => client.#socket.connect(port, address, () => resolve()));
    return client;
  }

  /** Whether there is a TURN server at all. */
  async answers(): Promise<boolean> {
    return (await this.#ask(method.allocate, null, 300)) === 401;
  }

  /** 0 = granted, else the error code. */
  allocate(credentials: { username: string; credential: string }): Promise<number> {
    return this.#login(method.allocate, credentials);
  }

  /** Of the allocation that was granted before. */
  refresh(credentials: { username: string; credential: string }): Promise<number> {
    return this.#login(method.refresh, credentials);
  }

  close(): void {
    this.#socket.close();
  }

  async #login(what: number, credentials: { username: string; credential: string }): Promise<number> {
    // The first answer brings realm and nonce; a later one may bring another nonce.
    if (this.#challenge === null) await this.#ask(what, null);
    const code = await this.#ask(what, credentials);
    return code === 438 ? this.#ask(what, credentials) : code;
  }

  async #ask(
    what: number,
    credentials: { username: string; credential: string } | null,
    withinMs = 3000,
  ): Promise<number> {
    const request = this.#request(what, credentials);
    let answer: Buffer | null = null;
    const hear = (packet: Buffer): void => {
      if (packet.subarray(8, 20).equals(request.subarray(8, 20))) answer = packet;
    };
    this.#socket.on('message', hear);
    this.#socket.send(request, () => undefined);
    await until(() => answer !== null, withinMs).catch(() => undefined);
    this.#socket.off('message', hear);
    return answer === null ? -1 : this.#read(answer);
  }

  #request(what: number, credentials: { username: string; credential: string } | null): Buffer {
    const attributes = [
      field(attribute.lifetime, uint32(600)),
      ...(what === method.allocate ? [field(attribute.transport, Buffer.from([17, 0, 0, 0]))] : []),
    ];
    const id = randomBytes(12);
    if (credentials === null || this.#challenge === null) return message(what, id, attributes, 0);
    const { realm, nonce } = this.#challenge;
    const { username, credential } = credentials;
    attributes.push(
      field(attribute.username, Buffer.from(username)),
      field(attribute.realm, realm),
      field(attribute.nonce, nonce),
    );
    // RFC 8489 §14.5: over the message as if it ended with the integrity, 24 bytes.
    const key = createHash('md5').update(`${username}:${realm.toString()}:${credential}`).digest();
    const signed = message(what, id, attributes, 24);
    const integrity = createHmac('sha1', key).update(signed).digest();
    return Buffer.concat([signed, field(attribute.integrity, integrity)]);
  }

  #read(answer: Buffer): number {
    const fields = fieldsOf(answer);
    const [realm, nonce] = [fields.get(attribute.realm), fields.get(attribute.nonce)];
    if (realm !== undefined && nonce !== undefined) this.#challenge = { realm, nonce };
    const error = fields.get(attribute.error);
    return error === undefined ? 0 : (error[2] ?? 0) * 100 + (error[3] ?? 0);
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function field(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

/** @param followingBytes of attributes that come behind, counted in the header already */
function message(what: number, id: Buffer, attributes: readonly Buffer[], followingBytes: number): Buffer {
  const body = Buffer.concat([...attributes]);
  const head = Buffer.alloc(8);
  head.writeUInt16BE(what, 0);
  head.writeUInt16BE(body.length + followingBytes, 2);
  head.writeUInt32BE(cookie, 4);
  return Buffer.concat([head, id, body]);
}

function fieldsOf(packet: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let at = 20; at + 4 <= packet.length;) {
    const length = packet.readUInt16BE(at + 2);
    fields.set(packet.readUInt16BE(at), packet.subarray(at + 4, at + 4 + length));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return fields;
}
