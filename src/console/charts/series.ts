/** What plots show, made of what the service measured: rates from counters, stacks from parts. Pure. */
import type { SamplePoint, TrendMinute } from '../../operator/operator.types.js';

export interface TubeSeries {
  readonly times: readonly number[];
  readonly rttMs: readonly (number | null)[];
  /** In [0, 1]. */
  readonly loss: readonly (number | null)[];
  /** Bytes per second; null where the count began again, as after a restart of the service. */
  readonly inPerSecond: readonly (number | null)[];
  readonly outPerSecond: readonly (number | null)[];
}

export function tubeSeries(samples: readonly SamplePoint[]): TubeSeries {
  return {
    times: samples.map(({ at_ms: atMs }) => atMs),
    rttMs: samples.map(({ rtt_ms: rttMs }) => rttMs),
    loss: samples.map(({ loss }) => loss),
    inPerSecond: ratesOf(samples, ({ bytes_in: bytes }) => bytes),
    outPerSecond: ratesOf(samples, ({ bytes_out: bytes }) => bytes),
  };
}

function ratesOf(samples: readonly SamplePoint[], counter: (sample: SamplePoint) => number): (number | null)[] {
  return samples.map((sample, place) => {
    const before = samples[place - 1];
    if (before === undefined) return null;
    const [more, seconds] = [counter(sample) - counter(before), (sample.at_ms - before.at_ms) / 1000];
    return more < 0 || seconds <= 0 ? null : more / seconds;
  });
}

export interface TrendSeries {
  readonly times: readonly number[];
  readonly started: readonly number[];
  readonly lost: readonly number[];
  readonly medianMs: readonly (number | null)[];
  readonly worstMs: readonly (number | null)[];
}

export const trendSeries = (trend: readonly TrendMinute[]): TrendSeries => ({
  times: trend.map(({ at_ms: atMs }) => atMs),
  started: trend.map(({ started }) => started),
  lost: trend.map(({ lost }) => lost),
  medianMs: trend.map(({ outage_median_ms: medianMs }) => medianMs),
  worstMs: trend.map(({ outage_worst_ms: worstMs }) => worstMs),
});

export const worst = (values: readonly (number | null)[]): number | null =>
  values.reduce<number | null>((top, value) => (value === null ? top : Math.max(top ?? value, value)), null);
