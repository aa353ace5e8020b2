// What is asked of the rooms at a scrape, and what they answer.
import { expect, test } from '@jest/globals';
import type { TubeState } from '../../machines/events.js';
import { metricSources, type MeasuredRooms } from '../../src/metric-sources.js';
import { FlightRecording } from '../../src/flight-recording.js';
import { Metrics } from '../../src/observability/metrics.js';
import { defaultSettings } from '../support/settings.js';
import { emissions, identity, noticeOf } from './notices.js';

const limits = { maxConcurrentSockets: 10, maxConcurrentIceAgents: 4, maxConcurrentCreates: 2 };

test('a state that the last tube has left is 0 again', async () => {
  const entries = new Map<string, { state: TubeState }>([['a', { state: 'degraded' }]]);
  const rooms: MeasuredRooms = {
    host: {
      channelTotals: () => ({ reliable: { open: 1, bufferedBytes: 7 }, latest: { open: 0, bufferedBytes: 0 } }),
      openControls: () => 1,
      liveGenerations: () => 3,
      flow: () => null,
    },
    registry: { entries },
    tubes: { creates: 1 },
    recording: { bytes: 100 },
    limits: { current: () => limits as ReturnType<MeasuredRooms['limits']['current']> },
    isReady: true,
  };
  const metrics = new Metrics({
    version: '1',
    events: [],
    sources: metricSources(() => rooms),
    processMetrics: false,
  });
  const first = await metrics.render();
  expect(first).toContain('holdfast_tubes{state="degraded"} 1');
  expect(first).toContain('holdfast_data_channel_buffered_bytes{kind="reliable"} 7');
  expect(first).toContain('holdfast_data_channels{kind="control"} 1');
  expect(first).toContain('holdfast_resource_limit_ratio{resource="ice_agents"} 0.75');
  expect(first).toContain('holdfast_resource_limit_ratio{resource="creates"} 0.5');
  expect(first).toContain('holdfast_flight_recorder_bytes 100');
  expect(first).toContain('holdfast_ready 1');
  entries.set('a', { state: 'connected' });
  const second = await metrics.render();
  expect(second).toContain('holdfast_tubes{state="degraded"} 0');
  expect(second).toContain('holdfast_tubes{state="connected"} 1');
});

test('the memory of flight recording is that of what tubes say and of what they are told', () => {
  const recording = new FlightRecording({
    flightRecorderEntries: 100,
    flightRecorderMaxBytes: 1 << 20,
    flightRecorderClosedTubes: 10,
    registry: () => {
      throw new Error('not asked for');
    },
    bug: (_where, error) => {
      throw error;
    },
  });
  recording.tap.opened(identity, defaultSettings, false, 1000);
  const ofInputs = recording.bytes;
  expect(ofInputs).toBeGreaterThan(0);
  recording.recorder.observe(noticeOf(emissions.recovered));
  expect(recording.bytes).toBe(ofInputs + recording.recorder.bytes);
});
