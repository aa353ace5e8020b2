/**
 * The kinds of configuration keys: zod types that carry default, range, description and the way their text is read, so that validation,
 * `--help` and docs/configuration.md come from one definition. Every message is the rule of the key; none repeats the value.
 */
import { z } from 'zod';
import { hintOf } from './names.js';
import { decode, formatBytes, formatDuration, type KeyKind } from './quantities.js';

export interface KeyMeta {
  readonly kind: KeyKind;
  readonly description: string;
  /** What a value must be, to be read after "must be". */
  readonly rule: string;
  /** Its value is never printed. */
  readonly secret: boolean;
}

export const keyMeta = z.registry<KeyMeta>();

/** Attaches the description of a key. Last in the chain: a schema derived from it has none. */
export function withMeta<S extends z.ZodType>(
  schema: S,
  kind: KeyKind,
  rule: string,
  description: string,
  secret = false,
): S {
  keyMeta.add(schema, { kind, rule, description, secret });
  z.globalRegistry.add(schema, { description });
  return schema;
}

export const mustBe = (rule: string): string => `must be ${rule}`;

interface Range {
  readonly min: number;
  readonly max: number;
}

function number(kind: KeyKind, initial: number, { min, max }: Range, rule: string, description: string) {
  const error = mustBe(rule);
  const schema = z.number({ error }).min(min, { error }).max(max, { error });
  const whole = kind === 'ratio' ? schema : schema.int({ error });
  return withMeta(whole.default(initial), kind, rule, description);
}

/** Milliseconds; text may say `15s` or `5m`. */
export function duration(initial: number, range: Range, description: string) {
  const rule = `a time from ${formatDuration(range.min)} to ${formatDuration(range.max)}, as milliseconds or like 15s, 5m`;
  return number('duration', initial, range, rule, description);
}

/** Bytes; text may say `64KiB`. */
export function bytes(initial: number, range: Range, description: string) {
  const rule = `a size from ${formatBytes(range.min)} to ${formatBytes(range.max)}, as bytes or like 64KiB, 4MiB`;
  return number('bytes', initial, range, rule, description);
}

export function integer(initial: number, range: Range, description: string) {
  return number('integer', initial, range, `a whole number from ${range.min} to ${range.max}`, description);
}

export function ratio(initial: number, description: string) {
  return number('ratio', initial, { min: 0, max: 1 }, 'a number from 0 to 1', description);
}

export function choice<const T extends readonly string[]>(
  initial: NoInfer<T[number]>,
  values: T,
  description: string,
): z.ZodDefault<z.ZodType<T[number]>> {
  const rule = `one of ${values.join(', ')}`;
  const schema: z.ZodType<T[number]> = z.enum([...values], { error: mustBe(rule) });
  return withMeta(
    schema.default(() => initial),
    'choice',
    rule,
    description,
  );
}

export function onOff(initial: boolean, description: string) {
  const rule = 'on or off';
  return withMeta(z.boolean({ error: mustBe(rule) }).default(initial), 'switch', rule, description);
}

const noControlCharacters = /^[^\u0000-\u001f]{1,1024}$/;

/** Text that is not empty, or null when not set. */
export function optionalText(rule: string, description: string, fits: (value: string) => boolean = () => true) {
  const error = mustBe(rule);
  const schema = z.string({ error }).regex(noControlCharacters, { error }).refine(fits, { error });
  return withMeta(schema.nullable().default(null), 'text', rule, description);
}

/** Like `optionalText`, but its value is never printed. */
export function secretText(rule: string, description: string, fits: (value: string) => boolean = () => true) {
  const error = mustBe(rule);
  const schema = z.string({ error }).regex(noControlCharacters, { error }).refine(fits, { error });
  return withMeta(schema.nullable().default(null), 'text', rule, description, true);
}

export function text(initial: string, rule: string, description: string) {
  const error = mustBe(rule);
  return withMeta(
    z.string({ error }).regex(noControlCharacters, { error }).default(initial),
    'text',
    rule,
    description,
  );
}

/** Error map of a strict object: names what is unknown, and the nearest name that is not. */
export const unknownKeys =
  (known: readonly string[], otherwise: string) =>
  (issue: { readonly code?: string | undefined; readonly keys?: unknown }): string => {
    if (issue.code !== 'unrecognized_keys' || !Array.isArray(issue.keys)) return otherwise;
    const unknown = issue.keys.map(String);
    return unknown.map((key) => `unknown key ${key.slice(0, 64)}${hintOf(key, known)}`).join('; ');
  };

const quantityKinds: readonly KeyKind[] = ['duration', 'durations', 'bytes'];

/** The values of a key in a call (`type`: the key's type without its default): times and sizes may be text, as in the configuration. */
export function onTheWire<S extends z.ZodType>(key: z.ZodType, type: S) {
  const kind = keyMeta.get(key)?.kind;
  return z.preprocess(
    (value) => (kind !== undefined && quantityKinds.includes(kind) ? decode(kind, value) : value),
    type,
  );
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  /** One sentence per problem, in wire names; values are not repeated. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Checks input from the wire. */
export function check<T>(schema: z.ZodType<T>, input: unknown): Checked<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return { ok: true, value: parsed.data };
  const problems = parsed.error.issues.map(({ path, message }) => [...path.map(String), message].join(' '));
  return { ok: false, problems };
}
