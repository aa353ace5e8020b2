/** A process that is killed while it writes: what it was told is kept is there, and nothing is broken. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { EmbeddedStore } from '../../src/store/embedded-store.js';
import { drawRandom } from '../../machines/policies/random.js';
import { bundle } from '../support/run-child.js';
import { sleep } from '../support/until.js';

const rounds = 25;
const tubes = 50;

/** Kills the writer `afterMs` after its first promise; the last generation that it promised. */
async function writeAndDie(script: string, folder: string, first: number, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, [script, folder, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  const promised = new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      resolve();
    });
    child.once('exit', (code) => reject(new Error(`the writer ended with ${String(code)}`)));
  });
  const closed = once(child, 'close');
  await promised;
  await sleep(afterMs);
  child.kill('SIGKILL');
  await closed;
  // A line that was cut is no promise.
  return Number(output.split('\n').at(-2));
}

it(`keeps what it promised through ${String(rounds)} kills`, async () => {
  const script = await bundle('test/integration/children/store-writer.ts');
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-crash-'));
  const skipped: string[] = [];
  const none = (): void => undefined;
  const observer = {
    done: none,
    failing: none,
    recovered: none,
    skipped: (id: string) => void skipped.push(id),
    forgotten: none,
  };
  const openedMs: number[] = [];
  let promised = 0;
  let random = 7;
  try {
    for (let round = 0; round < rounds; round += 1) {
      const draw = drawRandom(random);
      random = draw.state;
      promised = await writeAndDie(script, folder, promised + 1, draw.value * 60);
      const startedAtMs = performance.now();
      const store = await EmbeddedStore.open(folder, observer);
      const { records, lastAliveAtMs } = await store.load();
      openedMs.push(performance.now() - startedAtMs);
      const found = new Map(records.map(({ tubeId, generation }) => [tubeId, generation]));
      // The batch after the promised one may be there as well, whole: it was on its way.
      const last = Math.max(...found.values());
      expect([promised, promised + 1]).toContain(last);
      const expected = Array.from({ length: tubes }, (_, tube) => `tube-${String(tube)}`);
      const kept = expected.filter((_, tube) => tube !== last % tubes).map((tubeId) => [tubeId, last]);
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries(kept));
      expect(Date.now() - (lastAliveAtMs ?? 0)).toBeLessThan(20_000);
      await store.close();
    }
    expect(skipped).toEqual([]);
    expect(promised).toBeGreaterThan(rounds);
    console.log(
      `${String(promised)} batches of ${String(tubes)} records over ${String(rounds)} kills; opened and read in ${Math.max(...openedMs).toFixed(0)} ms at most`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);
