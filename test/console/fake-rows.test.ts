// The console is tested with rows of tubes that do not exist: they have to be like those that the service sends.
import { describe, expect, test } from '@jest/globals';
import type { TubeRow } from '../../src/operator/operator.types.js';
import { fakeIncidents, fakeRows } from '../support/fake-rows.js';

const nowMs = Date.UTC(2026, 0, 1);
const rows = fakeRows(4000, 1, nowMs);
const of = (state: TubeRow['state']): TubeRow[] => rows.filter((row) => row.state === state);
const none = { pair: null, rtt_ms: null, loss: null, score: null };

describe('rows of the tests', () => {
  test('that failed have no incident and no path any more, and are closed in a while', () => {
    expect(of('failed').length).toBeGreaterThan(10);
    for (const row of of('failed')) {
      expect(row).toMatchObject({ ...none, incident: null, next: { what: 'close', at_ms: row.since_ms + 120_000 } });
      expect(fakeIncidents(row, nowMs)[0]?.outcome).toBe(row.incidents > 0 ? 'failed' : undefined);
    }
    expect(new Set(of('failed').map(({ reason }) => reason))).toEqual(
      new Set(['restart_exhausted', 'connect_timeout']),
    );
  });

  test('that are degraded have an incident, and some a path still', () => {
    for (const row of of('degraded')) {
      expect(row.incident?.trigger).toBe(row.reason);
      expect(row.incidents).toBe(row.recovered + 1);
    }
    expect(new Set(of('degraded').map(({ pair }) => pair === null))).toEqual(new Set([true, false]));
    const steps = of('degraded').map(({ next }) => next?.what);
    expect(new Set(steps)).toEqual(new Set(['attempt', 'answer_timeout', 'wait_for_peer', 'wait_for_network']));
  });

  test('that connect have nothing yet, and those that have just connected no score', () => {
    for (const row of of('connecting'))
      expect(row).toMatchObject({ ...none, incident: null, generation: 1, next: { what: 'connect_timeout' } });
    for (const row of of('connected')) expect(row).toMatchObject({ incident: null, next: null });
    expect(new Set(of('connected').map(({ score }) => score === null))).toEqual(new Set([true, false]));
  });

  test('are not of the future, and what they wait for is', () => {
    for (const { since_ms: sinceMs, created_at_ms: createdAtMs, next } of rows) {
      expect(createdAtMs).toBeLessThanOrEqual(sinceMs);
      expect(sinceMs).toBeLessThanOrEqual(nowMs);
      expect(next?.at_ms ?? nowMs).toBeGreaterThanOrEqual(nowMs);
    }
  });
});
