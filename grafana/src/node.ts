/** "Is the machine well?" The process, its event loop and limits, signalling, the store, and what must never happen. */
import { board, lines, quantiles, rising, stat, table } from './panels.js';

const health = [
  stat({
    title: 'Event loop, p99',
    help: 'Lag of timers in about the last minute. Above 100 ms pings are late, and tubes turn suspect for our fault.',
    unit: 's',
    span: 4,
    queries: [['max(holdfast_event_loop_lag_p99_seconds{$node})', 'worst node']],
    limits: rising(0.05, 0.1),
  }),
  stat({
    title: 'Event loop busy',
    help: 'Part of about the last minute that JavaScript ran.',
    unit: 'percentunit',
    span: 4,
    queries: [['max(holdfast_event_loop_utilization_ratio{$node})', 'worst node']],
    limits: rising(0.7, 0.9),
  }),
  stat({
    title: 'Nearest limit',
    help: 'Use of the resource that is nearest to its limit; at 100 % creates are refused.',
    unit: 'percentunit',
    span: 4,
    queries: [['max(holdfast_resource_limit_ratio{$node})', 'worst node']],
    limits: rising(0.7, 0.85),
  }),
  stat({
    title: 'Crashes of tubes',
    help: 'Actors that failed and were carried on or given up, in the last hour. Each is a bug: the log has its error.',
    span: 4,
    queries: [['sum(increase(holdfast_tube_crashes_total{$node}[1h]))', 'in 1 h']],
    limits: rising(1, 5),
  }),
  stat({
    title: 'Errors of the store',
    help: 'Operations that failed in the last hour. Tubes live on, but might not outlive their process.',
    span: 4,
    queries: [['sum(increase(holdfast_store_operation_duration_seconds_count{$node,outcome="error"}[1h]))', 'in 1 h']],
    limits: rising(1, 10),
  }),
  stat({
    title: 'Draining',
    help: 'Nodes that are shutting down.',
    span: 4,
    queries: [['sum(holdfast_draining{$node})', 'nodes']],
    limits: rising(1, 2),
  }),
];

const machine = [
  lines({
    title: 'CPU',
    help: 'Of the process; JavaScript has one core, native threads have the others.',
    unit: 'percentunit',
    queries: [['rate(process_cpu_seconds_total{$node}[$__rate_interval])', '{{instance}}']],
  }),
  lines({
    title: 'Memory',
    help: 'Resident memory, and the part of it that is the heap of JavaScript. Native connections are in the rest.',
    unit: 'bytes',
    queries: [
      ['process_resident_memory_bytes{$node}', '{{instance}} resident'],
      ['nodejs_heap_size_used_bytes{$node}', '{{instance}} heap'],
    ],
  }),
  lines({
    title: 'Lag of the event loop',
    help: 'p50 and p99 of about the last minute.',
    unit: 's',
    limits: rising(0.05, 0.1),
    queries: [
      ['holdfast_event_loop_lag_p50_seconds{$node}', '{{instance}} p50'],
      ['holdfast_event_loop_lag_p99_seconds{$node}', '{{instance}} p99'],
    ],
  }),
  lines({
    title: 'Garbage collection',
    help: 'Part of the time, by kind.',
    unit: 'percentunit',
    queries: [['sum by (kind) (rate(nodejs_gc_duration_seconds_sum{$node}[$__rate_interval]))', '{{kind}}']],
  }),
  lines({
    title: 'File descriptors',
    help: 'Each native connection has some; at the limit of the process nothing can be opened any more.',
    queries: [
      ['process_open_fds{$node}', '{{instance}} open'],
      ['process_max_fds{$node}', '{{instance}} limit'],
    ],
  }),
  lines({
    title: 'Limits',
    help: 'Use of limited resources as a part of their limits (docs/configuration.md).',
    unit: 'percentunit',
    max: 1,
    limits: rising(0.7, 0.85),
    queries: [['max by (resource) (holdfast_resource_limit_ratio{$node})', '{{resource}}']],
  }),
];

const signalling = [
  lines({
    title: 'Connections',
    help: 'Open socket.io connections of controllers and peers.',
    queries: [['sum by (role) (holdfast_signalling_connections{$node})', '{{role}}']],
  }),
  lines({
    title: 'Frames',
    help: 'In and out, and those that were answered with an error.',
    unit: 'ops',
    queries: [
      [
        'sum by (direction, outcome) (rate(holdfast_signalling_messages_total{$node}[$__rate_interval]))',
        '{{direction}} {{outcome}}',
      ],
    ],
  }),
  lines({
    title: 'Slowest calls, p95',
    help: 'From a frame to its answer. create_tube waits for the native library and the store.',
    unit: 's',
    queries: [
      [
        'topk(5, histogram_quantile(0.95, sum by (le, event) (rate(holdfast_signalling_handle_duration_seconds_bucket{$node}[$__rate_interval]))))',
        '{{event}}',
      ],
    ],
  }),
  lines({
    title: 'Refusals',
    help: 'Calls that were refused, by code (docs/api.md).',
    unit: 'ops',
    queries: [
      ['topk(8, sum by (code) (rate(holdfast_signalling_refusals_total{$node}[$__rate_interval])))', '{{code}}'],
    ],
  }),
  lines({
    title: 'Refused tokens',
    help: 'Handshakes by method and cause. A burst of "invalid" after a deployment is a rotated secret.',
    unit: 'ops',
    queries: [
      ['sum by (method, cause) (rate(holdfast_auth_failures_total{$node}[$__rate_interval]))', '{{method}} {{cause}}'],
    ],
  }),
  lines({
    title: 'Over their rate',
    help: 'Frames and connections that were refused for their rate.',
    unit: 'ops',
    queries: [['sum by (scope) (rate(holdfast_rate_limited_total{$node}[$__rate_interval]))', '{{scope}}']],
  }),
];

const inside = [
  quantiles({
    title: 'Operations of the store, p95',
    help: 'A write is a batch of records, through to the disk.',
    family: 'holdfast_store_operation_duration_seconds',
    by: 'op',
  }),
  lines({
    title: 'Operations of the store',
    help: 'By outcome. Writes that fail are repeated.',
    unit: 'ops',
    queries: [
      [
        'sum by (op, outcome) (rate(holdfast_store_operation_duration_seconds_count{$node}[$__rate_interval]))',
        '{{op}} {{outcome}}',
      ],
    ],
  }),
  lines({
    title: 'Flight recorder',
    help: 'Memory of the histories of tubes; capped by flightRecorderMaxBytes.',
    unit: 'bytes',
    queries: [['holdfast_flight_recorder_bytes{$node}', '{{instance}}']],
  }),
  lines({
    title: 'What the transport had to bear',
    help: 'Stale or unusable candidates are common; listener_threw and command_threw are bugs.',
    unit: 'ops',
    queries: [['sum by (cause) (rate(holdfast_transport_refusals_total{$node}[$__rate_interval]))', '{{cause}}']],
  }),
  lines({
    title: 'What must not happen',
    help: 'Crashes of tube actors, and errors in callbacks of the native library.',
    unit: 'ops',
    queries: [
      ['sum by (outcome) (rate(holdfast_tube_crashes_total{$node}[$__rate_interval]))', 'tube {{outcome}}'],
      ['sum(rate(holdfast_native_callback_errors_total{$node}[$__rate_interval]))', 'native callback'],
    ],
  }),
  table({
    title: 'What runs',
    help: 'Versions of each node.',
    queries: [['holdfast_info{$node}', '']],
  }),
];

export const node = board({
  uid: 'holdfast-node',
  title: 'Holdfast: node internals',
  help: 'The process, its event loop and limits, signalling, the store, and what must never happen.',
  rows: [
    ['Health', health],
    ['Process', machine],
    ['Signalling', signalling],
    ['Inside', inside],
  ],
});
