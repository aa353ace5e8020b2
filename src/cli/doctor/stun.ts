/**
 * A STUN Binding request (RFC 8489 §6, §18): from where do packets of this socket seem to come, seen by a server? The ICE agent asks the same, but tells
 * only what differs from its own addresses; so it could not be told whether a server answers.
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
const bindingSuccess = 0x0101;
const mappedAddress = 0x0001;
const xorMappedAddress = 0x0020;

/** RFC 8489 §6.2.1, with its first retransmissions only. */
const sendAtMs = [0, 500, 1500];
const answerWithinMs = 3500;

function request(id: Buffer): Buffer {
  const packet = Buffer.alloc(headerBytes);
  packet.writeUInt16BE(bindingRequest, 0);
  packet.writeUInt32BE(cookie, 4);
  id.copy(packet, 8);
  return packet;
}

/** The mapped address in an answer to the request with this id; null when the packet is something else. */
export function readAnswer(packet: Buffer, id: Buffer): Mapped | null {
  if (packet.length < headerBytes || packet.readUInt16BE(0) !== bindingSuccess) return null;
  if (packet.readUInt32BE(4) !== cookie || !packet.subarray(8, headerBytes).equals(id)) return null;
  for (let at = headerBytes; at + 4 <= packet.length; ) {
    const type = packet.readUInt16BE(at);
    const length = packet.readUInt16BE(at + 2);
    const value = packet.subarray(at + 4, at + 4 + length);
    const mapped = type === xorMappedAddress || type === mappedAddress ? addressIn(value, type === xorMappedAddress, packet) : null;
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
  const groups = Array.from({ length: 8 }, (_, at) => (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16));
  // The URL parser shortens it as RFC 5952 wants.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Asks one server through a bound socket; null: no answer. Never rejects. */
export function askStun(socket: Socket, server: Mapped): Promise<Mapped | null> {
  const id = randomBytes(12);
  return new Promise((resolve) => {
    const hear = (packet: Buffer): void => {
      const mapped = readAnswer(packet, id);
      if (mapped !== null) settle(mapped);
    };
    const timers = sendAtMs.map((ms) => setTimeout(() => socket.send(request(id), server.port, server.address, () => undefined), ms));
    timers.push(setTimeout(() => settle(null), answerWithinMs));
    const settle = (mapped: Mapped | null): void => {
      timers.forEach(clearTimeout);
      socket.off('message', hear);
      resolve(mapped);
    };
    socket.on('message', hear);
  });
}
