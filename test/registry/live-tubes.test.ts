// Who is let in: a bad offer and a limit are refused before anything is opened; limits that change are logged.
import { expect, test } from '@jest/globals';
import type { TubeSettings } from '../../machines/settings.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import { ResourceLimits } from '../../src/config/limits.js';
import { loadConfig } from '../../src/config/load.js';
import { LiveTubes } from '../../src/live-tubes.js';
import { NodeLimits } from '../../src/node-limits.js';
import { FlightRecorder } from '../../src/registry/flight-recorder.js';
import type { TubeNotice } from '../../src/registry/notice.js';
import { TubeRegistry } from '../../src/registry/tube-registry.js';
import { TubeService } from '../../src/registry/tube-service.js';
import { TransportHost } from '../../src/transport/transport-host.js';
import { FakeNetwork } from '../support/fake-connection.js';
import { defaultSettings } from '../support/settings.js';
import { TestClock } from '../support/test-clock.js';
import { identity } from '../support/tube-harness.js';

function run(iceAgents = 0, isHeld = false) {
  const clock = new TestClock();
  const none = (): void => undefined;
  const host = new TransportHost({
    createConnection: new FakeNetwork().createConnection,
    connection: () => ({ iceServers: [] }),
    observer: { message: none, counted: none, dropped: none, fault: none },
  });
  const registry = new TubeRegistry({
    tubeLogic: tubeMachine,
    crashRestarts: 0,
    crashWindowMs: 1000,
    now: clock.now,
    clock,
    release: none,
    crashed: none,
    bug: none,
  });
  const notices: TubeNotice[] = [];
  registry.onNotice((notice) => notices.push(notice));
  const lines: unknown[] = [];
  const at = (level: string) => (fields: object, msg: string) => void lines.push({ level, fields, msg });
  const config = loadConfig({ argv: ['--max-concurrent-ice-agents', '5'], env: {}, readFile: () => '' });
  const inUse = () => ({ iceAgents, creates: 0 });
  const limits = new NodeLimits(new ResourceLimits(config), inUse, { info: at('info'), warn: at('warn') });
  const service = new TubeService({ registry, now: clock.now });
  const iceServers = (tubeId: string, { turnCredentialTtlMs }: TubeSettings) => [
    { urls: [`turn:${tubeId}:${turnCredentialTtlMs}`] },
  ];
  const recorder = new FlightRecorder({ maxEntries: 10, maxBytes: 10_000 });
  const tubes = new LiveTubes({
    host,
    recorder,
    flight: () => null,
    registry,
    service,
    limits,
    records: { saved: async () => undefined, release: none, isHeld: () => isHeld },
    iceServers,
    traffic: none,
  });
  return { tubes, limits, lines, notices };
}

test('a bad offer opens nothing', async () => {
  const { tubes, notices, lines } = run();
  await expect(tubes.create(identity, defaultSettings, 'v=0\r\n')).rejects.toMatchObject({ code: 'input_sdp' });
  expect([notices, lines, tubes.creates]).toEqual([[], [], 0]);
});

test('a create over a limit is one warning', async () => {
  const { tubes, notices, lines } = run(6);
  await expect(tubes.create(identity, defaultSettings, null)).rejects.toMatchObject({ code: 'limit_ice_agents' });
  const fields = { code: 'limit_ice_agents', used: 6, limit: 5 };
  expect(lines).toEqual([{ level: 'warn', fields, msg: 'a new tube was refused: a limit is reached' }]);
  expect(notices).toEqual([]);
});

test('ICE servers are made for a tube that is there', async () => {
  const { tubes } = run();
  expect(tubes.iceServers(identity.tubeId)).toEqual([]);
  tubes.create(identity, { ...defaultSettings, turnCredentialTtlMs: 7000 }, null).catch(() => undefined);
  expect(tubes.iceServers(identity.tubeId)).toEqual([{ urls: [`turn:${identity.tubeId}:7000`] }]);
  tubes.close(identity.tubeId, 'requested');
});

test('limits that change are told with what they were', () => {
  const { limits, lines } = run();
  limits.set({ max_concurrent_ice_agents: 9, max_concurrent_creates: 100, ping_interval_ms: '7s' });
  limits.set({ max_concurrent_ice_agents: 9 });
  expect(() => limits.set({ max_concurrent_ice_agents: -1 })).toThrow();
  const fields = {
    old: { max_concurrent_ice_agents: 5, ping_interval_ms: 5000 },
    new: { max_concurrent_ice_agents: 9, ping_interval_ms: 7000 },
  };
  expect(lines).toEqual([{ level: 'info', fields, msg: 'resource limits changed' }]);
});

test('a peer does not end the wait of a tube that is carried on, a controller does', async () => {
  const { tubes } = run(0, true);
  await expect(tubes.restart('tube', 'peer_request', false)).rejects.toMatchObject({ code: 'restart_in_progress' });
  await expect(tubes.restart('tube', 'manual', false)).rejects.toMatchObject({ code: 'tube_unknown' });
  await expect(run().tubes.restart('tube', 'peer_request', false)).rejects.toMatchObject({ code: 'tube_unknown' });
});
