/** What kills or wedges a process with node-datachannel, each tried in a process of its own. */
import { describe, expect, test } from '@jest/globals';
import { bundle, type ChildResult, runChild } from '../support/run-child.js';

const child = (name: string): Promise<string> => bundle(`test/transport/children/${name}.ts`);

interface Said {
  readonly [key: string]: unknown;
}

function said(result: ChildResult): Said {
  if (result.code !== 0) throw new Error(`exit ${result.code} ${result.signal}\n${result.stdout}\n${result.stderr}`);
  return JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '{}') as Said;
}

describe('a process with native connections', () => {
  test('survives handlers that throw in every callback', async () => {
    const { seen, throws } = said(await runChild(await child('throwing')));
    expect(seen).toEqual(
      expect.arrayContaining([
        'a description',
        'b description',
        'candidate',
        'closed',
        'connected',
        'drained',
        'ice',
        'message',
        'open',
      ]),
    );
    expect(throws).toBeGreaterThan(20);
  }, 30_000);

  test('keeps connections alive that nobody holds, under garbage collection', async () => {
    const result = said(await runChild(await child('forgotten'), [], ['--expose-gc']));
    expect(result).toMatchObject({
      opened: 10,
      received: 100,
      peerConnections: 20,
      dataChannels: 20,
      after: { peerConnections: 0, dataChannels: 0, throws: 0 },
    });
  }, 30_000);

  test('ends with exit code 0 when it is shut down with open connections, every time', async () => {
    const script = await child('open-exit');
    for (let round = 0; round < 5; round++) {
      const result = said(await runChild(script));
      expect(result).toMatchObject({ after: { peerConnections: 0, throws: 0 } });
      expect(result['ms']).toBeLessThan(3000);
    }
  }, 60_000);

  test('survives 10,000 mutated descriptions and candidates with flat memory', async () => {
    const result = said(
      await runChild(await child('fuzz'), [process.env['HOLDFAST_FUZZ_SEED'] ?? '1', '10000'], [], 90_000),
    );
    const outcomes = result['outcomes'] as Record<string, number>;
    expect(Object.keys(outcomes).filter((outcome) => outcome.startsWith('fault'))).toEqual([]);
    // Not all may be refused by our own checks: the library must have seen many.
    expect(outcomes['offer accepted']).toBeGreaterThan(500);
    expect(outcomes['candidate accepted']).toBeGreaterThan(500);
    expect(outcomes['answer accepted']).toBeGreaterThan(50);
    const rssMiB = result['rssMiB'] as number[];
    const settled = Math.max(...rssMiB.slice(5, 10));
    expect(Math.max(...rssMiB.slice(-3))).toBeLessThan(settled + 40);
    expect(result['live']).toBe(0);
  }, 100_000);
});
