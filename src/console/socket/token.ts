/**
 * The control token of this tab: taken from the fragment of the link that the service prints (a fragment is never sent to a server), kept in
 * sessionStorage only, and removed from the address bar so that it ends up in no bookmark or screenshot.
 */
const storageKey = 'holdfast.control-token';

/** Null when there is none: then the page asks for it. */
export function findToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null) {
    history.replaceState(null, '', location.pathname + location.search);
    if (given !== '') keepToken(given);
  }
  return read();
}

export function keepToken(token: string): void {
  try {
    sessionStorage.setItem(storageKey, token);
  } catch {
    // Storage is switched off: a reload asks again.
    inMemory = token;
  }
}

export function forgetToken(): void {
  inMemory = null;
  try {
    sessionStorage.removeItem(storageKey);
  } catch {
    // Nothing was kept.
  }
}

let inMemory: string | null = null;

function read(): string | null {
  try {
    return sessionStorage.getItem(storageKey) ?? inMemory;
  } catch {
    return inMemory;
  }
}
