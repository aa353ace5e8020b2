/**
 * What Prometheus records: the figures of production (attempts, successes, rates of success, times) and how far the objectives are kept, each over
 * whole jobs. Names are level:metric:operation. Dashboards and alerts use them, so that both say the same.
 */
export interface Recording {
  readonly record: string;
  readonly expr: string;
}

/** An outage that is over within this is as promised; one of the buckets of `outage_duration_seconds`. */
export const outageLimitSeconds = 10;

const targets = { connections: 0.99, outages: 0.95 };
const rounded = (ratio: number): number => Math.round(ratio * 1000) / 1000;

/** What is promised, as ratios; and what that leaves for errors. docs/operations.md says why these. */
export const objectives = {
  ...targets,
  connectionBudget: rounded(1 - targets.connections),
  outageBudget: rounded(1 - targets.outages),
} as const;

/** Of a fast and of a slow burn of an error budget (The Site Reliability Workbook, ch. 5). */
const windows = ['5m', '30m', '1h', '6h'] as const;

const rate = (series: string, window: string, by = 'job'): string => `sum by (${by}) (rate(${series}[${window}]))`;

const quantile = (share: number, family: string, matchers: string, window: string): string =>
  `histogram_quantile(${String(share)}, ${rate(`${family}_bucket{${matchers}}`, window, 'job, le')})`;

// Prometheus 3 writes the bounds of buckets as 10.0, Prometheus 2 as they came.
const inTime = `le=~"${String(outageLimitSeconds)}|${String(outageLimitSeconds)}.0"`;
const attempts = 'holdfast_connection_attempts_total';
const outages = 'holdfast_outage_duration_seconds';
const restarts = 'holdfast_recovery_attempts_total';

/** Tubes that somebody closed meanwhile count neither way. */
const connectionErrors = windows.map((window) => ({
  record: `job:holdfast_connection_attempts:error_ratio_rate${window}`,
  expr: `${rate(`${attempts}{outcome="failure"}`, window)} / ${rate(`${attempts}{outcome=~"success|failure"}`, window)}`,
}));

const outageErrors = windows.map((window) => ({
  record: `job:holdfast_outages:error_ratio_rate${window}`,
  expr: `1 - ${rate(`${outages}_bucket{outcome="recovered",${inTime}}`, window)} / ${rate(`${outages}_count{outcome=~"recovered|lost"}`, window)}`,
}));

export const recordings: readonly Recording[] = [
  { record: 'job_outcome:holdfast_connection_attempts:rate5m', expr: rate(attempts, '5m', 'job, outcome') },
  {
    record: 'job:holdfast_connection_attempts:increase1h',
    expr: `sum by (job) (increase(${attempts}{outcome=~"success|failure"}[1h]))`,
  },
  ...connectionErrors,
  {
    record: 'job:holdfast_connect_duration_seconds:p50_rate5m',
    expr: quantile(0.5, 'holdfast_connect_duration_seconds', 'outcome="success"', '5m'),
  },
  {
    record: 'job:holdfast_connect_duration_seconds:p95_rate5m',
    expr: quantile(0.95, 'holdfast_connect_duration_seconds', 'outcome="success"', '5m'),
  },
  {
    record: 'job_trigger_outcome:holdfast_recovery_attempts:rate5m',
    expr: rate(restarts, '5m', 'job, trigger, outcome'),
  },
  {
    record: 'job:holdfast_recovery_attempts:success_ratio_rate5m',
    expr: `${rate(`${restarts}{outcome="success"}`, '5m')} / ${rate(`${restarts}{outcome=~"success|failure"}`, '5m')}`,
  },
  {
    record: 'job:holdfast_recovery_duration_seconds:p50_rate5m',
    expr: quantile(0.5, 'holdfast_recovery_duration_seconds', 'outcome="success"', '5m'),
  },
  {
    record: 'job:holdfast_recovery_duration_seconds:p95_rate5m',
    expr: quantile(0.95, 'holdfast_recovery_duration_seconds', 'outcome="success"', '5m'),
  },
  {
    record: 'job:holdfast_outages:increase1h',
    expr: `sum by (job) (increase(${outages}_count{outcome=~"recovered|lost"}[1h]))`,
  },
  ...outageErrors,
  {
    record: 'job:holdfast_outage_duration_seconds:p50_rate1h',
    expr: quantile(0.5, outages, 'outcome="recovered"', '1h'),
  },
  {
    record: 'job:holdfast_outage_duration_seconds:p95_rate1h',
    expr: quantile(0.95, outages, 'outcome="recovered"', '1h'),
  },
];

/** A scene that promtool plays for the figures, in its notation of values (a minute apart), and what is recorded after an hour and a half. */
export const recordingScene: {
  readonly series: Readonly<Record<string, string>>;
  readonly records: Readonly<Record<string, number>>;
} = {
  series: {
    // Of four connections one fails; of two that succeed one takes up to 0.25 s and one up to 0.5 s. Two more are cancelled.
    'holdfast_connection_attempts_total{job="j",outcome="success"}': '0+3x100',
    'holdfast_connection_attempts_total{job="j",outcome="failure"}': '0+1x100',
    'holdfast_connection_attempts_total{job="j",outcome="cancelled"}': '0+2x100',
    'holdfast_connect_duration_seconds_bucket{job="j",outcome="success",le="0.25"}': '0+1x100',
    'holdfast_connect_duration_seconds_bucket{job="j",outcome="success",le="0.5"}': '0+2x100',
    'holdfast_connect_duration_seconds_bucket{job="j",outcome="success",le="+Inf"}': '0+2x100',
    // Of eight outages four are over within 10 s, two later, and two never; what somebody closed does not count.
    'holdfast_outage_duration_seconds_bucket{job="j",outcome="recovered",le="5"}': '0+2x100',
    'holdfast_outage_duration_seconds_bucket{job="j",outcome="recovered",le="10"}': '0+4x100',
    'holdfast_outage_duration_seconds_bucket{job="j",outcome="recovered",le="+Inf"}': '0+6x100',
    'holdfast_outage_duration_seconds_count{job="j",outcome="recovered"}': '0+6x100',
    'holdfast_outage_duration_seconds_count{job="j",outcome="lost"}': '0+2x100',
    'holdfast_outage_duration_seconds_count{job="j",outcome="closed"}': '0+9x100',
    // Of four restarts that were carried through three succeed.
    'holdfast_recovery_attempts_total{job="j",trigger="ip_change",outcome="success"}': '0+3x100',
    'holdfast_recovery_attempts_total{job="j",trigger="manual",outcome="failure"}': '0+1x100',
    'holdfast_recovery_attempts_total{job="j",trigger="manual",outcome="abandoned"}': '0+5x100',
  },
  records: {
    'job:holdfast_connection_attempts:error_ratio_rate5m': 0.25,
    'job:holdfast_connection_attempts:error_ratio_rate1h': 0.25,
    'job:holdfast_connection_attempts:increase1h': 240,
    'job:holdfast_connect_duration_seconds:p50_rate5m': 0.25,
    'job:holdfast_outages:error_ratio_rate5m': 0.5,
    'job:holdfast_outages:error_ratio_rate1h': 0.5,
    'job:holdfast_outages:increase1h': 480,
    'job:holdfast_outage_duration_seconds:p50_rate1h': 7.5,
    'job:holdfast_recovery_attempts:success_ratio_rate5m': 0.75,
  },
};
