/** "Is it us or them?" What tubes notice of networks, how good their paths are, how ICE and TURN do, and what goes over the channels. */
import { board, heatmap, lines, quantiles, rising, stat } from './panels.js';

const blame = [
  stat({
    title: 'Wait for this host’s network',
    help: 'Decisions in the last 15 minutes to wait because no way leads to the peer, or a storm is on: the fault is ours.',
    span: 3,
    queries: [['sum(increase(holdfast_recovery_decisions_total{$node,verdict="wait_for_network"}[15m]))', 'decisions']],
    limits: rising(1, 100),
  }),
  stat({
    title: 'Storms now',
    help: 'Nodes whose storm governor holds restarts back at this moment: many tubes failed at once, so the fault is ours. Most storms are over in seconds.',
    span: 3,
    queries: [['sum(holdfast_storm_governor_active{$node})', 'nodes']],
    limits: rising(1, 1),
  }),
  stat({
    title: 'Wait for a controller',
    help: 'Decisions in the last 15 minutes to wait because after a restart of the service no controller follows the tube yet: ours, or the application’s.',
    span: 3,
    queries: [
      ['sum(increase(holdfast_recovery_decisions_total{$node,verdict="wait_for_controller"}[15m]))', 'decisions'],
    ],
    limits: rising(1, 100),
  }),
  stat({
    title: 'Wait for the peer',
    help: 'Decisions in the last 15 minutes to wait because the signalling of the peer is down: the fault is theirs.',
    span: 3,
    queries: [['sum(increase(holdfast_recovery_decisions_total{$node,verdict="wait_for_peer"}[15m]))', 'decisions']],
    limits: rising(20, 1000),
  }),
  stat({
    title: 'Offers without an answer',
    help: 'Attempts of the last 15 minutes that no peer answered: peers that are gone, or a controller that does not relay.',
    span: 3,
    queries: [
      ['sum(increase(holdfast_recovery_failures_total{$node,code="transport_answer_timeout"}[15m]))', 'attempts'],
    ],
    limits: rising(20, 1000),
  }),
  stat({
    title: 'No relay',
    help: 'Generations of the last 15 minutes that asked a TURN server for a relay and got none.',
    span: 3,
    queries: [['sum(increase(holdfast_turn_allocation_failures_total{$node}[15m]))', 'generations']],
    limits: rising(1, 20),
  }),
  stat({
    title: 'Breakers open',
    help: 'Tubes whose circuit breaker holds restarts back after several failures in a row.',
    span: 3,
    queries: [['sum(holdfast_breakers{$node})', 'tubes']],
    limits: rising(1, 20),
  }),
  stat({
    title: 'Poor paths',
    help: 'Health polls of the last 15 minutes that found a path poor.',
    unit: 'percentunit',
    span: 3,
    queries: [
      [
        'sum(increase(holdfast_quality_verdicts_total{$node,verdict="poor"}[15m])) / sum(increase(holdfast_quality_verdicts_total{$node}[15m])) >= 0',
        'poor',
      ],
    ],
    limits: rising(0.05, 0.3),
  }),
  lines({
    title: 'Who noticed changes of networks',
    help: 'host: this machine. peer: the other end says so. controller: it was told us. tube: found out by missing pings and the like. Much of host at once on many tubes is ours.',
    unit: 'ops',
    stacked: true,
    queries: [['sum by (source) (rate(holdfast_network_changes_total{$node}[$__rate_interval]))', '{{source}}']],
  }),
  lines({
    title: 'Verdicts about restarts',
    help: 'What the decision table said. "none": backoff, breaker, or one at a time decided first.',
    unit: 'ops',
    stacked: true,
    queries: [['sum by (verdict) (rate(holdfast_recovery_decisions_total{$node}[$__rate_interval]))', '{{verdict}}']],
  }),
  lines({
    title: 'Why attempts failed',
    help: 'Codes of the failure table (docs/api.md). Answer timeouts are about signalling, transport_timeout about UDP between the two ends.',
    unit: 'ops',
    stacked: true,
    queries: [['topk(6, sum by (code) (rate(holdfast_recovery_failures_total{$node}[$__rate_interval])))', '{{code}}']],
  }),
];

const paths = [
  quantiles({
    title: 'Round trip',
    help: 'Of liveness pings over the control channel.',
    family: 'holdfast_keepalive_rtt_seconds',
  }),
  quantiles({
    title: 'Loss',
    help: 'Of health polls, the worse direction. Warned about above 3 %, poor above 5 %.',
    unit: 'percentunit',
    family: 'holdfast_path_loss_ratio',
  }),
  lines({
    title: 'Pings without an answer',
    help: 'Of all liveness pings. Two in a row make a tube suspect, three begin a restart.',
    unit: 'percentunit',
    queries: [
      [
        'sum(rate(holdfast_keepalives_total{$node,outcome="missed"}[$__rate_interval])) / sum(rate(holdfast_keepalives_total{$node}[$__rate_interval]))',
        'missed',
      ],
    ],
  }),
  lines({
    title: 'Verdicts of health polls',
    help: 'Three poor polls in a row begin an overlapping restart.',
    unit: 'ops',
    stacked: true,
    queries: [['sum by (verdict) (rate(holdfast_quality_verdicts_total{$node}[$__rate_interval]))', '{{verdict}}']],
  }),
  heatmap({
    title: 'Quality scores',
    help: 'Scores of health polls: 1 is best, below 0.7 is poor.',
    unit: 'short',
    span: 8,
    family: 'holdfast_quality_score',
  }),
  lines({
    title: 'Paths in use',
    help: 'Selected candidate pairs: types of our end and theirs, and the protocol. Much relay costs money and time; no relay where it is needed costs connections.',
    stacked: true,
    queries: [
      [
        'sum by (local, remote, protocol) (holdfast_selected_candidate_pairs{$node}) > 0',
        '{{local}} – {{remote}} {{protocol}}',
      ],
    ],
  }),
];

const ice = [
  quantiles({
    title: 'Gathering of candidates, p95',
    help: 'By what became of the question for a relay. With trickle nobody waits for the end of it.',
    family: 'holdfast_ice_gathering_duration_seconds',
    by: 'relay',
  }),
  lines({
    title: 'Relays',
    help: 'Generations by what became of the question for a relay. Refused: wrong credentials, a quota. Unreachable: no answer.',
    unit: 'ops',
    stacked: true,
    queries: [
      ['sum by (relay) (rate(holdfast_ice_gathering_duration_seconds_count{$node}[$__rate_interval]))', '{{relay}}'],
    ],
  }),
  lines({
    title: 'Circuit breakers',
    help: 'Tubes whose breaker is open (nothing is tried) or half-open (one trial).',
    queries: [['sum by (state) (holdfast_breakers{$node})', '{{state}}']],
  }),
  lines({
    title: 'Changes of state',
    help: 'A tube that goes to and fro shows as pairs of equal rates.',
    unit: 'ops',
    queries: [
      [
        'sum by (from, to) (rate(holdfast_tube_transitions_total{$node,from=~"connected|degraded|failed"}[$__rate_interval]))',
        '{{from}} → {{to}}',
      ],
    ],
  }),
  quantiles({
    title: 'Life of a tube, p95 by reason of its end',
    help: 'From creation to close.',
    family: 'holdfast_tube_lifetime_seconds',
    by: 'reason',
  }),
  lines({
    title: 'Transitions into failure',
    help: 'Tubes per second that were given up.',
    unit: 'ops',
    queries: [
      ['sum by (from) (rate(holdfast_tube_transitions_total{$node,to="failed"}[$__rate_interval]))', 'from {{from}}'],
    ],
  }),
];

const data = [
  lines({
    title: 'Bytes',
    help: 'Of application messages, by kind of channel and direction.',
    unit: 'Bps',
    queries: [
      [
        'sum by (kind, direction) (rate(holdfast_data_channel_bytes_total{$node}[$__rate_interval]))',
        '{{kind}} {{direction}}',
      ],
    ],
  }),
  lines({
    title: 'Messages',
    help: 'Of applications, by kind of channel and direction.',
    unit: 'ops',
    queries: [
      [
        'sum by (kind, direction) (rate(holdfast_data_channel_messages_total{$node}[$__rate_interval]))',
        '{{kind}} {{direction}}',
      ],
    ],
  }),
  lines({
    title: 'Waiting to be sent',
    help: 'Grows while paths are down (nothing is lost meanwhile), or when peers read slowly.',
    unit: 'bytes',
    stacked: true,
    queries: [['sum by (kind) (holdfast_data_channel_buffered_bytes{$node})', '{{kind}}']],
  }),
  lines({
    title: 'Open channels',
    help: 'A tube with a path has one control channel, and those of its application.',
    queries: [['sum by (kind) (holdfast_data_channels{$node})', '{{kind}}']],
  }),
  lines({
    title: 'Not carried',
    help: 'Overflow of latest channels is by design: the oldest go first. Anything on reliable channels is worth a look.',
    unit: 'ops',
    queries: [
      [
        'sum by (kind, cause) (rate(holdfast_data_channel_drops_total{$node}[$__rate_interval]))',
        '{{kind}}: {{cause}}',
      ],
    ],
  }),
  lines({
    title: 'Continuity',
    help: 'Messages sent once more after a cut-over, and messages of reliable channels that were never acknowledged before their tube was closed.',
    unit: 'ops',
    queries: [
      ['sum(rate(holdfast_continuity_replayed_messages_total{$node}[$__rate_interval]))', 'replayed'],
      ['sum(rate(holdfast_continuity_lost_messages_total{$node}[$__rate_interval]))', 'lost'],
    ],
  }),
];

export const networks = board({
  uid: 'holdfast-networks',
  title: 'Holdfast: tubes and networks',
  help: 'Is it us or them: what tubes notice of networks, how good their paths are, how ICE and TURN do, and what goes over the channels.',
  rows: [
    ['Us or them', blame],
    ['Paths', paths],
    ['ICE and states', ice],
    ['Channels', data],
  ],
});
