/**
 * What a browser says of its network: `online`, `offline`, a change of the physical connection (Network Information API, where `type` exists:
 * Android and ChromeOS), and, as `online`, that the device slept. Bandwidth estimates change all the time and are no network change.
 */
import type { NetworkListener, NetworkWatch } from './environment.port.js';

/** Not in TypeScript's DOM library: the API is not in every browser. */
interface NetworkInformation extends EventTarget {
  readonly type?: string;
}

const clockCheckMs = 2000;
const minSleepMs = 5000;

export function watchBrowserNetwork(listener: NetworkListener): NetworkWatch {
  const connection = (navigator as Navigator & { connection?: NetworkInformation }).connection;
  let lastType = connection?.type;
  const online = (): void => listener({ type: 'online', data: connection?.type ?? '' }, true);
  const offline = (): void => listener({ type: 'offline', data: '' }, true);
  const changed = (): void => {
    const type = connection?.type;
    if (type === lastType) return;
    lastType = type;
    // `none` is what `offline` says too.
    if (type !== undefined && type !== 'none') listener({ type: 'connection_type', data: type }, true);
  };
  addEventListener('online', online);
  addEventListener('offline', offline);
  connection?.addEventListener('change', changed);
  const unwatchSleep = watchSleep((sleptMs) => {
    // Without a network yet, `online` follows.
    if (navigator.onLine) listener({ type: 'online', data: `woke up after ${Math.round(sleptMs / 1000)} s` }, true);
  });
  return {
    stop: () => {
      removeEventListener('online', online);
      removeEventListener('offline', offline);
      connection?.removeEventListener('change', changed);
      unwatchSleep();
    },
  };
}

/**
 * In many browsers performance.now() stands still while the device sleeps, although it should not (hr-time-3 §4), and the wall clock is ahead of it
 * afterwards. Late timers prove nothing: those of a background page are throttled. A wall clock that was put forward looks like a sleep.
 */
function watchSleep(woke: (sleptMs: number) => void): () => void {
  const ahead = (): number => Date.now() - performance.now();
  let lastMs = ahead();
  const check = (): void => {
    const sleptMs = ahead() - lastMs;
    lastMs += sleptMs;
    if (sleptMs > minSleepMs) woke(sleptMs);
  };
  const timer = setInterval(check, clockCheckMs);
  // These come before a throttled timer does.
  document.addEventListener('visibilitychange', check);
  addEventListener('pageshow', check);
  addEventListener('focus', check);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', check);
    removeEventListener('pageshow', check);
    removeEventListener('focus', check);
  };
}
