/**
 * Who a client is. Controllers bring a static token (compared as SHA-256 digests, over all of them, in constant time) or a JWT; a peer
 * brings the token of its one tube. Nothing here keeps a token, and no text here contains one.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createRemoteJWKSet, importSPKI, jwtVerify, type JWTVerifyOptions } from 'jose';
import { AppError } from '../errors.js';
import type { AuthMethod } from './observer.port.js';

export interface StaticToken {
  /** SHA-256 of the token, hex. */
  readonly digest: string;
  readonly tenant: string;
}

export type JwtKey = { readonly secret: string } | { readonly publicKeyPem: string } | { readonly jwksUrl: string };

export interface JwtOptions {
  readonly key: JwtKey;
  /** Explicit: never taken from the token. `none` is not possible. */
  readonly algorithms: readonly string[];
  readonly issuer: string;
  readonly audience: string;
  readonly tenantClaim: string;
}

export interface AuthOptions {
  /** Asked at every handshake, so a reload counts at once. */
  tokens(): readonly StaticToken[];
  readonly jwt: JwtOptions | null;
}

/** Carries which method failed, for the metric. */
export class AuthError extends AppError {
  readonly method: AuthMethod;

  constructor(code: 'auth_missing' | 'auth_invalid', method: AuthMethod) {
    super(code);
    this.method = method;
  }
}

const maxTokenLength = 8192;
const tenantShape = /^[\x21-\x7e]{1,128}$/;

export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Hex digests of the same kind; false when one is malformed. */
function equalDigests(left: string, right: string): boolean {
  const a = Buffer.from(left, 'hex');
  const b = Buffer.from(right, 'hex');
  return a.length === 32 && b.length === 32 && timingSafeEqual(a, b);
}

/** Throws AuthError when there is none. */
function requireToken(token: unknown, method: AuthMethod): string {
  if (token === undefined || token === null || token === '') throw new AuthError('auth_missing', method);
  if (typeof token !== 'string' || token.length > maxTokenLength) throw new AuthError('auth_invalid', method);
  return token;
}

export type ControlAuth = (token: unknown) => Promise<{ readonly tenant: string }>;

/** Rejects with AuthError. */
export function createControlAuth(options: AuthOptions): ControlAuth {
  const verifyJwt = options.jwt === null ? null : createJwtVerifier(options.jwt);
  return async (given) => {
    const token = requireToken(given, 'control_token');
    const tenant = staticTenant(options.tokens(), token);
    if (tenant !== null) return { tenant };
    if (verifyJwt !== null && token.split('.').length === 3) return { tenant: await verifyJwt(token) };
    throw new AuthError('auth_invalid', 'control_token');
  };
}

/** Goes over all tokens whichever matches, so that time tells nothing. */
function staticTenant(tokens: readonly StaticToken[], token: string): string | null {
  const digest = sha256Hex(token);
  let tenant: string | null = null;
  for (const known of tokens) if (equalDigests(known.digest, digest)) tenant = known.tenant;
  return tenant;
}

function createJwtVerifier(options: JwtOptions): (token: string) => Promise<string> {
  const verifyOptions: JWTVerifyOptions = {
    algorithms: [...options.algorithms],
    issuer: options.issuer,
    audience: options.audience,
    requiredClaims: ['exp', options.tenantClaim],
  };
  const verify = createKeyedVerifier(options, verifyOptions);
  return async (token) => {
    const claims = await verify(token).catch(() => null);
    const tenant = claims?.[options.tenantClaim];
    if (typeof tenant !== 'string' || !tenantShape.test(tenant)) throw new AuthError('auth_invalid', 'jwt');
    return tenant;
  };
}

function createKeyedVerifier(
  { key, algorithms }: JwtOptions,
  options: JWTVerifyOptions,
): (token: string) => Promise<Record<string, unknown>> {
  if ('jwksUrl' in key) {
    const keySet = createRemoteJWKSet(new URL(key.jwksUrl));
    return async (token) => (await jwtVerify(token, keySet, options)).payload;
  }
  if ('secret' in key) {
    const secret = new TextEncoder().encode(key.secret);
    return async (token) => (await jwtVerify(token, secret, options)).payload;
  }
  return async (token) => {
    const publicKey = await importSPKI(key.publicKeyPem, algorithms[0] ?? '');
    return (await jwtVerify(token, publicKey, options)).payload;
  };
}

/**
 * Peer tokens: `<tube_id>.<32 bytes base64url>`. The bytes are an HMAC of the tube id under a key that outlives the process where tubes do: as
 * good as random, and a repeated `create_tube` can be told its token again although only the digest is kept.
 */
export class PeerTokens {
  readonly #key: () => Uint8Array;

  /** @param key 32 bytes; asked for with the first token */
  constructor(key: () => Uint8Array) {
    this.#key = key;
  }

  issue(tubeId: string): { readonly token: string; readonly digest: string } {
    const token = `${tubeId}.${createHmac('sha256', this.#key()).update(tubeId).digest('base64url')}`;
    return { token, digest: sha256Hex(token) };
  }
}

/** Compared when there is no such tube, so that a wrong id takes as long as a wrong secret. */
const noDigest = sha256Hex('');

/** Throws AuthError; returns the tube id. `digestOf` gives the kept digest of a tube, or null. */
export function checkPeerToken(given: unknown, digestOf: (tubeId: string) => string | null): string {
  const token = requireToken(given, 'peer_token');
  const tubeId = token.slice(0, Math.max(0, token.indexOf('.')));
  const known = digestOf(tubeId);
  const matches = equalDigests(known ?? noDigest, sha256Hex(token));
  if (known === null || !matches) throw new AuthError('auth_invalid', 'peer_token');
  return tubeId;
}
