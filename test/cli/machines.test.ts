// `machines export`: which files, where, and what is said to wrong names. What is in them is tested with src/charts.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { run } from './run.js';

test('writes a file for each chart into a folder that it makes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-machines-'));
  try {
    const out = join(folder, 'deep', 'er');
    const { code, out: printed } = await run(['machines', 'export', '--out', out]);
    expect(code).toBe(0);
    const names = ['health', 'keepalive', 'restart', 'tube'].map((name) => `${name}.machine.ts`);
    expect(readdirSync(out).sort()).toEqual(names);
    expect(printed.split('\n').sort()).toEqual(names.map((name) => join(out, name)));
    expect(readFileSync(join(out, 'tube.machine.ts'), 'utf8')).toMatch(
      /import \{ setup \} from 'xstate'[^]*createMachine/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('prints one chart, as TypeScript or JSON', async () => {
  expect((await run(['machines', 'export', 'restart'])).out).toContain('export const restartMachine = setup(');
  expect((await run(['machines', 'export', 'tube', '--format', 'json'])).json()).toMatchObject({
    id: 'tube',
    states: { connected: {} },
  });
  expect((await run(['machines', 'export', '--json'])).json()).toHaveLength(4);
});

test.each([
  [['tub'], 64, /did you mean tube\?/],
  [[], 64, /name one chart to see it \(tube, restart, keepalive, health\)/],
  [['--format', 'svg', 'tube'], 64, /--format is ts or json/],
  // Node's recursive mkdir never comes back from there.
  [['--out', '/proc/deep/er'], 69, /cannot be written \(\w+\); choose another --out/],
  [['--out', '/dev/null/charts'], 69, /cannot be written \((ENOTDIR|EEXIST)\)/],
])('machines export %j is refused with %i', async (argv, code, words) => {
  const { code: got, err } = await run(['machines', 'export', ...argv]);
  expect(got).toBe(code);
  expect(err).toMatch(words);
});
