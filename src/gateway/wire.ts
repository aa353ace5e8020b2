/**
 * Building blocks of the wire schemas, and the one function that applies a schema. Everything is strict: an unknown field, a wrong type
 * or a size over its cap is refused before anything else happens. The schemas themselves are in control-wire.ts and peer-wire.ts.
 */
import { z } from 'zod';
import type { FailureCode } from '../../machines/failure.js';
import { AppError } from '../errors.js';

const maxSdpBytes = 64 * 1024;
const maxCandidateBytes = 1024;
export const maxArrayItems = 100;
const maxIssuesTold = 3;

export const tubeId = z.uuid('must be a UUID').transform((id) => id.toLowerCase());
export const conversationId = z.string().min(1).max(256);
export const generation = z.int().min(1).max(0x7fffffff);
export const shortText = z.string().max(256);

const maxDetailLength = 200;

function jsonOf(data: unknown): string {
  try {
    return data === undefined ? '' : JSON.stringify(data);
  } catch {
    // Nested deeper than the stack.
    return '';
  }
}

/** What a client says for people, as one short line: its text, or its JSON. */
export function detailOf(data: unknown): string {
  return (typeof data === 'string' ? data : jsonOf(data))
    .slice(0, maxDetailLength)
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .trim();
}

/** For calls that need no field: JSON has `null` for a payload that was left out. */
export const mayBeEmpty = <Schema extends z.ZodType>(schema: Schema) => z.preprocess((given) => given ?? {}, schema);

/** Throws AppError with the code of the first issue. */
export function parse<Schema extends z.ZodType>(schema: Schema, payload: unknown): z.output<Schema> {
  const result = schema.safeParse(payload);
  if (result.success) return result.data;
  const { issues } = result.error;
  throw new AppError(codeOf(issues[0]), issues.slice(0, maxIssuesTold).map(describeIssue).join('; '));
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}

function codeOf(issue: z.core.$ZodIssue | undefined): FailureCode {
  if (issue?.code === 'custom') return codeOfCustom(issue.params);
  const isTooLarge = issue?.code === 'too_big' && (issue.origin === 'string' || issue.origin === 'array');
  return isTooLarge ? 'input_too_large' : 'input_schema';
}

const customCodes = ['input_too_large', 'input_sdp', 'input_candidate'] as const;
type CustomCode = (typeof customCodes)[number];

function codeOfCustom(params: Record<string, unknown> | undefined): FailureCode {
  return customCodes.find((code) => code === params?.['code']) ?? 'input_schema';
}

/** Raises an issue with a code of its own inside a transform. */
function refuse(context: z.RefinementCtx, code: CustomCode, message: string): never {
  context.addIssue({ code: 'custom', message, params: { code } });
  return z.NEVER;
}

const isRawSdp = (text: string): boolean => text.startsWith('v=');
const base64Shape = /^[A-Za-z0-9+/]+={0,2}$/;

/** Null when the text is not base64 (RFC 4648 §4). */
export function decodeBase64(text: string): Uint8Array | null {
  if (text === '') return new Uint8Array(0);
  if (!base64Shape.test(text) || text.replace(/=+$/, '').length % 4 === 1) return null;
  return new Uint8Array(Buffer.from(text, 'base64'));
}

export const encodeBase64 = (data: string | Uint8Array): string =>
  (typeof data === 'string'
    ? Buffer.from(data, 'utf8')
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  ).toString('base64');

function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Raw SDP, checked only for size and for looking like SDP; src/transport checks what is in it. */
export const rawSdp = z.string().transform((text, context) => {
  if (Buffer.byteLength(text) > maxSdpBytes)
    return refuse(context, 'input_too_large', `an SDP may have ${String(maxSdpBytes)} bytes`);
  return isRawSdp(text) ? text : refuse(context, 'input_sdp', 'an SDP starts with v=');
});

/** /control takes SDP as base64 or raw. */
export const controlSdp = z
  .string()
  .max(Math.ceil(maxSdpBytes / 3) * 4 + 4)
  .transform((text, context) => {
    if (isRawSdp(text)) return text;
    const bytes = decodeBase64(text.replace(/\s+/g, ''));
    const decoded = bytes === null ? null : decodeText(bytes);
    return decoded ?? refuse(context, 'input_sdp', 'expected an SDP, raw (v=...) or in base64');
  })
  .pipe(rawSdp);

/** A line break in a candidate would smuggle lines into an SDP. */
const breaksLine = (text: string): boolean => ['\r', '\n', '\0'].some((char) => text.includes(char));

const candidateText = z.string().transform((text, context) => {
  if (Buffer.byteLength(text) > maxCandidateBytes) {
    return refuse(context, 'input_too_large', `a candidate may have ${String(maxCandidateBytes)} bytes`);
  }
  return breaksLine(text) ? refuse(context, 'input_candidate', 'a candidate is one line') : text;
});

/** `RTCIceCandidateInit` (webrtc-pc §4.8.1.2), as `JSON.stringify(candidate)` gives it. */
export const candidateFields = {
  candidate: candidateText,
  sdpMid: z.string().max(64).nullish(),
  sdpMLineIndex: z.int().min(0).max(65535).nullish(),
  usernameFragment: shortText.nullish(),
} as const;

/** A candidate as a string or as an object; `""` = end of candidates. */
export const candidateInput = z
  .preprocess((given) => (typeof given === 'string' ? { candidate: given } : given), z.strictObject(candidateFields))
  .transform(({ candidate, sdpMid }) => ({ candidate, mid: sdpMid ?? null }));
