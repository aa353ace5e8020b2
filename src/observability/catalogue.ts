/**
 * Every metric of the service as data: name, help, labels with all their values, buckets. Base units, closed label sets, never an id or an
 * address as a label. No prom-client here: metrics.ts makes the families, dashboards and tests can read the list.
 */
import { qualityVerdicts, tubeStates } from '../../machines/events.js';
import { closeReasons, failureTable, type FailureCode } from '../../machines/failure.js';
import {
  networkChangeSources,
  networkChangeTypes,
  recoveryVerdicts,
  restartTriggers,
} from '../../machines/policies/recovery.js';
import { incidentOutcomes, phases } from '../operator/incident.types.js';

type Labels = Readonly<Record<string, readonly string[]>>;

interface Family<T extends 'counter' | 'gauge' | 'histogram', L extends Labels> {
  readonly type: T;
  readonly name: string;
  readonly help: string;
  /** Each label with every value it can have. */
  readonly labels: L;
  readonly buckets: readonly number[];
}
export type AnyFamily = Family<'counter' | 'gauge' | 'histogram', Labels>;

const prefix = 'holdfast_';

function counter<const L extends Labels>(name: string, help: string, labels: L): Family<'counter', L> {
  return { type: 'counter', name: prefix + name, help, labels, buckets: [] };
}

function gauge<const L extends Labels>(name: string, help: string, labels: L): Family<'gauge', L> {
  return { type: 'gauge', name: prefix + name, help, labels, buckets: [] };
}

function histogram<const L extends Labels>(
  name: string,
  help: string,
  buckets: readonly number[],
  labels: L,
): Family<'histogram', L> {
  return { type: 'histogram', name: prefix + name, help, labels, buckets };
}

// `satisfies` cannot say that a list is complete; the tests compare.
const failureCodes = Object.keys(failureTable) as FailureCode[];

export const connectionOutcomes = ['success', 'failure', 'cancelled'] as const;
export type ConnectionOutcome = (typeof connectionOutcomes)[number];
/** `abandoned`: overtaken by a newer network change, or the peer was away; it says nothing about the network. */
const recoveryOutcomes = ['success', 'failure', 'abandoned'] as const;
/** `closed`: somebody closed the tube meanwhile. */
const outageOutcomes = ['recovered', 'lost', 'closed'] as const;
const decisionActions = ['do', 'wait', 'skip', 'give_up'] as const;
/** `none`: another rule decided first (backoff, breaker, one at a time). */
const verdicts = [...recoveryVerdicts, 'none'] as const;
/** How the asking for a relay ended; `unused`: no TURN server was asked (src/transport/gathering.ts). */
export const relayOutcomes = ['unused', 'allocated', 'refused', 'unreachable'] as const;
export type RelayOutcome = (typeof relayOutcomes)[number];
const channelKinds = ['control', 'reliable', 'latest'] as const;
export type ChannelKind = (typeof channelKinds)[number];
/** RFC 8445 §4. */
export const candidateTypes = ['host', 'srflx', 'prflx', 'relay'] as const;
export const candidateProtocols = ['udp', 'tcp'] as const;
export type LimitedResource = 'sockets' | 'ice_agents' | 'creates';

const seconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];
const outageSeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];
const lifetimeSeconds = [1, 10, 60, 300, 900, 3600, 14_400, 43_200, 86_400, 604_800];
const roundTripSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.5, 3];
const handleSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const phaseSeconds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60, 300];
const ratios = [0, 0.001, 0.005, 0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1];
const scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

const tubeFamilies = {
  tubes: gauge('tubes', 'Tubes by state.', { state: tubeStates.filter((state) => state !== 'closed') }),
  tubesCreated: counter('tubes_created_total', 'Tubes that came to be here.', { origin: ['created', 'restored'] }),
  tubesClosed: counter('tubes_closed_total', 'Tubes that were closed, by reason.', { reason: closeReasons }),
  tubeTransitions: counter('tube_transitions_total', 'Changes of the state of tubes.', {
    from: tubeStates,
    to: tubeStates,
  }),
  tubeLifetime: histogram('tube_lifetime_seconds', 'Time from creation to close.', lifetimeSeconds, {
    reason: closeReasons,
  }),
  tubeCrashes: counter('tube_crashes_total', 'Errors of tube actors, by what was done.', {
    outcome: ['restarted', 'given_up'],
  }),
  breakers: gauge('breakers', 'Tubes whose circuit breaker holds restarts back.', { state: ['open', 'half_open'] }),
};

const recoveryFamilies = {
  connectionAttempts: counter('connection_attempts_total', 'First connections of tubes.', {
    outcome: connectionOutcomes,
  }),
  connectDuration: histogram(
    'connect_duration_seconds',
    'Time from creation to the first connection, or to its failure.',
    seconds,
    {
      role: ['offerer', 'answerer'],
      outcome: connectionOutcomes,
    },
  ),
  recoveryAttempts: counter('recovery_attempts_total', 'Attempts to bring up a new generation.', {
    trigger: restartTriggers,
    outcome: recoveryOutcomes,
  }),
  recoveryFailures: counter('recovery_failures_total', 'Attempts that failed, by what was wrong.', {
    code: failureCodes,
  }),
  recoveryDecisions: counter(
    'recovery_decisions_total',
    'Decisions about restarts: what is done, and the verdict of the decision table.',
    { action: decisionActions, verdict: verdicts },
  ),
  incidents: counter('incidents_total', 'Incidents that are over, by what they were about and how they ended.', {
    trigger: restartTriggers,
    outcome: incidentOutcomes.filter((outcome) => outcome !== 'open'),
  }),
  recoveryPhase: histogram(
    'recovery_phase_seconds',
    'Where the time of a recovery went: phases of incidents that are over.',
    phaseSeconds,
    { phase: phases },
  ),
  recoveryDuration: histogram('recovery_duration_seconds', 'Length of such attempts.', seconds, {
    trigger: restartTriggers,
    outcome: recoveryOutcomes,
  }),
  outageDuration: histogram(
    'outage_duration_seconds',
    'Silence of the peer around a trouble, from its last frame before to its first after, where that is longer than this peer is silent anyway; else the time without a path. Troubles without an outage are in incidents_total only.',
    outageSeconds,
    {
      outcome: outageOutcomes,
    },
  ),
  networkChanges: counter('network_changes_total', 'Changes of networks that tubes took up, by who noticed.', {
    change: networkChangeTypes,
    source: networkChangeSources,
  }),
};

const pathFamilies = {
  iceGathering: histogram(
    'ice_gathering_duration_seconds',
    'Time in which a generation gathered all of its candidates, and whether a TURN server gave a relay.',
    seconds,
    { relay: relayOutcomes },
  ),
  turnFailures: counter(
    'turn_allocation_failures_total',
    'Generations that asked a TURN server for a relay and got none.',
    { cause: ['refused', 'unreachable'] },
  ),
  selectedPairs: gauge('selected_candidate_pairs', 'Candidate pairs in use, by the types of their two ends.', {
    local: candidateTypes,
    remote: candidateTypes,
    protocol: candidateProtocols,
  }),
  keepalives: counter('keepalives_total', 'Liveness pings by outcome.', { outcome: ['pong', 'missed'] }),
  keepaliveRtt: histogram('keepalive_rtt_seconds', 'Round trip of liveness pings.', roundTripSeconds, {}),
  pathLoss: histogram('path_loss_ratio', 'Loss that health polls found, of the worse direction.', ratios, {}),
  qualityScore: histogram('quality_score', 'Scores of health polls, 1 is best.', scores, {}),
  qualityVerdicts: counter('quality_verdicts_total', 'Verdicts of health polls.', { verdict: qualityVerdicts }),
};

const channelFamilies = {
  dataChannels: gauge('data_channels', 'Open data channels.', { kind: channelKinds }),
  dataChannelBuffered: gauge('data_channel_buffered_bytes', 'Bytes that wait to be sent.', { kind: channelKinds }),
  dataChannelBytes: counter('data_channel_bytes_total', 'Bytes of application messages.', {
    kind: channelKinds,
    direction: ['in', 'out'],
  }),
  dataChannelMessages: counter('data_channel_messages_total', 'Application messages.', {
    kind: channelKinds,
    direction: ['in', 'out'],
  }),
  dataChannelDrops: counter('data_channel_drops_total', 'Messages that were not carried.', {
    kind: channelKinds,
    cause: ['overflow', 'too_large', 'closed', 'given_up', 'gap', 'malformed'],
  }),
  continuityReplayed: counter(
    'continuity_replayed_messages_total',
    'Messages that were sent once more, on the path after the one that may have lost them.',
    {},
  ),
  continuityLost: counter(
    'continuity_lost_messages_total',
    'Messages of reliable channels that were taken and never acknowledged: their tube ended though nobody wanted that, or its next peer cannot take them.',
    {},
  ),
};

const serviceFamilies = {
  authFailures: counter('auth_failures_total', 'Handshakes that were refused for their token.', {
    method: ['control_token', 'jwt', 'peer_token'],
    cause: ['missing', 'invalid'],
  }),
  rateLimited: counter('rate_limited_total', 'Frames and connections over a rate limit.', {
    scope: ['control', 'peer', 'address'],
  }),
  signallingConnections: gauge('signalling_connections', 'Open socket.io connections.', { role: ['control', 'peer'] }),
  refusals: counter('signalling_refusals_total', 'Calls that were refused, by error code.', { code: failureCodes }),
  nativeCallbackErrors: counter(
    'native_callback_errors_total',
    'Errors thrown in callbacks of the WebRTC library.',
    {},
  ),
  resourceLimitRatio: gauge('resource_limit_ratio', 'Use of a limited resource as a part of its limit.', {
    resource: ['sockets', 'ice_agents', 'creates'],
  }),
  storms: counter('storms_total', 'Storms: restarts of many tubes were held because they failed at once.', {}),
  stormGovernorActive: gauge('storm_governor_active', '1 while restarts are held and let go in waves.', {}),
  storeOperation: histogram(
    'store_operation_duration_seconds',
    'Operations on the folder that keeps the records of tubes; a write is a batch of them.',
    handleSeconds,
    { op: ['open', 'load', 'write'], outcome: ['ok', 'error'] },
  ),
  flightRecorderBytes: gauge(
    'flight_recorder_bytes',
    'Memory of the histories of tubes and of their inputs, estimated.',
    {},
  ),
  eventLoopUtilization: gauge(
    'event_loop_utilization_ratio',
    'Part of about the last minute that the event loop was busy.',
    {},
  ),
  eventLoopLagP50: gauge('event_loop_lag_p50_seconds', 'Median lateness of timers in about the last minute.', {}),
  eventLoopLagP99: gauge(
    'event_loop_lag_p99_seconds',
    'Lateness of timers in about the last minute that only 1 % exceed.',
    {},
  ),
  ready: gauge('ready', '1 while the node takes new tubes, as /readyz says.', {}),
  draining: gauge('draining', '1 while the node is shutting down.', {}),
};

/** `events` and `transportCounters`: closed lists of those who handle signalling and transport. */
export function catalogue(
  version: string,
  nodeVersion: string,
  events: readonly string[],
  transportCounters: readonly string[],
) {
  return {
    info: gauge('info', 'Always 1; labels say what runs.', { version: [version], node_version: [nodeVersion] }),
    ...tubeFamilies,
    ...recoveryFamilies,
    ...pathFamilies,
    ...channelFamilies,
    ...serviceFamilies,
    transportRefusals: counter('transport_refusals_total', 'What the transport refused or had to bear, by cause.', {
      cause: transportCounters,
    }),
    signallingMessages: counter('signalling_messages_total', 'Signalling frames.', {
      event: events,
      direction: ['in', 'out'],
      outcome: ['ok', 'error'],
    }),
    signallingHandleDuration: histogram(
      'signalling_handle_duration_seconds',
      'Time from a frame to its answer.',
      handleSeconds,
      {
        event: events,
      },
    ),
  };
}

export type Catalogue = ReturnType<typeof catalogue>;
type KeysOf<T> = { [K in keyof Catalogue]: Catalogue[K]['type'] extends T ? K : never }[keyof Catalogue];
export type CounterKey = KeysOf<'counter'>;
export type GaugeKey = KeysOf<'gauge'>;
export type HistogramKey = KeysOf<'histogram'>;
type ValuesOf<L extends Labels> = { readonly [K in keyof L]: L[K][number] };
export type LabelsOf<K extends keyof Catalogue> = ValuesOf<Catalogue[K]['labels']>;

/** Every combination of the label values of a family. */
export function combinations(labels: Labels): Readonly<Record<string, string>>[] {
  let rows: Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries(labels)) {
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value })));
  }
  // A tube does not go from a state to the same one, nor on from the final one.
  return rows.filter((row) => !('from' in row) || (row['from'] !== row['to'] && row['from'] !== 'closed'));
}
