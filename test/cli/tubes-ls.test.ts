// `tubes ls` of a service that says how each tube goes, and of one that is older; its clock is not ours.
import { afterEach, expect, test } from '@jest/globals';
import type { TubeRow } from '../../src/operator/operator.types.js';
import { fakeService, type Answers, type FakeService } from './fake-service.js';
import { run } from './run.js';

/** The service's clock is a quarter of an hour ahead. */
const nowMs = Date.now() + 900_000;

const ids = ['a', 'b', 'c'].map((digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`);
const incident = { started_at_ms: nowMs - 70_000, trigger: 'interface_change', attempts: 4 };

/** As the review found it: a connected tube whose incident is not forgotten yet, and failed ones without any. */
const listed = ids.map((tube_id, at) => ({
  tube_id,
  conversation_id: `room-${String(at)}`,
  state: ['connected', 'degraded', 'failed'][at],
  transport_state: 'connected',
  generation: 2,
  active_generation: 2,
  peer_kind: 'overlap',
  incident: at === 0 ? incident : null,
  created_at_ms: nowMs - 600_000,
  last_activity_at_ms: nowMs - 5000,
}));

const row = (at: number, more: Partial<TubeRow>): object => ({
  tube_id: ids[at],
  conversation_id: `room-${String(at)}`,
  state: listed[at]?.state,
  generation: 2,
  incident: null,
  next: null,
  ...more,
});

const rows = [
  row(0, { since_ms: nowMs - 50_000, reason: 'interface_change' }),
  row(1, {
    since_ms: nowMs - 18_000,
    reason: 'missed_pings',
    incident: { started_at_ms: nowMs - 20_000, trigger: 'missed_pings', attempts: 2 },
    next: { what: 'wait_for_peer', at_ms: null },
  }),
  row(2, { since_ms: nowMs - 30_000, reason: 'restart_exhausted', next: { what: 'close', at_ms: nowMs + 90_500 } }),
];

const older: Answers = { list_tubes: () => ({ tubes: listed, next_cursor: null }) };
const batch = { at_ms: nowMs, begins: false, complete: false, changed: [], gone: [] };
const newer: Answers = {
  ...older,
  watch_tubes: (_fields, after) => {
    after((socket) => {
      socket.emit('tubes', { ...batch, begins: true, changed: rows.slice(0, 1) });
      socket.emit('tubes', { ...batch, complete: true, changed: rows.slice(1) });
    });
    return { total: 3 };
  },
  unwatch_tubes: () => ({}),
};

let service: FakeService | null = null;
const end = async (): Promise<void> => {
  await service?.close();
  service = null;
};
afterEach(end);

async function ls(answers: Answers, ...argv: string[]) {
  await end();
  service = await fakeService(answers);
  return run(['tubes', 'ls', ...argv], { env: { HOLDFAST_URL: service.url, HOLDFAST_TOKEN: 'x' } });
}

const cells = (out: string): string[][] =>
  out
    .split('\n')
    .slice(1)
    .map((line) => line.trimEnd().split(/ {2,}/));

test('says since when each tube is in its state, why, and what comes next', async () => {
  const { code, out, err } = await ls(newer);
  expect([code, err]).toEqual([0, '3 tubes: 1 connected, 1 degraded, 1 failed']);
  expect(out.split('\n')[0]?.split(/ +/)).toEqual('TUBE CONVERSATION STATE FOR GEN AGE ACTIVE DOING'.split(' '));
  // The time that the test takes does not matter: lengths count from the last batch.
  expect(cells(out)).toEqual([
    [ids[0], 'room-0', 'connected', '50s', '2', '10m00', '5s ago'],
    [
      ids[1],
      'room-1',
      'degraded',
      '18s',
      '2',
      '10m00',
      '5s ago',
      'pings unanswered, attempts 2, waits for the peer to be back',
    ],
    [
      ids[2],
      'room-2',
      'failed',
      '30s',
      '2',
      '10m00',
      '5s ago',
      expect.stringMatching(/^all attempts are used up, is closed in 1 min 30 s$/),
    ],
  ]);
  expect(service?.calls).toEqual(['list_tubes', 'watch_tubes', 'unwatch_tubes']);
});

test('has for programs what list_tubes tells, and the row', async () => {
  const { json } = await ls(newer, '--json');
  expect(json()).toEqual(listed.map((tube, at) => ({ ...tube, row: rows[at] })));
});

test('leaves out what ended or left the filter while it was reading', async () => {
  const answers = {
    ...newer,
    list_tubes: () => ({ tubes: [...listed, { ...listed[0], tube_id: 'gone' }], next_cursor: null }),
  };
  const { json } = await ls(answers, '--state', 'failed', '--json');
  expect(json()).toMatchObject([{ tube_id: ids[2] }]);
});

test('of an older service has the incidents of the list', async () => {
  const { code, out } = await ls({ list_tubes: () => ({ tubes: listed.slice(0, 1), next_cursor: null }) });
  expect(code).toBe(0);
  expect(out).toContain('network interface changed, attempts 4');
});

test('does not wait for ever for a connection that is lost meanwhile', async () => {
  const lost: Answers = {
    ...newer,
    watch_tubes: (_fields, after) => {
      after((socket) => socket.conn.close());
      return { total: 3 };
    },
  };
  const { code, err } = await ls(lost);
  expect([code, err]).toEqual([69, expect.stringMatching(/closed the connection; try again/)]);
});

test('refuses the state that no tube of the list is ever in, and says where those are', async () => {
  for (const argv of [
    ['--state', 'closed'],
    ['--state=closed', '--json'],
  ]) {
    const { code, err } = await ls(newer, ...argv);
    expect([code, err]).toEqual([64, expect.stringContaining('holdfast tubes ls --closed')]);
    expect(service?.calls).toEqual([]);
  }
  expect((await run(['tubes', 'watch', '--state', 'closed', '--token', 'x'])).err).toContain('tubes ls --closed');
});
