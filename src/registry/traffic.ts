/**
 * What comes to a tube all the time while nothing happens (pongs, data, samples), added up: of each kind how often, and the first and last to the
 * millisecond, so that the charts can be brought to where they were. One of these is all that an idle tube costs. Used by input-recorder.ts.
 */
import type { TubeEvent } from '../../machines/events.js';
import { updateRtt } from '../../machines/policies/ping-timeout.js';
import type { TransportSample } from '../../machines/ports/transport.port.js';
import type { TrafficInput } from '../replay/flight-inputs.js';

/** More than this are not kept, whatever the settings say. */
const mostSamples = 8;
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

/** @param step older samples go by so many at a time: as many poor ones in a row start a restart, and the count of the rest must be right */
export function addTraffic(open: OpenTraffic, event: TubeEvent, atMs: number, step: number): void {
  open.last_at_ms = atMs;
  const key = runs[event.type];
  if (key !== undefined) open[key] = longer(open[key], atMs);
  else if (event.type === 'transport.pong') addPong(open, event.rttMs, atMs);
  else if (event.type === 'transport.heard') addHeard(open, event.data ? 'heard_data' : 'heard', event.atMs, atMs);
  else if (event.type === 'transport.sampled') addSample(open, event.sample, atMs, Math.min(step, mostSamples));
  if ('generation' in event && reports.includes(event.type)) open.generation = event.generation;
}

interface Run {
  count: number;
  first_ms: number;
  last_ms: number;
}

function longer(run: Run | undefined, atMs: number): Run {
  if (run === undefined) return { count: 1, first_ms: atMs, last_ms: atMs };
  run.count += 1;
  run.last_ms = atMs;
  return run;
}

function addPong(open: OpenTraffic, rttMs: number | null, atMs: number): void {
  const { pongs } = open;
  if (pongs === undefined) {
    const variation = rttMs === null ? null : rttMs / 2;
    const rtt = { rtt_ms: rttMs, rtt_variation_ms: variation, last_rtt_ms: rttMs };
    open.pongs = { ...longer(undefined, atMs), ...rtt };
    return;
  }
  longer(pongs, atMs);
  pongs.last_rtt_ms = rttMs;
  if (rttMs === null) return;
  const { rtt_ms: smoothedMs, rtt_variation_ms: variationMs } = pongs;
  const before = smoothedMs === null || variationMs === null ? null : { smoothedMs, variationMs };
  const estimate = updateRtt(before, rttMs);
  pongs.rtt_ms = estimate.smoothedMs;
  pongs.rtt_variation_ms = estimate.variationMs;
}

function addHeard(open: OpenTraffic, key: 'heard' | 'heard_data', saidMs: number, atMs: number): void {
  const run = open[key];
  if (run === undefined) open[key] = { ...longer(undefined, atMs), last_said_ms: saidMs };
  else {
    longer(run, atMs);
    run.last_said_ms = saidMs;
  }
}

function addSample(open: OpenTraffic, sample: TransportSample, atMs: number, step: number): void {
  const { pingsSent, pongsReceived, probes, rttMs } = sample;
  const counts = probes === null ? null : { sent: probes.sent, arrived: probes.arrived, echoed: probes.echoed };
  const kept = { at_ms: atMs, pings_sent: pingsSent, pongs_received: pongsReceived, probes: counts, rtt_ms: rttMs };
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
