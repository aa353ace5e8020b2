/**
 * What watchers of a tube's charts may see of contexts and events: a copy without descriptions, candidates, credentials, tokens, digests, network
 * addresses, conversations, tenants and free text (it may be shown on a page of others), and without what never changes (settings). Secrets are found by
 * name and by shape, as in the log (redaction.ts).
 */
import { hidden, isSignalling, withoutAddresses } from '../free-text.js';
import { redactFields } from './redaction.js';

const maxTextLength = 200;
const maxDepth = 6;
const maxItems = 100;

const candidateType = /\btyp ([a-z]+)/;

type Rule = (value: unknown) => unknown;

/** By key, whatever the value is. An absent result leaves the key out. */
const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['settings', () => undefined],
  ['conversationId', () => hidden],
  ['tenant', () => hidden],
  // Free text, of a peer, a controller or a library: names of hosts and people may be in it.
  ['detail', (value) => (value === '' ? '' : '(text)')],
  ['sdp', () => '(sdp)'],
  // The end of candidates is an empty one.
  ['candidate', (value) => (value === '' ? '' : `(${candidateType.exec(String(value))?.[1] ?? 'some'} candidate)`)],
  ['session', () => hidden],
  ['peerSession', () => hidden],
  ['peerTokenDigest', () => undefined],
  ['creationDigest', () => undefined],
]);

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

function text(value: string): string {
  if (isSignalling(value)) return hidden;
  const short = value.length > maxTextLength ? `${value.slice(0, maxTextLength)}…` : value;
  return withoutAddresses(short);
}

function pruned(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return `(${value.name})`;
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
