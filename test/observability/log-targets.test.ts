// The targets of the contract (section 13) and ours: all of them exist, somebody writes to each, and each has a level of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { logLevels, logTargets } from '../../src/config/log-targets.js';
import { nativeLevelFor } from '../../src/observability/logger.js';

const ofTheContract = [
  'webrtc_keepalive',
  'webrtc_ice_restart',
  'webrtc_activity',
  'webrtc_ice',
  'resource_management',
  'webrtc_lifecycle',
];

test('the six of the contract are there', () => {
  expect(logTargets).toEqual(expect.arrayContaining(ofTheContract));
});

test.each(logTargets)('%s is written to', (target) => {
  const root = fileURLToPath(new URL('../../src/', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('config'),
  );
  const writes = new RegExp(`target\\('${target}'\\)|line\\('${target}'|: '${target}',$`, 'm');
  expect(files.filter((file) => writes.test(readFileSync(root + file, 'utf8')))).not.toEqual([]);
});

test.each(logTargets)('%s has a level of its own in the configuration', (target) => {
  for (const level of logLevels)
    expect(loadConfig({ argv: ['--log-levels', `${target}=${level}`], env: {}, readFile: () => '' }).logLevels).toEqual(
      { [target]: level },
    );
});

test('no level of ours makes the native log tell packets', () => {
  expect(logLevels.map(nativeLevelFor)).not.toContain('Verbose');
});
