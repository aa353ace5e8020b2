// The charts of the console go where the stream says that the actors went, and nowhere else.
import { describe, expect, test } from '@jest/globals';
import type { InspectMessage } from '../../src/operator/inspection.types.js';
import { LiveCharts, pathOf } from '../../src/console/store/live-charts.js';

const base = { rootId: 'x:1', createdAt: '1700000000000', _version: '0.7.2' };

const actor = (sessionId: string, name: string, value: unknown): InspectMessage => ({
  ...base,
  type: '@xstate.actor',
  sessionId,
  name,
  definition: '{}',
  snapshot: { status: 'active', value },
});

const moved = (
  sessionId: string,
  event: string,
  value: unknown,
  transitions: string[] = [],
  status = 'active',
): InspectMessage => ({
  ...base,
  type: '@xstate.snapshot',
  sessionId,
  event: { type: event },
  snapshot: { status, value },
  transitions,
});

describe('live charts', () => {
  test('mark a state with all that it is inside of, and the transition that led there', () => {
    const charts = new LiveCharts();
    charts.apply([actor('x:1', 'tube', 'connected')]);
    expect(
      charts.apply([
        moved('x:1', 'keepalive.lost', { degraded: { restarting: 'doubtful' } }, ['tube.connected:keepalive.lost:0']),
      ]),
    ).toBe(true);
    const tube = charts.actors.get('tube');
    expect([...(tube?.active ?? [])]).toEqual([
      'tube',
      'tube.degraded',
      'tube.degraded.restarting',
      'tube.degraded.restarting.doubtful',
    ]);
    expect([...(tube?.last ?? [])]).toEqual(['tube.connected:keepalive.lost:0']);
    expect(tube?.event).toBe('keepalive.lost');
  });

  test('are left alone by what moves nothing: pongs do not blot out the last transition', () => {
    const charts = new LiveCharts();
    charts.apply([actor('x:1', 'tube', 'connecting'), moved('x:1', 'transport.up', 'connected', ['t'])]);
    expect(charts.apply([moved('x:1', 'transport.pong', 'connected', ['pong'])])).toBe(false);
    expect([...(charts.actors.get('tube')?.last ?? [])]).toEqual(['t']);
  });

  test('follow the newest actor of a chart, and say when it has ended', () => {
    const charts = new LiveCharts();
    charts.apply([actor('x:2', 'restart', 'deciding'), actor('x:9', 'restart', 'resting')]);
    expect(charts.apply([moved('x:2', 'restart.trigger', 'backoff')])).toBe(false);
    expect(charts.apply([moved('x:9', 'xstate.stop', 'resting', [], 'stopped')])).toBe(true);
    expect(charts.actors.get('restart')).toMatchObject({ sessionId: 'x:9', isStopped: true });
  });

  test('keep a trail of the tube, with delays in words, bounded', () => {
    const charts = new LiveCharts();
    charts.apply([actor('x:1', 'tube', 'connecting')]);
    for (let n = 0; n < 60; n += 1)
      charts.apply([
        moved('x:1', 'xstate.after.incidentReset.tube.connected', n % 2 === 0 ? 'connected' : { degraded: 'doubted' }),
      ]);
    expect(charts.trail).toHaveLength(40);
    expect(charts.trail.at(-1)).toEqual({
      atMs: 1_700_000_000_000,
      path: 'degraded › doubted',
      event: 'after incidentReset',
    });
  });

  test('know nothing of transports and of what is not theirs', () => {
    const charts = new LiveCharts();
    expect(charts.apply([actor('x:3', 'transport.1', undefined), moved('x:7', 'any', 'state')])).toBe(false);
    expect(charts.actors.size).toBe(0);
  });
});

test('a path names the innermost states, one of each region', () => {
  expect(pathOf(new Set(['h', 'h.polling', 'h.polling.resting', 'h.activity', 'h.activity.active']))).toBe(
    'polling › resting, activity › active',
  );
  expect(pathOf(new Set(['tube', 'tube.degraded', 'tube.degraded.doubted']))).toBe('degraded › doubted');
  expect(pathOf(new Set())).toBe('');
});
