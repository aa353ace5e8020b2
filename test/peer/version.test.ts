/** The version that the peer library tells the service. */
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { libraryVersion } from '../../src/peer/version.js';

it('is that of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(libraryVersion).toBe(version);
});
