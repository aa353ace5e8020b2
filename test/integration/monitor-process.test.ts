/** Monitors that are real processes: one that is missing, one that ends, one that floods. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { launchProcess } from '../../src/network/monitor-process.js';
import { until } from '../support/until.js';

let kill: (() => void) | null = null;
let heard = 0;
let ended: string[] = [];

function launch(...command: string[]): void {
  heard = 0;
  ended = [];
  kill = launchProcess(
    command,
    () => (heard += 1),
    (reason) => ended.push(reason),
  );
}

afterEach(async () => {
  kill?.();
  await until(() => ended.length > 0);
});

describe('a monitor', () => {
  it('that is not installed', async () => {
    launch('holdfast-has-no-such-program');
    expect(ended).toEqual([]);
    await until(() => ended.length > 0);
    expect(ended).toEqual(['it ended with 127']);
  });

  it.each([[[]], [['']], [['no\0name']]])('that cannot be one: %j', async (command) => {
    launch(...command);
    expect(ended).toEqual([]);
    await until(() => ended.length > 0);
    expect(heard).toBe(0);
  });

  it('that ends by itself', async () => {
    launch('false');
    await until(() => ended.length > 0);
    expect(ended).toEqual(['it ended with 1']);
  });

  it('that prints without a line end and goes on', async () => {
    launch('sh', '-c', 'printf half; exec sleep 60');
    await until(() => heard > 0);
    expect(ended).toEqual([]);
  });

  it('that floods until it is ended', async () => {
    launch('yes');
    await until(() => heard > 100);
    kill?.();
    const before = heard;
    await until(() => ended.length > 0);
    // By SIGTERM, or by writing where nobody reads (SIGPIPE, or an error where that is ignored).
    expect(ended).toEqual([expect.stringMatching(/^it ended with (143|141|1)$/)]);
    expect(heard).toBe(before);
  });

  it('is told nothing of our environment', async () => {
    process.env['HOLDFAST_SECRET_OF_TEST'] = 'x';
    launch('sh', '-c', 'if [ -n "$HOLDFAST_SECRET_OF_TEST" ]; then exit 7; fi; exit 3');
    delete process.env['HOLDFAST_SECRET_OF_TEST'];
    await until(() => ended.length > 0);
    expect(ended).toEqual(['it ended with 3']);
  });
});
