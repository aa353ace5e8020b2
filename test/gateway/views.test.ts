/** What is told of a tube in wire objects. */
import { expect, test } from '@jest/globals';
import { parseTubeSettings } from '../../src/config/tube-settings.js';
import { settingsOf, statsToWire } from '../../src/gateway/views.js';
import type { TubeStats, TubeView } from '../../src/gateway/tubes.port.js';
import { defaultSettings } from '../support/settings.js';

const viewOf = (settings: TubeView['settings']): TubeView => ({ settings }) as TubeView;

test('the settings of a tube are told in the words that create_tube takes, every one of them', () => {
  const told = settingsOf(viewOf({ ...defaultSettings, profile: 'mobile', recoveryPolicy: 'server' }));
  expect(told).toMatchObject({ profile: 'mobile', recovery_policy: 'server', health_check_interval_ms: 120_000 });
  const { profile: _ofTheCall, ...settings } = told;
  const parsed = parseTubeSettings(settings);
  const { trickleIce: _saidBesides, ...numbers } = defaultSettings;
  expect(parsed).toEqual({ ok: true, value: { policy: 'server', overrides: numbers } });
});

test('the settings of a tube of an earlier version name no profile', () => {
  expect(settingsOf(viewOf(defaultSettings))).toMatchObject({ profile: null, recovery_policy: null });
});

test('times are told to 0.01 ms, and nothing is judged before the first poll', () => {
  const stats: TubeStats = {
    bytesSent: 0,
    bytesReceived: 0,
    loss: { ratio: 0, toPeer: 0, fromPeer: 0, jitterMs: 0.123_456 },
    rttMs: 1.929_456_000_000_073,
    bufferedBytes: 0,
    messagesSent: 0,
    messagesReceived: 0,
    selectedPair: null,
    generations: [],
    quality: { verdict: null, scores: [], samples: [], limits: defaultSettings },
  };
  expect(statsToWire(stats)).toMatchObject({
    rtt_ms: 1.93,
    jitter_ms: 0.12,
    quality: { score: null, verdict: null, scores: [], loss_rates: [], rtts_ms: [] },
  });
});
