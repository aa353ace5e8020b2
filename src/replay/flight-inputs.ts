/**
 * The inputs of a tube as a flight file has them: everything that came to its chart from outside, in wire names. Timers, pings, polls and restarts are
 * no inputs: they follow from these and the clock; only where a timer fired in another order than its time says, that is told. No SDP, no text of
 * candidates, no addresses, no tokens, no payloads. The schema is the one definition; src/registry/flight-input.ts makes inputs of events, input-events.ts
 * events of inputs.
 */
import { z } from 'zod';
import { tubeStates } from '../../machines/events.js';
import { closeReasons, failureTable, type FailureCode } from '../../machines/failure.js';
import { networkChangeTypes, restartTriggers } from '../../machines/policies/recovery.js';

/** Free text is clipped to this when it is written. */
export const maxTextLength = 200;

export const timeMs = z.number().min(0).max(8.64e15);
export const count = z.int().min(0).max(1e12);
export const text = z.string().max(maxTextLength);
const generation = z.int().min(0).max(1e9);
const share = z.number().min(0).max(1);
const rttMs = z.number().min(0).max(1e9).nullable();

export const failureCode = z.enum(Object.keys(failureTable) as [FailureCode, ...FailureCode[]]);
export const trigger = z.enum(restartTriggers);
export const closeReason = z.enum(closeReasons);
export const tubeState = z.enum(tubeStates);
export const route = z.enum(['unknown', 'same', 'moved', 'none']);
export const signalling = z.enum(['relayed', 'online', 'offline']);
export const networkChangeType = z.enum(networkChangeTypes);
export const transportState = z.enum(['new', 'connecting', 'connected', 'disconnected', 'failed', 'closed']);
export const descriptionType = z.enum(['offer', 'answer']);
export const channelClass = z.enum(['reliable', 'latest']);
const breaker = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('closed'), failures: z.int().min(0).max(1000) }),
  z.strictObject({ kind: z.literal('open') }),
  z.strictObject({ kind: z.literal('half_open'), successes: z.int().min(0).max(1000) }),
]);
const peerKind = z.enum(['plain', 'overlap']);
const dtlsRole = z.enum(['active', 'passive']);
const channel = z.strictObject({ label: text, id: z.int().min(0).max(65_535), class: channelClass });
const channels = z.array(channel).max(1024);
const end = z.strictObject({ type: text, protocol: text });

/** What is known of the other end when a tube is carried on. */
const peer = { peer_kind: peerKind, dtls_role: dtlsRole.nullable(), channels, signalling } as const;

/** From here on the inputs are complete. What comes before the last of these is not needed to replay what comes after it. */
const starts = [
  /** `offer`: the peer's, that generation 1 answers. */
  z.strictObject({ event: z.literal('start.created'), at_ms: timeMs, offer: z.boolean() }),
  /** From a record of another process. */
  z.strictObject({
    event: z.literal('start.resumed'),
    at_ms: timeMs,
    generation,
    ...peer,
    /** When the process before was last alive; the moment of the start where it is left out. */
    silent_since_ms: timeMs.optional(),
  }),
  /** It was connected, and nothing was going on. */
  z.strictObject({
    event: z.literal('start.connected'),
    at_ms: timeMs,
    /** The last entry (`seq`) before it. Left out by version 1, where it is not known on which side of it those of its millisecond are. */
    after_entry: count.exactOptional(),
    /** The newest, and the one that carries data. */
    generation,
    active_generation: generation,
    ...peer,
    route,
    held: z.boolean(),
    suspect_share: share,
    /** What it remembers of incidents that are over. */
    breaker,
    /** When application data was last seen, or the session began. */
    session_since_ms: timeMs,
    /** When the path was heard last, and when anything was. */
    last_heard_ms: timeMs,
    last_activity_ms: timeMs,
    /** Null: the peer has answered no ping so far. */
    last_pong: z.strictObject({ at_ms: timeMs, rtt_ms: rttMs }).nullable(),
    /** The pair in use, and since when: relayed paths are renewed in time. */
    pair: z.strictObject({ at_ms: timeMs, local: end, remote: end }).nullable(),
  }),
] as const;

/** When it came. `said_at_ms`: the moment it is about, where that is another. */
const stamp = {
  at_ms: timeMs,
  said_at_ms: timeMs.exactOptional(),
  /** It came so often in a row, the last time at `last_at_ms`. */
  count: count.exactOptional(),
  last_at_ms: timeMs.exactOptional(),
} as const;
const noted = <Name extends string, Shape extends z.ZodRawShape>(event: Name, shape: Shape) =>
  z.strictObject({ event: z.literal(event), ...stamp, ...shape });

const requests = [
  noted('tube.remoteDescription', { type: descriptionType, generation: generation.nullable() }),
  noted('tube.restart', { trigger, fresh: z.boolean() }),
  noted('tube.close', { reason: closeReason }),
  noted('tube.peerSignalling', { online: z.boolean() }),
  noted('tube.peerReplaced', {}),
  noted('tube.networkChanged', {
    change: networkChangeType,
    source: z.enum(['host', 'peer', 'controller']),
    detail: text,
    route: route.nullable(),
  }),
  noted('tube.nodeChanged', {
    route: route.exactOptional(),
    held: z.boolean().exactOptional(),
    suspect_share: share.exactOptional(),
  }),
] as const;

const reports = [
  noted('transport.described', { generation, type: descriptionType }),
  noted('transport.remoteApplied', {
    generation,
    peer_kind: peerKind,
    same_connection: z.boolean(),
    new_connection: z.boolean(),
    dtls_role: dtlsRole,
  }),
  noted('transport.refused', { generation, code: failureCode, detail: text }),
  noted('transport.stateChanged', { generation, state: transportState }),
  noted('transport.iceConnected', { generation }),
  noted('transport.up', { generation, channels }),
  noted('transport.selectedPair', { generation, local: end, remote: end }),
  noted('transport.down', { generation, cause: z.enum(['disconnected', 'failed', 'closed']) }),
  noted('transport.channelOpened', { generation, channel }),
  noted('transport.channelClosed', { generation, label: text, id: z.int().min(0).max(65_535), reason: text }),
  noted('transport.failed', { generation, code: failureCode, detail: text }),
  noted('transport.closed', { generation }),
] as const;

/** A timer of the charts that fired (`fired`), or was cancelled, in another place than its time says: this is the place. */
const timer = { name: text, due_ms: timeMs, at_ms: timeMs, fired: z.boolean() } as const;

/**
 * `first_no`, `last_no`: their places among all that traffic stands for. Without them (version 1) it is not known what came first in a millisecond.
 * `last_said_ms`: the moment that the last is about, where that is another.
 */
const run = {
  count,
  first_ms: timeMs,
  last_ms: timeMs,
  last_said_ms: timeMs.exactOptional(),
  first_no: count.exactOptional(),
  last_no: count.exactOptional(),
} as const;
const plainRun = z.strictObject(run);
/** `last_said_ms`: when the last sound came; reports of it are up to a second late. */
const heardRun = z.strictObject({ ...run, last_said_ms: timeMs });
const sample = z.strictObject({
  at_ms: timeMs,
  no: count.exactOptional(),
  pings_sent: count,
  pongs_received: count,
  probes: z.strictObject({ sent: count, arrived: count, echoed: count }).nullable(),
  rtt_ms: rttMs,
});

/** What comes all the time while nothing happens, added up; the last of each kind to the millisecond. */
const traffic = z.strictObject({
  event: z.literal('traffic'),
  at_ms: timeMs,
  last_at_ms: timeMs,
  /** Of what came over a path; null when nothing did. */
  generation: generation.nullable(),
  /** Smoothed as in RFC 6298. */
  pongs: z.strictObject({ ...run, rtt_ms: rttMs, rtt_variation_ms: rttMs, last_rtt_ms: rttMs }).exactOptional(),
  heard_data: heardRun.exactOptional(),
  heard: heardRun.exactOptional(),
  data_sent: plainRun.exactOptional(),
  activity: plainRun.exactOptional(),
  candidates: plainRun.exactOptional(),
  failed_operations: plainRun.exactOptional(),
  /** `last`: the last of them. */
  samples: z.strictObject({ count, last: z.array(sample).min(1).max(16) }).exactOptional(),
  /** The last of them. */
  timers: z
    .array(z.strictObject({ ...timer, no: count }))
    .max(16)
    .exactOptional(),
});

export const flightInput = z.discriminatedUnion('event', [
  ...starts,
  ...requests,
  ...reports,
  traffic,
  z.strictObject({ event: z.literal('timer'), ...timer }),
  /** Its actor failed, and another one carried the tube on. */
  z.strictObject({ event: z.literal('crashed'), at_ms: timeMs }),
]);

export type FlightInput = Readonly<z.output<typeof flightInput>>;
export type InputOf<Name extends FlightInput['event']> = Extract<FlightInput, { event: Name }>;
export type StartInput = InputOf<'start.created' | 'start.resumed' | 'start.connected'>;
export type TrafficInput = InputOf<'traffic'>;
export type TimerInput = InputOf<'timer'>;
/** What stands for one event of the chart. */
export type NotedInput = Exclude<FlightInput, StartInput | TrafficInput | TimerInput | InputOf<'crashed'>>;

export const isStart = (input: FlightInput): input is StartInput => input.event.startsWith('start.');
