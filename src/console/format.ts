/** Numbers and times as the console writes them. */
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const inMs = (ms: number): string => `${whole.format(ms)} ms`;

/** `12 s`, `3 min 05 s`, `1 h 02 min`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
}

/** Round trips on a local network are below a millisecond. */
export const roundTrip = (ms: number): string => (ms < 10 ? `${ms.toFixed(1)} ms` : inMs(ms));

/** The wall clock with milliseconds. */
export const timeOfDay = (date: Date): string =>
  `${clock.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;

/** Text of others, cut to a length that a log can show. */
export const clipped = (text: string, length = 200): string =>
  text.length > length ? `${text.slice(0, length)}…` : text;
