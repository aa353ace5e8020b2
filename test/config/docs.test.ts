// Generated text cannot drift from the schema, and no key lacks a description.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { configurationMarkdown, helpText } from '../../src/config/docs.js';
import { environmentNameOf, flagOf, nearestName, wireNameOf } from '../../src/config/names.js';
import { configKeys, configSchema, keyGroups, metaOf } from '../../src/config/schema.js';

test('docs/configuration.md is what the schema says (npm run build && node scripts/config-docs.mjs)', () => {
  const path = new URL('../../docs/configuration.md', import.meta.url);
  expect(readFileSync(path, 'utf8')).toBe(configurationMarkdown());
});

test('every key is documented once, with rule and description', () => {
  expect(keyGroups.flatMap(({ keys }) => keys).sort()).toEqual([...configKeys].sort());
  for (const key of configKeys) expect(metaOf(key)?.description).toMatch(/^[A-Z].+\.$/);
  for (const key of configKeys) expect(helpText()).toContain(`  ${flagOf(key)} (`);
});

test('no text shows undefined or an object', () => {
  expect(configurationMarkdown() + helpText()).not.toMatch(/undefined|NaN|\[object/);
});

test('every default fits its own rule', () => {
  expect(configSchema.safeParse(configSchema.parse({})).success).toBe(true);
});

describe('names', () => {
  test('of one key in every source', () => {
    expect(flagOf('answerTimeoutMs')).toBe('--answer-timeout-ms');
    expect(environmentNameOf('answerTimeoutMs')).toBe('HOLDFAST_ANSWER_TIMEOUT_MS');
    expect(wireNameOf('answerTimeoutMs')).toBe('answer_timeout_ms');
  });

  test.each([
    ['prt', 'port'],
    ['log_pretty', 'logPretty'],
    ['MaxFrameByte', 'maxFrameBytes'],
    ['somethingElseEntirely', null],
  ])('%s is most likely %s', (unknown, nearest) => {
    expect(nearestName(unknown, configKeys)).toBe(nearest);
  });
});
