/** Tubes that ended lately, and why: their histories can still be read. */
import type { JSX } from 'preact';
import type { ClosedTubeRow } from '../../operator/operator.types.js';
import { reasonWords } from '../../operator/words.js';
import { useApp } from '../app.js';
import { serverNow } from '../clock.js';
import { capital, duration, shortId, wallClock } from '../format.js';
import { Problem } from '../parts/card.js';
import { Icon } from '../parts/marks.js';
import { links } from '../route.js';
import { listClosed } from '../socket/operator-calls.js';
import { usePolled } from '../store/polled.js';

const everyMs = 5000;

export function ClosedPage(): JSX.Element {
  const { session } = useApp();
  const closed = usePolled('closed', everyMs, () => listClosed(session));
  const rows = closed.value.value;
  return (
    <div class="closed-page">
      <a class="back" href={links.tubes}>
        <Icon name="back" /> Tubes
      </a>
      <header class="page-head">
        <h1 tabIndex={-1}>Recently closed</h1>
      </header>
      <Problem text={closed.problem.value} />
      {rows?.length === 0 && <p class="empty">None, as far as this node remembers.</p>}
      {rows !== null && rows.length > 0 && <ClosedTable rows={rows} />}
    </div>
  );
}

interface ClosedTableProps {
  readonly rows: readonly ClosedTubeRow[];
}

function ClosedTable({ rows }: ClosedTableProps): JSX.Element {
  const nowMs = serverNow();
  return (
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Conversation</th>
          <th scope="col">Why</th>
          <th scope="col">Closed</th>
          <th scope="col">Lived</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.tube_id}>
            <td>
              <a href={links.tube(row.tube_id)}>
                <bdi>{row.conversation_id}</bdi>
              </a>{' '}
              <span class="sub mono">{shortId(row.tube_id)}</span>
            </td>
            <td>{capital(reasonWords(row.reason))}</td>
            <td class="num">{wallClock(row.closed_at_ms, nowMs)}</td>
            <td class="num">{duration(row.closed_at_ms - row.created_at_ms)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
