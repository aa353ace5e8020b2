/**
 * The least of STUN (RFC 8489 §6, §18): from where do packets of this socket seem to come, seen by a server, and is there a TURN server at all? The ICE
 * agent asks the same, but of STUN it tells only what differs from its own addresses, and of a TURN server that is silent only after 23 s.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:dgram';

export interface Mapped {
  readonly address: string;
  readonly port: number;
}

const cookie = 0x2112a442;
const headerBytes = 20;
const bindingRequest = 0x0001;
/** RFC 8656 §3.1: over UDP. */
const allocateRequest = 0x0003;
const requestedTransport = Buffer.from([0x00, 0x19, 0x00, 0x04, 17, 0, 0, 0]);
const bindingSuccess = 0x0101;
const mappedAddress = 0x0001;
const xorMappedAddress = 0x0020;

/** RFC 8489 §6.2.1, with its first retransmissions only. */
const sendAtMs = [0, 500, 1500];
const answerWithinMs = 3500;

function request(method: number, id: Buffer, attributes = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(headerBytes);
  head.writeUInt16BE(method, 0);
  head.writeUInt16BE(attributes.length, 2);
  head.writeUInt32BE(cookie, 4);
  id.copy(head, 8);
  return Buffer.concat([head, attributes]);
}

const isAnswerTo = (packet: Buffer, id: Buffer): boolean =>
  packet.length >= headerBytes && packet.readUInt32BE(4) === cookie && packet.subarray(8, headerBytes).equals(id);

/** The mapped address in an answer to the request with this id; null when the packet is something else. */
export function readAnswer(packet: Buffer, id: Buffer): Mapped | null {
  if (!isAnswerTo(packet, id) || packet.readUInt16BE(0) !== bindingSuccess) return null;
  for (let at = headerBytes; at + 4 <= packet.length;) {
    const type = packet.readUInt16BE(at);
    const length = packet.readUInt16BE(at + 2);
    const value = packet.subarray(at + 4, at + 4 + length);
    const mapped =
      type === xorMappedAddress || type === mappedAddress ? addressIn(value, type === xorMappedAddress, packet) : null;
    if (mapped !== null) return mapped;
    // Attributes are padded to four bytes (RFC 8489 §14).
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return null;
}

/** RFC 8489 §14.1, §14.2. */
function addressIn(value: Buffer, isXored: boolean, packet: Buffer): Mapped | null {
  const bytes = { 1: 4, 2: 16 }[value[1] ?? 0];
  if (bytes === undefined || value.length !== 4 + bytes) return null;
  const mask = isXored ? packet.subarray(4, headerBytes) : Buffer.alloc(16);
  const raw = [...value.subarray(4)].map((byte, at) => byte ^ (mask[at] ?? 0));
  const port = value.readUInt16BE(2) ^ (isXored ? cookie >>> 16 : 0);
  return { address: bytes === 4 ? raw.join('.') : groupsOf(raw), port };
}

function groupsOf(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
  );
  // The URL parser shortens it as RFC 5952 wants.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Asks one server through a bound socket; null: no answer. Never rejects. */
export function askStun(socket: Socket, server: Mapped): Promise<Mapped | null> {
  const id = randomBytes(12);
  return ask(socket, server, request(bindingRequest, id), (packet) => readAnswer(packet, id));
}

/** Whether a TURN server answers, be it that it wants to know who asks (RFC 8656 §7.2). Never rejects. */
export async function isTurnServer(socket: Socket, server: Mapped): Promise<boolean> {
  const id = randomBytes(12);
  const packet = request(allocateRequest, id, requestedTransport);
  return (await ask(socket, server, packet, (answer) => (isAnswerTo(answer, id) ? true : null))) ?? false;
}

/** What `read` makes of the first packet that it takes for the answer; null: there was none. */
function ask<Answer>(
  socket: Socket,
  server: Mapped,
  packet: Buffer,
  read: (packet: Buffer) => Answer | null,
): Promise<Answer | null> {
  return new Promise((resolve) => {
    const hear = (heard: Buffer): void => {
      const answer = read(heard);
      if (answer !== null) settle(answer);
    };
    const send = (): void => socket.send(packet, server.port, server.address, () => undefined);
    const timers = sendAtMs.map((ms) => setTimeout(send, ms));
    timers.push(setTimeout(() => settle(null), answerWithinMs));
    const settle = (answer: Answer | null): void => {
      timers.forEach(clearTimeout);
      socket.off('message', hear);
      resolve(answer);
    };
    socket.on('message', hear);
  });
}
