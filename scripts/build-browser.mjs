// Bundles what browsers load into dist/public: the peer library as one file, and the console with its static files.
// Only the bundling: types are checked by tsc before this runs.
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const publicDir = join(root, 'dist/public');
const consoleDir = join(root, 'src/console');

/** Bundles one entry point, or says that it does not exist. */
async function bundle(entry, outfile) {
  if (!existsSync(join(root, entry))) {
    console.warn(`build-browser: ${entry} does not exist, nothing bundled`);
    return;
  }
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    minify: true,
    sourcemap: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
  });
}

async function copyConsoleFiles() {
  if (!existsSync(consoleDir)) return;
  const files = (await readdir(consoleDir)).filter((name) => ['.html', '.css'].includes(extname(name)));
  if (files.length === 0) return;
  await mkdir(join(publicDir, 'console'), { recursive: true });
  await Promise.all(files.map((name) => copyFile(join(consoleDir, name), join(publicDir, 'console', basename(name)))));
}

await bundle('src/peer/browser.ts', join(publicDir, 'holdfast-peer.js'));
await bundle('src/console/main.ts', join(publicDir, 'console/main.js'));
await copyConsoleFiles();
