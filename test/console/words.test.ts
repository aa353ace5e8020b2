// What people on call read: every code has words, times read well, and verdicts follow from the figures.
import { describe, expect, test } from '@jest/globals';
import type { FlightEntry } from '../../src/operator/flight.types.js';
import { incidentOutcomes, phases, type Incident } from '../../src/operator/incident.types.js';
import type { TrendMinute } from '../../src/operator/operator.types.js';
import { restartTriggers } from '../../machines/policies/recovery.js';
import { closeReasons } from '../../machines/failure.js';
import { blame, blameOf, costOf, trendOf } from '../../src/console/judgement.js';
import { entrySentence, entryTone } from '../../src/console/entry-words.js';
import { bytes, cost, duration, percent, roundTrip } from '../../src/console/format.js';
import { nextSentence, nextWords, noIncidentWords, outcomeTones } from '../../src/console/words.js';
import {
  evidenceSentences,
  forgottenWords,
  outcomeWords,
  phaseWords,
  reasonWords,
  triggerWords,
} from '../../src/operator/words.js';
import { routeOf } from '../../src/console/route.js';
import { fakeIncidents, fakeNodeView, fakeRow } from '../support/fake-rows.js';
import { Random } from '../support/random.js';

const nowMs = Date.UTC(2026, 0, 1);
const units = { length: cost, percent };
const row = fakeRow(1, new Random(1), nowMs, 'degraded');
const counts = { initializing: 0, connecting: 0, connected: 9, degraded: 1, failed: 0, closed: 0 };

describe('every code', () => {
  test.each(restartTriggers)('the trigger %s has words of its own', (trigger) => {
    expect(triggerWords(trigger)).not.toBe(trigger.replaceAll('_', ' '));
  });

  test.each(closeReasons)('the close reason %s has words of its own', (reason) => {
    expect(reasonWords(reason)).not.toBe(reason);
  });

  test.each(phases)('the phase %s has a name', (phase) => {
    expect(phaseWords[phase].name.length).toBeGreaterThan(3);
  });

  test.each(incidentOutcomes)('the outcome %s has a name and a tone', (outcome) => {
    expect(outcomeWords(outcome).length).toBeGreaterThan(3);
    expect(outcomeTones[outcome]).toMatch(/^[a-z]+$/);
  });

  test('one of a newer service is shown as it is', () => {
    expect(triggerWords('solar_flare')).toBe('solar flare');
    expect(nextWords({ what: 'sing_a_song' as 'attempt', at_ms: null }, nowMs)).toBe('sing a song');
    const entry = { at_ms: 0, seq: 1, generation: 1, kind: 'solar_flare' } as unknown as FlightEntry;
    expect(entrySentence(entry)).toBe('solar_flare');
  });
});

test.each([
  [duration, 59_999, '59 s'],
  [duration, 185_000, '3 min 05 s'],
  [duration, 3_720_000, '1 h 02 min'],
  [duration, 97 * 3_600_000, '4 d 1 h'],
  [duration, -5, '0 s'],
  [cost, 38, '38 ms'],
  [cost, 1850, '1.85 s'],
  [cost, 12_340, '12.3 s'],
  [cost, 90_000, '1 min 30 s'],
  [percent, 0, '0 %'],
  [percent, 0.0567, '5.7 %'],
  [percent, 0.5, '50 %'],
  [percent, null, '–'],
  [roundTrip, 0.42, '0.4 ms'],
  [roundTrip, 123.4, '123 ms'],
  [bytes, 999, '999 B'],
  [bytes, 7400, '7.4 kB'],
  [bytes, 612_000_000, '612 MB'],
] as const)('%p writes %p as %p', (write, value, text) => {
  expect((write as (value: number | null) => string)(value)).toBe(text);
});

describe('what comes next', () => {
  test.each([
    [{ what: 'attempt', at_ms: nowMs + 4200 }, 'next attempt in 4 s'],
    [{ what: 'attempt', at_ms: nowMs - 50 }, 'next attempt now'],
    [{ what: 'answer_timeout', at_ms: nowMs + 12_000 }, 'waits 12 s more for the answer, then gives up on it'],
    [{ what: 'answer_timeout', at_ms: nowMs + 300 }, 'gives up on the answer now'],
    [{ what: 'answer_timeout', at_ms: null }, 'waits for the answer, then gives up on it'],
    [{ what: 'wait_for_peer', at_ms: null }, 'waits for the peer to be back'],
    [
      { what: 'wait_for_controller', at_ms: nowMs + 90_000 },
      'waits 1 min 30 s more for a controller, then restarts without one',
    ],
    [{ what: 'close', at_ms: nowMs + 110_000 }, 'is closed in 1 min 50 s'],
  ] as const)('%p is told as %p', (next, text) => {
    expect(nextWords(next, nowMs)).toBe(text);
  });

  test('is told of a tube that is well, too', () => {
    expect(nextSentence({ ...row, state: 'connected', next: null, incident: null }, nowMs)).toBe('nothing: it is well');
  });
});

test.each([
  ['connecting', 'described', 'None: it has not been connected yet.'],
  ['failed', 'connect_timeout', 'None: it has never been connected.'],
  ['closed', 'connect_timeout', 'None: it has never been connected.'],
  ['closed', 'peer_closed', 'There was none.'],
  ['connected', 'a path works', 'None. The path has been sound since the tube was connected.'],
] as const)('of a tube that is %s (%s) and had no incident is said: %s', (state, reason, said) => {
  expect(noIncidentWords({ state, reason })).toBe(said);
});

describe('us or them', () => {
  const node = fakeNodeView(counts, nowMs);
  const nothing = { triggers: {}, routes: {}, sides: { us: 0, them: 0, unclear: 0 } };
  const withSides = (us: number, them: number, unclear: number, more: Partial<typeof node.blame> = {}) =>
    blame({ ...node, blame: { ...nothing, ...more, sides: { us, them, unclear } } });

  test('is nobody while nothing is down, whoever most tubes point at, and open when nothing is known', () => {
    expect(withSides(0, 0, 0).headline).toBe('Nobody’s fault');
    expect(withSides(1, 5, 0).headline).toBe('It looks like them');
    expect(withSides(7, 5, 0, { routes: { none: 4, moved: 3, same: 5 } })).toMatchObject({
      headline: 'It looks like us',
      detail: '7 of 12 tubes down: this host’s own way to the peer is gone or has moved.',
    });
    expect(withSides(3, 0, 0, { triggers: { service_restart: 3 } })).toMatchObject({
      headline: 'It looks like us',
      detail: '3 of 3 tubes down: the service was restarted.',
    });
    expect(withSides(0, 1, 4).headline).toBe('Not clear whose fault');
  });

  test('is never green while a tube is down', () => {
    expect(withSides(0, 0, 1)).toMatchObject({
      headline: 'Not clear whose fault',
      detail: '1 tube down: nothing tells.',
      tone: 'doubt',
    });
  });

  test('is us in a storm, whatever the routes say', () => {
    expect(blame({ ...node, storm: { active: true, since_ms: nowMs, held: 40 } })).toMatchObject({
      headline: 'It looks like us',
      tone: 'bad',
    });
  });

  test('is said of one incident by its evidence; one tube of one is no storm', () => {
    const [incident] = fakeIncidents(row, nowMs) as [Incident];
    const evidence = { ...incident.evidence, route: 'unknown', suspect_share: 1 } as NonNullable<Incident['evidence']>;
    const by = (more: Partial<typeof evidence>) =>
      blameOf({ trigger: more.trigger ?? 'missed_pings', evidence: { ...evidence, ...more } });
    expect(by({}).headline).toBe('Not clear');
    expect(by({ held: true }).headline).toBe('Rather us');
    const unfollowed = { ...evidence, trigger: 'service_restart', held: true, suspect_share: 0 } as const;
    expect(by(unfollowed).detail).toMatch(/no controller followed/);
    expect(by({ trigger: 'service_restart', route: 'same' })).toMatchObject({
      headline: 'Us',
      detail: 'the service was restarted.',
    });
    expect(evidenceSentences(unfollowed, units).join()).not.toMatch(/suspect/);
    expect(by({ route: 'moved' }).headline).toBe('Rather us');
    expect(by({ peer_signalling: 'offline' }).headline).toBe('Rather them');
    expect(evidenceSentences(evidence, units)).toContain('3 pings in a row unanswered');
  });
});

describe('is it getting worse', () => {
  /** Of a node that was started when the first of them began; what was before is told as minutes of nothing. */
  const node = (started: readonly number[], lost: readonly number[]) => {
    const known = Math.max(started.length, lost.length);
    return { started_at_ms: nowMs + (60 - known) * 60_000 + 5, trend: minutes(started, lost) };
  };
  const minutes = (started: readonly number[], lost: readonly number[]): TrendMinute[] =>
    Array.from({ length: 60 }, (_, place) => ({
      at_ms: nowMs + place * 60_000,
      started: started.at(place - 60) ?? 0,
      recovered: started.at(place - 60) ?? 0,
      lost: lost.at(place - 60) ?? 0,
      outage_median_ms: null,
      outage_worst_ms: null,
    }));
  const flat = (value: number, length: number): number[] => Array.from({ length }, () => value);

  test.each([
    ['Quiet', flat(0, 60), []],
    ['About as before', flat(2, 60), []],
    ['Getting worse', [...flat(1, 50), ...flat(4, 10)], []],
    ['Getting better', [...flat(4, 50), ...flat(0, 10)], []],
    ['About as before', [...flat(0, 58), 1, 1], []],
    ['About as before', flat(0, 60), [1]],
    ['Too early to say', flat(5, 3), []],
    ['Too early to say', [...flat(1, 9), ...flat(4, 10)], []],
    ['Too early to say', flat(0, 5), [1]],
    ['Quiet', flat(0, 5), []],
    ['Getting worse', [...flat(1, 10), ...flat(4, 10)], []],
    ['Getting worse', flat(0, 60), flat(50, 10)],
    ['Getting worse', [...flat(4, 50), ...flat(0, 10)], flat(50, 10)],
    ['Getting worse', flat(5, 12), [20, 17]],
    ['About as before', [...flat(4, 50), ...flat(0, 10)], [2]],
    ['About as before', flat(0, 60), flat(2, 60)],
    ['Getting better', flat(0, 60), [...flat(4, 50), ...flat(1, 10)]],
  ])('%s: %j began, %j lost', (headline, started, lost) => {
    expect(trendOf(node(started, lost)).headline).toBe(headline);
  });

  test('is told in figures, of what was lost as well', () => {
    expect(trendOf(node(flat(0, 60), flat(50, 10)))).toEqual({
      headline: 'Getting worse',
      detail:
        '0 incidents in the last 10 min, against 0 in as long before; 500 tubes lost, against 0 in as long before.',
      tone: 'bad',
    });
  });
});

test('what a recovery cost is one sentence, with where the time went', () => {
  const [, past] = fakeIncidents({ ...row, recovered: 3 }, nowMs) as [Incident, Incident];
  expect(costOf(past)).toBe('2.59 s without a path, 1 attempt; most of it noticing (2.41 s)');
  expect(costOf({ ...past, outage_ms: 0, phases: {} })).toBe('no outage, 1 attempt');
  expect(costOf({ ...past, outage_ms: null, attempts: 2 })).toBe('2 attempts; the outage is not known');
});

test('entries that came several times in a row say so', () => {
  const entry: FlightEntry = { at_ms: 0, seq: 1, generation: 2, kind: 'ping_missed', count: 3 };
  expect(entrySentence(entry)).toBe('A ping was not answered. (3 times)');
  expect(entryTone(entry)).toBe('doubt');
});

test.each([
  ['', { page: 'tubes' }],
  ['#/tubes', { page: 'tubes' }],
  ['#/tubes/a%2Fb', { page: 'tube', tubeId: 'a/b' }],
  ['#/tubes/%zz', { page: 'tube', tubeId: '%zz' }],
  ['#/node', { page: 'node' }],
  ['#/try', { page: 'try' }],
  ['#/closed', { page: 'closed' }],
  ['#token=abc', { page: 'tubes' }],
  ['#/nowhere', { page: 'tubes' }],
])('the address %p leads to %p', (hash, route) => {
  expect(routeOf(hash)).toEqual(route);
});

test.each([
  [[3, 2, 1], 3, null],
  [[], 0, null],
  [[3, 2], 3, '1 earlier incident is not kept any more.'],
  [[15, 14, 6], 15, '5 earlier incidents are not kept any more.'],
  [[], 4, '4 earlier incidents are not kept any more.'],
])('of incidents %j of %d is said: %s', (numbers, count, said) => {
  expect(
    forgottenWords(
      numbers.map((number) => ({ number })),
      count,
    ),
  ).toBe(said);
});
