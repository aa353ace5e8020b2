/**
 * A running service as commands see it: one socket on `/control`, as any controller has it. Finds out where it is and with which token, and says in one
 * line why it cannot be talked to. Used by the commands that need it; knows nothing of what they ask.
 */
import { readFileSync } from 'node:fs';
import { io, type Socket } from 'socket.io-client';
import { CliError, exitCodes, usageError, type Call } from './command.js';
import { defaultUrl } from './common-options.js';
import { ServerClock } from './server-clock.js';

export type Fields = Readonly<Record<string, unknown>>;

const connectTimeoutMs = 10_000;
export const answerTimeoutMs = 15_000;

/** The service refused a connection or a call; `code` is one of machines/failure.ts. */
export class Refusal extends CliError {
  constructor(code: string, message: string) {
    super(exitCodes.no, `${message} (${code})`, { code });
  }
}

/** The service is older than this command line. */
export class UnknownCall extends CliError {
  constructor(url: string, event: string) {
    super(
      exitCodes.unavailable,
      `the service at ${url} does not know the call ${event}: it is older than this command line; update it`,
    );
  }
}

/** Throws CliError when it is no URL. The link to its console will do; what is behind its # is never repeated. */
export function serviceUrl({ values, environment }: Pick<Call, 'values' | 'environment'>): string {
  const given = values['url'] ?? environment.url ?? defaultUrl;
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw usageError(
      `${JSON.stringify(given.replace(/#.*/s, ''))} is no URL of a service; it looks like ${defaultUrl}`,
    );
  return url.origin + url.pathname.replace(/\/console(\/.*)?$/, '').replace(/\/+$/, '');
}

/** Of a link to the console, as `serve` prints it: `…/console/#token=…`. */
function tokenOfLink(url: string | null | undefined): string | null {
  if (url === null || url === undefined || !URL.canParse(url)) return null;
  return new URLSearchParams(new URL(url).hash.slice(1)).get('token') || null;
}

/**
 * The token that the options or the environment name, else that of a link to the console; null: none. What is named for a service by --url goes before
 * the environment. Throws CliError when its file cannot be read.
 */
export function givenToken({ values, environment }: Pick<Call, 'values' | 'environment'>): string | null {
  if (values['token'] !== undefined && values['token-file'] !== undefined)
    throw usageError('--token and --token-file are given both; one is enough');
  if (values['token'] !== undefined) return values['token'];
  if (values['token-file'] !== undefined) return tokenIn(values['token-file']);
  const linked = tokenOfLink(values['url']);
  if (linked !== null) return linked;
  if (environment.token !== null) return environment.token;
  if (environment.tokenFile !== null) return tokenIn(environment.tokenFile);
  return values['url'] === undefined ? tokenOfLink(environment.url) : null;
}

/** The first line of a file that is neither empty nor a comment, without a tenant: a file of `controlTokensFile` will do. */
function tokenIn(path: string): string {
  try {
    const lines = readFileSync(path === '-' ? 0 : path, 'utf8').split(/\r?\n/);
    const line = lines.map((text) => text.trim()).find((text) => text !== '' && !text.startsWith('#'));
    if (line !== undefined) return line.replace(/^[A-Za-z0-9_.-]{1,64}=(?=.*[^=])/, '');
  } catch (error) {
    throw usageError(`the token file ${JSON.stringify(path)} cannot be read (${codeOf(error)})`);
  }
  throw usageError(`the token file ${JSON.stringify(path)} holds no token`);
}

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code ?? error);

/** Connects, does the work, and disconnects whatever came of it. Rejects with CliError. */
export async function withService<T>(
  call: Pick<Call, 'values' | 'environment'>,
  work: (service: Service) => Promise<T>,
): Promise<T> {
  const url = serviceUrl(call);
  const token = givenToken(call);
  if (token === null)
    throw usageError(
      'a control token is needed: --token-file FILE, HOLDFAST_TOKEN, or as --url the whole link to the console that a service without configured tokens prints',
    );
  const service = await Service.connect(url, token);
  try {
    return await work(service);
  } finally {
    service.close();
  }
}

export class Service {
  readonly url: string;
  readonly clock = new ServerClock();
  readonly #socket: Socket;

  private constructor(url: string, socket: Socket) {
    this.url = url;
    this.#socket = socket;
  }

  /** Rejects with CliError: nobody answers there (69), or the token is refused (1). Afterwards it reconnects by itself. */
  static async connect(url: string, token: string): Promise<Service> {
    const { origin, pathname } = new URL(url);
    const socket = io(`${origin}/control`, {
      ...(pathname === '/' ? {} : { path: `${pathname}/socket.io` }),
      auth: { token },
      transports: ['websocket'],
      forceNew: true,
      timeout: connectTimeoutMs,
    });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('connect_error', reject);
      });
    } catch (error) {
      socket.disconnect();
      throw explain(url, error);
    }
    socket.off('connect_error');
    socket.off('connect');
    return new Service(url, socket);
  }

  /** The answer. Rejects with Refusal, or with CliError when there is none. */
  async call(event: string, fields: Fields = {}): Promise<Fields> {
    let answer: unknown;
    try {
      answer = await this.#socket.timeout(answerTimeoutMs).emitWithAck(event, fields);
    } catch {
      throw new CliError(
        exitCodes.unavailable,
        `the service at ${this.url} did not answer ${event} within ${answerTimeoutMs / 1000} s; it is overloaded or gone`,
      );
    }
    const { ok, error, ...rest } = answer as { ok?: unknown; error?: { code?: unknown; message?: unknown } } & Fields;
    if (ok === true) return rest;
    if (error?.code === 'input_unknown_event') throw new UnknownCall(this.url, event);
    throw new Refusal(String(error?.code), String(error?.message).replace(/\.$/, ''));
  }

  /** Asks what time it is there. An older service does not say; this computer's time stands then. */
  async learnTime(): Promise<void> {
    try {
      const { now_ms: nowMs } = await this.call('get_node');
      if (typeof nowMs === 'number') this.clock.learn(nowMs);
    } catch (error) {
      if (!(error instanceof UnknownCall || error instanceof Refusal)) throw error;
    }
  }

  /** Events of the service, `connect` and `disconnect` among them. The result takes it back. */
  on(event: string, listener: (payload: unknown) => void): () => void {
    this.#socket.on(event, listener);
    return () => this.#socket.off(event, listener);
  }

  /** It is connected, or tries to be again. */
  get isActive(): boolean {
    return this.#socket.active;
  }

  close(): void {
    this.#socket.disconnect();
  }
}

interface ConnectError extends Error {
  /** Of a refused handshake. */
  readonly data?: { readonly code?: unknown };
  /** What the websocket said. */
  readonly description?: { readonly message?: unknown };
}

function explain(url: string, error: unknown): CliError {
  const { data, description, message } = error as ConnectError;
  if (typeof data?.code === 'string') {
    const advice = data.code.startsWith('auth_') ? '; give its control token with --token-file or HOLDFAST_TOKEN' : '';
    return new Refusal(
      data.code,
      `the service at ${url} refused the connection: ${message.replace(/\.$/, '')}${advice}`,
    );
  }
  const why = typeof description?.message === 'string' ? description.message : message;
  return new CliError(
    exitCodes.unavailable,
    `no service answers at ${url} (${why}); start one with holdfast serve, or name another with --url`,
  );
}
