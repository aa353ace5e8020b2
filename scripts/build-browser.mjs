// Bundles what browsers load into dist/public: the peer library as one file, and the console as a script, a style sheet and a page.
// Only the bundling: types are checked by tsc before this runs. A missing entry fails the build: esbuild and copyFile say which.
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const publicDir = join(root, 'dist/public');

await build({
  absWorkingDir: root,
  entryPoints: {
    'holdfast-peer': 'src/peer/browser.ts',
    'console/main': 'src/console/main.tsx',
    'console/style': 'src/console/style.css',
    'console/stately': 'src/console/stately.ts',
  },
  outdir: publicDir,
  bundle: true,
  minify: true,
  sourcemap: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
});
for (const name of ['index.html', 'stately.html', 'stately.css']) {
  await copyFile(join(root, 'src/console', name), join(publicDir, 'console', name));
}
