/** The frame of every page: where one is, whether the service can be reached, the theme; and the page itself, or the form that asks for a token. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.js';
import { capital } from '../format.js';
import { Icon } from '../parts/marks.js';
import { links, type PageName, type Route } from '../route.js';
import type { SocketStatus } from '../socket/lasting-socket.js';
import { chooseTheme, nextTheme, theme } from '../theme.js';
import { ClosedPage } from './closed-page.js';
import { NodePage } from './node-page.js';
import { TokenPage } from './token-page.js';
import { TryPage } from './try-page.js';
import { TubePage } from './tube-page.js';
import { TubesPage } from './tubes-page.js';

const statusWords: Readonly<Record<SocketStatus['kind'], string>> = {
  connecting: 'connecting …',
  online: 'connected to the service',
  offline: 'service not reachable, trying again …',
  refused: 'not signed in',
};

const tabs: readonly {
  readonly page: PageName;
  readonly also: readonly PageName[];
  readonly title: string;
  readonly href: string;
}[] = [
  { page: 'tubes', also: ['tube', 'closed'], title: 'Tubes', href: links.tubes },
  { page: 'node', also: [], title: 'Node', href: links.node },
  { page: 'try', also: [], title: 'Try it', href: links.try },
];

export function Shell(): JSX.Element {
  const { session, route } = useApp();
  const asks = session.asksToken.value;
  return (
    <>
      <TopBar />
      <main id="main" data-page={asks === null ? route.value.page : 'token'}>
        <Offline />
        {asks === null ? <Page key={session.token.value} route={route.value} /> : <TokenPage wish={asks} />}
      </main>
    </>
  );
}

function TopBar(): JSX.Element {
  const { route, session } = useApp();
  const here = route.value.page;
  const status = session.status.value.kind;
  return (
    <header class="top">
      <a class="brand" href={links.tubes}>
        <Icon name="anchor" />
        Holdfast
      </a>
      <nav aria-label="Pages">
        {tabs.map(({ page, also, title, href }) => (
          <a key={page} href={href} aria-current={here === page ? 'page' : also.includes(here) ? 'true' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <p class="control-status" role="status" data-status={status}>
        <span class="lamp" aria-hidden="true" />
        <span class="words">{statusWords[status]}</span>
      </p>
      <button
        type="button"
        class="icon-button"

        onClick={() => chooseTheme(nextTheme())}
      >
        <Icon name="theme" />
        <span class="quiet">
          {capital(theme.value)} theme; change to {nextTheme()}
        </span>
      </button>
      {session.token.value !== '' && (
        <button type="button" class="icon-button" onClick={() => session.signOut()}>
          <Icon name="leave" />
          <span class="quiet">Sign out</span>
        </button>
      )}
    </header>
  );
}

function Offline(): JSX.Element | null {
  const { session } = useApp();
  const status = session.status.value;
  return status.kind !== 'offline' ? null : (
    <p class="problem" role="alert">
      The service cannot be reached ({status.detail}). What is shown may be out of date; the page tries again by itself.
    </p>
  );
}

const titles: Readonly<Record<PageName, string>> = {
  tubes: 'Tubes',
  closed: 'Recently closed',
  tube: 'Tube',
  node: 'Node',
  try: 'Try it',
};

interface PageProps {
  readonly route: Route;
}

function Page({ route }: PageProps): JSX.Element {
  const isFirst = useRef(true);
  const place = JSON.stringify(route);
  useEffect(() => {
    document.title = `${titles[route.page]} · Holdfast`;
    // Who went to another page begins at its top, with the screen reader and the keyboard as well.
    if (!isFirst.current) {
      scrollTo(0, 0);
      document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
    }
    isFirst.current = false;
  }, [place]);
  switch (route.page) {
    case 'tubes':
      return <TubesPage />;
    case 'closed':
      return <ClosedPage />;
    case 'tube':
      return <TubePage key={route.tubeId} tubeId={route.tubeId} />;
    case 'node':
      return <NodePage />;
    case 'try':
      return <TryPage />;
  }
}
