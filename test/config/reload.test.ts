// What a configuration that is read again changes.
import { expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { planReload, reloadedKeys } from '../../src/config/reload.js';

const configOf = (...argv: string[]) => loadConfig({ argv, env: {}, readFile: () => 'tenant=from-file' });
const turn = (...more: string[]) => configOf('--turn-urls', 'turn:t', ...more);

test('levels, tokens, ICE servers and limits are taken, everything else is named', () => {
  const present = configOf('--control-tokens', 'a');
  const next = configOf(
    ...['--control-tokens-file', 'tokens', '--log-levels', 'service=debug', '--ice-servers', 'stun:s:1'],
    ...['--max-concurrent-ice-agents', '5', '--port', '9', '--profile', 'mobile'],
  );
  const { config, changed, ignored } = planReload(present, next);
  expect([...changed].sort()).toEqual(['controlTokens', 'iceServers', 'logLevels', 'maxConcurrentIceAgents']);
  expect(ignored).toEqual(expect.arrayContaining(['port', 'profile', 'pingIntervalMs']));
  const { controlTokens, iceServers, logLevels, maxConcurrentIceAgents } = next;
  expect(config).toEqual({ ...present, controlTokens, iceServers, logLevels, maxConcurrentIceAgents });
});

test('TURN servers and their secret are taken, wherever the secret is', () => {
  const present = turn('--turn-secret', 'a', '--turn-credential-ttl-ms', '1h');
  const next = turn('--turn-secret-file', 'f', '--turn-credential-ttl-ms', '2h');
  const { config, changed, ignored } = planReload(present, next);
  expect([changed, ignored]).toEqual([['turnSecret'], ['turnCredentialTtlMs']]);
  expect(config).toEqual({ ...present, turnSecret: 'tenant=from-file' });
  const without = planReload(present, configOf());
  expect(without.config).toMatchObject({ turnUrls: [], turnSecret: null });
  expect(reloadedKeys).toEqual(
    expect.arrayContaining(['turnUrls', 'turnSecret', 'turnSecretFile', 'controlTokensFile']),
  );
});

test('the same again changes nothing', () => {
  const present = configOf('--control-tokens', 'a');
  expect(planReload(present, configOf('--control-tokens', 'a'))).toEqual({ config: present, changed: [], ignored: [] });
});
