/** What a stranger meets: the banner with its token and example, the demo, and the exit codes of a wrong start. */
import { describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describeWith } from '../support/require.js';
import { until } from '../support/until.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; text: () => string; ended: Promise<number | null> } {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = once(child, 'exit').then(([code]: unknown[]) => code as number | null);
  return { child, text: () => text, ended };
}

describe('a first run', () => {
  it('prints a token, a console link and an example that works as it is printed', async () => {
    const service = run(['dist/src/main.js', '--port', '0', '--drain-delay-ms', '0', '--log-level', 'warn']);
    await until(() => service.text().includes('trickle_ice: true'), 15_000);
    const banner = service.text();
    const [, url, token] = /console +(http:\/\/127\.0\.0\.1:\d+)\/console\/#token=(\S+)/.exec(banner) ?? [];
    expect((await fetch(`${String(url)}/readyz`)).status).toBe(200);
    expect(token).toMatch(/^[\w-]{32}$/);
    const example = banner
      .split('\n')
      .filter((line) => /^ {2}(import|const|control|console\.)/.test(line))
      .map((line) => line.trim())
      .join('\n');
    const folder = await mkdtemp(`${root}dist/first-run-`);
    try {
      await writeFile(`${folder}/example.mjs`, example);
      const printed = run([`${folder}/example.mjs`]);
      await until(() => printed.text().includes('connection_state_changed'), 10_000);
      expect(printed.text()).toMatch(/ok: true/);
      expect(printed.text()).toMatch(/peer_token/);
      printed.child.kill();
      await printed.ended;
    } finally {
      await rm(folder, { recursive: true });
    }
    service.child.kill('SIGTERM');
    expect(await service.ended).toBe(0);
  }, 40_000);

  it('refuses a wrong configuration with all that is wrong, and exit code 78', async () => {
    const { ended, text } = run(['dist/src/main.js', '--prot', '1', '--answer-timeout-ms', 'soon'], {
      HOLDFAST_PROFILE: 'fast',
    });
    expect(await ended).toBe(78);
    expect(text()).toMatch(/3 problem/);
    expect(text()).toMatch(/--prot.*--port/);
    expect(text()).toMatch(/answerTimeoutMs/);
    expect(text()).toMatch(/HOLDFAST_PROFILE/);
  });

  it('does not listen beyond loopback without a token', async () => {
    const { ended, text } = run(['dist/src/main.js', '--port', '0', '--host', '0.0.0.0']);
    expect(await ended).toBe(78);
    expect(text()).toMatch(/controlTokens/);
  });

  it('says that a port is taken, and exits with 69', async () => {
    const first = run(['dist/src/main.js', '--port', '0', '--drain-delay-ms', '0']);
    await until(() => /listens on/.test(first.text()), 15_000);
    const port = /listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(first.text())?.[1];
    const second = run(['dist/src/main.js', '--port', String(port), '--drain-delay-ms', '0']);
    expect(await second.ended).toBe(69);
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
  }, 30_000);

  it('shows the demo: a path is cut, the tube recovers, nothing is lost', async () => {
    const demo = run(['dist/src/demo/main.js']);
    expect([await demo.ended, demo.text()]).toEqual([0, expect.stringMatching(/lost 0, out of order 0/)]);
    expect(demo.text()).toMatch(/CUT[^]*degraded[^]*offers generation 2[^]*recovered after 1 attempt/);
  }, 60_000);
});

describeWith('promtool', 'the metrics of a running service', () => {
  it('pass promtool check metrics', async () => {
    const service = run(['dist/src/main.js', '--port', '0', '--drain-delay-ms', '0', '--log-level', 'warn']);
    await until(() => /metrics +http/.test(service.text()), 15_000);
    const url = /metrics +(\S+)/.exec(service.text())?.[1];
    const body = await (await fetch(String(url))).text();
    const promtool = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [promtool.stdout, promtool.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    promtool.stdin.end(body);
    const [code] = (await once(promtool, 'exit')) as [number];
    expect([code, said]).toEqual([0, '']);
    expect(body).toMatch(/^holdfast_tubes\{state="connected"\} 0$/m);
    service.child.kill('SIGTERM');
    expect(await service.ended).toBe(0);
  }, 30_000);
});
