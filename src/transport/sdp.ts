/**
 * Checks and edits of session descriptions and candidates, as text. Pure. Only what the native library must be protected from, and what a generation
 * has to know or change; it is no parser. Peers write these texts: every check is linear in their size, and the size is checked first.
 */
import type { Failure } from '../../machines/failure.js';
import type { DtlsRole } from '../../machines/ports/transport.port.js';

const maxDescriptionBytes = 64 * 1024;
const maxCandidateBytes = 1024;
/** In one description. */
export const maxCandidates = 100;

type Setup = 'actpass' | DtlsRole;

const fingerprintBytes: Readonly<Record<string, number>> = {
  'sha-1': 20,
  'sha-224': 28,
  'sha-256': 32,
  'sha-384': 48,
  'sha-512': 64,
};

const iceChars = '[A-Za-z0-9+/]';
const ufragPattern = new RegExp(`^${iceChars}{4,256}$`);
const pwdPattern = new RegExp(`^${iceChars}{22,256}$`);
const mediaPattern = /^m=application ([1-9]\d{0,4}|0) (?:UDP|TCP)\/DTLS\/SCTP webrtc-datachannel$/;
/** RFC 8839 §5.1: foundation, component, transport, priority, address, port, type, then pairs of extensions. */
const candidatePattern = new RegExp(
  `^(?:a=)?candidate:${iceChars}{1,32} \\d{1,3} [A-Za-z]{1,8} (\\d{1,10}) [0-9A-Za-z.:_-]{1,253}(?:%[0-9A-Za-z]{1,16})? (\\d{1,5}) typ [a-z]{1,16}(?: [^\\s]{1,64} [^\\s]{0,256})*\\s*$`,
);

const refuse = (code: 'input_sdp' | 'input_candidate', detail: string): Failure => ({ code, detail });

/** @returns null when the library may see it, else `input_sdp` with the reason */
export function checkDescription(type: 'offer' | 'answer', sdp: string): Failure | null {
  const why = sdp.length > maxDescriptionBytes ? `longer than ${maxDescriptionBytes} bytes` : flaw(type, sdp);
  return why === null ? null : refuse('input_sdp', why);
}

function flaw(type: 'offer' | 'answer', sdp: string): string | null {
  const lines = sdp.split(/\r\n|\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines[0] !== 'v=0') return 'the first line is not v=0';
  const odd = lines.findIndex((line) => !/^[a-z]=[\t\x20-\x7e\x80-\uffff]*$/.test(line));
  if (odd >= 0) return `line ${odd + 1} is not of the form x=value`;
  return mediaFlaw(lines) ?? iceFlaw(lines) ?? dtlsFlaw(type, lines) ?? candidatesFlaw(lines);
}

function mediaFlaw(lines: readonly string[]): string | null {
  const media = lines.filter((line) => line.startsWith('m='));
  if (media.length !== 1) return `${media.length} media lines instead of one`;
  const port = mediaPattern.exec(media[0] ?? '')?.[1];
  if (port === undefined) return 'the media line is not application … DTLS/SCTP webrtc-datachannel';
  if (Number(port) > 65535) return 'the port of the media line is out of range';
  if (port === '0' && !lines.includes('a=bundle-only')) return 'the media line is rejected (port 0)';
  if (values(lines, 'mid').some((mid) => !/^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}$/.test(mid)))
    return 'the mid is malformed';
  if (!values(lines, 'sctp-port').every((text) => inRange(text, 1, 65535))) return 'sctp-port is not a port';
  if (!values(lines, 'max-message-size').every((text) => inRange(text, 0, Number.MAX_SAFE_INTEGER)))
    return 'max-message-size is not a number';
  return null;
}

function iceFlaw(lines: readonly string[]): string | null {
  const ufrags = values(lines, 'ice-ufrag');
  const passwords = values(lines, 'ice-pwd');
  if (ufrags.length === 0 || passwords.length === 0) return 'ice-ufrag or ice-pwd is missing';
  if (!ufrags.every((ufrag) => ufragPattern.test(ufrag))) return 'ice-ufrag is not 4 to 256 ice-chars';
  if (!passwords.every((password) => pwdPattern.test(password))) return 'ice-pwd is not 22 to 256 ice-chars';
  return null;
}

function dtlsFlaw(type: 'offer' | 'answer', lines: readonly string[]): string | null {
  const fingerprints = values(lines, 'fingerprint');
  if (fingerprints.length === 0) return 'fingerprint is missing';
  if (!fingerprints.every(isFingerprint)) return 'fingerprint is malformed or of an unknown hash';
  const setups = values(lines, 'setup');
  if (setups.length === 0) return 'setup is missing';
  const allowed = type === 'offer' ? ['actpass', 'active', 'passive'] : ['active', 'passive'];
  if (!setups.every((setup) => allowed.includes(setup)) || new Set(setups).size > 1)
    return `setup is not one of ${allowed.join(', ')}`;
  return null;
}

function isFingerprint(value: string): boolean {
  const [hash = '', hex = '', ...rest] = value.split(' ');
  const bytes = fingerprintBytes[hash.toLowerCase()];
  if (bytes === undefined || rest.length > 0 || hex.length !== bytes * 3 - 1) return false;
  return /^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*$/.test(hex);
}

function candidatesFlaw(lines: readonly string[]): string | null {
  const candidates = lines.filter((line) => line.startsWith('a=candidate:'));
  if (candidates.length > maxCandidates) return `${candidates.length} candidates, more than ${maxCandidates}`;
  const bad = candidates.find((line) => checkCandidate(line) !== null);
  return bad === undefined ? null : `malformed candidate: ${bad.slice(0, 120)}`;
}

/**
 * One candidate attribute, with or without `a=`; `""` is the end of candidates.
 * @returns null when the library may see it, else `input_candidate` with the reason
 */
export function checkCandidate(candidate: string): Failure | null {
  if (candidate === '') return null;
  if (candidate.length > maxCandidateBytes) return refuse('input_candidate', `longer than ${maxCandidateBytes} bytes`);
  const match = candidatePattern.exec(candidate);
  if (match === null) return refuse('input_candidate', 'not a candidate attribute (RFC 8839 section 5.1)');
  if (Number(match[1]) > 0xffffffff) return refuse('input_candidate', 'the priority is out of range');
  if (Number(match[2]) > 65535) return refuse('input_candidate', 'the port is out of range');
  return null;
}

/** The ICE user fragment of a description; null when it has none. */
export const ufragOf = (sdp: string): string | null => attribute(sdp, 'ice-ufrag');

/** The `ufrag` extension of a candidate (RFC 8839 §5.1 `extension-att-name`); most browsers write it, node-datachannel does not. */
export const ufragOfCandidate = (candidate: string): string | null =>
  / ufrag ([A-Za-z0-9+/]{4,256})(?: |$)/.exec(candidate)?.[1] ?? null;

/** `sess-id` of the `o=` line: it stays the same as long as a peer keeps its RTCPeerConnection (RFC 8829 §5.2.2). */
export const sessionIdOf = (sdp: string): string | null => /^o=\S+ (\S{1,64}) /m.exec(sdp)?.[1] ?? null;

export function setupOf(sdp: string): Setup | null {
  const setup = attribute(sdp, 'setup');
  return setup === 'actpass' || setup === 'active' || setup === 'passive' ? setup : null;
}

export const withSetup = (sdp: string, setup: Setup): string => sdp.replace(/^a=setup:[a-z]+/gm, `a=setup:${setup}`);

export const otherRole = (role: DtlsRole): DtlsRole => (role === 'active' ? 'passive' : 'active');

/** Our role, read off the peer's answer to our offer; null when the answer has no valid setup. */
export function dtlsRoleOfRemoteAnswer(sdp: string): DtlsRole | null {
  const setup = setupOf(sdp);
  return setup === 'active' || setup === 'passive' ? otherRole(setup) : null;
}

/** Our role, read off our own answer. */
export function dtlsRoleOfLocalAnswer(sdp: string): DtlsRole | null {
  const setup = setupOf(sdp);
  return setup === 'active' || setup === 'passive' ? setup : null;
}

/** The largest message the writer takes, in bytes: 64 KiB when it says nothing, Infinity when it says 0 (RFC 8841 §6). */
export function maxMessageBytesOf(sdp: string): number {
  const text = attribute(sdp, 'max-message-size');
  if (text === null) return 65536;
  return Number(text) === 0 ? Infinity : Number(text);
}

/** A trickled description carries no candidates: ours follow when the peer may have them. */
export const withoutCandidates = (sdp: string): string =>
  sdp.replace(/^a=(?:candidate:[^\r\n]*|end-of-candidates)\r?\n/gm, '');

/** Whoever gathers first and then sends says nothing of trickling (RFC 8840 §4.1): the peer would wait for candidates that never come. */
export const withoutTrickleOption = (sdp: string): string =>
  sdp.replace(/^a=ice-options:([^\r\n]*)(\r?\n)/gm, (_line, options: string, end: string) => {
    // The RFC has spaces between them, libdatachannel writes commas.
    const others = options.split(/[\s,]+/).filter((option) => option !== '' && option !== 'trickle');
    return others.length === 0 ? '' : `a=ice-options:${others.join(' ')}${end}`;
  });

/** The candidates in a description, as they would be trickled. */
export function candidatesOf(sdp: string): { candidate: string; mid: string }[] {
  const mid = attribute(sdp, 'mid') ?? '0';
  return [...sdp.matchAll(/^a=(candidate:[^\r\n]*)/gm)].map(([, candidate = '']) => ({ candidate, mid }));
}

function attribute(sdp: string, name: string): string | null {
  return new RegExp(`^a=${name}:([^\\r\\n]*)`, 'm').exec(sdp)?.[1]?.trim() ?? null;
}

function values(lines: readonly string[], name: string): string[] {
  const prefix = `a=${name}:`;
  return lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length).trim());
}

const inRange = (text: string, low: number, high: number): boolean =>
  /^\d{1,16}$/.test(text) && Number(text) >= low && Number(text) <= high;
