/** `npm run grafana`: writes dashboards, rules and their tests. Run in the project's folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generatedFiles } from './files.js';

for (const [path, text] of generatedFiles()) {
  const file = join('grafana', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(file);
}
