// Incidents with real packets, recorded in the laboratory (`npm run flights`), as tests: the charts of today do what those of that day did.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { replayFile, type Replay } from '../../src/replay/replay-flight.js';

const fileOf = (name: string): string => fileURLToPath(new URL(`./flights/${name}.json`, import.meta.url));
const restart = (replay: Replay): string[] =>
  replay.path.filter(({ machine }) => machine === 'restart').map(({ state }) => state);

test.each(readdirSync(new URL('./flights/', import.meta.url)))('%s goes as it went', (name) => {
  const replay = replayFile(fileOf(name.replace('.json', '')));
  expect(replay.divergences).toEqual([]);
  expect(replay.met).toBeGreaterThan(5);
});

describe('a path that swallows everything', () => {
  test('is noticed by three missed pings, and replaced by an attempt that begins at once', () => {
    const replay = replayFile(fileOf('black-hole'));
    expect(replay.states).toEqual(['initializing', 'connecting', 'connected', 'degraded', 'connected']);
    expect(replay.entries.filter(({ kind }) => kind === 'ping_missed')).toHaveLength(3);
    expect(restart(replay)).toEqual([
      'resting',
      'attempting.offering',
      'attempting.awaitingAnswer',
      'attempting.verifying',
      'resting',
    ]);
    expect(replay.incidents).toMatchObject([{ trigger: 'missed_pings', outcome: 'recovered', attempts: 1 }]);
  });
});

describe('a cable that is pulled', () => {
  test('is known from the host, settles, and costs no backoff', () => {
    const replay = replayFile(fileOf('ethernet-to-wifi'));
    expect(restart(replay).slice(0, 3)).toEqual(['resting', 'settling', 'attempting.offering']);
    expect(replay.incidents).toMatchObject([{ trigger: 'interface_change', evidence: { route: 'moved' } }]);
    expect(replay.incidents[0]?.outage_ms).toBeLessThan(1000);
  });

  test('five times in a row is five restarts', () => {
    const { incidents } = replayFile(fileOf('rapid-changes'));
    expect(incidents.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 5 }, () => 'recovered'));
  });
});

describe('a path that comes and goes', () => {
  test('backs off at the second relapse, and stands down when the path is back', () => {
    const replay = replayFile(fileOf('intermittent-low-latency'));
    expect(replay.incidents.map(({ outcome }) => outcome)).toEqual(['recovered', 'recovered', 'stood_down']);
    expect(restart(replay)).toContain('backoff');
  });
});

describe('processes that end', () => {
  test('a peer that comes back as another process is offered a new generation at once', () => {
    expect(replayFile(fileOf('peer-restart')).incidents).toMatchObject([
      { trigger: 'peer_request', outcome: 'recovered' },
    ]);
  });

  test('a service that was killed goes on from its records when the peer is back', () => {
    const replay = replayFile(fileOf('service-restart-kill'));
    expect(replay.start?.event).toBe('start.resumed');
    expect(restart(replay)).toContain('attempting.awaitingAnswer');
    expect(replay.states.at(-1)).toBe('connected');
  });
});
