/**
 * The controller's end, as any backend would hold it: one socket to `/control`, calls with acknowledgements, events. It comes back by
 * itself (lasting-socket.ts) and the service repeats what was missed; where it cannot, whoever listens asks again (session.ts, console-tube.ts).
 */
import type { Socket } from 'socket.io-client';
import { lastingSocket, type LastingSocket, type SocketStatus } from './lasting-socket.js';

/** The fields of a signal that the console reads (docs: contract section 11). */
export interface Signal {
  readonly tube_id: string;
  readonly kind: string;
  readonly data: unknown;
  readonly generation: number;
  readonly seq: number;
  /** 0 complete, 1 fail, 2 progress, 3 skip, 4 absent. */
  readonly progress_flag: number;
  readonly progress_status: string;
  readonly transport_state?: string;
  readonly reason?: string;
}

export type Fields = Readonly<Record<string, unknown>>;

export interface ControlHandlers {
  readonly status: (status: SocketStatus) => void;
  /** Everything that the service says unasked: `signal`, `tubes`, and what later versions have. */
  event(name: string, payload: unknown): void;
}

/** What the service answered with `ok: false`, or that it did not answer. */
export class ControlError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ControlError';
    this.code = code;
  }
}

const answerTimeoutMs = 10_000;
const offline = (): ControlError => new ControlError('offline', 'The service cannot be reached at the moment.');

export class ControlClient {
  readonly #lasting: LastingSocket;

  constructor(url: string, token: string, handlers: ControlHandlers) {
    this.#lasting = lastingSocket(`${url}/control`, token, handlers.status);
    this.#socket.onAny((name: string, payload: unknown) => handlers.event(name, payload));
  }

  get #socket(): Socket {
    return this.#lasting.socket;
  }

  /** The answer is the service's own, and taken to be what its documentation says (docs/api.md). Rejects with ControlError. */
  async call<Answer extends object = Fields>(event: string, fields: object): Promise<Answer> {
    if (!this.#socket.connected) throw offline();
    let answer: Answer & { ok?: unknown; error?: { code?: unknown; message?: unknown } };
    try {
      answer = (await this.#socket.timeout(answerTimeoutMs).emitWithAck(event, fields)) as typeof answer;
    } catch {
      if (!this.#socket.connected) throw offline();
      throw new ControlError('no_answer', `The service did not answer ${event} within ${answerTimeoutMs / 1000} s.`);
    }
    if (answer.ok === true) return answer;
    throw new ControlError(String(answer.error?.code), String(answer.error?.message));
  }

  /** Sends what nobody waits for, as a page that is being closed does. */
  tell(event: string, fields: object): void {
    this.#socket.emit(event, fields);
  }

  close(): void {
    this.#lasting.close();
  }
}
