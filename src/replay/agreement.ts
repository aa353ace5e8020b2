/**
 * Whether a tube that was played did what it did then: the turns of both histories (changes of state, decisions, attempts) are laid beside each other in
 * their order. Pure. What only passed through the charts (candidates, descriptions) is not compared, for a flight file does not have it; nor are verdicts on
 * quality, which began before what was kept: what came of them is.
 */
import type { FlightEntry } from '../operator/flight.types.js';

export interface Divergence {
  /** `missing`: it happened then, and not now; `extra`: the other way round; `apart`: at another time. */
  readonly kind: 'missing' | 'extra' | 'apart';
  /** When it happened, then or (`extra`) now. */
  readonly at_ms: number;
  /** In words. */
  readonly what: string;
}

export interface Agreement {
  readonly divergences: readonly Divergence[];
  /** Turns that were met. */
  readonly met: number;
  /** The largest difference in time between one then and now. */
  readonly skew_ms: number;
}

interface Turn {
  readonly atMs: number;
  /** The pause that was decided on; 0 for everything else. */
  readonly pauseMs: number;
  readonly what: string;
}

/** Of each side; a file may have any number. */
const mostTurns = 2000;
/** A chart that is played fires its timers when they are due; a process does so a moment later. */
const apartMs = 1500;

function wordsOf(entry: FlightEntry): string | null {
  switch (entry.kind) {
    case 'state':
      return `state ${entry.previous_state} -> ${entry.state} (${entry.reason})`;
    case 'attempt_started':
      return `attempt ${String(entry.attempt)} for ${entry.trigger}`;
    case 'attempt_ended':
      return `end of the attempt for ${entry.trigger}: ${entry.code ?? entry.outcome}`;
    case 'decision':
      return `decision ${entry.action} for ${entry.trigger} (${entry.code ?? entry.verdict ?? entry.reason})`;
    case 'recovered':
      return `recovered from ${entry.trigger}`;
    case 'closed':
      return `closed: ${entry.reason}`;
    case 'session_warning':
    case 'crashed':
      return entry.kind.replace('_', ' ');
    default:
      return null;
  }
}

/** An entry with a count is that many turns. */
function turnsOf(entries: readonly FlightEntry[]): Turn[] {
  return entries.flatMap((entry) => {
    const what = wordsOf(entry);
    if (what === null) return [];
    const { at_ms: firstMs, count = 1, last_at_ms: lastMs = firstMs } = entry;
    const pauseMs = entry.kind === 'decision' ? entry.delay_ms : 0;
    const stepMs = count > 1 ? (lastMs - firstMs) / (count - 1) : 0;
    return Array.from({ length: Math.min(count, 1000) }, (_, index) => ({
      atMs: firstMs + stepMs * index,
      pauseMs,
      what,
    }));
  });
}

export interface Span {
  /** From here on, and before: what is outside was not recorded, or is not played. */
  readonly fromMs: number;
  readonly toMs: number;
}

export function compare(then: readonly FlightEntry[], now: readonly FlightEntry[], { fromMs, toMs }: Span): Agreement {
  const isInside = ({ atMs }: Turn): boolean => atMs >= fromMs && atMs < toMs;
  const recorded = turnsOf(then).filter(isInside).slice(0, mostTurns);
  const played = turnsOf(now).filter(isInside).slice(0, mostTurns);
  const divergences: Divergence[] = [];
  let met = 0;
  let skewMs = 0;
  for (const [one, other] of aligned(recorded, played)) {
    if (one === null) divergences.push({ kind: 'extra', at_ms: other?.atMs ?? 0, what: other?.what ?? '' });
    else if (other === null) divergences.push({ kind: 'missing', at_ms: one.atMs, what: one.what });
    else {
      met += 1;
      const differenceMs = Math.abs(one.atMs - other.atMs);
      skewMs = Math.max(skewMs, differenceMs);
      const longerMs = other.pauseMs - one.pauseMs;
      const apart = (what: string): void => void divergences.push({ kind: 'apart', at_ms: one.atMs, what });
      if (differenceMs > apartMs) apart(`${one.what}: ${seconds(other.atMs - one.atMs)}`);
      else if (Math.abs(longerMs) > apartMs) apart(`${one.what}: a pause of ${seconds(longerMs)} against then`);
    }
  }
  return { divergences, met, skew_ms: Math.round(skewMs) };
}

const seconds = (ms: number): string => `${ms < 0 ? '' : '+'}${(ms / 1000).toFixed(1)} s`;

/** The longest common sequence of both, with what is in one only (null on the other side), in order. */
function aligned(left: readonly Turn[], right: readonly Turn[]): [Turn | null, Turn | null][] {
  const width = right.length + 1;
  const lengths = new Uint32Array((left.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      const isSame = left[i]?.what === right[j]?.what;
      lengths[i * width + j] = isSame ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [Turn | null, Turn | null][] = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    const one = left[i] ?? null;
    const other = right[j] ?? null;
    if (one !== null && other !== null && one.what === other.what) pairs.push([left[i++] ?? null, right[j++] ?? null]);
    else if (other === null || (one !== null && at(i + 1, j) >= at(i, j + 1))) pairs.push([left[i++] ?? null, null]);
    else pairs.push([null, right[j++] ?? null]);
  }
  return pairs;
}
