/**
 * Text of flags, environment variables and YAML strings → values, and back for people: `15s`, `64KiB`, `a,b`, JSON. Text that does not
 * fit is passed on as it is, so that the schema refuses it with the rule of its key; nothing here throws.
 */
export type KeyKind =
  | 'duration'
  | 'durations'
  | 'bytes'
  | 'integer'
  | 'ratio'
  | 'text'
  | 'choice'
  | 'switch'
  | 'texts'
  | 'levels'
  | 'channels'
  | 'iceServers'
  | 'object';

const millisecondsOf: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const bytesOf: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function quantity(text: string, units: Record<string, number>): unknown {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim());
  if (match === null) return text;
  const factor = match[2] === '' ? 1 : units[match[2] ?? ''];
  return factor === undefined ? text : Number((Number(match[1]) * factor).toFixed(6));
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const looksLikeJson = (text: string): boolean => /^\s*[[{]/.test(text);

/** `a, b` → `['a', 'b']`; text that starts with `[` or `{` is JSON. */
function list(text: string, item: (part: string) => unknown): unknown {
  if (looksLikeJson(text)) return json(text);
  const parts = text.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '').map(item);
}

/** `webrtc_ice=debug,service=warn` → an object. */
function levels(text: string): unknown {
  if (looksLikeJson(text)) return json(text);
  const pairs = text.split(',').map((pair) => pair.split('=').map((part) => part.trim()));
  if (pairs.some((pair) => pair.length !== 2)) return text;
  return Object.fromEntries(pairs.map(([target, level]) => [target, level]));
}

/** `data` or `video:latest`. */
function channel(part: string): unknown {
  const [label, ...rest] = part.split(':');
  return rest.length === 0 ? { label } : { label, class: rest.join(':') };
}

const switches: Record<string, boolean> = { on: true, off: false, true: true, false: false };

const decoders: Record<KeyKind, (text: string) => unknown> = {
  duration: (text) => quantity(text, millisecondsOf),
  durations: (text) => list(text, (part) => quantity(part, millisecondsOf)),
  bytes: (text) => quantity(text, bytesOf),
  integer: (text) => quantity(text, {}),
  ratio: (text) => quantity(text, {}),
  text: (text) => text,
  choice: (text) => text.trim(),
  switch: (text) => switches[text.trim()] ?? text,
  texts: (text) => list(text, (part) => part),
  levels,
  channels: (text) => list(text, channel),
  iceServers: (text) => list(text, (part) => ({ urls: [part] })),
  object: json,
};

/** A value of a source → a value for the schema. Strings inside a YAML list of durations are decoded too. */
export function decode(kind: KeyKind, value: unknown): unknown {
  if (typeof value === 'string') return decoders[kind](value);
  if (!Array.isArray(value)) return value;
  const items: unknown[] = value;
  if (kind === 'durations') return items.map((item) => (typeof item === 'string' ? decoders.duration(item) : item));
  if (kind === 'channels') return items.map((item) => (typeof item === 'string' ? channel(item) : item));
  if (kind === 'iceServers') return items.map((item) => (typeof item === 'string' ? { urls: [item] } : item));
  return value;
}

function largestUnit(value: number, units: Record<string, number>, smallest: string): string {
  const fitting = Object.entries(units).filter(([, factor]) => value >= factor && value % factor === 0);
  const [unit, factor] = fitting.at(-1) ?? [smallest, 1];
  return `${value / factor}${unit}`;
}

/** 15000 → `15s`. */
export const formatDuration = (milliseconds: number): string => largestUnit(milliseconds, millisecondsOf, 'ms');

/** 65536 → `64KiB`. */
export const formatBytes = (bytes: number): string => largestUnit(bytes, bytesOf, 'B');
