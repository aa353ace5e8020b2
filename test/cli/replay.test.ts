// holdfast replay, in this process: what it prints, what it draws, and how it ends.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { run } from './run.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const flight = fileURLToPath(new URL('../replay/flights/black-hole.json', import.meta.url));
const changed = fileURLToPath(new URL('../replay/changed/before-the-backoff-went-by-failures.json', import.meta.url));

test('prints the path, the incidents and that it agrees', async () => {
  const { code, out, err } = await run(['replay', flight]);
  expect([code, err]).toEqual([0, '']);
  for (const text of [
    'degraded.restarting.doubtful   <- keepalive.lost',
    'decides: do',
    'incident 1: missed_pings, recovered',
  ])
    expect(out).toContain(text);
  expect(out).toMatch(/\nagrees with what was recorded: \d+ changes/);
});

test('ends with 1 and names what is different when the charts have changed', async () => {
  const { code, out } = await run(['replay', changed]);
  expect(code).toBe(1);
  expect(out).toMatch(/\ndiverges from what was recorded[^]*met, not recorded: attempt 3 for missed_pings/);
});

test('draws an SVG, and prints JSON for programs', async () => {
  const svg = join(folder, 'a.svg');
  const { code, json } = await run(['replay', flight, '--svg', svg, '--json']);
  expect(code).toBe(0);
  expect(json()).toMatchObject({ agrees: true, divergences: [], incidents: [{ trigger: 'missed_pings' }] });
  expect(readFileSync(svg, 'utf8')).toMatch(/^<svg [^]*<\/svg>\n$/);
});

test('one line for a file that cannot be played, or written, and for wrong use', async () => {
  const bad = join(folder, 'bad.json');
  writeFileSync(bad, '{"format":"holdfast-flight","version":7}');
  const cases: [string[], RegExp][] = [
    [[bad], /bad\.json: version 7 of the format: this program reads 1/],
    [[join(folder, 'none.json')], /none\.json: cannot be read: ENOENT/],
    [[flight, '--svg', join(folder, 'no', 'such.svg')], /such\.svg cannot be written/],
    [[], /give either a flight file or --tube ID/],
    [[flight, '--save', join(folder, 'again.json')], /--save keeps the flight of --tube ID/],
    [[flight, '--tube', 'abcd'], /give either a flight file or --tube ID/],
  ];
  for (const [args, message] of cases) {
    const { code, err } = await run(['replay', ...args]);
    expect([args, code]).toEqual([args, 64]);
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  }
});
