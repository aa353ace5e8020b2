/** Which page is shown: the fragment of the address. Fragments are never sent to a server, and pages can be linked and gone back to. */
import { signal, type ReadonlySignal } from '@preact/signals';

export type Route =
  | { readonly page: 'tubes' }
  | { readonly page: 'closed' }
  | { readonly page: 'tube'; readonly tubeId: string }
  | { readonly page: 'node' }
  | { readonly page: 'try' };

export type PageName = Route['page'];

export const links = {
  tubes: '#/tubes',
  closed: '#/closed',
  node: '#/node',
  try: '#/try',
  tube: (tubeId: string): string => `#/tubes/${encodeURIComponent(tubeId)}`,
} as const;

/** What cannot be read leads to the list of tubes. */
export function routeOf(hash: string): Route {
  const [page = '', rest = ''] = hash.replace(/^#\/?/, '').split('/');
  if (page === 'tubes' && rest !== '') return { page: 'tube', tubeId: decoded(rest) };
  if (page === 'closed' || page === 'node' || page === 'try') return { page };
  return { page: 'tubes' };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Follows the address from now on. */
export function watchRoute(): ReadonlySignal<Route> {
  const route = signal(routeOf(location.hash));
  addEventListener('hashchange', () => {
    route.value = routeOf(location.hash);
  });
  return route;
}
