/** SIGHUP: what counts at once, what waits for a restart, and that a mistake changes nothing. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, startService, type Service } from '../support/service.js';
import { until } from '../support/until.js';

const original = ['controlTokens: [old-token]', 'logLevel: warn', 'drainDelayMs: 0'];

describe('SIGHUP', () => {
  let folder: string;
  let file: string;
  let service: Service;

  const reload = async (lines: readonly string[], said: string): Promise<void> => {
    await writeFile(file, lines.join('\n'));
    service.process.kill('SIGHUP');
    await until(() => service.output().includes(said));
  };
  const limitsOf = async (control: Controller): Promise<unknown> =>
    (await control.ok('get_resource_limits', {}))['limits'];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-'));
    file = join(folder, 'holdfast.yaml');
    await writeFile(file, original.join('\n'));
    service = await startService(['--config', file], []);
  });
  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    await rm(folder, { recursive: true });
  });

  it('with a mistake changes nothing and says what is wrong', async () => {
    await reload(['controlTokens: [new-token]', 'logLevl: info'], 'cannot be reloaded');
    expect(service.output()).toContain('did you mean logLevel?');
    expect(service.output()).not.toContain('new-token');
    (await Controller.connect(service.url, 'old-token')).close();
    await expect(Controller.connect(service.url, 'new-token')).rejects.toThrow();
  });

  it('takes tokens, levels, ICE servers, TURN secrets and limits, and names what needs a restart', async () => {
    const before = await Controller.connect(service.url, 'old-token');
    const next = [
      'controlTokens: [new-token]',
      'logLevels: { webrtc_lifecycle: info, service: info, webrtc_native: debug }',
      'logLevel: warn',
      'drainDelayMs: 10',
      'answerTimeoutMs: 9s',
      'iceServers: ["stun:127.0.0.1:9"]',
      'turnUrls: ["turn:127.0.0.1:9", "turns:turn.example"]',
      'turnSecret: new-secret',
      'maxConcurrentCreates: 7',
    ];
    await reload(next, 'until the service is restarted');
    expect(service.output()).toMatch(/"ignored":\["drainDelayMs","answerTimeoutMs"\]/);
    const changed =
      '"changed":["controlTokens","iceServers","turnUrls","turnSecret","logLevels","maxConcurrentCreates"]';
    expect(service.output()).toContain(changed);
    await expect(Controller.connect(service.url, 'old-token')).rejects.toThrow();
    const control = await Controller.connect(service.url, 'new-token');
    expect(await limitsOf(control)).toMatchObject({ max_concurrent_creates: 7, max_concurrent_ice_agents: 1000 });
    expect(service.output()).not.toContain('tube state changed');
    // Who is connected stays.
    const created = await before.ok('create_tube', { conversation_id: 'reload', settings: {}, trickle_ice: true });
    expect(created['ice_servers']).toEqual([
      { urls: ['stun:127.0.0.1:9'] },
      {
        urls: ['turn:127.0.0.1:9', 'turns:turn.example'],
        username: expect.stringMatching(new RegExp(`^\\d+:${String(created['tube_id'])}$`)),
        credential: expect.stringMatching(/^[A-Za-z0-9+/]{27}=$/),
      },
    ]);
    expect(service.output()).toContain('["turns:turn.example"],"msg":"ICE servers for peers only');
    expect(service.output()).not.toContain('new-secret');
    await until(() => service.output().includes('tube state changed') && service.output().includes('native log'));
    expect(service.process.exitCode).toBeNull();
    before.close();
    control.close();
  });
});
