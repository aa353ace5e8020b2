/**
 * Figures as the command line writes them: lengths of time, moments, sizes, ratios; and the colours of states. Pure; times come in as milliseconds since
 * the epoch. Words are those of src/operator/words.ts.
 */
import type { TubeState } from '../../machines/events.js';
import type { Colour } from './terminal.js';

const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');

/** `480 ms`, `12.3 s`, `3 min 05 s`, `1 h 02 min`, `2 d 03 h`. */
export function length(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${two((seconds / 60) % 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${two((seconds / 3600) % 24)} h`;
}

/** For narrow columns: `12s`, `3m05`, `1h02`, `2d03`. */
export function shortLength(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two((seconds / 60) % 60)}`;
  return `${Math.floor(seconds / 86_400)}d${two((seconds / 3600) % 24)}`;
}

/** `12:03:04.567` of this machine's time zone. */
export function clock(atMs: number): string {
  const date = new Date(atMs);
  const text = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${text}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `2026-11-20 12:03:04` of this machine's time zone. */
export function moment(atMs: number): string {
  const date = new Date(atMs);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(atMs).slice(0, 8)}`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `640 B`, `1.2 MiB`. */
export function size(bytes: number): string {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power] ?? 'B'}`;
}

export const percent = (ratio: number): string => `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`;

/** Round trips on a local network are below a millisecond. */
export const roundTrip = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

const stateColours: Readonly<Record<TubeState, Colour>> = {
  initializing: 'blue',
  connecting: 'blue',
  connected: 'green',
  degraded: 'yellow',
  failed: 'red',
  closed: 'grey',
};

export const stateColour = (state: string): Colour | null => stateColours[state as TubeState] ?? null;
