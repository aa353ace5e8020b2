/**
 * What watchers of a tube's charts may see of contexts and events: a copy without descriptions, candidates, credentials, tokens, digests and network
 * addresses (it may be shown on a page of others), and without what never changes (settings). Secrets are found by name and by shape, as in the log
 * (redaction.ts).
 */
import { redactFields } from './redaction.js';

const maxTextLength = 200;
const maxDepth = 6;
const maxItems = 100;

/** Shapes of a description (RFC 8866) and of a candidate (RFC 8839), wherever they are. */
const signallingText = /^v=0|^(?:a=)?candidate:|a=(?:ice-|candidate:|fingerprint:)/m;
/** IPv4, and IPv6 of three groups or more, written out or with `::`. */
const address = /\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi;
const candidateType = /\btyp ([a-z]+)/;

type Rule = (value: unknown) => unknown;

/** By key, whatever the value is. An absent result leaves the key out. */
const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['settings', () => undefined],
  ['sdp', () => '(sdp)'],
  // The end of candidates is an empty one.
  ['candidate', (value) => (value === '' ? '' : `(${candidateType.exec(String(value))?.[1] ?? 'some'} candidate)`)],
  ['session', () => '(hidden)'],
  ['peerSession', () => '(hidden)'],
  ['peerTokenDigest', () => undefined],
  ['creationDigest', () => undefined],
]);

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

function text(value: string): string {
  if (signallingText.test(value)) return '(hidden)';
  const short = value.length > maxTextLength ? `${value.slice(0, maxTextLength)}…` : value;
  return short.replaceAll(address, '(address)');
}

function pruned(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth > maxDepth) return '(deep)';
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => pruned(item, depth + 1));
  // An actor, a native handle: nothing to look into.
  if (!isPlain(value)) return `(${value.constructor.name})`;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
    const rule = rules.get(key);
    return [key, rule === undefined ? pruned(item, depth + 1) : rule(item)];
  });
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined && typeof item !== 'function'));
}

/** The context of an actor, or an event, as it may be shown. JSON. */
export function viewOf(value: object): Record<string, unknown> {
  return redactFields(pruned(value, 0) as object);
}

export function eventView(event: { readonly type: string }): { readonly type: string } {
  return { ...viewOf(event), type: event.type };
}
