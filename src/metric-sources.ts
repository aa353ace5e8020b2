/**
 * What the metrics ask of the rooms: counts of live things at each scrape, and the silences of a tube in trouble. Everything is one walk
 * over what there is, and nothing is kept here but the window of the event loop; app.ts connects it.
 */
import { tubeStates, type TubeState } from '../machines/events.js';
import type { ResourceLimits } from './config/limits.js';
import type { FlightRecording } from './flight-recording.js';
import type { LiveTubes } from './live-tubes.js';
import type { MetricSources } from './observability/metrics.js';
import { ProcessLoad } from './process-load.js';
import type { TransportHost } from './transport/transport-host.js';

export interface MeasuredRooms {
  readonly host: Pick<TransportHost, 'channelTotals' | 'openControls' | 'liveGenerations' | 'flow'>;
  readonly registry: { readonly entries: ReadonlyMap<string, { readonly state: TubeState }> };
  readonly tubes: Pick<LiveTubes, 'creates'>;
  readonly recording: Pick<FlightRecording, 'bytes'>;
  readonly limits: Pick<ResourceLimits, 'current'>;
  readonly isReady: boolean;
}

type Resources = ReturnType<NonNullable<MetricSources['resources']>>;

/** What there is only so much of: in use, and how much of it there may be. */
export function limitedResources({ limits, host, tubes }: Pick<MeasuredRooms, 'limits' | 'host' | 'tubes'>): Resources {
  const { maxConcurrentIceAgents, maxConcurrentCreates, maxConcurrentSockets } = limits.current();
  return {
    sockets: { used: 0, limit: maxConcurrentSockets },
    ice_agents: { used: host.liveGenerations(), limit: maxConcurrentIceAgents },
    creates: { used: tubes.creates, limit: maxConcurrentCreates },
  };
}

/** A state without tubes is told too: a gauge keeps what it was set to. */
const noTubes = (): Record<TubeState, number> =>
  Object.fromEntries(tubeStates.map((state) => [state, 0])) as Record<TubeState, number>;

export function metricSources(rooms: () => MeasuredRooms): MetricSources {
  const load = new ProcessLoad();
  return {
    tubesByState: () => {
      const counts = noTubes();
      for (const { state } of rooms().registry.entries.values()) counts[state] += 1;
      return counts;
    },
    channels: () => {
      const { host } = rooms();
      return { control: { open: host.openControls(), bufferedBytes: 0 }, ...host.channelTotals() };
    },
    resources: () => limitedResources(rooms()),
    node: () => ({ isReady: rooms().isReady, flightRecorderBytes: rooms().recording.bytes }),
    eventLoop: () => load.eventLoop(),
    flow: (tubeId) => rooms().host.flow(tubeId),
  };
}
