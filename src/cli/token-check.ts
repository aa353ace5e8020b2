/**
 * `holdfast token check`: whether a control token is accepted, by the configuration or by a running service, and where it is a JWT, until when; or why not.
 * No text repeats a token.
 */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Config } from '../config/load.js';
import type { ControlJwt } from '../config/secrets.js';
import { createControlAuth, sha256Hex } from '../gateway/auth.js';
import { exitCodes, usageError, type Call, type ExitCode } from './command.js';
import { readConfig } from './read-config.js';
import { givenToken, Refusal, Service, serviceUrl } from './service.js';
import { length, moment } from './words.js';

interface Claims {
  readonly algorithm: string | null;
  readonly issuer: string | null;
  readonly audience: readonly string[];
  readonly expiresAtMs: number | null;
  readonly notBeforeMs: number | null;
  readonly all: Readonly<Record<string, unknown>>;
}

interface Finding {
  readonly valid: boolean;
  readonly by: string;
  readonly kind: 'static' | 'jwt' | 'peer';
  /** Null: not known, or none. */
  readonly tenant: string | null;
  readonly expires_at_ms: number | null;
  /** Why it is not valid. */
  readonly why: string | null;
}

export async function check(call: Call): Promise<ExitCode> {
  const { terminal, switches, values, sources } = call;
  const token = givenToken(call);
  if (token === null)
    throw usageError('which token? --token-file FILE (- is standard input), --token TOKEN, or HOLDFAST_TOKEN');
  if (values['url'] !== undefined && sources.argv.length > 0)
    throw usageError(`either --url or a configuration (${sources.argv[0]}), not both`);
  const finding =
    values['url'] === undefined ? await byConfig(token, readConfig(sources)) : await byService(token, serviceUrl(call));
  if (switches.has('json')) terminal.print(JSON.stringify(finding));
  else terminal.print(sentence(finding));
  return finding.valid ? exitCodes.done : exitCodes.no;
}

function sentence({ valid, by, kind, tenant, expires_at_ms: expiresAtMs, why }: Finding): string {
  if (!valid) return `Not valid for ${by}: ${why ?? 'unknown'}.`;
  const what = kind === 'jwt' ? 'a JWT' : 'a control token';
  const whose = tenant === null ? '' : ` of tenant ${tenant}`;
  const until =
    expiresAtMs === null ? '' : `; it expires in ${length(expiresAtMs - Date.now())}, at ${moment(expiresAtMs)}`;
  return `Valid for ${by}: ${what}${whose}${until}.`;
}

/** Only what it says of itself: nothing of it is proved. */
function claimsOf(token: string): Claims | null {
  try {
    const { alg } = decodeProtectedHeader(token);
    const { iss, aud, exp, nbf, ...rest } = decodeJwt(token);
    const ms = (seconds: number | undefined): number | null => (seconds === undefined ? null : seconds * 1000);
    return {
      algorithm: alg ?? null,
      issuer: iss ?? null,
      audience: aud === undefined ? [] : [aud].flat(),
      expiresAtMs: ms(exp),
      notBeforeMs: ms(nbf),
      all: rest,
    };
  } catch {
    return null;
  }
}

/** `<tube_id>.<43 characters>` */
const ofPeer = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[\w-]{43}$/;

function kindOf(token: string, claims: Claims | null): Finding['kind'] {
  if (ofPeer.test(token)) return 'peer';
  return claims === null ? 'static' : 'jwt';
}

const peerWhy = 'it is the token of a peer, for /peer, and not of a controller';

async function byConfig(token: string, config: Config): Promise<Finding> {
  const { controlTokens, controlJwt } = config;
  const claims = claimsOf(token);
  const about = { by: 'this configuration', kind: kindOf(token, claims), expires_at_ms: claims?.expiresAtMs ?? null };
  const digests = controlTokens.map((one) => ({ tenant: one.tenant, digest: sha256Hex(one.token) }));
  const auth = createControlAuth({ tokens: () => digests, jwt: controlJwt });
  try {
    const { tenant } = await auth(token);
    return { valid: true, tenant, why: null, ...about };
  } catch {
    return { valid: false, tenant: null, why: whyNot(about.kind, claims, config), ...about };
  }
}

function whyNot(kind: Finding['kind'], claims: Claims | null, { controlTokens, controlJwt }: Config): string {
  if (kind === 'peer') return peerWhy;
  if (kind === 'static' || claims === null)
    return controlTokens.length === 0
      ? 'no control tokens are configured'
      : `it is none of the control tokens that are configured (${controlTokens.length})`;
  return controlJwt === null ? 'it is a JWT, and controlJwt is not configured' : whyNotJwt(claims, controlJwt);
}

function whyNotJwt(claims: Claims, { algorithms, issuer, audience, tenantClaim, key }: ControlJwt): string {
  const { expiresAtMs, notBeforeMs } = claims;
  const nowMs = Date.now();
  if (claims.algorithm === null || !algorithms.includes(claims.algorithm))
    return `it is signed with ${claims.algorithm ?? 'nothing'}, and ${algorithms.join(', ')} is accepted`;
  if (expiresAtMs === null) return 'it has no time of expiry (exp)';
  if (expiresAtMs <= nowMs) return `it expired ${length(nowMs - expiresAtMs)} ago, at ${moment(expiresAtMs)}`;
  if (notBeforeMs !== null && notBeforeMs > nowMs) return `it is not valid before ${moment(notBeforeMs)} (nbf)`;
  if (claims.issuer !== issuer)
    return `its issuer is ${JSON.stringify(claims.issuer)}, and ${JSON.stringify(issuer)} is expected`;
  if (!claims.audience.includes(audience))
    return `its audience is ${JSON.stringify(claims.audience)}, and ${JSON.stringify(audience)} is expected`;
  if (typeof claims.all[tenantClaim] !== 'string') return `it has no tenant (claim ${JSON.stringify(tenantClaim)})`;
  return 'jwksUrl' in key
    ? `its signature does not fit a key of ${key.jwksUrl}, or no keys come from there`
    : 'its signature does not fit the key';
}

async function byService(token: string, url: string): Promise<Finding> {
  const claims = claimsOf(token);
  const kind = kindOf(token, claims);
  const about = { by: `the service at ${url}`, kind, tenant: null, expires_at_ms: claims?.expiresAtMs ?? null };
  try {
    (await Service.connect(url, token)).close();
    return { valid: true, why: null, ...about };
  } catch (error) {
    if (!(error instanceof Refusal) || !error.code.startsWith('auth_')) throw error;
    return { valid: false, why: kind === 'peer' ? peerWhy : 'it does not accept it', ...about };
  }
}
