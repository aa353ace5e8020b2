/** In which order tubes are listed: one comparison per column. Pure. What is not known comes last either way; equals are in the order of their ids. */
import type { TubeRow } from '../../operator/operator.types.js';
import { urgency } from '../../operator/words.js';

export const sortKeys = [
  'attention',
  'state',
  'conversation',
  'since',
  'incident',
  'next',
  'generation',
  'rtt',
  'loss',
  'score',
  'pair',
  'recovered',
] as const;
/** `attention`: what needs somebody most comes first, and of equals what happened last. */
export type SortKey = (typeof sortKeys)[number];

export type Compare = (left: TubeRow, right: TubeRow) => number;

type Value = string | number | null;

const values: Readonly<Record<SortKey, (row: TubeRow) => Value>> = {
  attention: (row) => urgency[row.state],
  state: (row) => urgency[row.state],
  conversation: (row) => row.conversation_id,
  // The longest in its state is the smallest: it has been so for most time.
  since: (row) => row.since_ms,
  incident: (row) => row.incident?.started_at_ms ?? null,
  next: (row) => row.next?.at_ms ?? null,
  generation: (row) => row.generation,
  rtt: (row) => row.rtt_ms,
  loss: (row) => row.loss,
  score: (row) => row.score,
  pair: (row) => row.pair,
  recovered: (row) => row.recovered,
};

export function comparatorOf(key: SortKey, descending: boolean): Compare {
  const value = values[key];
  const sign = descending ? -1 : 1;
  return (left, right) => {
    const [a, b] = [value(left), value(right)];
    if (a !== b) {
      if (a === null) return 1;
      if (b === null) return -1;
      return a < b ? -sign : sign;
    }
    const newest = key === 'attention' ? right.since_ms - left.since_ms : 0;
    if (newest !== 0) return newest;
    return left.tube_id < right.tube_id ? -1 : Number(left.tube_id > right.tube_id);
  };
}
