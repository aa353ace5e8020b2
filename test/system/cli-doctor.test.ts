/** `holdfast doctor` as a process: real ports, a real folder that a service holds, and a real TURN server. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { command } from '../support/command-line.js';
import { describeWith } from '../support/require.js';
import { startService } from '../support/service.js';
import { startTurnServer, type TurnServer } from '../support/turn-server.js';

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly detail: string;
  readonly advice: string | null;
}

async function examine(...flags: string[]): Promise<{ code: number | null; of: (check: string) => Finding[] }> {
  const { code, out } = await command(['doctor', '--json', '--control-tokens', 'hush-hush', ...flags]);
  expect(out).not.toContain('hush');
  const { findings } = JSON.parse(out) as { findings: Finding[] };
  return { code, of: (check) => findings.filter((finding) => finding.check === check) };
}

it('finds nothing that fails on this machine, and leaves nothing behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-doctor-'));
  try {
    const { code, of } = await examine(
      '--port',
      '0',
      '--data-dir',
      join(folder, 'not', 'there'),
      '--max-concurrent-ice-agents',
      '100',
      '--max-concurrent-sockets',
      '0',
    );
    expect(code).toBe(0);
    for (const check of [
      'config',
      'access',
      'node',
      'descriptors',
      'memory',
      'clock',
      'port',
      'udp',
      'addresses',
      'store',
    ])
      expect(of(check)).not.toEqual([]);
    expect(of('store')[0]).toMatchObject({ status: 'ok', detail: expect.stringContaining('can be made') });
    expect(of('stun')).toMatchObject([{ status: 'skip' }]);
    expect(await readdir(folder)).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 30_000);

it('is a list for people, with what to do', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { code, out } = await command(['doctor', '--port', String(port)]);
  server.close();
  expect(code).toBe(69);
  expect(out).toMatch(
    new RegExp(`^FAIL {2}port: 127\\.0\\.0\\.1:${port} is taken\\n {6}→ stop what listens there`, 'm'),
  );
  expect(out).toMatch(/^ok {4}Node /m);
  expect(out).toMatch(/failures 1/);
}, 30_000);

it('knows a service of ours, and that it holds its folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-doctor-'));
  const service = await startService(['--data-dir', folder]);
  try {
    const { code, of } = await examine('--port', new URL(service.url).port, '--data-dir', folder);
    expect(of('port')).toMatchObject([{ status: 'warn', detail: expect.stringMatching(/Holdfast \d.* runs/) }]);
    expect(of('store')[0]).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining(`held by process ${String(service.process.pid)}`),
    });
    expect(code).toBe(0);
    expect(await readdir(folder)).toEqual(['tubes']);
  } finally {
    expect(await service.stop()).toBe(0);
    await rm(folder, { recursive: true });
  }
}, 40_000);

it('fails where UDP ports, addresses and folders cannot be had', async () => {
  const socket = createSocket('udp6').bind({ port: 0, address: '::', exclusive: true });
  await once(socket, 'listening');
  const { port } = socket.address();
  const { code, of } = await examine(
    '--port',
    '0',
    '--udp-port-begin',
    String(port),
    '--udp-port-end',
    String(port),
    '--data-dir',
    '/proc/nowhere',
  );
  socket.close();
  expect(code).toBe(69);
  expect(of('udp')).toMatchObject([{ status: 'fail', detail: expect.stringContaining(`ports ${port} to ${port}`) }]);
  expect(of('store')).toMatchObject([{ status: 'fail' }]);
  const elsewhere = await examine('--port', '0', '--bind-address', '192.0.2.1');
  expect(elsewhere.of('udp')).toMatchObject([{ status: 'fail', advice: expect.stringContaining('bindAddress') }]);
}, 40_000);

it('warns of a port range that is too small for the generations', async () => {
  const { of } = await examine('--port', '0', '--udp-port-begin', '40000', '--udp-port-end', '40099');
  expect(of('udp')).toMatchObject([
    { status: 'warn', detail: expect.stringContaining('100 ports for 1000 generations') },
  ]);
}, 30_000);

it('warns of what is for development only', async () => {
  const { code, of } = await examine('--port', '0', '--fault-injection', 'on');
  expect(of('access')).toMatchObject([
    { status: 'ok' },
    { status: 'warn', detail: expect.stringContaining('faultInjection') },
  ]);
  expect(code).toBe(0);
}, 20_000);

it('tells a wrong configuration, with exit code 78', async () => {
  const { code, out } = await command(['doctor', '--json', '--prot', '1']);
  expect(code).toBe(78);
  expect(JSON.parse(out)).toMatchObject({
    ok: false,
    findings: [{ check: 'config', status: 'fail', detail: expect.stringContaining('did you mean --port?') }],
  });
}, 20_000);

describeWith('coturn', 'with a real STUN and TURN server', () => {
  const secret = 'shared-with-coturn';
  let server: TurnServer;

  beforeAll(async () => {
    server = await startTurnServer({ secret });
  }, 20_000);
  afterAll(() => server?.stop());

  it('is seen by it, and gets an allocation with the credentials that tubes would have', async () => {
    const stun = server.url.replace('turn:', 'stun:');
    const { code, of } = await examine(
      '--port',
      '0',
      '--ice-servers',
      stun,
      '--turn-urls',
      server.url,
      '--turn-secret',
      secret,
    );
    expect(of('stun')).toMatchObject([{ status: 'ok', detail: expect.stringMatching(/sees us as 127\.0\.0\.1:\d+/) }]);
    expect(of('turn')).toMatchObject([
      { status: 'ok', detail: expect.stringMatching(/relays for us at 127\.0\.0\.4:\d+/) },
    ]);
    expect(code).toBe(0);
  }, 40_000);

  it('is refused with a wrong secret, and says that it is the credentials', async () => {
    const { code, of } = await examine('--port', '0', '--turn-urls', server.url, '--turn-secret', 'another');
    expect(of('turn')).toMatchObject([
      { status: 'fail', detail: expect.stringContaining('error 401'), advice: expect.stringContaining('turnSecret') },
    ]);
    expect(code).toBe(69);
  }, 60_000);

  it('gets no answer from a port where nothing listens', async () => {
    const { code, of } = await examine(
      '--port',
      '0',
      '--ice-servers',
      'stun:127.0.0.1:9',
      '--turn-urls',
      'turn:127.0.0.1:9,turn:127.0.0.1:9?transport=tcp',
      '--turn-secret',
      secret,
    );
    expect(of('stun')).toMatchObject([{ status: 'fail', detail: expect.stringContaining('does not answer') }]);
    expect(of('turn')).toMatchObject([
      { status: 'fail', detail: expect.stringContaining('does not answer') },
      { status: 'warn', detail: expect.stringMatching(/transport=tcp, which only peers use, .*ECONNREFUSED/) },
    ]);
    expect(code).toBe(69);
  }, 60_000);
});
