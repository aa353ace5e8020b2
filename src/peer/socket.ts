/**
 * One attempt to hold a socket.io connection to `/peer`: a fresh socket that is never reused. Reconnection is SocketSignalling's alone,
 * so that its numbers are exact; socket.io's own is off.
 */
import { io } from 'socket.io-client';
import { isRecord } from './signalling.port.js';

export interface RawSocketHandlers {
  connected(): void;
  /** The attempt failed or the socket was lost. `code`: the service's reason for a refusal. */
  lost(code: string | null, detail: string): void;
  frame(event: string, data: unknown): void;
}

export interface RawSocket {
  /** `acknowledged` is called at most once, and not at all when the socket is lost first. */
  emit(event: string, data: unknown, acknowledged: (reply: unknown) => void): void;
  /** Idempotent; no handler is called afterwards. */
  close(): void;
}

export type OpenSocket = (url: string, token: string, handlers: RawSocketHandlers) => RawSocket;

export const openSocket: OpenSocket = (url, token, handlers) => {
  const socket = io(`${url.replace(/\/+$/, '')}/peer`, {
    transports: ['websocket'],
    auth: { token },
    reconnection: false,
    forceNew: true,
    autoConnect: false,
  });
  socket.on('connect', () => handlers.connected());
  socket.on('disconnect', (reason) => handlers.lost(null, reason));
  socket.on('connect_error', (error: Error & { data?: unknown }) => {
    const code = isRecord(error.data) && typeof error.data.code === 'string' ? error.data.code : null;
    handlers.lost(code, error.message);
  });
  socket.onAny((event: string, data: unknown) => handlers.frame(event, data));
  socket.connect();
  return {
    emit: (event, data, acknowledged) => {
      socket.emit(event, data, acknowledged);
    },
    close: () => {
      socket.removeAllListeners();
      socket.offAny();
      // Not only the namespace: an attempt that hangs in the TCP or WebSocket handshake is given up too.
      socket.disconnect();
      socket.io.engine?.close();
    },
  };
};
