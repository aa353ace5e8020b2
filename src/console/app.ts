/** What every view can reach: the session, the list of tubes, the page of the address, and the tube of "Try it". Made once in main.tsx. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ReadonlySignal } from '@preact/signals';
import type { Route } from './route.js';
import type { Session } from './socket/session.js';
import type { TubesFeed } from './store/tubes-feed.js';
import type { TrySession } from './try/try-session.js';

export interface App {
  readonly session: Session;
  readonly tubes: TubesFeed;
  readonly route: ReadonlySignal<Route>;
  readonly trial: TrySession;
}

export const AppContext = createContext<App | null>(null);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === null) throw new Error('a view outside of the application');
  return app;
}
