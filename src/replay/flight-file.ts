/**
 * The flight file: the history of one tube as one JSON object, its inputs for the machines (flight-inputs.ts) and its entries for people. Versioned and
 * strict. Written by src/registry/flight-export.ts, read here and played by player.ts.
 */
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import type { TubeSettings } from '../../machines/settings.js';
import { check } from '../config/key-types.js';
import { wireNameOf } from '../config/names.js';
import { tubeShape } from '../config/tube-keys.js';
import { flightEntry } from './flight-entries.js';
import { count, flightInput, isStart, text, timeMs, tubeState } from './flight-inputs.js';

export const flightFormat = 'holdfast-flight';
/** What is written. Version 1 did not tell in which order timers and inputs came that share a millisecond; it is read too. */
export const flightVersion = 2;
const readVersions: readonly unknown[] = [1, flightVersion];

/** Of a file. The largest history that a service keeps is smaller. */
const maxFileBytes = 16 * 1024 * 1024;
const maxItems = 20_000;

/** Flights that were recorded before there was this field have none. */
const settingsName = z.string().max(64).exactOptional();

/** The numbers that the tube ran by, in the names of configuration.md; ranges are those of the configuration. */
const settings = z
  .strictObject({
    trickle_ice: z.boolean(),
    profile: settingsName,
    recovery_policy: settingsName,
    ...Object.fromEntries(Object.entries(tubeShape).map(([key, schema]) => [wireNameOf(key), schema.unwrap()])),
  })
  .transform((wire): TubeSettings => {
    const given: Readonly<Record<string, unknown>> = wire;
    const keys = ['trickleIce', 'profile', 'recoveryPolicy', ...Object.keys(tubeShape)];
    const entries = keys
      .map((key) => [key, given[wireNameOf(key)]] as const)
      .filter(([, value]) => value !== undefined);
    // Every value was checked under its wire name by the schema of the same key.
    return Object.fromEntries(entries) as unknown as TubeSettings;
  });

const flightFile = z.strictObject({
  format: z.literal(flightFormat),
  version: z.literal([1, flightVersion]),
  service_version: text,
  exported_at_ms: timeMs,
  tube_id: z.uuid(),
  created_at_ms: timeMs,
  /** As it was when it was exported. */
  state: tubeState,
  settings,
  /** Oldest first; the first one is a `start`. Empty: nothing to replay. */
  inputs: z
    .array(flightInput)
    .max(maxItems)
    .refine(([first]) => first === undefined || isStart(first), 'must begin with a start'),
  /** Those that had to go, before the first. Null: all that was recorded had to go for want of memory, and nobody knows how many they were. */
  inputs_dropped: count.nullable(),
  /** Here playing ends: what was due later may not have happened yet. Version 1 does not know. */
  inputs_until_ms: timeMs.exactOptional(),
  /** Those that came after the last and were not kept: the history of one incident was too long. */
  inputs_missing: count,
  /** When the process was late: timers that were due at `due_ms` fired at `fired_ms`. Version 1 has no other word of it. */
  pauses: z.array(z.strictObject({ due_ms: timeMs, fired_ms: timeMs })).max(maxItems),
  /** What the flight recorder kept, oldest first. */
  entries: z.array(flightEntry).max(maxItems),
  entries_dropped: count,
});

/** As it is after reading; `settings` in code names. */
export type Flight = Readonly<z.output<typeof flightFile>>;
export type Pause = Flight['pauses'][number];

/** As it is written. */
export type FlightFile = Omit<Flight, 'settings'> & { readonly settings: Readonly<Record<string, unknown>> };

/** The file is none, or none that this version can play. The message is one line for people. */
export class FlightFileError extends Error {
  constructor(problem: string, options?: { cause?: unknown }) {
    super(problem, options);
    this.name = 'FlightFileError';
  }
}

const shownProblems = 3;

/** Throws FlightFileError. */
export function parseFlight(input: unknown): Flight {
  const { format, version } = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
  if (format !== flightFormat) throw new FlightFileError(`not a flight file: its format is not ${flightFormat}`);
  if (!readVersions.includes(version))
    throw new FlightFileError(
      `version ${String(version)} of the format: this program reads ${readVersions.join(' and ')}`,
    );
  const checked = check(flightFile, input);
  if (checked.ok) return checked.value;
  const more = checked.problems.length - shownProblems;
  const told = checked.problems.slice(0, shownProblems).map((problem) => problem.slice(0, 200));
  throw new FlightFileError(
    `not a sound flight file: ${told.join('; ')}${more > 0 ? `; and ${String(more)} more` : ''}`,
  );
}

/** Throws FlightFileError, also for a file that cannot be read. */
export function readFlight(path: string): Flight {
  return parseFlight(parseJson(readText(path)));
}

function readText(path: string): string {
  try {
    if (statSync(path).size > maxFileBytes) throw new FlightFileError(`larger than ${String(maxFileBytes)} bytes`);
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof FlightFileError) throw cause;
    throw new FlightFileError(`cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new FlightFileError('not JSON', { cause });
  }
}
