/** The schema of the entries of a flight recorder (src/operator/flight.types.ts), for files that come back from the world. Strict: what it does not know is an error. */
import { z } from 'zod';
import { recoveryVerdicts } from '../../machines/policies/recovery.js';
import type { FlightEntry } from '../operator/flight.types.js';
import {
  channelClass,
  closeReason,
  count,
  descriptionType,
  failureCode,
  networkChangeType,
  route,
  signalling,
  text,
  timeMs,
  transportState,
  trigger,
  tubeState,
} from './flight-inputs.js';

const source = z.enum(['host', 'peer', 'controller', 'tube']);
const ratio = z.number().min(0).max(1);
const side = z.enum(['service', 'peer']);
const generation = z.int().min(0).max(1e9);
const durationMs = z.number().min(-1e13).max(1e13);
const end = z.strictObject({ type: text, protocol: text, address: text, port: z.int().min(0).max(65_535) });

const evidence = z.strictObject({
  trigger,
  source,
  path: z.enum(['sound', 'doubted', 'none']),
  missed_pings: count,
  missed_ping_seqs: z.array(count).max(10).exactOptional(),
  silent_ms: durationMs,
  transport_state: transportState,
  peer_signalling: signalling,
  route,
  held: z.boolean(),
  suspect_share: ratio,
});

const stamp = {
  at_ms: timeMs,
  seq: count,
  generation,
  count: count.exactOptional(),
  last_at_ms: timeMs.exactOptional(),
} as const;
const entry = <Kind extends string, Shape extends z.ZodRawShape>(kind: Kind, shape: Shape) =>
  z.strictObject({ kind: z.literal(kind), ...stamp, ...shape });

const channelId = z.int().min(0).max(65_535);

export const flightEntry: z.ZodType<FlightEntry> = z.discriminatedUnion('kind', [
  entry('state', { state: tubeState, previous_state: tubeState, reason: text }),
  entry('transport_state', { transport_state: transportState }),
  entry('description', { from: side, type: descriptionType }),
  entry('candidate', { from: side, candidate_type: text.nullable() }),
  entry('selected_pair', { local: end, remote: end }),
  entry('network_change', { change: networkChangeType, source, detail: text, evidence }),
  entry('decision', {
    action: z.enum(['do', 'wait', 'skip', 'give_up']),
    verdict: z.enum(recoveryVerdicts).nullable(),
    code: failureCode.nullable(),
    reason: text,
    trigger,
    attempt: z.int(),
    delay_ms: durationMs,
    evidence,
  }),
  entry('attempt_started', { attempt: z.int(), trigger }),
  entry('attempt_ended', {
    trigger,
    outcome: z.enum(['success', 'failure']),
    code: failureCode.nullable(),
    detail: text,
    duration_ms: durationMs,
  }),
  entry('cut_over', { from_generation: generation.nullable() }),
  entry('generation_closed', {}),
  entry('recovered', { attempts: z.int(), trigger, outage_ms: durationMs }),
  entry('breaker', { breaker: z.enum(['closed', 'open', 'half_open']) }),
  entry('ping_missed', {}),
  entry('quality', {
    verdict: z.enum(['good', 'warning', 'poor']),
    score: z.number(),
    loss: ratio.nullable(),
    rtt_ms: z.number().nullable(),
  }),
  entry('session_warning', { left_ms: durationMs }),
  entry('channel_opened', { label: text, id: channelId, class: channelClass }),
  entry('channel_closed', { label: text, id: channelId, reason: text }),
  entry('failure', { code: failureCode, detail: text }),
  entry('refused', { code: failureCode, detail: text }),
  entry('crashed', {}),
  entry('closed', { reason: closeReason }),
]);
