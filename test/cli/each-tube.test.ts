// One thing done to several tubes: for programs one array, whatever came of it.
import { expect, test } from '@jest/globals';
import { CliError, exitCodes, type Call } from '../../src/cli/command.js';
import { Refusal, type Service } from '../../src/cli/service.js';
import { forEachTube } from '../../src/cli/tubes.js';
import { fakeTerminal } from './fake-terminal.js';

const ids = ['1', '2', '3'].map((digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`);

async function each(json: boolean, failure: CliError) {
  const terminal = fakeTerminal();
  const call = { terminal, switches: new Set(json ? ['json'] : []), args: ids } as unknown as Call;
  const code = await forEachTube(call, {} as Service, async (tubeId) => {
    if (tubeId === ids[1]) throw failure;
    return { generation: 2, text: 'done' };
  });
  return { code, printed: terminal.printed, told: terminal.told };
}

test('a refusal is one of its values, and keeps nobody from the rest', async () => {
  const { code, printed, told } = await each(true, new Refusal('tube_closed', 'It is over'));
  expect([code, told, printed.length]).toEqual([1, [], 1]);
  expect(JSON.parse(printed.join())).toEqual([
    { tube_id: ids[0], ok: true, generation: 2 },
    { tube_id: ids[1], ok: false, error: { code: 'tube_closed', message: 'It is over (tube_closed)' } },
    { tube_id: ids[2], ok: true, generation: 2 },
  ]);
});

test('a service that is gone ends it, with what was done before', async () => {
  const gone = new CliError(exitCodes.unavailable, 'it is gone');
  const { code, printed } = await each(true, gone);
  expect([code, JSON.parse(printed.join())]).toMatchObject([69, [{ ok: true }, { error: { code: 'unavailable' } }]]);
  expect(JSON.parse(printed.join())).toHaveLength(2);
  expect(await each(false, gone)).toEqual({
    code: 69,
    printed: [`${ids[0]}  done`],
    told: [`holdfast: ${ids[1]}: it is gone`],
  });
});
