/**
 * What a scrape of /metrics costs when many tubes are there: the real metrics over a real transport host, whose connections are stubs that are open at
 * once. The walk over tubes and channels is measured with the text, for both hold up the event loop.
 */
import type { TransportInput } from '../machines/ports/transport.port.js';
import type { Channel, ChannelHandlers, ConnectionFactory } from '../src/channels/connection.port.js';
import { gatewayEvents } from '../src/gateway/events.js';
import { metricSources } from '../src/metric-sources.js';
import { Metrics } from '../src/observability/metrics.js';
import { TransportHost } from '../src/transport/transport-host.js';
import { transportCounters } from '../src/transport/transport-observer.js';
import { defaultSettings } from '../test/support/settings.js';
import { figuresOf, type Figures } from './figures.js';

export interface ScrapeCosts {
  readonly tubes: number;
  readonly series: number;
  readonly render: Figures;
}

const limits = {
  maxConcurrentSockets: 1,
  maxConcurrentIceAgents: 1,
  maxConcurrentCreates: 1,
  keepaliveSignalIntervalMs: 1,
  sessionTimeoutMs: 1,
  healthCheckIntervalMs: 1,
  iceGatherTimeoutMs: 1,
  pingIntervalMs: 1,
};

/** Every channel opens when `offer` is asked for. */
const openAtOnce: ConnectionFactory = () => {
  const opened: ChannelHandlers[] = [];
  return {
    createChannel: ({ label, class: kind }, handlers): Channel => {
      opened.push(handlers);
      const id = opened.length;
      return {
        label,
        class: kind,
        id: () => id,
        isOpen: () => true,
        send: () => true,
        bufferedBytes: () => 0,
        setLowWaterBytes: () => undefined,
        close: () => undefined,
      };
    },
    offer: async () => opened.forEach((handlers) => handlers.open()),
    applyOffer: async () => undefined,
    applyAnswer: async () => undefined,
    addCandidate: async () => undefined,
    localDescription: () => null,
    state: () => 'connected',
    stats: async () => ({ bytesSent: 0, bytesReceived: 0, rttMs: 1, selectedPair: null }),
    close: () => undefined,
  };
};

function hostWith(tubes: number): TransportHost {
  const host = new TransportHost({
    createConnection: openAtOnce,
    connection: () => ({ iceServers: [] }),
    observer: {
      message: () => undefined,
      counted: () => undefined,
      dropped: () => undefined,
      fault: (where, error) => {
        throw new Error(where, { cause: error });
      },
    },
    clock: { now: () => Date.now(), monotonicMs: () => performance.now(), schedule: () => () => undefined },
  });
  for (let n = 0; n < tubes; n += 1) {
    const input: TransportInput = {
      tubeId: `tube-${String(n)}`,
      generation: 1,
      mode: { kind: 'offer' },
      channels: [],
      dtlsRole: null,
      peerKind: 'plain',
      settings: defaultSettings,
    };
    host.open(input, () => undefined).command({ type: 'transport.activate' });
  }
  return host;
}

/** @param renders how often it is measured */
export async function scrapeCosts(tubes: number, renders: number): Promise<ScrapeCosts> {
  const host = hostWith(tubes);
  const entries = new Map(Array.from({ length: tubes }, (_, n) => [String(n), { state: 'connected' as const }]));
  const rooms = {
    host,
    registry: { entries },
    tubes: { creates: 0 },
    recording: { bytes: 0 },
    limits: { current: () => limits },
    isReady: true,
  };
  const metrics = new Metrics({
    version: 'bench',
    events: gatewayEvents,
    transportCounters,
    sources: metricSources(() => rooms),
  });
  await metrics.render();
  const { reliable } = host.channelTotals();
  if (reliable.open !== tubes) throw new Error(`${String(reliable.open)} channels are open`);
  const took: number[] = [];
  let text = '';
  for (let n = 0; n < renders; n += 1) {
    const startedAtMs = performance.now();
    text = await metrics.render();
    took.push(performance.now() - startedAtMs);
  }
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  return { tubes, series, render: figuresOf(took) };
}
