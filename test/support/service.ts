/** The real service in a process of its own (dist/src/main.js: build first), and a controller on it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { io, type Socket } from 'socket.io-client';

export const controlToken = 'test-token';

export interface Signal {
  readonly tube_id: string;
  readonly kind: string;
  readonly data: unknown;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly seq: number;
  readonly progress_flag: number;
  /** Of a restart offer. */
  readonly ice_servers?: unknown;
}

export type Answer = {
  readonly ok: boolean;
  readonly error?: { readonly code: string; readonly message: string };
} & Record<string, unknown>;

export interface Service {
  readonly url: string;
  readonly process: ChildProcess;
  /** What it wrote, both streams. */
  output(): string;
  /** SIGTERM; the exit code, or the signal that ended it. */
  stop(): Promise<number | string | null>;
}

const mainFile = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const startTimeoutMs = 20_000;

const usualFlags = ['--control-tokens', controlToken, '--drain-delay-ms', '0', '--log-level', 'warn'];

/** `usual`: for those who need other values of these, because a flag may be given once only. On any free port, unless `flags` names one. */
export async function startService(flags: readonly string[] = [], usual = usualFlags): Promise<Service> {
  const port = flags.includes('--port') ? [] : ['--port', '0'];
  const args = [mainFile, ...port, ...usual, ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the service did not start: ${output}`)), startTimeoutMs);
    const read = (chunk: string): void => {
      output = (output + chunk).slice(-200_000);
      const found = /listens on (http:\/\/\S+)/.exec(output)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the service ended with ${String(code)}: ${output}`));
    });
  });
  return {
    url,
    process: child,
    output: () => output,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
      child.kill('SIGTERM');
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      return code ?? signal;
    },
  };
}

/** A controller: a socket on /control, the signals it has seen, and calls that answer. */
export class Controller {
  readonly signals: Signal[] = [];
  readonly #listeners = new Set<(signal: Signal) => void>();

  private constructor(readonly socket: Socket) {
    socket.on('signal', (batch: Signal | Signal[]) => {
      for (const signal of [batch].flat()) {
        this.signals.push(signal);
        for (const listener of [...this.#listeners]) listener(signal);
      }
    });
  }

  static async connect(url: string, token = controlToken): Promise<Controller> {
    const socket = io(`${url}/control`, { auth: { token }, transports: ['websocket'], forceNew: true });
    const controller = new Controller(socket);
    await new Promise<void>((resolve, reject) => {
      const refused = (error: Error): void => {
        // Its connection would stay, and come back for ever once the service is gone.
        socket.disconnect();
        reject(error);
      };
      socket.once('connect_error', refused);
      socket.once('connect', () => {
        // Later ones are those of reconnections, which go on.
        socket.off('connect_error', refused);
        resolve();
      });
    });
    return controller;
  }

  async call(event: string, body: unknown): Promise<Answer> {
    return (await this.socket.timeout(30_000).emitWithAck(event, body)) as Answer;
  }

  /** Like `call`, but a refusal throws. */
  async ok(event: string, body: unknown): Promise<Answer> {
    const answer = await this.call(event, body);
    if (!answer.ok) throw new Error(`${event}: ${JSON.stringify(answer.error)}`);
    return answer;
  }

  onSignal(listener: (signal: Signal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The next signal that fits, among those not yet seen by this call. */
  next(fits: (signal: Signal) => boolean, timeoutMs = 15_000): Promise<Signal> {
    const next = new Promise<Signal>((resolve, reject) => {
      const timer = setTimeout(() => {
        off();
        reject(
          new Error(
            `no such signal; seen: ${this.signals.map(({ kind, data }) => `${kind} ${JSON.stringify(data)?.slice(0, 60)}`).join(' | ')}`,
          ),
        );
      }, timeoutMs);
      const off = this.onSignal((signal) => {
        if (!fits(signal)) return;
        clearTimeout(timer);
        off();
        resolve(signal);
      });
    });
    // A test that failed before it came to await this must not take the whole run with it.
    next.catch(() => undefined);
    return next;
  }

  close(): void {
    this.socket.disconnect();
  }
}
