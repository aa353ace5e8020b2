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
  test('is replaced at once each time, as long as the attempts do not fail', () => {
    const replay = replayFile(fileOf('intermittent-low-latency'));
    expect(replay.incidents.map(({ outcome }) => outcome)).toEqual(['recovered', 'recovered', 'recovered']);
    expect(restart(replay)).not.toContain('backoff');
  });

  test('before the backoff went by failures in a row the third attempt waited: that the charts have changed is named', () => {
    const path = fileURLToPath(new URL('./changed/before-the-backoff-went-by-failures.json', import.meta.url));
    const replay = replayFile(path);
    expect(replay.agrees).toBe(false);
    expect(replay.divergences.map(({ kind, what }) => `${kind}: ${what}`)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^apart: decision wait for missed_pings \(backoff\): a pause of -4\.\d s/),
        'extra: decision do for missed_pings (restart_now)',
        'extra: attempt 3 for missed_pings',
      ]),
    );
  });
});

describe('a relayed path', () => {
  test('is renewed at half of the life of its credentials, again and again', () => {
    const { incidents } = replayFile(fileOf('turn-expiry'));
    expect(incidents.length).toBeGreaterThan(2);
    expect(incidents.filter(({ trigger, outage_ms: outageMs }) => trigger !== 'turn_expiry' || outageMs !== 0)).toEqual(
      [],
    );
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
