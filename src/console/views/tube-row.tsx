/** One line of the list of tubes, and the head of its columns. On a phone the same cells make a small card. */
import type { JSX } from 'preact';
import type { TubeRow } from '../../operator/operator.types.js';
import { reasonWords, triggerWords } from '../../operator/words.js';
import { capital, duration, percent, roundTrip, score, shortId, unknown } from '../format.js';
import { StateMark } from '../parts/marks.js';
import { links } from '../route.js';
import type { SortKey } from '../store/tube-order.js';
import type { TubeQuery } from '../store/tube-table.js';
import { nextWords } from '../words.js';

/** As styles/tubes.css has it now: on a phone a row is a small card. Asked at every drawing, and that is once a second at least. */
export const rowHeightPx = (): number => (matchMedia('(max-width: 45rem)').matches ? 104 : 46);

interface Column {
  readonly key: SortKey;
  readonly title: string;
  readonly class: string;
}

const columns: readonly Column[] = [
  { key: 'state', title: 'State', class: 'c-state' },
  { key: 'conversation', title: 'Conversation', class: 'c-name' },
  { key: 'since', title: 'Since, why', class: 'c-since' },
  { key: 'incident', title: 'Incident, next', class: 'c-incident' },
  { key: 'generation', title: 'Gen.', class: 'c-generation num' },
  { key: 'rtt', title: 'RTT', class: 'c-rtt num' },
  { key: 'loss', title: 'Loss', class: 'c-loss num' },
  { key: 'score', title: 'Quality', class: 'c-score num' },
  { key: 'pair', title: 'Pair', class: 'c-pair' },
  { key: 'recovered', title: 'Recov.', class: 'c-recovered num' },
];

interface TubeHeadProps {
  readonly query: TubeQuery;
  readonly changed: (query: TubeQuery) => void;
}

/** A press sorts by the column, another one the other way round, a third as before: what needs attention first. */
function nextSort({ sort, descending }: TubeQuery, key: SortKey): Pick<TubeQuery, 'sort' | 'descending'> {
  if (sort !== key) return { sort: key, descending: false };
  return descending ? { sort: 'attention', descending: false } : { sort: key, descending: true };
}

export function TubeHead({ query, changed }: TubeHeadProps): JSX.Element {
  return (
    <>
      {columns.map(({ key, title, class: className }) => {
        const isSorted = query.sort === key;
        const direction = query.descending ? 'descending' : 'ascending';
        return (
          <div key={key} role="columnheader" class={className} aria-sort={isSorted ? direction : 'none'}>
            <button type="button" onClick={() => changed({ ...query, ...nextSort(query, key) })}>
              {title}
              <span class="sort-sign" aria-hidden="true">
                {isSorted ? (query.descending ? '↓' : '↑') : ''}
              </span>
            </button>
          </div>
        );
      })}
    </>
  );
}

interface TubeCellsProps {
  readonly row: TubeRow;
  readonly nowMs: number;
}

const troubleWords = ({ trigger, attempts }: NonNullable<TubeRow['incident']>): string =>
  capital(triggerWords(trigger)) + (attempts > 0 ? `, attempt ${attempts}` : '');

/** What a narrow row cuts off; on the link, which covers the row. None of a tube that is well. */
const titleOf = ({ reason }: TubeRow, words: readonly string[]): string | undefined => {
  const told = words.filter((one) => one !== '');
  return told.length === 0 ? undefined : [capital(reasonWords(reason)), ...told].join('\n');
};

export function TubeCells({ row, nowMs }: TubeCellsProps): JSX.Element {
  const { incident, next } = row;
  const trouble = incident === null ? '' : troubleWords(incident);
  const then = next === null ? '' : nextWords(next, nowMs);
  return (
    <>
      <div role="cell" class="c-state">
        <StateMark state={row.state} />
      </div>
      <div role="cell" class="c-name">
        <a href={links.tube(row.tube_id)} title={titleOf(row, [trouble, then])}>
          <bdi>{row.conversation_id}</bdi>
        </a>
        <span class="sub mono">{shortId(row.tube_id)}</span>
      </div>
      <div role="cell" class="c-since">
        <span class="num">{duration(nowMs - row.since_ms)}</span>
        <span class="sub">{reasonWords(row.reason)}</span>
      </div>
      <div role="cell" class="c-incident">
        {trouble !== '' && <span>{trouble}</span>}
        {then !== '' && <span class="sub">{then}</span>}
      </div>
      <Measures row={row} />
    </>
  );
}

function Measures({ row }: Pick<TubeCellsProps, 'row'>): JSX.Element {
  return (
    <>
      <div role="cell" class="c-generation num">
        {row.generation}
      </div>
      <div role="cell" class={`c-rtt num ${row.rtt_ms === null ? 'is-unknown' : ''}`}>
        {roundTrip(row.rtt_ms)}
      </div>
      <div role="cell" class="c-loss num">
        {percent(row.loss)}
      </div>
      <div role="cell" class="c-score num">
        {score(row.score)}
      </div>
      <div role="cell" class="c-pair">
        {row.pair ?? unknown}
      </div>
      <div role="cell" class="c-recovered num">
        {row.incidents === 0 ? '0' : `${row.recovered} of ${row.incidents}`}
      </div>
    </>
  );
}
