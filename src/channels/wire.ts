/**
 * The bytes and SDP lines that the service and our peer library agree on (docs/protocol.md). A plain W3C peer needs none of them: it may
 * answer pings, and ignores the SDP lines as unknown attributes (RFC 8866 §9).
 */
import type { ChannelRecord } from '../../machines/ports/transport.port.js';

/** Label of the channel that carries pings; never an application channel. */
export const controlLabel = 'control';

/**
 * Subprotocol (RFC 8832 §5.1) of `latest` channels opened in-band: node-datachannel does not tell the receiving side that a channel is unordered,
 * and both sides must agree on which frames are acknowledged.
 */
export const latestProtocol = 'holdfast-latest';

/** `\0PING` and `\0PONG`; our own side appends a 4-byte big-endian sequence number. */
const pingBytes = [0x00, 0x50, 0x49, 0x4e, 0x47] as const;
const pongBytes = [0x00, 0x50, 0x4f, 0x4e, 0x47] as const;

export interface ControlFrame {
  readonly kind: 'ping' | 'pong';
  readonly seq: number | null;
}

export function encodeControl(frame: ControlFrame): Uint8Array {
  const head = frame.kind === 'ping' ? pingBytes : pongBytes;
  const bytes = new Uint8Array(frame.seq === null ? 5 : 9);
  bytes.set(head);
  if (frame.seq !== null) new DataView(bytes.buffer).setUint32(5, frame.seq);
  return bytes;
}

/** Null when the bytes are neither ping nor pong. A page may send them as text too. */
export function decodeControl(data: string | Uint8Array): ControlFrame | null {
  const bytes = typeof data === 'string' ? Uint8Array.from(data, (char) => char.charCodeAt(0) & 0xff) : data;
  if (bytes.length !== 5 && bytes.length !== 9) return null;
  const matches = (head: readonly number[]): boolean => head.every((byte, index) => bytes[index] === byte);
  const kind = matches(pingBytes) ? 'ping' : matches(pongBytes) ? 'pong' : null;
  if (kind === null) return null;
  const seq = bytes.length === 9 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(5) : null;
  return { kind, seq };
}

/**
 * What one side says of itself in every description it sends: `a=x-holdfast:overlap <instance>` (it can hold two generations at once and
 * frames its messages; `instance` changes when its process or page does, and then sequence numbers start again), and in an offer of
 * generation 2 and later `a=x-holdfast-channels:<base64url JSON>`, the channels to create as negotiated. An offer of the service also says
 * `a=x-holdfast-remote:<instance>`, whose numbers it goes on with: another instance that was its peer before has to begin anew.
 */
export interface PeerMark {
  readonly instance: string;
  /** Null when its sequence numbers belong to nobody yet. */
  readonly remote: string | null;
  readonly channels: readonly ChannelRecord[];
}

const maxMarkedChannels = 64;

export function markSdp(sdp: string, mark: Omit<PeerMark, 'remote'> & Partial<PeerMark>): string {
  const lines = [`a=x-holdfast:overlap ${mark.instance}`];
  if (typeof mark.remote === 'string') lines.push(`a=x-holdfast-remote:${mark.remote}`);
  if (mark.channels.length > 0) lines.push(`a=x-holdfast-channels:${toBase64Url(JSON.stringify(mark.channels))}`);
  const at = sdp.search(/^m=/m);
  const head = at < 0 ? sdp : sdp.slice(0, at);
  const tail = at < 0 ? '' : sdp.slice(at);
  return `${head}${lines.join('\r\n')}\r\n${tail}`;
}

/** Null when the description comes from a plain peer. Broken channel lists read as empty. */
export function readMark(sdp: string): PeerMark | null {
  const instance = /^a=x-holdfast:overlap ([A-Za-z0-9-]{1,64})\r?$/m.exec(sdp)?.[1];
  if (instance === undefined) return null;
  const encoded = /^a=x-holdfast-channels:([A-Za-z0-9_-]{1,16384})\r?$/m.exec(sdp)?.[1];
  const remote = /^a=x-holdfast-remote:([A-Za-z0-9-]{1,64})\r?$/m.exec(sdp)?.[1] ?? null;
  return { instance, remote, channels: encoded === undefined ? [] : parseChannels(encoded) };
}

function parseChannels(encoded: string): ChannelRecord[] {
  try {
    const parsed: unknown = JSON.parse(fromBase64Url(encoded));
    return Array.isArray(parsed) ? parsed.slice(0, maxMarkedChannels).filter(isChannelRecord) : [];
  } catch {
    return [];
  }
}

function isChannelRecord(value: unknown): value is ChannelRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { label, id, class: kind } = value as Record<string, unknown>;
  return (
    typeof label === 'string' &&
    label.length <= 256 &&
    Number.isInteger(id) &&
    Number(id) >= 0 &&
    Number(id) < 65535 &&
    (kind === 'reliable' || kind === 'latest')
  );
}

function toBase64Url(text: string): string {
  const binary = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64Url(text: string): string {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
}
