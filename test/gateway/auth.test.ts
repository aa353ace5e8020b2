// Tokens: static ones, JWTs and those of peers.
import { afterEach, describe, expect, test } from '@jest/globals';
import { exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import {
  checkPeerToken,
  createControlAuth,
  PeerTokens,
  sha256Hex,
  type ControlAuth,
  type JwtOptions,
} from '../../src/gateway/auth.js';
import { acmeToken, Harness } from '../support/gateway-harness.js';

const secret = 'a secret of at least thirty-two bytes';
const jwt: JwtOptions = {
  key: { secret },
  algorithms: ['HS256'],
  issuer: 'issuer',
  audience: 'holdfast',
  tenantClaim: 'tenant',
};

interface Claims {
  readonly tenant?: unknown;
  readonly issuer?: string;
  readonly audience?: string;
  readonly expires?: string | null;
}

function sign(
  { tenant = 'acme', issuer = 'issuer', audience = 'holdfast', expires = '1m' }: Claims,
  key = secret,
  alg = 'HS256',
): Promise<string> {
  const token = new SignJWT({ tenant }).setProtectedHeader({ alg }).setIssuer(issuer).setAudience(audience);
  if (expires !== null) token.setExpirationTime(expires);
  return token.sign(new TextEncoder().encode(key));
}

const failure = (auth: ControlAuth, token: unknown): Promise<unknown> =>
  auth(token).then(
    () => null,
    (error: unknown) => error,
  );

describe('static tokens', () => {
  const tokens = [
    { digest: sha256Hex('one'), tenant: 'a' },
    { digest: 'not a digest', tenant: 'broken' },
    { digest: sha256Hex('two').toUpperCase(), tenant: 'b' },
  ];
  const auth = createControlAuth({ tokens: () => tokens, jwt: null });

  test('give their tenant', async () => {
    expect(await auth('one')).toEqual({ tenant: 'a' });
    expect(await auth('two')).toEqual({ tenant: 'b' });
  });

  test.each<[unknown, string]>([
    [undefined, 'auth_missing'],
    [null, 'auth_missing'],
    ['', 'auth_missing'],
    ['three', 'auth_invalid'],
    [sha256Hex('one'), 'auth_invalid'],
    [['one'], 'auth_invalid'],
    [{ toString: () => 'one' }, 'auth_invalid'],
    ['a.b.c', 'auth_invalid'],
  ])('%j is refused with %s', async (token, code) => {
    expect(await failure(auth, token)).toMatchObject({ code, method: 'control_token' });
  });
});

describe('JWT', () => {
  const auth = createControlAuth({ tokens: () => [], jwt });

  test('gives the tenant of its claim', async () => {
    expect(await auth(await sign({}))).toEqual({ tenant: 'acme' });
  });

  test('with a public key', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const withKey = createControlAuth({
      tokens: () => [],
      jwt: { ...jwt, algorithms: ['ES256'], key: { publicKeyPem: await exportSPKI(publicKey) } },
    });
    const token = await new SignJWT({ tenant: 'acme' })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('issuer')
      .setAudience('holdfast')
      .setExpirationTime('1m')
      .sign(privateKey);
    expect(await withKey(token)).toEqual({ tenant: 'acme' });
    // The classic confusion: the public key used as an HMAC secret.
    const forged = await sign({}, await exportSPKI(publicKey));
    expect(await failure(withKey, forged)).toMatchObject({ code: 'auth_invalid' });
  });

  test.each<[string, () => Promise<string> | string]>([
    ['another secret', () => sign({}, 'another secret of thirty-two bytes!!')],
    ['another algorithm', () => sign({}, secret, 'HS384')],
    ['another issuer', () => sign({ issuer: 'x' })],
    ['another audience', () => sign({ audience: 'x' })],
    ['an end in the past', () => sign({ expires: '-1m' })],
    ['no end', () => sign({ expires: null })],
    ['no tenant', () => sign({ tenant: '' })],
    ['a tenant that is no text', () => sign({ tenant: { a: 1 } })],
    [
      'no signature',
      () =>
        new UnsecuredJWT({ tenant: 'acme' })
          .setIssuer('issuer')
          .setAudience('holdfast')
          .setExpirationTime('1m')
          .encode(),
    ],
    ['nonsense', () => 'a.b.c'],
  ])('with %s is refused', async (_name, make) => {
    expect(await failure(auth, await make())).toMatchObject({ code: expect.stringMatching(/^auth_/) });
  });
});

describe('peer tokens', () => {
  const tokens = new PeerTokens(() => Buffer.alloc(32, 1));
  const { token, digest } = tokens.issue('tube');

  test('are the same for the same tube, different for another tube or process', () => {
    expect(tokens.issue('tube').token).toBe(token);
    expect(tokens.issue('other').token.slice(6)).not.toBe(token.slice(5));
    expect(new PeerTokens(() => Buffer.alloc(32, 2)).issue('tube').token).not.toBe(token);
    expect(new PeerTokens(() => Buffer.alloc(32, 1)).issue('tube').token).toBe(token);
    expect(token).toMatch(/^tube\.[A-Za-z0-9_-]{43}$/);
  });

  test('open their tube only', () => {
    expect(checkPeerToken(token, (id) => (id === 'tube' ? digest : null))).toBe('tube');
    expect(() => checkPeerToken(token, () => null)).toThrow(expect.objectContaining({ code: 'auth_invalid' }));
    expect(() => checkPeerToken(`${token}x`, () => digest)).toThrow(expect.objectContaining({ code: 'auth_invalid' }));
    expect(() => checkPeerToken('', () => digest)).toThrow(expect.objectContaining({ code: 'auth_missing' }));
  });
});

describe('the handshake of /control', () => {
  let harness: Harness;
  afterEach(() => harness.stop());

  test('refusals carry the code and are counted by method and cause', async () => {
    harness = await new Harness({ auth: { tokens: () => [], jwt } }).start();
    expect(await harness.refusedHandshake('/control', {})).toMatchObject({ code: 'auth_missing', retryable: false });
    expect(await harness.refusedHandshake('/control', { token: acmeToken })).toMatchObject({ code: 'auth_invalid' });
    expect(await harness.refusedHandshake('/control', { token: await sign({ issuer: 'x' }) })).toMatchObject({
      code: 'auth_invalid',
    });
    expect(harness.seen.authFailures).toEqual([
      ['control_token', 'missing'],
      ['control_token', 'invalid'],
      ['jwt', 'invalid'],
    ]);
    expect(harness.seen.logged.join('')).not.toContain(acmeToken);
    await expect(harness.controller(await sign({}))).resolves.toBeDefined();
  });

  test('a token in the query is not looked at', async () => {
    harness = await new Harness().start();
    harness.url = `${harness.url}`;
    const socket = harness.client(`/control?token=${acmeToken}`, {});
    const refused = new Promise<Error & { data?: { code?: string } }>((resolve) =>
      socket.once('connect_error', resolve),
    );
    socket.connect();
    expect((await refused).data?.code).toBe('auth_missing');
  });

  test('tokens are asked for at every handshake, so a reload counts', async () => {
    harness = await new Harness().start();
    harness.tokens = [{ digest: sha256Hex('fresh'), tenant: 'acme' }];
    expect(await harness.refusedHandshake('/control', { token: acmeToken })).toMatchObject({ code: 'auth_invalid' });
    await expect(harness.controller('fresh')).resolves.toBeDefined();
  });
});
