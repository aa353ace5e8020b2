/**
 * What all native connections of the process share: loading node-datachannel, keeping its wrappers alive, guarding its callbacks, its log, and the
 * order of shutting it down. Module state on purpose: the library has one log, one thread pool and one cleanup per process.
 * native-connection.ts uses it; app.ts gives it an observer and shuts it down last.
 */
import native from 'node-datachannel';
import type { DataChannel, LogLevel, PeerConnection, RtcConfig } from 'node-datachannel';

export type NativeLogLevel = LogLevel;
export type NativeConfig = RtcConfig;

/** Where the library's own words go. Both may throw without harm; neither must wait. */
export interface NativeObserver {
  /** A line of libdatachannel's log. At level Verbose it holds ICE passwords: redact. */
  log(level: NativeLogLevel, message: string): void;
  /** A callback of ours threw. Counted in `liveCounts().throws`. */
  threw(where: string, error: unknown): void;
}

type Handle = PeerConnection | DataChannel;

/**
 * Every wrapper until its `closed` callback ran. A wrapper that only the garbage collector could see takes the process down with
 * it: the library's finaliser frees what native threads still use.
 */
const peerConnections = new Set<PeerConnection>();
const dataChannels = new Set<DataChannel>();
const waiting = new Set<() => void>();
let observer: NativeObserver | null = null;
let throws = 0;

/** How long `shutdown` waits for `closed` callbacks. */
const closeWaitMs = 3000;

export function observeNative(next: NativeObserver, level: NativeLogLevel): void {
  observer = next;
  native.initLogger(
    level,
    guard('log', (at: LogLevel, message: string) => next.log(at, message)),
  );
}

/** A callback that native code may call: what it throws is counted and reported, because out of a native callback it would abort the process. */
export function guard<Args extends unknown[]>(where: string, fn: (...args: Args) => void): (...args: Args) => void {
  return (...args) => {
    try {
      fn(...args);
    } catch (error) {
      throws += 1;
      reportThrow(where, error);
    }
  };
}

function reportThrow(where: string, error: unknown): void {
  try {
    observer?.threw(where, error);
  } catch {
    // An observer that throws has nobody left to tell; the count stays.
  }
}

/** @throws Error when the library refuses the configuration */
export function openPeerConnection(config: NativeConfig): PeerConnection {
  const connection = new native.PeerConnection('holdfast', config);
  peerConnections.add(connection);
  return connection;
}

export function keepChannel(channel: DataChannel): void {
  dataChannels.add(channel);
}

/** To be called in the `closed` callback, not before. */
export function letGo(handle: Handle): void {
  dataChannels.delete(handle as DataChannel);
  peerConnections.delete(handle as PeerConnection);
  if (peerConnections.size > 0 || dataChannels.size > 0) return;
  for (const wake of [...waiting]) wake();
}

/** Native objects whose `closed` callback has not run, and callbacks that threw since the start. */
export function liveCounts(): {
  readonly peerConnections: number;
  readonly dataChannels: number;
  readonly throws: number;
} {
  return { peerConnections: peerConnections.size, dataChannels: dataChannels.size, throws };
}

/**
 * Closes what is open, waits for the `closed` callbacks (at most 3 s) and then lets the library clean up: in any other order the process
 * aborts or never ends. Idempotent. No connection may be opened afterwards.
 */
export async function shutdown(): Promise<void> {
  for (const connection of [...peerConnections]) {
    guard('shutdown', () => connection.close())();
  }
  await allClosed();
  native.cleanup();
  observer = null;
}

function allClosed(): Promise<void> {
  if (peerConnections.size === 0 && dataChannels.size === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      waiting.delete(done);
      resolve();
    };
    const timer = setTimeout(done, closeWaitMs);
    waiting.add(done);
  });
}
