/**
 * Text of others (peers, controllers, libraries) without what must not be seen: secrets by their shape, descriptions, and where it is asked for addresses.
 * Pure; used by the log, by inspection and by the recorders behind flight files.
 */
export const hidden = '(hidden)';
const maxTextLength = 4000;

const textRules: readonly (readonly [RegExp, string])[] = [
  // RFC 8839 §5.4, and the ufrag extension of candidates (RFC 8839 §5.1).
  [/(ice[-_ ]?(?:ufrag|pwd|password)["']?\s*[:=]\s*["']?)[^\s"',]+/gi, `$1${hidden}`],
  [/(\bufrag\s+)\S+/gi, `$1${hidden}`],
  // A description in base64 begins with "v=0".
  [/\bdj0w[A-Za-z0-9+/_-]{16,}=*/g, '(description)'],
  [/\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*/g, hidden],
  [/\b(Bearer|Basic)\s+[^\s"',]+/gi, `$1 ${hidden}`],
  [/((?:token|secret|password|credential|pwd)["']?\s*[:=]\s*["']?)[^\s"',&]+/gi, `$1${hidden}`],
];

/** A text without what must not be seen. */
export function redactText(text: string): string {
  // Cut first: it bounds the work, and what is left of a secret at the cut is still found.
  const short = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
  return textRules.reduce((result, [rule, replacement]) => result.replace(rule, replacement), short);
}

/** Shapes of a description (RFC 8866) and of a candidate (RFC 8839), wherever they are, also as a part of JSON. */
const signallingText =
  /^v=0|\bv=0(?:\s|\\[rn])+o=|^(?:a=)?candidate:|candidate:\S+ \d+ (?:udp|tcp) |a=(?:ice-|candidate:|fingerprint:)/im;
/** IPv4, and IPv6 of three groups or more, written out or with `::`. */
const addresses = /\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi;
/** Looks like a description or a candidate, or has a part of one in it. */
export const isSignalling = (text: string): boolean => signallingText.test(text);

export const withoutAddresses = (text: string): string => text.replaceAll(addresses, '(address)');
