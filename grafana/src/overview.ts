/**
 * "Are the connections well?" The first dashboard to look at: what is promised (the objectives of recording.ts), whether it is kept, and where the time
 * of a recovery goes.
 */
import { objectives, outageLimitSeconds } from './recording.js';
import { board, falling, heatmap, lines, quantiles, rising, stat } from './panels.js';

const percent = (ratio: number): string => `${String(Math.round(ratio * 1000) / 10)} %`;
const promised = (ratio: number) =>
  [
    [null, 'red'],
    [ratio, 'green'],
  ] as const;

const now = [
  stat({
    title: 'Tubes',
    help: 'Tubes that are not closed, in all states.',
    queries: [['sum(holdfast_tubes{$node})', 'tubes']],
  }),
  stat({
    title: 'Degraded',
    help: 'In trouble, and being recovered. Those with a path still carry data.',
    queries: [['sum(holdfast_tubes{$node,state="degraded"})', 'degraded']],
    limits: rising(1, 20),
  }),
  stat({
    title: 'Failed',
    help: 'Given up; they wait for a manual restart, or for their peers to come back, and are closed then.',
    queries: [['sum(holdfast_tubes{$node,state="failed"})', 'failed']],
    limits: rising(1, 5),
  }),
  stat({
    title: 'Connected at the first try',
    help: 'First connections that came up, of those that were not cancelled, in the last hour.',
    unit: 'percentunit',
    decimals: 1,
    queries: [['1 - job:holdfast_connection_attempts:error_ratio_rate1h{$site} >= 0', 'in 1 h']],
    limits: promised(objectives.connections),
  }),
  stat({
    title: `Back within ${String(outageLimitSeconds)} s`,
    help: 'Outages that were over in time, of all that ended or lost the tube, in the last hour.',
    unit: 'percentunit',
    decimals: 1,
    queries: [['1 - job:holdfast_outages:error_ratio_rate1h{$site} >= 0', 'in 1 h']],
    limits: promised(objectives.outages),
  }),
  stat({
    title: 'Outage, p95',
    help: 'Of twenty outages nineteen were shorter, as the applications saw them.',
    unit: 's',
    queries: [['job:holdfast_outage_duration_seconds:p95_rate1h{$site} >= 0', 'p95 in 1 h']],
    limits: rising(outageLimitSeconds, outageLimitSeconds * 3),
  }),
  stat({
    title: 'Nodes ready',
    help: 'Nodes that take new tubes, of those that are scraped.',
    unit: 'percentunit',
    queries: [['sum(holdfast_ready{$node}) / count(up{$node})', 'ready']],
    limits: falling(0.5, 1),
  }),
  stat({
    title: 'Storms',
    help: 'Times in the last hour that many tubes of a node failed at once, so that it held restarts back: the fault is ours.',
    queries: [['sum(increase(holdfast_storms_total{$node}[1h]))', 'in 1 h']],
    limits: rising(1, 1),
  }),
];

const objectivesRow = [
  lines({
    title: 'First connections that came up',
    help: `The objective is ${percent(objectives.connections)}. A tube that its controller closes before it connects counts neither way.`,
    unit: 'percentunit',
    max: 1,
    limits: promised(objectives.connections),
    queries: [
      ['1 - job:holdfast_connection_attempts:error_ratio_rate5m{$site}', 'in 5 min'],
      ['1 - job:holdfast_connection_attempts:error_ratio_rate1h{$site}', 'in 1 h'],
    ],
  }),
  lines({
    title: `Outages that were over within ${String(outageLimitSeconds)} s`,
    help: `The objective is ${percent(objectives.outages)}. A peer that goes away without a word counts as lost: pages should say goodbye.`,
    unit: 'percentunit',
    max: 1,
    limits: promised(objectives.outages),
    queries: [
      ['1 - job:holdfast_outages:error_ratio_rate5m{$site}', 'in 5 min'],
      ['1 - job:holdfast_outages:error_ratio_rate1h{$site}', 'in 1 h'],
    ],
  }),
  lines({
    title: 'How fast the error budgets burn',
    help: '1 uses up exactly what the objectives allow. The alerts page at 14 within the hour and write a ticket at 6 within six hours.',
    limits: [
      [null, 'green'],
      [1, 'orange'],
      [6, 'red'],
    ],
    queries: [
      [
        `job:holdfast_connection_attempts:error_ratio_rate1h{$site} / ${String(objectives.connectionBudget)}`,
        'first connections, 1 h',
      ],
      [`job:holdfast_outages:error_ratio_rate1h{$site} / ${String(objectives.outageBudget)}`, 'outages, 1 h'],
      [`job:holdfast_outages:error_ratio_rate6h{$site} / ${String(objectives.outageBudget)}`, 'outages, 6 h'],
    ],
  }),
];

const tubesRow = [
  lines({
    title: 'Tubes by state',
    help: 'Orange is trouble that is being dealt with, red is given up.',
    stacked: true,
    queries: [['sum by (state) (holdfast_tubes{$node})', '{{state}}']],
  }),
  lines({
    title: 'Opened and closed',
    help: 'Tubes per second: made anew or carried on from a record, and closed, by reason.',
    unit: 'ops',
    queries: [
      ['sum by (origin) (rate(holdfast_tubes_created_total{$node}[$__rate_interval]))', '{{origin}}'],
      ['sum by (reason) (rate(holdfast_tubes_closed_total{$node}[$__rate_interval]))', 'closed: {{reason}}'],
    ],
  }),
  quantiles({
    title: 'Time to the first connection',
    help: 'From create_tube to the open control channel, of those that succeeded. The peer and its controller have their part in it.',
    family: 'holdfast_connect_duration_seconds',
    of: 'outcome="success"',
  }),
];

const recoveriesRow = [
  heatmap({
    title: 'Outages',
    help: 'How long the applications heard nothing from their peers, from the last frame before a trouble to the first after it.',
    family: 'holdfast_outage_duration_seconds',
  }),
  lines({
    title: 'Where the time of a recovery goes',
    help: 'Mean of each phase. Detect: the path is dead and nobody knows. Decide: known, until the attempt that succeeds begins (backoff and failed attempts). Signal: the offer is answered. Connect: ICE, DTLS, SCTP. Resume: data flows again.',
    unit: 's',
    span: 12,
    stacked: true,
    queries: [
      [
        'sum by (phase) (rate(holdfast_recovery_phase_seconds_sum{$node}[$__rate_interval])) / sum by (phase) (rate(holdfast_recovery_phase_seconds_count{$node}[$__rate_interval]))',
        '{{phase}}',
      ],
    ],
  }),
  lines({
    title: 'Incidents by their end',
    help: 'Recovered: by a new generation. Stood down: the old path was good after all. Failed: given up. Closed: somebody closed the tube meanwhile.',
    unit: 'ops',
    span: 6,
    queries: [['sum by (outcome) (rate(holdfast_incidents_total{$node}[$__rate_interval]))', '{{outcome}}']],
  }),
  lines({
    title: 'Restarts by trigger',
    help: 'Attempts to bring up a new generation, and what began them.',
    unit: 'ops',
    span: 6,
    stacked: true,
    queries: [['sum by (trigger) (rate(holdfast_recovery_attempts_total{$node}[$__rate_interval]))', '{{trigger}}']],
  }),
  lines({
    title: 'Attempts that succeeded',
    help: 'Of those that were carried through; abandoned ones say nothing of the network.',
    unit: 'percentunit',
    span: 6,
    max: 1,
    queries: [['job:holdfast_recovery_attempts:success_ratio_rate5m{$site}', 'in 5 min']],
  }),
  quantiles({
    title: 'Length of an attempt',
    help: 'From the decision to the open control channel, of those that succeeded.',
    span: 6,
    family: 'holdfast_recovery_duration_seconds',
    of: 'outcome="success"',
  }),
];

export const overview = board({
  uid: 'holdfast-overview',
  title: 'Holdfast: overview',
  help: 'Whether connections are well, whether what is promised is kept, and where the time of a recovery goes.',
  rows: [
    ['Now', now],
    ['What is promised', objectivesRow],
    ['Tubes, opened and closed', tubesRow],
    ['Recoveries', recoveriesRow],
  ],
});
