/** The operator console: makes the session, the stores and the page, once. What happens is the business of these; this file only connects them. */
import { render } from 'preact';
import { AppContext, type App } from './app.js';
import { holdClock, startClock } from './clock.js';
import { watchRoute } from './route.js';
import { Session } from './socket/session.js';
import { TubesFeed } from './store/tubes-feed.js';
import { startTheme } from './theme.js';
import { TrySession } from './try/try-session.js';
import { Shell } from './views/shell.js';

startTheme();
startClock();

const session = new Session(location.origin);
const app: App = {
  session,
  tubes: new TubesFeed(session),
  trial: new TrySession(session),
  route: watchRoute(),
};
session.status.subscribe(({ kind }) => holdClock(kind === 'offline'));
session.begin();
addEventListener('hashchange', () => session.begin());

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no #app');
render(
  <AppContext.Provider value={app}>
    <Shell />
  </AppContext.Provider>,
  root,
);
