// docs/cli.md cannot drift from the table of commands.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { commands } from '../../src/cli/commands.js';
import { cliMarkdown } from '../../src/cli/help.js';

test('docs/cli.md is what the table says (npm run build && node scripts/cli-docs.mjs)', () => {
  const path = new URL('../../docs/cli.md', import.meta.url);
  expect(readFileSync(path, 'utf8')).toBe(cliMarkdown(commands));
});
