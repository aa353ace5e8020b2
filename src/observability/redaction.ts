/**
 * Keeps secrets out of log lines: values of secret-looking fields, ICE user fragments and passwords in descriptions and candidates, tokens
 * in text, payloads. Works on a copy of the fields, only for lines that are written. Addresses of candidates stay.
 */
import { hidden, redactText } from '../free-text.js';

const maxDepth = 6;
const maxItems = 100;

/** Compared without separators and case: peer_token, callbackToken, ice-pwd, ... */
const secretName = /token|secret|passw|pwd|ufrag|credential|authorization|cookie|apikey|privatekey|ksmconfig|payload/;

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: name,
    ...(code === undefined ? {} : { code: redactValue(code, depth + 1) }),
    message: redactText(message),
    ...(stack === undefined ? {} : { stack: redactText(stack) }),
    ...(cause === undefined ? {} : { cause: redactValue(cause, depth + 1) }),
  };
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'function') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > maxDepth) return '(deep)';
  if (value instanceof Error) return redactError(value, depth);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `(${value.byteLength} bytes)`;
  if (value instanceof Date) return value;
  if (value instanceof Map) return redactList([...(value as Map<unknown, unknown>)], depth);
  if (value instanceof Set) return redactList([...value], depth);
  return Array.isArray(value) ? redactList(value, depth) : redactObject(value, depth);
}

function redactList(items: readonly unknown[], depth: number): unknown[] {
  return items.slice(0, maxItems).map((item) => redactValue(item, depth + 1));
}

function redactObject(value: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(value).slice(0, maxItems);
  return Object.fromEntries(
    entries.map(([name, item]) => {
      const isSecret = secretName.test(name.toLowerCase().replaceAll(/[^a-z]/g, ''));
      return [name, isSecret && item !== null && item !== undefined ? hidden : redactValue(item, depth + 1)];
    }),
  );
}

/** A copy of the fields of a log line without secrets. */
export const redactFields = (fields: object): Record<string, unknown> => redactObject(fields, 0);
