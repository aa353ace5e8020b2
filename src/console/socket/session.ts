/**
 * Being signed in: which token this tab has, the one control socket made with it, and who listens to what it says. Views read `status`; stores
 * listen. It asks for a token when there is none or a wrong one, and knows nothing of tubes.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import { ControlClient, ControlError, type Fields } from './control-client.js';
import type { SocketStatus } from './lasting-socket.js';
import { findToken, forgetToken, keepToken } from './token.js';

type Listener = (payload: unknown) => void;

/** Why a token is asked for; `detail`: what the service said, or empty. */
export interface TokenWish {
  readonly cause: 'none' | 'refused' | 'left';
  readonly detail: string;
}

export class Session {
  readonly #url: string;
  readonly #token = signal('');
  readonly #status = signal<SocketStatus>({ kind: 'connecting' });
  readonly #asksToken = signal<TokenWish | null>(null);
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #onlineListeners = new Set<(recovered: boolean) => void>();
  #control: ControlClient | null = null;

  constructor(url: string) {
    this.#url = url;
  }

  get url(): string {
    return this.#url;
  }

  /** Whose data this is: what was told for another one is not to be shown any more. Empty when nobody is signed in. */
  get token(): ReadonlySignal<string> {
    return this.#token;
  }

  get status(): ReadonlySignal<SocketStatus> {
    return this.#status;
  }

  /** Null: it has a token. */
  get asksToken(): ReadonlySignal<TokenWish | null> {
    return this.#asksToken;
  }

  get isOnline(): boolean {
    return this.#status.value.kind === 'online';
  }

  /** Also when the link of another run of the service is pasted into the same tab. Who was asked for a token already is not asked anew. */
  begin(): void {
    const token = findToken();
    if (token !== null) {
      if (token !== this.#token.value) this.#connect(token);
    } else if (this.#token.value === '' && this.#asksToken.value === null) this.#ask('none');
  }

  signIn(token: string): void {
    keepToken(token);
    this.#connect(token);
  }

  signOut(): void {
    this.#ask('left');
  }

  /** Rejects with ControlError. */
  async call<Answer extends object = Fields>(event: string, fields: object = {}): Promise<Answer> {
    if (this.#control === null) throw new ControlError('offline', 'Not signed in.');
    return this.#control.call<Answer>(event, fields);
  }

  /** Sends what nobody waits for. */
  tell(event: string, fields: object): void {
    this.#control?.tell(event, fields);
  }

  /** Returns the way to stop listening. */
  on(event: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Called whenever the socket is there, the first time and again; at once if it is already. */
  onOnline(listener: (recovered: boolean) => void): () => void {
    this.#onlineListeners.add(listener);
    if (this.isOnline) listener(false);
    return () => this.#onlineListeners.delete(listener);
  }

  #connect(token: string): void {
    // Stores that follow the token may still say goodbye over the socket of the one before.
    this.#token.value = token;
    this.#control?.close();
    // The first status comes from inside of the constructor; the socket before has nothing to say any more.
    this.#control = null;
    this.#asksToken.value = null;
    const control: ControlClient = new ControlClient(this.#url, token, {
      status: (status) => {
        if (this.#control === null || this.#control === control) this.#changed(status);
      },
      event: (name, payload) => this.#listeners.get(name)?.forEach((listener) => listener(payload)),
    });
    this.#control = control;
  }

  #changed(status: SocketStatus): void {
    this.#status.value = status;
    if (status.kind === 'online') this.#onlineListeners.forEach((listener) => listener(status.recovered));
    if (status.kind === 'refused') this.#ask('refused', status.detail);
  }

  #ask(cause: TokenWish['cause'], detail = ''): void {
    forgetToken();
    this.#token.value = '';
    this.#control?.close();
    this.#status.value = { kind: 'refused', detail };
    this.#asksToken.value = { cause, detail };
  }
}
