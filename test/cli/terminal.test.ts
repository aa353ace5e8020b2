// A question to a person, and the ways not to answer it.
import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { askYesNo } from '../../src/cli/terminal.js';

/** What is typed, to a terminal. */
async function asked(typed: string) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  const answer = askYesNo('Close it?', input, output);
  input.write(typed);
  return { answer: await answer, shown: String(output.read()) };
}

test.each([
  ['y\r', true],
  ['Yes\r', true],
  ['n\r', false],
  ['\r', false],
  ['yesterday\r', false],
])('%j is %j', async (typed, is) => {
  const { answer, shown } = await asked(typed);
  expect([answer, shown]).toEqual([is, expect.stringContaining('Close it? [y/N] ')]);
});

test.each([
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', '\u0004'],
  ['Ctrl-C in the middle of an answer', 'ye\u0003'],
])('%s is a no, and no error', async (_, typed) => {
  const { answer, shown } = await asked(typed);
  expect(answer).toBe(false);
  expect(shown).toMatch(/\n$/);
});
