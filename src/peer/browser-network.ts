/**
 * What a browser says of its network: `online`, `offline`, and a change of the physical connection (Network Information API, where
 * `type` exists: Android and ChromeOS). Its bandwidth estimates change all the time and are no network change.
 */
import type { NetworkChange } from './signalling.port.js';

/** Not in TypeScript's DOM library: the API is not in every browser. */
interface NetworkInformation extends EventTarget {
  readonly type?: string;
}

export function watchBrowserNetwork(listener: (change: NetworkChange) => void): () => void {
  const connection = (navigator as Navigator & { connection?: NetworkInformation }).connection;
  let lastType = connection?.type;
  const online = (): void => listener({ type: 'online', data: connection?.type ?? '' });
  const offline = (): void => listener({ type: 'offline', data: '' });
  const changed = (): void => {
    const type = connection?.type;
    if (type === lastType) return;
    lastType = type;
    // `none` is what `offline` says too.
    if (type !== undefined && type !== 'none') listener({ type: 'connection_type', data: type });
  };
  addEventListener('online', online);
  addEventListener('offline', offline);
  connection?.addEventListener('change', changed);
  return () => {
    removeEventListener('online', online);
    removeEventListener('offline', offline);
    connection?.removeEventListener('change', changed);
  };
}
