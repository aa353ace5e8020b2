// Tokens that are made here are accepted by the check that the gateway has, and a wrong one is told why. Without a service.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { run } from './run.js';

const thisFile = fileURLToPath(import.meta.url);

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-token-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a control token', () => {
  test('goes to standard output alone; what to do with it to standard error', async () => {
    const { code, out, err } = await run(['token', 'create', '--tenant', 'team-a']);
    expect(code).toBe(0);
    expect(out).toMatch(/^[A-Za-z0-9_][\w-]{31}$/);
    expect(err).toContain(`HOLDFAST_CONTROL_TOKENS=team-a=${out}`);
  });

  test('that is appended to a file is accepted by a service with that file, for its tenant', async () => {
    const file = at('tokens');
    const first = await run(['token', 'create', '--append', file, '--json']);
    const second = await run(['token', 'create', '--append', file, '--tenant', 'team-b']);
    expect(first.json()).toMatchObject({ kind: 'static', tenant: 'default', file });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
    const checked = await run(['token', 'check', '--json', '--control-tokens-file', file], {
      env: { HOLDFAST_TOKEN: second.out },
    });
    expect([checked.code, checked.json()]).toEqual([
      0,
      { valid: true, by: 'this configuration', kind: 'static', tenant: 'team-b', expires_at_ms: null, why: null },
    ]);
    const fromFile = await run(['token', 'check', '--token-file', file, '--control-tokens-file', file]);
    expect([fromFile.code, fromFile.out]).toEqual([
      0,
      'Valid for this configuration: a control token of tenant default.',
    ]);
  });

  test.each([
    [['--control-tokens', 'a'], 'it is none of the control tokens that are configured (1)'],
    [[], 'no control tokens are configured'],
  ])('that is not known is not valid with %j', async (flags, why) => {
    const { code, out } = await run(['token', 'check', '--token', 'hush-hush', ...flags]);
    expect([code, out]).toEqual([1, `Not valid for this configuration: ${why}.`]);
  });

  test('of a peer is told from one of a controller', async () => {
    const token = `2dc34487-6522-4559-9839-28be982f1f46.${'x'.repeat(43)}`;
    expect((await run(['token', 'check', '--token', token])).out).toContain('the token of a peer');
  });

  test.each([
    [['create', '--tenant', 'a b'], /a tenant is/],
    [['create', '--expires', '1h'], /--expires is for JWTs only/],
    [['create', '--port', '1'], /--port is for JWTs only/],
    [['check'], /which token\?/],
    [['check', '--token', 'a', '--token-file', 'b'], /given both/],
    [['check', '--token-file', '/nowhere/at/all'], /cannot be read \(ENOENT\)/],
    [['check', '--token', 'a', '--url', 'nonsense'], /no URL of a service/],
    [['check', '--token', 'a', '--url', 'http://h', '--port', '1'], /either --url or a configuration/],
  ])('%j is wrong use', async (argv, words) => {
    const { code, err } = await run(['token', ...argv]);
    expect(code).toBe(64);
    expect(err).toMatch(words);
  });

  test('is not checked with a wrong configuration', async () => {
    expect((await run(['token', 'check', '--token', 'a', '--prot', '1'])).code).toBe(78);
  });
});

describe('a JWT', () => {
  const claims = ['--issuer', 'https://login.example', '--audience', 'holdfast'];
  const configOf = (key: object, algorithm: string): string[] => [
    '--control-jwt',
    JSON.stringify({
      ...key,
      algorithms: [algorithm],
      issuer: 'https://login.example',
      audience: 'holdfast',
      tenantClaim: 'team',
    }),
  ];

  test.each(['rsa', 'ec', 'ed25519', 'secret'] as const)('signed with a key of type %s is accepted', async (type) => {
    const pair =
      type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : type === 'ec'
          ? generateKeyPairSync('ec', { namedCurve: 'P-384' })
          : generateKeyPairSync('ed25519');
    const algorithm = { rsa: 'RS256', ec: 'ES384', ed25519: 'EdDSA', secret: 'HS256' }[type];
    const isSecret = type === 'secret';
    writeFileSync(
      at('key'),
      isSecret ? 'a secret of enough length for HS256\n' : pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    );
    writeFileSync(at('public'), pair.publicKey.export({ type: 'spki', format: 'pem' }));
    const config = configOf(isSecret ? { secretFile: at('key') } : { publicKeyFile: at('public') }, algorithm);
    const made = await run([
      'token',
      'create',
      '--jwt',
      '--tenant',
      'team-a',
      '--key',
      at('key'),
      ...config,
      '--expires',
      '15m',
      '--json',
    ]);
    expect([made.code, made.err]).toEqual([0, '']);
    const { token, expires_at_ms: expiresAtMs } = made.json() as { token: string; expires_at_ms: number };
    expect(expiresAtMs - Date.now()).toBeGreaterThan(14 * 60_000);
    const checked = await run(['token', 'check', '--json', ...config], { env: { HOLDFAST_TOKEN: token } });
    expect([checked.code, checked.json()]).toMatchObject([
      0,
      { valid: true, kind: 'jwt', tenant: 'team-a', expires_at_ms: expiresAtMs },
    ]);
  });

  test('says how the service is configured for it', async () => {
    writeFileSync(at('key'), 'a secret of enough length for HS256');
    const { code, out, err } = await run(['token', 'create', '--jwt', '--key', at('key'), ...claims]);
    expect(code).toBe(0);
    expect(out).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(err).toMatch(
      /controlJwt:\s+secretFile: FILE[^]*algorithms: \[HS256\][^]*issuer: https:\/\/login\.example[^]*audience: holdfast/,
    );
  });

  test.each([
    [
      'a wrong issuer',
      ['--issuer', 'https://other'],
      /its issuer is "https:\/\/other", and "https:\/\/login\.example" is expected/,
    ],
    ['a wrong audience', ['--audience', 'other'], /its audience is \["other"\]/],
    ['a wrong algorithm', ['--algorithm', 'HS512'], /signed with HS512, and HS256 is accepted/],
    ['a wrong key', ['--key', 'other'], /its signature does not fit the key/],
  ])('with %s is not valid, and it is said why', async (_, options, why) => {
    writeFileSync(at('key'), 'a secret of enough length for HS256');
    writeFileSync(at('other'), 'another secret of enough length for it');
    const config = configOf({ secretFile: at('key') }, 'HS256');
    const given = options.map((option) => (option === 'other' && options[0] === '--key' ? at('other') : option));
    const { out: token } = await run(['token', 'create', '--jwt', ...config, ...given]);
    const { code, out } = await run(['token', 'check', '--token', token, ...config]);
    expect(code).toBe(1);
    expect(out).toMatch(why);
  });

  test('that has expired is told so', async () => {
    const secret = 'a secret of enough length for HS256';
    writeFileSync(at('key'), secret);
    const expired = new SignJWT({ team: 'a', iss: 'https://login.example', aud: 'holdfast' }).setProtectedHeader({
      alg: 'HS256',
    });
    const token = await expired
      .setExpirationTime(Math.floor(Date.now() / 1000) - 3600)
      .sign(new TextEncoder().encode(secret));
    const { code, out } = await run([
      'token',
      'check',
      '--token',
      token,
      ...configOf({ secretFile: at('key') }, 'HS256'),
    ]);
    expect([code, out]).toEqual([1, expect.stringMatching(/it expired 1 h 00 min ago, at \d{4}-/)]);
  });

  test.each([
    [['--jwt', ...claims], /needs --key FILE/],
    [['--jwt', '--key', '/nowhere'], /cannot be read \(ENOENT\)/],
    [['--jwt', '--key', thisFile], /needs --issuer and --audience/],
    [['--jwt', '--key', thisFile, ...claims, '--expires', 'soon'], /--expires "soon" is no time/],
    [['--jwt', '--append', 'f'], /a JWT is kept nowhere/],
  ])('token create %j is wrong use', async (argv, words) => {
    const { code, err } = await run(['token', 'create', ...argv]);
    expect([code, err]).toEqual([64, expect.stringMatching(words)]);
  });
});
