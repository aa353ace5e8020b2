// Writes docs/configuration.md from the configuration schema. Needs a build: npm run build && node scripts/config-docs.mjs
import { writeFileSync } from 'node:fs';
import { configurationMarkdown } from '../dist/src/config/docs.js';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationMarkdown());
