/** Numbers of a benchmark, and how they are printed: medians first, because machines are noisy. */

export interface Figures {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly maxMs: number;
  readonly count: number;
}

export function figuresOf(valuesMs: readonly number[]): Figures {
  const sorted = [...valuesMs].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { medianMs: at(0.5), p95Ms: at(0.95), maxMs: sorted.at(-1) ?? Number.NaN, count: sorted.length };
}

export function line(name: string, { medianMs, p95Ms, maxMs, count }: Figures, targetMs: number): string {
  const verdict = medianMs <= targetMs ? 'ok' : 'OVER';
  const text = (ms: number): string => `${ms.toFixed(0)} ms`.padStart(8);
  return `${name.padEnd(58)} median ${text(medianMs)}  p95 ${text(p95Ms)}  max ${text(maxMs)}  n=${String(count)}  target ${String(targetMs)} ms: ${verdict}`;
}
