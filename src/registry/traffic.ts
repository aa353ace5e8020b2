/**
 * What comes to a tube all the time while nothing happens (pongs, data, samples), added up: of each kind how often, and the first and last to the
 * millisecond, so that the charts can be brought to where they were. One of these is all that an idle tube costs. Used by input-recorder.ts.
 */
import type { TubeEvent } from '../../machines/events.js';
import { updateRtt } from '../../machines/policies/ping-timeout.js';
import type { TransportSample } from '../../machines/ports/transport.port.js';
import type { TrafficInput } from '../replay/flight-inputs.js';
import type { PlacedTimer } from './timer-order.js';

/** More than this are not kept, whatever the settings say. */
const mostSamples = 8;
/** As many as may run at once: of those that went before nothing is left. */
const mostTimers = 8;
/** Of a peer that answers no probes the loss is that of its pings since the sample before. */
const withoutProbes = 2;

export type OpenTraffic = { -readonly [Key in keyof TrafficInput]: TrafficInput[Key] };
type RunKey = 'data_sent' | 'activity' | 'candidates' | 'failed_operations';

const runs: { readonly [Type in TubeEvent['type']]?: RunKey } = {
  'tube.dataSent': 'data_sent',
  'tube.activity': 'activity',
  'tube.remoteCandidate': 'candidates',
  'tube.operationFailed': 'failed_operations',
};
const reports: readonly TubeEvent['type'][] = ['transport.pong', 'transport.heard', 'transport.sampled'];

export const isTraffic = (event: TubeEvent): boolean => event.type in runs || reports.includes(event.type);

/** Nothing is in it yet. */
export const openTraffic = (atMs: number): OpenTraffic => ({
  event: 'traffic',
  at_ms: atMs,
  last_at_ms: atMs,
  generation: null,
});

/** Of another generation than what is in it: that needs another one. */
export const isOfOther = ({ generation }: OpenTraffic, event: TubeEvent): boolean =>
  generation !== null && reports.includes(event.type) && (event as { generation: number }).generation !== generation;

/** When something came, the moment that it is about, and its place among all that comes to the tube all the time. */
export interface Place {
  readonly atMs: number;
  readonly saidMs: number;
  readonly no: number;
}

/** @param step older samples go by so many at a time: as many poor ones in a row start a restart, and the count of the rest must be right */
export function addTraffic(open: OpenTraffic, event: TubeEvent, place: Place, step: number): void {
  open.last_at_ms = place.atMs;
  const key = runs[event.type];
  if (key !== undefined) open[key] = longer(open[key], place);
  else if (event.type === 'transport.pong') addPong(open, event.rttMs, place);
  else if (event.type === 'transport.heard') addHeard(open, event.data ? 'heard_data' : 'heard', place);
  else if (event.type === 'transport.sampled') addSample(open, event.sample, place, Math.min(step, mostSamples));
  if ('generation' in event && reports.includes(event.type)) open.generation = event.generation;
}

/** A timer that fired among it in another place than its time says. Those between the first and the last pong are no news: nothing is left of them. */
export function addTimer(open: OpenTraffic, { name, dueMs, atMs, fired }: PlacedTimer, no: number): void {
  const { first_ms: firstMs, last_ms: lastMs } = open.pongs ?? { first_ms: 0, last_ms: 0 };
  const news = (open.timers ?? []).filter(({ at_ms: ms }) => ms <= firstMs || ms >= lastMs);
  open.timers = [...news, { name, due_ms: dueMs, at_ms: atMs, fired, no }].slice(-mostTimers);
}

interface Run {
  count: number;
  first_ms: number;
  last_ms: number;
  first_no?: number;
  last_no?: number;
  last_said_ms?: number;
}

function longer(run: Run | undefined, { atMs, saidMs, no }: Place): Run {
  const longest = run ?? { count: 0, first_ms: atMs, last_ms: atMs, first_no: no, last_no: no };
  longest.count += 1;
  longest.last_ms = atMs;
  longest.last_no = no;
  if (saidMs !== atMs || longest.last_said_ms !== undefined) longest.last_said_ms = saidMs;
  return longest;
}

function addPong(open: OpenTraffic, rttMs: number | null, place: Place): void {
  const { pongs } = open;
  if (pongs === undefined) {
    const variation = rttMs === null ? null : rttMs / 2;
    const rtt = { rtt_ms: rttMs, rtt_variation_ms: variation, last_rtt_ms: rttMs };
    open.pongs = { ...longer(undefined, place), ...rtt };
    return;
  }
  longer(pongs, place);
  pongs.last_rtt_ms = rttMs;
  if (rttMs === null) return;
  const { rtt_ms: smoothedMs, rtt_variation_ms: variationMs } = pongs;
  const before = smoothedMs === null || variationMs === null ? null : { smoothedMs, variationMs };
  const estimate = updateRtt(before, rttMs);
  pongs.rtt_ms = estimate.smoothedMs;
  pongs.rtt_variation_ms = estimate.variationMs;
}

function addHeard(open: OpenTraffic, key: 'heard' | 'heard_data', place: Place): void {
  open[key] = Object.assign(longer(open[key], place), { last_said_ms: place.saidMs });
}

function addSample(open: OpenTraffic, sample: TransportSample, { atMs, no }: Place, step: number): void {
  const { pingsSent, pongsReceived, probes, rttMs } = sample;
  const counts = probes === null ? null : { sent: probes.sent, arrived: probes.arrived, echoed: probes.echoed };
  const kept = { at_ms: atMs, no, pings_sent: pingsSent, pongs_received: pongsReceived, probes: counts, rtt_ms: rttMs };
  const { samples } = open;
  if (samples === undefined) {
    open.samples = { count: 1, last: [kept] };
    return;
  }
  samples.count += 1;
  samples.last.push(kept);
  const fewest = probes === null ? Math.max(step, withoutProbes) : step;
  if (samples.last.length >= 2 * fewest) samples.last.splice(0, fewest);
}
