/**
 * The package as npm would publish it: packed, unpacked in an empty folder with nothing but its declared dependencies, and used by name from there.
 * Needs a build. Nothing is fetched: the dependencies are those of this checkout.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '../support/until.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const execute = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-package-'));
  // Without scripts: `prepack` builds anew, under the feet of other tests.
  const { stdout } = await execute('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: root,
  });
  const [packed] = JSON.parse(stdout) as [{ filename: string }];
  const home = join(folder, 'node_modules', 'holdfast');
  await mkdir(home, { recursive: true });
  await execute('tar', ['-xzf', join(folder, packed.filename), '-C', home, '--strip-components=1']);
  const { bin, dependencies } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    const place = join(folder, 'node_modules', name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(root, 'node_modules', name), place);
  }
  // As npm install does with `bin`.
  await mkdir(join(folder, 'node_modules', '.bin'));
  for (const [name, file] of Object.entries(bin)) {
    await chmod(join(home, file), 0o755);
    await symlink(join('..', 'holdfast', file), join(folder, 'node_modules', '.bin', name));
  }
  await writeFile(join(folder, 'package.json'), '{"private":true}');
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const npx = (...args: string[]) => execute('npx', ['--no-install', 'holdfast', ...args], { cwd: folder });

it('is a command with help', async () => {
  const { stdout } = await npx('--help');
  expect(stdout).toMatch(/Usage: holdfast[^]*tubes watch[^]*doctor[^]*Exit codes/);
  expect((await npx('help', 'serve')).stdout).toContain('--answer-timeout-ms');
}, 60_000);

it('prints a configuration that it accepts', async () => {
  const { stdout } = await npx('config', 'default');
  await writeFile(join(folder, 'holdfast.yaml'), stdout);
  expect((await npx('config', 'check', 'holdfast.yaml')).stdout).toContain('The configuration is right');
}, 60_000);

it('serves, with its console and peer library', async () => {
  const child = spawn('npx', ['--no-install', 'holdfast', 'serve', '--port', '0', '--drain-delay-ms', '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  try {
    await until(() => /listens on http/.test(text), 30_000, text);
    const url = /listens on (\S+)/.exec(text)?.[1] ?? '';
    for (const path of ['/readyz', '/console/', '/peer/holdfast-peer.js'])
      expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
  } finally {
    // npx and its children.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
}, 60_000);

it('has the peer library for Node', async () => {
  await writeFile(
    join(folder, 'peer.mjs'),
    `import { createPeer, shutdown } from 'holdfast/peer';\nconsole.log(typeof createPeer);\nawait shutdown();\n`,
  );
  expect((await execute(process.execPath, ['peer.mjs'], { cwd: folder })).stdout).toBe('function\n');
}, 30_000);
