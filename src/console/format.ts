/** Numbers, lengths of time and sizes as the console writes them. Pure; what is not known is written as a dash. */
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const shortClock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

export const unknown = '–';

export const count = (value: number): string => whole.format(value);

export const inMs = (ms: number): string => `${whole.format(ms)} ms`;

/** How long something lasts that is told by the second: `12 s`, `3 min 05 s`, `1 h 02 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

/** What something took: `38 ms`, `1.85 s`, `12.3 s`, then as `duration`. */
export function cost(ms: number): string {
  if (ms < 1000) return inMs(ms);
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms);
}

/** Round trips on a local network are below a millisecond. */
export function roundTrip(ms: number | null): string {
  if (ms === null) return unknown;
  return ms < 10 ? `${ms.toFixed(1)} ms` : inMs(ms);
}

/** Of a ratio in [0, 1]. */
export function percent(ratio: number | null): string {
  if (ratio === null) return unknown;
  const percents = ratio * 100;
  return `${percents === 0 || percents >= 10 ? percents.toFixed(0) : percents.toFixed(1)} %`;
}

/** A quality score in [0, 1]. */
export const score = (value: number | null): string => (value === null ? unknown : value.toFixed(2));

export function bytes(value: number): string {
  if (value < 1000) return `${whole.format(value)} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let scaled = value / 1000;
  let unit = 0;
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return `${scaled < 10 ? scaled.toFixed(1) : whole.format(scaled)} ${units[unit] ?? ''}`;
}

/** The wall clock with milliseconds. */
export const timeOfDay = (date: Date): string =>
  `${clock.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;

/** The wall clock, with the day when that is another one. */
export function wallClock(atMs: number, nowMs = atMs): string {
  const at = new Date(atMs);
  const isToday = new Date(nowMs).toDateString() === at.toDateString();
  return isToday ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
}

/** Hours and minutes, for axes. */
export const hourAndMinute = (atMs: number): string => shortClock.format(new Date(atMs));

/** Enough of an id to tell it from its neighbours. */
export const shortId = (id: string): string => (id.length > 13 ? id.slice(0, 8) : id);

/** Text of others, cut to a length that a log can show. */
export const clipped = (text: string, length = 200): string =>
  text.length > length ? `${text.slice(0, length)}…` : text;

export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${whole.format(value)} ${value === 1 ? one : many}`;

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
