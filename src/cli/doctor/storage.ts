/**
 * The preflight of dataDir: it can be written, there is room, LevelDB works on it, and nobody else holds it. Tried in a folder beside the real one, which is
 * taken away again: who looks with other rights than the service must leave nothing behind that the service cannot open.
 */
import { access, constants, mkdtemp, readFile, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../../config/load.js';
import { EmbeddedStore } from '../../store/embedded-store.js';
import { size } from '../words.js';
import { codeOf, fail, ok, warn, type Check, type Finding } from './check.js';

const leastFreeBytes = 100 * 1024 * 1024;

async function store({ dataDir }: Config): Promise<Finding[]> {
  if (dataDir === null) return [ok('store: none; tubes end with the process (dataDir is not set)')];
  const folder = resolve(dataDir);
  const place = await existing(folder);
  const shown = JSON.stringify(folder);
  try {
    await access(place, constants.W_OK | constants.X_OK);
    await tryStore(place);
  } catch (error) {
    return [
      fail(
        `store: ${shown} cannot be used (${codeOf(error)})`,
        `let this user write to ${JSON.stringify(place)}, on a disk of this host`,
      ),
    ];
  }
  const holder = await holderOf(join(folder, 'tubes', 'LOCK'));
  const usable = place === folder ? `store: ${shown} can be written` : `store: ${shown} can be made`;
  return [
    holder === null
      ? ok(usable)
      : warn(
          `store: ${shown} is held by process ${holder}`,
          'a service that runs holds its folder; another one needs a folder of its own',
        ),
    await room(place),
  ];
}

/** The folder, or the nearest one above it that is there. */
async function existing(folder: string): Promise<string> {
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const above = dirname(folder);
  return isFolder || above === folder ? folder : existing(above);
}

/** Makes a store, writes, and takes it away. */
async function tryStore(place: string): Promise<void> {
  const folder = await mkdtemp(join(place, '.holdfast-doctor-'));
  const nothing = (): void => undefined;
  try {
    const observer = { done: nothing, failing: nothing, recovered: nothing, skipped: nothing, forgotten: nothing };
    const trial = await EmbeddedStore.open(folder, observer);
    try {
      await trial.secret();
    } finally {
      await trial.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function room(place: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(place);
  const free = size(bavail * bsize);
  return bavail * bsize < leastFreeBytes
    ? warn(`store: ${free} of its disk are free`, 'make room: a node that cannot write its records is not ready')
    : ok(`store: ${free} of its disk are free`);
}

/** The process that holds the lock of a LevelDB; null: none, or this system does not tell (Linux does, in /proc/locks). */
async function holderOf(lock: string): Promise<string | null> {
  try {
    const { ino } = await stat(lock);
    const locks = await readFile('/proc/locks', 'utf8');
    // 1: POSIX  ADVISORY  WRITE 1234 08:01:131090 0 EOF
    const line = locks.split('\n').find((one) => new RegExp(`\\s[0-9a-f]+:[0-9a-f]+:${ino}\\s`).test(one));
    return /(?:READ|WRITE)\s+(-?\d+)/.exec(line ?? '')?.[1] ?? null;
  } catch {
    return null;
  }
}

export const storageChecks: readonly Check[] = [{ name: 'store', about: 'the folder of records', run: store }];
