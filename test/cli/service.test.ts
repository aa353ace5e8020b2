// Which service a command talks to, and with which token.
import { afterEach, describe, expect, test } from '@jest/globals';
import { commandEnvironment } from '../../src/config/environment.js';
import { givenToken, serviceUrl } from '../../src/cli/service.js';
import { fakeService, type FakeService } from './fake-service.js';
import { run } from './run.js';

let service: FakeService | null = null;
afterEach(async () => {
  await service?.close();
  service = null;
});

const empty = { list_tubes: () => ({ tubes: [], next_cursor: null }) };

test.each(['', '/behind/a/proxy'])('the link to the console is enough, under %j', async (base) => {
  service = await fakeService(empty, base);
  const link = `${service.url}/console/#token=of-the-link`;
  expect(await run(['tubes', 'ls', '--url', link])).toMatchObject({ code: 0, err: 'No tube fits.' });
  expect(await run(['tubes', 'ls'], { env: { HOLDFAST_URL: link } })).toMatchObject({ code: 0 });
  expect(await run(['token', 'check', '--url', link])).toMatchObject({ code: 0 });
  await run(['tubes', 'ls', '--url', link, '--token', 'given']);
  expect(service.tokens).toEqual(['of-the-link', 'of-the-link', 'of-the-link', 'given']);
});

describe('the address', () => {
  test.each([
    ['http://h:1', 'http://h:1'],
    ['http://h:1/', 'http://h:1'],
    ['http://h:1/console', 'http://h:1'],
    ['http://h:1/console/#token=x', 'http://h:1'],
    ['https://h/base/console/?a=b#/tubes/1', 'https://h/base'],
    ['https://h/base/', 'https://h/base'],
    ['https://h/consoles', 'https://h/consoles'],
  ])('of %s is %s', (given, address) => {
    expect(serviceUrl({ values: { url: given }, environment: commandEnvironment({}) })).toBe(address);
  });

  test('is refused without a word of its token', async () => {
    for (const url of ['h:1/console/#token=secret', 'no url#token=secret']) {
      const { code, out, err } = await run(['tubes', 'ls', '--url', url, '--json']);
      expect([code, err]).toEqual([64, expect.stringContaining('is no URL of a service')]);
      expect(out + err).not.toContain('secret');
    }
  });
});

describe('the token', () => {
  const link = 'http://h/console/#token=of-the-link';
  const token = (values: Record<string, string>, env: Record<string, string>) =>
    givenToken({ values, environment: commandEnvironment(env) });

  test('of --url goes before the environment, and that before the link in HOLDFAST_URL', () => {
    expect(token({ url: link }, { HOLDFAST_TOKEN: 'env' })).toBe('of-the-link');
    expect(token({}, { HOLDFAST_URL: link, HOLDFAST_TOKEN: 'env' })).toBe('env');
    expect(token({ url: 'http://h' }, { HOLDFAST_TOKEN: 'env' })).toBe('env');
  });

  test('of one service is not shown to another', () => {
    expect(token({ url: 'http://other' }, { HOLDFAST_URL: link })).toBeNull();
  });
});
