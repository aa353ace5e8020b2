/**
 * The frames of application channels between the service and our own library: `[kind u8][sequence u32 BE][payload]`. Encoding and
 * sequence arithmetic only; who numbers, keeps and acknowledges frames is lane.ts. Plain peers never see a frame.
 */

/** Kind and sequence number in front of every payload. */
export const frameHeaderBytes = 5;

const kindText = 1;
const kindBinary = 2;
const kindAck = 3;

/** An `ack` says: everything before `seq` has been delivered. */
export interface Frame {
  readonly kind: 'text' | 'binary' | 'ack';
  readonly seq: number;
  /** A view into the received bytes, not a copy. */
  readonly payload: Uint8Array;
}

const encoder = new TextEncoder();
// A byte order mark is part of the message, not of the encoding.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A frame without its number yet: the number is written when it is sent (`writeSeq`), because a restarted peer starts again at 0. */
export function packMessage(data: string | Uint8Array): Uint8Array {
  const payload = typeof data === 'string' ? encoder.encode(data) : data;
  const frame = new Uint8Array(frameHeaderBytes + payload.length);
  frame[0] = typeof data === 'string' ? kindText : kindBinary;
  frame.set(payload, frameHeaderBytes);
  return frame;
}

/** The application message inside a frame made by `packMessage`. */
export function unpackMessage(frame: Uint8Array): string | Uint8Array {
  const payload = frame.subarray(frameHeaderBytes);
  return frame[0] === kindText ? decoder.decode(payload) : payload;
}

export function writeSeq(frame: Uint8Array, seq: number): Uint8Array {
  frame[1] = seq >>> 24;
  frame[2] = seq >>> 16;
  frame[3] = seq >>> 8;
  frame[4] = seq;
  return frame;
}

export function ackFrame(seq: number): Uint8Array {
  return writeSeq(Uint8Array.of(kindAck, 0, 0, 0, 0), seq);
}

/** Null when it is no frame: text, too short, of an unknown kind, or an acknowledgement with a payload. */
export function readFrame(data: string | Uint8Array): Frame | null {
  if (typeof data === 'string' || data.length < frameHeaderBytes) return null;
  const code = data[0];
  const kind = code === kindText ? 'text' : code === kindBinary ? 'binary' : code === kindAck ? 'ack' : null;
  if (kind === null || (kind === 'ack' && data.length !== frameHeaderBytes)) return null;
  const seq = new DataView(data.buffer, data.byteOffset).getUint32(1);
  return { kind, seq, payload: data.subarray(frameHeaderBytes) };
}

/** `a - b` on the circle of 2^32 numbers (RFC 1982), in [-2^31, 2^31). */
export const serialDistance = (a: number, b: number): number => (a - b) | 0;

export const serialAdd = (a: number, count: number): number => (a + count) >>> 0;

/** Length in UTF-8 without encoding it. */
export function byteLength(data: string | Uint8Array): number {
  if (typeof data !== 'string') return data.length;
  let bytes = data.length;
  for (let index = 0; index < data.length; index++) {
    const unit = data.charCodeAt(index);
    if (unit < 0x80) continue;
    // Each half of a surrogate pair counts 2; a lone one is encoded as U+FFFD, 3 bytes.
    const paired = unit >= 0xd800 && unit < 0xdc00 && (data.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
    if (paired) {
      bytes += 2;
      index++;
    } else bytes += unit < 0x800 ? 1 : 2;
  }
  return bytes;
}
