// What a configuration that is read again changes.
import { expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { planReload } from '../../src/config/reload.js';

const configOf = (...argv: string[]) => loadConfig({ argv, env: {}, readFile: () => 'tenant=from-file' });

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

test('the same again changes nothing', () => {
  const present = configOf('--control-tokens', 'a');
  expect(planReload(present, configOf('--control-tokens', 'a'))).toEqual({ config: present, changed: [], ignored: [] });
});
