/**
 * The controller's end, as any backend would hold it: one socket to `/control`, calls with acknowledgements, events. socket.io reconnects by
 * itself and the service repeats what was missed; where it cannot, whoever listens asks again (session.ts, console-tube.ts).
 */
import { io, type Socket } from 'socket.io-client';

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

export type ControlStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'online'; readonly recovered: boolean }
  | { readonly kind: 'offline'; readonly detail: string }
  /** The token is not accepted: no further attempts are made. */
  | { readonly kind: 'refused'; readonly detail: string };

export interface ControlHandlers {
  status(status: ControlStatus): void;
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
/** After a refusal that is not about the token: too many connections, for example. */
const retryMs = 2000;

export class ControlClient {
  readonly #socket: Socket;
  #closed = false;

  constructor(url: string, token: string, handlers: ControlHandlers) {
    const socket = io(`${url}/control`, { auth: { token }, transports: ['websocket'], forceNew: true });
    this.#socket = socket;
    handlers.status({ kind: 'connecting' });
    socket.on('connect', () => handlers.status({ kind: 'online', recovered: socket.recovered }));
    socket.on('disconnect', (reason) => handlers.status({ kind: 'offline', detail: reason }));
    socket.on('connect_error', (error: Error & { data?: { code?: unknown } }) => {
      const code = error.data?.code;
      // `active` = socket.io tries again by itself.
      if (socket.active) return handlers.status({ kind: 'offline', detail: error.message });
      if (typeof code === 'string' && code.startsWith('auth_'))
        return handlers.status({ kind: 'refused', detail: error.message });
      handlers.status({ kind: 'offline', detail: error.message });
      setTimeout(() => {
        if (!this.#closed) socket.connect();
      }, retryMs);
    });
    socket.onAny((name: string, payload: unknown) => handlers.event(name, payload));
  }

  /** The answer is the service's own, and taken to be what its documentation says (docs/api.md). Rejects with ControlError. */
  async call<Answer extends object = Fields>(event: string, fields: object): Promise<Answer> {
    if (!this.#socket.connected) throw new ControlError('offline', 'The service cannot be reached at the moment.');
    let answer: Answer & { ok?: unknown; error?: { code?: unknown; message?: unknown } };
    try {
      answer = (await this.#socket.timeout(answerTimeoutMs).emitWithAck(event, fields)) as typeof answer;
    } catch {
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
    this.#closed = true;
    this.#socket.disconnect();
  }
}
