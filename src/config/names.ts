/**
 * Names of configuration keys: one camelCase key gives its flag, its environment variable and its wire name. Also finds the name that
 * somebody probably meant.
 */
const words = (key: string): string[] => key.split(/(?=[A-Z])/).map((word) => word.toLowerCase());

/** `answerTimeoutMs` → `--answer-timeout-ms` */
export const flagOf = (key: string): string => `--${words(key).join('-')}`;

export const environmentPrefix = 'HOLDFAST_';

/** `answerTimeoutMs` → `HOLDFAST_ANSWER_TIMEOUT_MS` */
export const environmentNameOf = (key: string): string => environmentPrefix + words(key).join('_').toUpperCase();

/** `answerTimeoutMs` → `answer_timeout_ms` */
export const wireNameOf = (key: string): string => words(key).join('_');

/** Edits (insert, delete, replace) between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const longestNameCompared = 80;

/** The known name nearest to an unknown one, ignoring case and separators; null when nothing is near enough to be meant. */
export function nearestName(unknown: string, known: readonly string[]): string | null {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const wanted = plain(unknown).slice(0, longestNameCompared);
  let best: { name: string; edits: number } | null = null;
  for (const name of known) {
    const edits = distance(wanted, plain(name));
    if (best === null || edits < best.edits) best = { name, edits };
  }
  return best !== null && best.edits <= Math.max(2, wanted.length / 3) ? best.name : null;
}

/** `; did you mean port?`, or nothing. */
export function hintOf(unknown: string, known: readonly string[]): string {
  const nearest = nearestName(unknown, known);
  return nearest === null ? '' : `; did you mean ${nearest}?`;
}
