/**
 * A socket of one namespace that comes back whatever ended it: socket.io tries again by itself after a lost connection, but not after a refusal or when
 * the service ended it; this does. It gives up only when the token is not accepted. What is said over it is the business of its users.
 */
import { io, type Socket } from 'socket.io-client';

export type SocketStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'online'; readonly recovered: boolean }
  | { readonly kind: 'offline'; readonly detail: string }
  /** The token is not accepted: no further attempts are made. */
  | { readonly kind: 'refused'; readonly detail: string };

export interface LastingSocket {
  readonly socket: Socket;
  readonly close: () => void;
}

/** After a refusal that is not about the token: too many connections, for example. */
const retryMs = 2000;

/** `status` is called at once, too. */
export function lastingSocket(url: string, token: string, status: (status: SocketStatus) => void): LastingSocket {
  const socket = io(url, { auth: { token }, transports: ['websocket'], forceNew: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lost = (detail: string): void => {
    status({ kind: 'offline', detail });
    clearTimeout(timer);
    // `active` = socket.io tries again by itself.
    if (!socket.active) timer = setTimeout(() => socket.connect(), retryMs);
  };
  status({ kind: 'connecting' });
  socket.on('connect', () => status({ kind: 'online', recovered: socket.recovered }));
  socket.on('disconnect', lost);
  socket.on('connect_error', (error: Error & { data?: { code?: unknown } }) => {
    const code = error.data?.code;
    if (typeof code === 'string' && code.startsWith('auth_')) status({ kind: 'refused', detail: error.message });
    else lost(error.message);
  });
  const close = (): void => {
    socket.off('disconnect', lost);
    clearTimeout(timer);
    socket.disconnect();
  };
  return { socket, close };
}
