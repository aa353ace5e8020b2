// Bundles what browsers load into dist/public: the peer library as one file, and the console as a script, a style sheet and a page.
// Only the bundling: types are checked by tsc before this runs. A missing entry fails the build: esbuild and copyFile say which.
import { copyFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const publicDir = join(root, 'dist/public');

/**
 * The service speaks WebSocket only, and so do its clients: the other transports of engine.io, and binary frames as text for them, a thirtieth of what a
 * browser would load, are left out. Fails the build when engine.io has moved them.
 */
const webSocketOnly = {
  name: 'websocket-only',
  setup({ onResolve, onLoad, onEnd }) {
    const left = new Set();
    onResolve({ filter: /\/(polling-xhr\.node|webtransport|base64-arraybuffer)\.js$/ }, ({ path, importer }) => {
      if (!importer.includes('engine.io-')) return undefined;
      left.add(basename(path));
      return { path, namespace: 'left-out' };
    });
    onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
      contents: 'export const XHR = undefined, WT = undefined, decode = undefined;',
    }));
    onEnd(() => (left.size === 3 ? null : { errors: [{ text: 'engine.io-client has other transports than before' }] }));
  },
};

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
  charset: 'utf8',
  plugins: [webSocketOnly],
  legalComments: 'none',
  logLevel: 'warning',
});
for (const name of ['index.html', 'stately.html', 'stately.css']) {
  await copyFile(join(root, 'src/console', name), join(publicDir, 'console', name));
}
