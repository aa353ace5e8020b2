/**
 * Keys that hold or point to secrets: control tokens, the key that JWTs are checked with, TURN credentials, and what they and tokens of peers are made
 * with. Reads the files they name. No problem reported here repeats a secret.
 */
import type { ConfigProblem } from './config-error.js';
import type { ServiceValues } from './schema.js';
import { readOrExplain, type Sources } from './sources.js';
import { isPeerTokenSecret, peerTokenSecretRule } from './structured-keys.js';

export interface ControlToken {
  readonly tenant: string;
  readonly token: string;
}

/** How JWTs on `/control` are checked. */
export interface ControlJwt {
  /** What signatures are checked with: the content of a key file, or where the issuer publishes its keys. */
  readonly key: { readonly secret: string } | { readonly publicKeyPem: string } | { readonly jwksUrl: string };
  readonly algorithms: readonly string[];
  readonly issuer: string;
  readonly audience: string;
  /** Claim that holds the tenant. */
  readonly tenantClaim: string;
}

/** webrtc-pc §4.2.4 `RTCIceServer`; structurally that of src/channels/connection.port.ts. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

const defaultTenant = 'default';
/** A tenant before `=`; what follows must be more than the padding of a base64 token. */
const withTenant = /^([A-Za-z0-9_.-]{1,64})=(.*[^=].*)$/;
const tokenPattern = /^[\u0021-\u007e]{1,512}$/;

export class SecretReader {
  readonly problems: ConfigProblem[] = [];
  readonly #readFile: Sources['readFile'];
  readonly #sourceOf: (key: string) => string;

  constructor(readFile: Sources['readFile'], sourceOf: (key: string) => string) {
    this.#readFile = readFile;
    this.#sourceOf = sourceOf;
  }

  controlTokens(list: ServiceValues['controlTokens'], file: ServiceValues['controlTokensFile']): ControlToken[] {
    const lines = file === null ? [] : this.#read('controlTokensFile', '', file).split(/\r?\n/);
    const inFile = lines.map((line, index) => ({ text: line.trim(), place: `line ${index + 1} ` }));
    const parsed = [
      ...list.map((text, index) => this.#token('controlTokens', `entry ${index + 1} `, text)),
      ...inFile
        .filter(({ text }) => text !== '' && !text.startsWith('#'))
        .map(({ text, place }) => this.#token('controlTokensFile', place, text)),
    ].filter((token) => token !== null);
    if (new Set(parsed.map(({ token }) => token)).size < parsed.length) {
      this.#refuse(file === null ? 'controlTokens' : 'controlTokensFile', 'must not contain a token twice');
    }
    return parsed;
  }

  controlJwt(value: ServiceValues['controlJwt']): ControlJwt | null {
    if (value === null) return null;
    const { secretFile, publicKeyFile, jwksUrl, ...rest } = value;
    const read = (field: string, path: string): string => this.#read('controlJwt', `${field} `, path).trim();
    if (secretFile !== undefined) return { key: { secret: read('secretFile', secretFile) }, ...rest };
    if (publicKeyFile !== undefined) return { key: { publicKeyPem: read('publicKeyFile', publicKeyFile) }, ...rest };
    return { key: { jwksUrl: jwksUrl ?? '' }, ...rest };
  }

  iceServers(list: ServiceValues['iceServers']): IceServer[] {
    return list.map(({ urls, username, credential, credentialFile }, index) => {
      const place = `${index}.credentialFile `;
      const secret = credentialFile === undefined ? credential : this.#read('iceServers', place, credentialFile).trim();
      return {
        urls,
        ...(username === undefined ? {} : { username }),
        ...(secret === undefined ? {} : { credential: secret }),
      };
    });
  }

  turnSecret(text: ServiceValues['turnSecret'], file: ServiceValues['turnSecretFile']): string | null {
    return this.#secret('turnSecret', text, file);
  }

  peerTokenSecret(text: ServiceValues['peerTokenSecret'], file: ServiceValues['peerTokenSecretFile']): string | null {
    const secret = this.#secret('peerTokenSecret', text, file);
    if (file !== null && secret !== null && secret !== '' && !isPeerTokenSecret(secret))
      this.#refuse('peerTokenSecretFile', `must hold ${peerTokenSecretRule}`, JSON.stringify(file));
    return secret;
  }

  /** A key, and the key of the file that may stand in its place. */
  #secret(key: string, text: string | null, file: string | null): string | null {
    if (file === null) return text;
    const fileKey = `${key}File`;
    if (text !== null) this.#refuse(fileKey, `must not be set together with ${key}`, JSON.stringify(file));
    return this.#read(fileKey, '', file).trim();
  }

  #token(key: string, place: string, text: string): ControlToken | null {
    const [, tenant = defaultTenant, token = text] = withTenant.exec(text) ?? [];
    if (tokenPattern.test(token)) return { tenant, token };
    this.#refuse(key, `${place}must be token or tenant=token, of at most 512 printable characters without spaces`);
    return null;
  }

  #read(key: string, place: string, path: string): string {
    const read = readOrExplain(this.#readFile, path);
    if ('rule' in read) {
      this.#refuse(key, `${place}${read.rule}`, JSON.stringify(path));
      return '';
    }
    if (read.content.trim() === '') this.#refuse(key, `${place}file is empty`, JSON.stringify(path));
    return read.content;
  }

  #refuse(key: string, rule: string, value = '(hidden)'): void {
    this.problems.push({ key, source: this.#sourceOf(key), rule, value });
  }
}
