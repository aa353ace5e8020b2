// `tubes show` and the screen of `tubes watch` where the service's clock is not ours.
import { afterEach, expect, test } from '@jest/globals';
import { ServerClock } from '../../src/cli/server-clock.js';
import { fakeService, type Answers, type FakeService } from './fake-service.js';
import { run } from './run.js';

const tube_id = 'aaaaaaaa-0000-4000-8000-000000000000';

let service: FakeService | null = null;
afterEach(async () => {
  await service?.close();
});

/** A tube in trouble, on a service whose clock is so much off. */
function answersAt(nowMs: number): Answers {
  const incident = { started_at_ms: nowMs - 12_000, trigger: 'missed_pings', attempts: 2 };
  const tube = {
    tube_id,
    conversation_id: 'room',
    state: 'degraded',
    transport_state: 'disconnected',
    generation: 2,
    active_generation: 1,
    peer_kind: 'overlap',
    trickle_ice: true,
    incident,
    channels: [],
    created_at_ms: nowMs - 600_000,
    last_activity_at_ms: nowMs - 14_000,
  };
  const next = { what: 'attempt', at_ms: nowMs + 30_200 };
  return {
    get_tube: () => ({
      ...tube,
      row: { since_ms: nowMs - 10_000, reason: 'missed_pings', incident, next, incidents: 1 },
    }),
    get_connection_stats: () => ({
      rtt_ms: null,
      packet_loss_rate: null,
      jitter_ms: null,
      quality: null,
      selected_pair: null,
      generations: [],
      bytes_sent: 0,
      bytes_received: 0,
      buffered_bytes: 0,
    }),
    get_incidents: () => ({
      incidents: [
        {
          number: 1,
          ...incident,
          ended_at_ms: null,
          outcome: 'open',
          evidence: null,
          outage_ms: null,
          phases: {},
          from_generation: 1,
          to_generation: null,
          entries: [],
        },
      ],
    }),
    get_node: () => ({ now_ms: nowMs }),
  };
}

test.each([-900_000, 900_000])(
  'lengths of time do not depend on our clock: the service is %i ms off',
  async (offMs) => {
    service = await fakeService(answersAt(Date.now() + offMs));
    const { code, out } = await run(['tubes', 'show', tube_id], {
      env: { HOLDFAST_URL: service.url, HOLDFAST_TOKEN: 'x' },
    });
    expect(code).toBe(0);
    expect(out).toMatch(/state +degraded for 10 s: /);
    expect(out).toMatch(/trouble +for 12 s: /);
    expect(out).toMatch(/next +next attempt in 30 s/);
    expect(out).toMatch(/last activity +14 s ago/);
    expect(out).toMatch(/, 10 min 00 s ago/);
    expect(out).toMatch(/Incident 1 .*, 12 s: still open/);
  },
);

test('a service that does not say what time it is there has ours', async () => {
  const answers = answersAt(Date.now());
  const { get_node: _, ...older } = answers;
  service = await fakeService(older);
  const { code, out } = await run(['tubes', 'show', tube_id], {
    env: { HOLDFAST_URL: service.url, HOLDFAST_TOKEN: 'x' },
  });
  expect([code, out]).toEqual([0, expect.stringMatching(/state +degraded for 1\d s: /)]);
});

test('the clock takes no notice of what may be travel', () => {
  const clock = new ServerClock();
  clock.learn(Date.now() - 400);
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(100);
  clock.learn(Date.now() - 60_000);
  expect(Math.abs(clock.now() + 60_000 - Date.now())).toBeLessThan(100);
});
