/**
 * The console and the peer library, as the build left them in dist/public: a handful of small files, read at each request. Only known
 * file types are served and only from inside the folder.
 */
import { readFile } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.map': 'application/json',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
};

export interface StaticFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** Null when there is no such file, or it must not be served. `path` is the decoded path below `folder`. */
export async function readStatic(folder: string, path: string): Promise<StaticFile | null> {
  const file = insideOf(folder, path.endsWith('/') || path === '' ? `${path}index.html` : path);
  const contentType = contentTypes[extname(file ?? '')];
  if (file === null || contentType === undefined) return null;
  try {
    return { body: new Uint8Array(await readFile(file)), contentType };
  } catch {
    // Missing, a folder, or not readable: there is nothing here.
    return null;
  }
}

function insideOf(folder: string, path: string): string | null {
  if (path.includes('\0') || path.includes('\\')) return null;
  // A hidden file was not put there by the build.
  if (path.split('/').some((part) => part.startsWith('.'))) return null;
  const root = resolve(folder);
  const file = resolve(join(root, path));
  return file.startsWith(root + sep) ? file : null;
}
