/**
 * When a person is called: every alert with its reason and with scenes that promtool plays, one in which it must fire and one or two in which it must not.
 * What to do then is in docs/operations.md, under a heading with the name of the alert. `page`: now; `ticket`: in working hours.
 */
import { objectives } from './recording.js';

/** Series of one node by name, in promtool's notation of values (a minute apart). */
export interface Scene {
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
}

export interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'page' | 'ticket';
  /** One line. `{{ $labels.instance }}` is the node. */
  readonly summary: string;
  /** What it means. */
  readonly description: string;
  readonly fires: Scene & {
    /** Of the alert, besides its severity. */
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly rests: Scene;
  /** A scene in which the ratio is as bad as can be, of too few events to call somebody for: it must not fire either. */
  readonly restsAtFew?: Scene;
}

/** The labels of the scenes' one node. */
export const sceneNode = { job: 'holdfast', instance: 'a:8080' } as const;
const job = { job: sceneNode.job };
const onNode = '{{ $labels.instance }}';

const perNode = (expr: string): string => `sum by (job, instance) (${expr})`;

/** Both windows burn, so it is bad now and has been for a while; and it is more than a handful. */
const burns = (series: string, long: string, short: string, above: number, count: string): string =>
  `${series}:error_ratio_rate${long} > ${String(above)} and ${series}:error_ratio_rate${short} > ${String(above)} and ${count} > 20`;

const connectionBurns = (long: string, short: string, factor: number): string =>
  burns(
    'job:holdfast_connection_attempts',
    long,
    short,
    Math.round(factor * objectives.connectionBudget * 1000) / 1000,
    'job:holdfast_connection_attempts:increase1h',
  );

const outageBurns = (long: string, short: string, factor: number): string =>
  burns(
    'job:holdfast_outages',
    long,
    short,
    Math.round(factor * objectives.outageBudget * 1000) / 1000,
    'job:holdfast_outages:increase1h',
  );

const connections = (success: string, failure: string): Scene['series'] => ({
  'holdfast_connection_attempts_total{outcome="success"}': success,
  'holdfast_connection_attempts_total{outcome="failure"}': failure,
});

const outages = (inTime: string, recovered: string, lost: string): Scene['series'] => ({
  'holdfast_outage_duration_seconds_bucket{outcome="recovered",le="10"}': inTime,
  'holdfast_outage_duration_seconds_count{outcome="recovered"}': recovered,
  'holdfast_outage_duration_seconds_count{outcome="lost"}': lost,
});

const availability: readonly Alert[] = [
  {
    name: 'HoldfastDown',
    expr: 'up{job="holdfast"} == 0',
    for: '2m',
    severity: 'page',
    summary: `${onNode} cannot be scraped`,
    description: 'The process is gone, hangs, or cannot be reached. Its tubes have no supervisor.',
    fires: { series: { up: '1 1 0x10' }, at: '6m', labels: sceneNode },
    rests: { series: { up: '1 1 0 1x10' }, at: '6m' },
  },
  {
    name: 'HoldfastAbsent',
    expr: 'absent(up{job="holdfast"})',
    for: '5m',
    severity: 'page',
    summary: 'no node of holdfast is known to Prometheus',
    description: 'There is no target of the job any more: discovery or the configuration of the scrape is broken.',
    fires: { series: { 'other{}': '1x20' }, at: '10m', labels: job },
    rests: { series: { up: '0x20' }, at: '10m' },
  },
  {
    name: 'HoldfastNotReady',
    expr: 'holdfast_ready == 0 and on (job, instance) holdfast_draining == 0',
    for: '2m',
    severity: 'page',
    summary: `${onNode} runs and is not ready`,
    description: 'The node takes no new tubes: its store fails, its supervisor died, or it never finished starting.',
    fires: { series: { holdfast_ready: '0x10', holdfast_draining: '0x10' }, at: '5m', labels: sceneNode },
    rests: { series: { holdfast_ready: '0x10', holdfast_draining: '1x10' }, at: '5m' },
  },
  {
    name: 'HoldfastRestartsOften',
    expr: 'changes(process_start_time_seconds{job="holdfast"}[30m]) > 2',
    for: '0m',
    severity: 'ticket',
    summary: `${onNode} started more than twice in half an hour`,
    description: 'The process ends again and again. Each time all of its tubes have an outage.',
    fires: { series: { process_start_time_seconds: '1x5 2x5 3x5 4x20' }, at: '25m', labels: sceneNode },
    rests: { series: { process_start_time_seconds: '1x5 2x30' }, at: '25m' },
  },
];

const promises: readonly Alert[] = [
  {
    name: 'HoldfastConnectionsFailFast',
    expr: connectionBurns('1h', '5m', 14.4),
    for: '2m',
    severity: 'page',
    summary: 'first connections fail far too often',
    description: 'At this rate the error budget of a month is gone in two days.',
    fires: { series: connections('0+8x90', '0+2x90'), at: '80m', labels: job },
    rests: { series: connections('0+95x90', '0+5x90'), at: '80m' },
  },
  {
    name: 'HoldfastConnectionsFailSlowly',
    expr: connectionBurns('6h', '30m', 6),
    for: '15m',
    severity: 'ticket',
    summary: 'first connections fail more often than is promised',
    description: 'At this rate the error budget of a month is gone in five days.',
    fires: { series: connections('0+90x420', '0+10x420'), at: '400m', labels: job },
    rests: { series: connections('0+97x420', '0+3x420'), at: '400m' },
  },
  {
    name: 'HoldfastOutagesFast',
    expr: outageBurns('1h', '5m', 14.4),
    for: '2m',
    severity: 'page',
    summary: 'connections that break do not come back in time',
    description: 'Most outages take longer than 10 s, or end with the loss of the tube.',
    fires: { series: outages('0+1x90', '0+5x90', '0+5x90'), at: '80m', labels: job },
    rests: { series: outages('0+5x90', '0+6x90', '0+4x90'), at: '80m' },
  },
  {
    name: 'HoldfastOutagesSlowly',
    expr: outageBurns('6h', '30m', 6),
    for: '15m',
    severity: 'ticket',
    summary: 'more outages than is promised are long or lose the tube',
    description:
      'Of the outages of six hours more than 30 % took longer than 10 s, or ended with the loss of the tube.',
    fires: { series: outages('0+6x420', '0+9x420', '0+1x420'), at: '400m', labels: job },
    rests: { series: outages('0+8x420', '0+9x420', '0+1x420'), at: '400m' },
  },
  {
    name: 'HoldfastManyTubesDown',
    expr: `${perNode('holdfast_tubes{state=~"degraded|failed"}')} > 5 and ${perNode('holdfast_tubes{state=~"degraded|failed"}')} / ${perNode('holdfast_tubes')} > 0.2`,
    for: '2m',
    severity: 'page',
    summary: `more than a fifth of the tubes of ${onNode} are down`,
    description: 'So many at once are rarely the fault of their peers.',
    fires: {
      series: {
        'holdfast_tubes{state="connected"}': '70x10',
        'holdfast_tubes{state="degraded"}': '25x10',
        'holdfast_tubes{state="failed"}': '5x10',
      },
      at: '6m',
      labels: sceneNode,
    },
    rests: {
      series: { 'holdfast_tubes{state="connected"}': '4x10', 'holdfast_tubes{state="degraded"}': '4x10' },
      at: '6m',
    },
  },
];

const networks: readonly Alert[] = [
  {
    name: 'HoldfastStorm',
    // Of the counter: a storm is over in seconds, and no scrape may see the gauge at 1.
    expr: `${perNode('increase(holdfast_storms_total[5m])')} > 0`,
    for: '0m',
    severity: 'page',
    summary: `many tubes of ${onNode} failed at once`,
    description:
      'Many tubes turned suspect within two seconds, in the last five minutes: the fault is this node’s network.',
    fires: {
      // Two seconds between two scrapes.
      series: { holdfast_storms_total: '0x5 1x10', holdfast_storm_governor_active: '0x15' },
      at: '7m',
      labels: sceneNode,
    },
    rests: { series: { holdfast_storms_total: '0x2 1x15' }, at: '12m' },
  },
  {
    name: 'HoldfastHostNetworkUnstable',
    expr: `${perNode('increase(holdfast_network_changes_total{source="host"}[15m])')} / clamp_min(${perNode('holdfast_tubes')}, 1) > 3`,
    for: '5m',
    severity: 'ticket',
    summary: `the network of ${onNode} changes again and again`,
    description:
      'Each of its tubes took up more than three changes of this host’s interfaces or addresses in 15 minutes.',
    fires: {
      series: {
        'holdfast_network_changes_total{source="host",change="ip_change"}': '0+10x40',
        'holdfast_tubes{state="connected"}': '20x40',
      },
      at: '30m',
      labels: sceneNode,
    },
    rests: {
      series: {
        'holdfast_network_changes_total{source="host",change="ip_change"}': '0+1x40',
        'holdfast_tubes{state="connected"}': '20x40',
      },
      at: '30m',
    },
  },
  {
    name: 'HoldfastOffersUnanswered',
    expr: `${perNode('increase(holdfast_recovery_failures_total{code="transport_answer_timeout"}[15m])')} > 20 and ${perNode('increase(holdfast_recovery_failures_total{code="transport_answer_timeout"}[15m])')} / ${perNode('increase(holdfast_recovery_attempts_total[15m])')} > 0.5`,
    for: '10m',
    severity: 'ticket',
    summary: `peers of ${onNode} do not answer restart offers`,
    description:
      'More than half of the attempts end without an answer: offers are not relayed, or peers left without a word.',
    fires: {
      series: {
        'holdfast_recovery_failures_total{code="transport_answer_timeout"}': '0+4x40',
        'holdfast_recovery_attempts_total{trigger="missed_pings",outcome="failure"}': '0+4x40',
        'holdfast_recovery_attempts_total{trigger="missed_pings",outcome="success"}': '0+1x40',
      },
      at: '35m',
      labels: sceneNode,
    },
    rests: {
      series: {
        'holdfast_recovery_failures_total{code="transport_answer_timeout"}': '0+4x40',
        'holdfast_recovery_attempts_total{trigger="missed_pings",outcome="failure"}': '0+4x40',
        'holdfast_recovery_attempts_total{trigger="missed_pings",outcome="success"}': '0+9x40',
      },
      at: '35m',
    },
  },
  {
    name: 'HoldfastTurnFails',
    expr: `${perNode('rate(holdfast_turn_allocation_failures_total[15m])')} / ${perNode('rate(holdfast_ice_gathering_duration_seconds_count{relay!="unused"}[15m])')} > 0.2 and ${perNode('increase(holdfast_turn_allocation_failures_total[15m])')} > 5`,
    for: '10m',
    severity: 'page',
    summary: `TURN servers give ${onNode} no relays`,
    description: 'Peers behind strict firewalls cannot connect without a relay.',
    fires: {
      series: {
        'holdfast_turn_allocation_failures_total{cause="refused"}': '0+5x40',
        'holdfast_ice_gathering_duration_seconds_count{relay="refused"}': '0+5x40',
        'holdfast_ice_gathering_duration_seconds_count{relay="allocated"}': '0+5x40',
      },
      at: '30m',
      labels: sceneNode,
    },
    rests: {
      series: {
        'holdfast_turn_allocation_failures_total{cause="refused"}': '0x40',
        'holdfast_ice_gathering_duration_seconds_count{relay="refused"}': '0x40',
        'holdfast_ice_gathering_duration_seconds_count{relay="unused"}': '0+5x40',
      },
      at: '30m',
    },
    restsAtFew: {
      series: {
        'holdfast_turn_allocation_failures_total{cause="refused"}': '0x5 1x40',
        'holdfast_ice_gathering_duration_seconds_count{relay="refused"}': '0x5 1x40',
      },
      at: '17m',
    },
  },
  {
    name: 'HoldfastBreakersOpen',
    expr: `${perNode('holdfast_breakers')} > 5 and ${perNode('holdfast_breakers')} / ${perNode('holdfast_tubes')} > 0.1`,
    for: '5m',
    severity: 'ticket',
    summary: `many circuit breakers of ${onNode} are open`,
    description: 'More than a tenth of its tubes failed to restart five times in a row.',
    fires: {
      series: { 'holdfast_breakers{state="open"}': '20x20', 'holdfast_tubes{state="degraded"}': '100x20' },
      at: '10m',
      labels: sceneNode,
    },
    rests: {
      series: { 'holdfast_breakers{state="open"}': '5x20', 'holdfast_tubes{state="degraded"}': '100x20' },
      at: '10m',
    },
  },
  {
    name: 'HoldfastPathsPoor',
    expr: `${perNode('rate(holdfast_quality_verdicts_total{verdict="poor"}[15m])')} / ${perNode('rate(holdfast_quality_verdicts_total[15m])')} > 0.3 and ${perNode('increase(holdfast_quality_verdicts_total{verdict="poor"}[15m])')} > 20`,
    for: '15m',
    severity: 'ticket',
    summary: `paths of ${onNode} are poor`,
    description: 'More than 30 % of the health polls found loss above 5 %, a round trip above 800 ms, or both.',
    fires: {
      series: {
        'holdfast_quality_verdicts_total{verdict="poor"}': '0+5x60',
        'holdfast_quality_verdicts_total{verdict="good"}': '0+5x60',
      },
      at: '40m',
      labels: sceneNode,
    },
    rests: {
      series: {
        'holdfast_quality_verdicts_total{verdict="poor"}': '0+1x60',
        'holdfast_quality_verdicts_total{verdict="good"}': '0+9x60',
      },
      at: '40m',
    },
    restsAtFew: {
      series: { 'holdfast_quality_verdicts_total{verdict="poor"}': '0+1x60' },
      at: '40m',
    },
  },
  {
    name: 'HoldfastMessagesLost',
    expr: `${perNode('increase(holdfast_continuity_lost_messages_total[15m])')} > 0`,
    for: '0m',
    severity: 'ticket',
    summary: `${onNode} gave up messages of reliable channels`,
    description:
      'Their tubes ended though nobody closed them, before the peers acknowledged them; or another peer came that cannot take them.',
    fires: { series: { holdfast_continuity_lost_messages_total: '0x5 7x20' }, at: '10m', labels: sceneNode },
    rests: { series: { holdfast_continuity_lost_messages_total: '7x30' }, at: '20m' },
  },
];

const machine: readonly Alert[] = [
  {
    name: 'HoldfastStoreFails',
    expr: `${perNode('increase(holdfast_store_operation_duration_seconds_count{outcome="error"}[5m])')} > 0`,
    for: '2m',
    severity: 'page',
    summary: `the store of ${onNode} fails`,
    description: 'Records of tubes are not kept: what the process holds now would not outlive it.',
    fires: {
      series: { 'holdfast_store_operation_duration_seconds_count{op="write",outcome="error"}': '0+3x20' },
      at: '10m',
      labels: sceneNode,
    },
    rests: {
      series: { 'holdfast_store_operation_duration_seconds_count{op="write",outcome="ok"}': '0+3x20' },
      at: '10m',
    },
  },
  {
    name: 'HoldfastNearLimit',
    expr: 'holdfast_resource_limit_ratio > 0.85',
    for: '5m',
    severity: 'ticket',
    summary: `${onNode} is near its limit of {{ $labels.resource }}`,
    description: 'At the limit creates are refused. Raise it, or add a node.',
    fires: {
      series: { 'holdfast_resource_limit_ratio{resource="ice_agents"}': '0.9x20' },
      at: '10m',
      labels: { ...sceneNode, resource: 'ice_agents' },
    },
    rests: { series: { 'holdfast_resource_limit_ratio{resource="ice_agents"}': '0.8x20' }, at: '10m' },
  },
  {
    name: 'HoldfastEventLoopSlow',
    expr: 'holdfast_event_loop_lag_p99_seconds > 0.1',
    for: '5m',
    severity: 'page',
    summary: `the event loop of ${onNode} lags`,
    description: 'Pings go out and pongs are read late, so tubes turn suspect for our fault.',
    fires: { series: { holdfast_event_loop_lag_p99_seconds: '0.3x20' }, at: '10m', labels: sceneNode },
    rests: { series: { holdfast_event_loop_lag_p99_seconds: '0.03x20' }, at: '10m' },
  },
  {
    name: 'HoldfastFileDescriptorsLow',
    expr: 'process_open_fds{job="holdfast"} / process_max_fds{job="holdfast"} > 0.8',
    for: '5m',
    severity: 'page',
    summary: `${onNode} runs out of file descriptors`,
    description: 'Without them no connection can be accepted and no tube can restart.',
    fires: { series: { process_open_fds: '900x20', process_max_fds: '1024x20' }, at: '10m', labels: sceneNode },
    rests: { series: { process_open_fds: '100x20', process_max_fds: '1024x20' }, at: '10m' },
  },
  {
    name: 'HoldfastBugs',
    expr: `${perNode('increase(holdfast_tube_crashes_total[15m])')} + ${perNode('increase(holdfast_native_callback_errors_total[15m])')} > 0`,
    for: '0m',
    severity: 'ticket',
    summary: `${onNode} met an error of its own`,
    description:
      'A tube’s actor crashed (and was carried on), or a callback of the native library threw. Each is a bug.',
    fires: {
      series: {
        'holdfast_tube_crashes_total{outcome="restarted"}': '0x5 1x20',
        holdfast_native_callback_errors_total: '0x30',
      },
      at: '10m',
      labels: sceneNode,
    },
    rests: {
      series: {
        'holdfast_tube_crashes_total{outcome="restarted"}': '3x30',
        holdfast_native_callback_errors_total: '0x30',
      },
      at: '20m',
    },
  },
  {
    name: 'HoldfastTokensRefused',
    expr: `${perNode('rate(holdfast_auth_failures_total[5m])')} > 1`,
    for: '10m',
    severity: 'ticket',
    summary: `${onNode} refuses many tokens`,
    description: 'Somebody rotated a secret on one side only, or somebody guesses.',
    fires: {
      series: { 'holdfast_auth_failures_total{method="control_token",cause="invalid"}': '0+120x30' },
      at: '20m',
      labels: sceneNode,
    },
    rests: {
      series: { 'holdfast_auth_failures_total{method="control_token",cause="invalid"}': '0+6x30' },
      at: '20m',
    },
  },
  {
    name: 'HoldfastRateLimited',
    expr: 'sum by (job, instance, scope) (rate(holdfast_rate_limited_total[5m])) > 1',
    for: '10m',
    severity: 'ticket',
    summary: `${onNode} refuses calls for their rate`,
    description: 'A client calls faster than its limit for ten minutes on end. What it asks for is not done.',
    fires: {
      series: { 'holdfast_rate_limited_total{scope="control"}': '0+600x30' },
      at: '20m',
      labels: { ...sceneNode, scope: 'control' },
    },
    rests: { series: { 'holdfast_rate_limited_total{scope="control"}': '0+6x30' }, at: '20m' },
  },
];

export const alertGroups: Readonly<Record<string, readonly Alert[]>> = {
  'holdfast-availability': availability,
  'holdfast-promises': promises,
  'holdfast-networks': networks,
  'holdfast-machine': machine,
};

export const alerts: readonly Alert[] = Object.values(alertGroups).flat();
