/**
 * The bytes and SDP lines that the service and our peer library agree on (docs/protocol.md). A plain W3C peer needs none of them: it may
 * answer pings, and ignores the SDP lines as unknown attributes (RFC 8866 §9).
 */
import type { ChannelRecord } from '../../machines/ports/transport.port.js';

/** Label of the channel that carries pings; never an application channel. */
export const controlLabel = 'control';

/** Label of the unordered channel without retransmission on which loss is measured. A name that no page would give a channel of its own. */
export const probeLabel = 'holdfast-probe';

/** Channels of the two ends themselves: they carry no application data. */
export const isOwnLabel = (label: string): boolean => label === controlLabel || label === probeLabel;

/**
 * Subprotocol (RFC 8832 §5.1) of `latest` channels opened in-band: node-datachannel does not tell the receiving side that a channel is unordered,
 * and both sides must agree on which frames are acknowledged.
 */
export const latestProtocol = 'holdfast-latest';

/** What `control` and the probe channel carry (docs/protocol.md). */
export type ControlFrame =
  /** `seq` is null towards and from a plain peer. */
  | { readonly kind: 'ping' | 'pong'; readonly seq: number | null }
  | { readonly kind: 'probe'; readonly burst: number; readonly index: number }
  /** `received`: how many probes of that burst have come, this one included. */
  | { readonly kind: 'echo'; readonly burst: number; readonly index: number; readonly received: number };

/** Each kind's first bytes; big-endian numbers of four bytes each follow. */
const heads: Readonly<Record<ControlFrame['kind'], string>> = {
  ping: '\0PING',
  pong: '\0PONG',
  probe: '\0PROB',
  echo: '\0ECHO',
};
const headBytes = 5;
const maxNumbers = 3;

export function encodeControl(frame: ControlFrame): Uint8Array {
  const numbers = numbersOf(frame);
  const bytes = new Uint8Array(headBytes + 4 * numbers.length);
  bytes.set(bytesOf(heads[frame.kind]));
  const view = new DataView(bytes.buffer);
  numbers.forEach((value, index) => view.setUint32(headBytes + 4 * index, value));
  return bytes;
}

function numbersOf(frame: ControlFrame): readonly number[] {
  if (frame.kind === 'probe') return [frame.burst, frame.index];
  if (frame.kind === 'echo') return [frame.burst, frame.index, frame.received];
  return frame.seq === null ? [] : [frame.seq];
}

/** Null when the bytes are none of them. A page may send a ping as text too. */
export function decodeControl(data: string | Uint8Array): ControlFrame | null {
  const count = (data.length - headBytes) / 4;
  if (!Number.isInteger(count) || count < 0 || count > maxNumbers) return null;
  const bytes = typeof data === 'string' ? bytesOf(data) : data;
  const head = String.fromCharCode(...bytes.subarray(0, headBytes));
  const view = new DataView(bytes.buffer, bytes.byteOffset + headBytes);
  const [first = 0, second = 0, third = 0] = Array.from({ length: count }, (_, index) => view.getUint32(4 * index));
  if (head === heads.probe && count === 2) return { kind: 'probe', burst: first, index: second };
  if (head === heads.echo && count === 3) return { kind: 'echo', burst: first, index: second, received: third };
  const kind = head === heads.ping ? 'ping' : head === heads.pong ? 'pong' : null;
  return kind === null || count > 1 ? null : { kind, seq: count === 1 ? first : null };
}

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);

/**
 * What one side says of itself in every description it sends: `a=x-holdfast:overlap <instance>` (it can hold two generations at once and
 * frames its messages; `instance` changes when its process or page does, and then sequence numbers start again), and in an offer of
 * generation 2 and later `a=x-holdfast-channels:<base64url JSON>`, the channels to create as negotiated. An offer of the service also says
 * `a=x-holdfast-remote:<instance>`, whose numbers it goes on with: another instance that was its peer before has to begin anew. An answer of
 * the library also says `a=x-holdfast-probes`: it answers probes, and knows that their channel is none of the application's.
 */
export interface PeerMark {
  readonly instance: string;
  /** Null when its sequence numbers belong to nobody yet. */
  readonly remote: string | null;
  readonly channels: readonly ChannelRecord[];
  readonly probes: boolean;
}

const maxMarkedChannels = 64;

export function markSdp(sdp: string, mark: Partial<PeerMark> & Pick<PeerMark, 'instance' | 'channels'>): string {
  const lines = [`a=x-holdfast:overlap ${mark.instance}`];
  if (typeof mark.remote === 'string') lines.push(`a=x-holdfast-remote:${mark.remote}`);
  if (mark.channels.length > 0) lines.push(`a=x-holdfast-channels:${toBase64Url(JSON.stringify(mark.channels))}`);
  if (mark.probes === true) lines.push('a=x-holdfast-probes');
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
  const probes = /^a=x-holdfast-probes\r?$/m.test(sdp);
  return { instance, remote, channels: encoded === undefined ? [] : parseChannels(encoded), probes };
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
