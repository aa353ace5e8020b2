/**
 * `holdfast token create`: a random control token, or a signed JWT as src/gateway/auth.ts wants them. The token goes to standard output alone, what to do
 * with it to standard error. Nothing is kept, but for the line that --append writes.
 */
import { createPrivateKey, randomBytes, type KeyObject } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { SignJWT } from 'jose';
import { decode } from '../config/quantities.js';
import type { ControlJwt } from '../config/secrets.js';
import { CliError, exitCodes, usageError, type Call, type ExitCode } from './command.js';
import { readConfig } from './read-config.js';
import { length } from './words.js';

const tenantPattern = /^[A-Za-z0-9_.-]{1,64}$/;
const defaultTenant = 'default';

export async function create(call: Call): Promise<ExitCode> {
  const { switches, values, sources } = call;
  const tenant = values['tenant'] ?? defaultTenant;
  if (!tenantPattern.test(tenant))
    throw usageError('a tenant is 1 to 64 letters, digits, dots, dashes and underscores');
  if (switches.has('jwt')) return createJwt(call, tenant);
  const wrong = [
    ...jwtOptions.filter((name) => values[name] !== undefined).map((name) => `--${name}`),
    ...sources.argv,
  ][0];
  if (wrong !== undefined) throw usageError(`${wrong} is for JWTs only: add --jwt, or leave it out`);
  return createStatic(call, tenant);
}

const jwtOptions = ['key', 'algorithm', 'issuer', 'audience', 'expires', 'subject'];

/** Never begins with a dash: it is an argument of other programs, too. */
function randomToken(): string {
  const token = randomBytes(24).toString('base64url');
  return token.startsWith('-') ? randomToken() : token;
}

function createStatic({ terminal, switches, values }: Call, tenant: string): ExitCode {
  const token = randomToken();
  const entry = tenant === defaultTenant ? token : `${tenant}=${token}`;
  const file = values['append'];
  if (file !== undefined) append(file, entry);
  if (switches.has('json')) {
    terminal.print(JSON.stringify({ kind: 'static', tenant, token, entry, file: file ?? null }));
    return exitCodes.done;
  }
  terminal.print(token);
  const service =
    file === undefined
      ? [
          `  service      HOLDFAST_CONTROL_TOKENS=${entry}`,
          '               or that line in the file of --control-tokens-file',
        ]
      : [`  service      --control-tokens-file ${file}; one that runs reads it again on SIGHUP`];
  const lines = [
    ...service,
    `  controllers  auth: { token: '${token}' }`,
    '  command line HOLDFAST_TOKEN, or --token-file',
  ];
  for (const line of [`A control token of tenant ${tenant}.`, ...lines]) terminal.tell(line);
  return exitCodes.done;
}

function append(file: string, entry: string): void {
  try {
    appendFileSync(file, `${entry}\n`, { mode: 0o600 });
  } catch (error) {
    throw new CliError(
      exitCodes.unavailable,
      `${JSON.stringify(file)} cannot be written (${String((error as NodeJS.ErrnoException).code)})`,
    );
  }
}

interface Signing {
  readonly key: KeyObject | Uint8Array;
  readonly algorithm: string;
  readonly issuer: string;
  readonly audience: string;
  readonly tenantClaim: string;
}

async function createJwt({ terminal, switches, values, sources }: Call, tenant: string): Promise<ExitCode> {
  if (values['append'] !== undefined) throw usageError('--append is for tokens of a file; a JWT is kept nowhere');
  const expiresInMs = durationOf(values['expires'] ?? '1h');
  const signing = signingOf(values, readConfig(sources).controlJwt);
  const expiresAtMs = Math.ceil((Date.now() + expiresInMs) / 1000) * 1000;
  const token = await sign(signing, tenant, values['subject'], expiresAtMs);
  const { algorithm, issuer, audience } = signing;
  if (switches.has('json')) {
    const claims = { algorithm, issuer, audience, expires_at_ms: expiresAtMs };
    terminal.print(JSON.stringify({ kind: 'jwt', tenant, token, ...claims }));
    return exitCodes.done;
  }
  terminal.print(token);
  terminal.tell(
    `A JWT of tenant ${tenant}, good for ${length(expiresInMs)}. The service takes it with this in its configuration:`,
  );
  for (const line of configurationFor(signing)) terminal.tell(`  ${line}`);
  return exitCodes.done;
}

/** Throws CliError when key and algorithm do not go together. */
async function sign(
  signing: Signing,
  tenant: string,
  subject: string | undefined,
  expiresAtMs: number,
): Promise<string> {
  const unsigned = new SignJWT({ [signing.tenantClaim]: tenant, ...(subject === undefined ? {} : { sub: subject }) })
    .setProtectedHeader({ alg: signing.algorithm })
    .setIssuer(signing.issuer)
    .setAudience(signing.audience)
    .setIssuedAt()
    .setExpirationTime(expiresAtMs / 1000);
  try {
    return await unsigned.sign(signing.key);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usageError(`the key does not sign with ${signing.algorithm}: ${why}`);
  }
}

function configurationFor({ key, algorithm, issuer, audience, tenantClaim }: Signing): string[] {
  const file =
    key instanceof Uint8Array
      ? 'secretFile: FILE       # the same secret'
      : 'publicKeyFile: FILE    # the public half of the key';
  const claims = [
    `algorithms: [${algorithm}]`,
    `issuer: ${issuer}`,
    `audience: ${audience}`,
    `tenantClaim: ${tenantClaim}`,
  ];
  return ['controlJwt:', ...[file, ...claims].map((line) => `  ${line}`)];
}

function durationOf(text: string): number {
  const ms = decode('duration', text);
  if (typeof ms !== 'number' || ms < 1000)
    throw usageError(`--expires ${JSON.stringify(text)} is no time; it looks like 15m, 1h, 30d`);
  return ms;
}

/** Options go over the configuration. */
function signingOf(values: Call['values'], configured: ControlJwt | null): Signing {
  const key = keyOf(values['key'], configured);
  const algorithm = values['algorithm'] ?? fittingAlgorithm(key, configured);
  const issuer = values['issuer'] ?? configured?.issuer;
  const audience = values['audience'] ?? configured?.audience;
  if (issuer === undefined || audience === undefined)
    throw usageError('a JWT needs --issuer and --audience, or a configuration with controlJwt (--config FILE)');
  return { key, algorithm, issuer, audience, tenantClaim: configured?.tenantClaim ?? 'tenant' };
}

function keyOf(file: string | undefined, configured: ControlJwt | null): KeyObject | Uint8Array {
  if (file === undefined) {
    if (configured !== null && 'secret' in configured.key) return new TextEncoder().encode(configured.key.secret);
    throw usageError(
      'a JWT needs --key FILE: a private key (PEM), or a secret; a configuration with controlJwt.secretFile will do, too',
    );
  }
  const text = readKey(file);
  if (!text.includes('-----BEGIN')) return new TextEncoder().encode(text);
  try {
    return createPrivateKey(text);
  } catch {
    throw usageError(`--key ${JSON.stringify(file)} is no private key in PEM that can be used without a passphrase`);
  }
}

function readKey(file: string): string {
  try {
    const text = readFileSync(file, 'utf8').trim();
    if (text !== '') return text;
  } catch (error) {
    throw usageError(`--key ${JSON.stringify(file)} cannot be read (${String((error as NodeJS.ErrnoException).code)})`);
  }
  throw usageError(`--key ${JSON.stringify(file)} is empty`);
}

const curves: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

/** Of those that are configured, one of the kind of the key; else the usual one of that kind. */
function fittingAlgorithm(key: KeyObject | Uint8Array, configured: ControlJwt | null): string {
  const { kind, usual } = algorithmOf(key);
  return configured?.algorithms.find((name) => kind.test(name)) ?? usual;
}

function algorithmOf(key: KeyObject | Uint8Array): { readonly kind: RegExp; readonly usual: string } {
  if (key instanceof Uint8Array) return { kind: /^HS/, usual: 'HS256' };
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { kind: /^[RP]S/, usual: 'RS256' };
    case 'ec': {
      const usual = curves[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'ES256';
      return { kind: new RegExp(`^${usual}$`), usual };
    }
    case 'ed25519':
      return { kind: /^EdDSA$/, usual: 'EdDSA' };
    default:
      throw usageError(`keys of type ${String(key.asymmetricKeyType)} do not sign JWTs that the service takes`);
  }
}
