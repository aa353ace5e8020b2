// Writes docs/cli.md from the table of commands. Needs a build: npm run build && node scripts/cli-docs.mjs
import { writeFileSync } from 'node:fs';
import { commands } from '../dist/src/cli/commands.js';
import { cliMarkdown } from '../dist/src/cli/help.js';

writeFileSync(new URL('../docs/cli.md', import.meta.url), cliMarkdown(commands));
