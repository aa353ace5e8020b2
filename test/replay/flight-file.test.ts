// Files that come back from the world: one clear sentence for each that cannot be played, and nothing of a tube's secrets in one that is written.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { FlightFileError, parseFlight, readFlight, type FlightFile } from '../../src/replay/flight-file.js';
import { settingsToWire } from '../../src/config/tube-settings.js';
import { replayFile } from '../../src/replay/replay-flight.js';
import { RecordedTube } from './recorded-tube.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-flight-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sound(): FlightFile {
  const tube = RecordedTube.connected();
  tube.advance(10_003);
  tube.restart();
  tube.complete();
  const { settings, ...flight } = tube.exported();
  return { ...flight, settings: settingsToWire(settings) };
}

const write = (content: string): string => {
  const path = join(folder, `${String(Math.random()).slice(2)}.json`);
  writeFileSync(path, content);
  return path;
};

function problemOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof FlightFileError) return error.message;
    throw error;
  }
  return 'none';
}

test('a sound one is read from a file and played', () => {
  expect(replayFile(write(JSON.stringify(sound()))).agrees).toBe(true);
});

describe('an error of one line', () => {
  const file = sound();
  const first = file.inputs[0];
  const bad: [string, unknown, RegExp][] = [
    ['something else', { some: 'json' }, /^not a flight file: its format is not holdfast-flight$/],
    ['a list', [], /not a flight file/],
    ['null', null, /not a flight file/],
    ['another version', { ...file, version: 3 }, /^version 3 of the format: this program reads 1 and 2$/],
    ['an unknown key', { ...file, extra: 1 }, /Unrecognized key: "extra"/],
    ['an unknown input', { ...file, inputs: [first, { event: 'tube.explode', at_ms: 1 }] }, /inputs 1 event/],
    ['an unknown field of an input', { ...file, inputs: [{ ...first, sdp: 'v=0' }] }, /Unrecognized key: "sdp"/],
    ['no start', { ...file, inputs: file.inputs.slice(1) }, /inputs must begin with a start/],
    ['an unknown entry', { ...file, entries: [{ ...file.entries[0], kind: 'party' }] }, /entries 0 kind/],
    ['settings out of range', { ...file, settings: { ...file.settings, ping_interval_ms: -1 } }, /ping_interval_ms/],
    ['a setting too few', { ...file, settings: { trickle_ice: true } }, /; and \d+ more$/],
    ['no time', { ...file, inputs: [{ ...first, at_ms: 'noon' }] }, /at_ms/],
    ['too many inputs', { ...file, inputs: Array.from({ length: 20_001 }, () => first) }, /inputs/],
  ];

  test.each(bad)('%s', (_, content, problem) => {
    const said = problemOf(() => parseFlight(content));
    expect(said).toMatch(problem);
    expect(said).not.toContain('\n');
    expect(said.length).toBeLessThan(900);
  });

  test('no JSON, no file, a folder, a file without end', () => {
    expect(problemOf(() => readFlight(write('{"format":')))).toBe('not JSON');
    expect(problemOf(() => readFlight(join(folder, 'nothing')))).toMatch(/^cannot be read: ENOENT/);
    expect(problemOf(() => readFlight(folder))).toMatch(/^cannot be read: EISDIR/);
    expect(problemOf(() => readFlight(write(' '.repeat(16 * 1024 * 1024 + 1))))).toMatch(/^larger than/);
  });

  test('a file that lies about its counts and times keeps nobody busy', () => {
    const traffic = { count: 1e12, first_ms: 0, last_ms: 8e15 };
    const inputs = [
      first,
      { event: 'traffic', at_ms: 0, last_at_ms: 8e15, generation: 1, data_sent: traffic, failed_operations: traffic },
      { event: 'tube.peerReplaced', at_ms: 0, count: 1e12, last_at_ms: 8e15 },
    ];
    const startedMs = performance.now();
    expect(problemOf(() => replayFile(write(JSON.stringify({ ...file, inputs }))))).toMatch(/longer than/);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
