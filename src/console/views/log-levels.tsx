/** Levels of the service's log by target, and the form that changes one, for good or for a while. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { LogLevelRow } from '../../operator/operator.types.js';
import { useApp } from '../app.js';
import { second, serverNow } from '../clock.js';
import { duration } from '../format.js';
import { OutcomeLine, useAsking } from '../parts/actions.js';
import { Card, Problem } from '../parts/card.js';
import { getLogLevels, setLogLevel } from '../socket/operator-calls.js';
import { usePolled } from '../store/polled.js';

const everyMs = 15_000;
const levels = ['error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
/** Minutes; null: until it is changed again. */
const lengths = [5, 30, 120, null] as const;

export function LogLevels(): JSX.Element {
  const { session } = useApp();
  const known = usePolled('log levels', everyMs, () => getLogLevels(session));
  const rows = known.value.value;
  return (
    <Card title="Log levels">
      <p class="hint">A level with a length goes back by itself, so that nobody forgets it.</p>
      <Problem text={known.problem.value} />
      {rows !== null && (
        <>
          <LevelTable rows={rows} />
          <LevelForm rows={rows} changed={() => known.refresh()} />
        </>
      )}
    </Card>
  );
}

interface LevelTableProps {
  readonly rows: readonly LogLevelRow[];
}

function LevelTable({ rows }: LevelTableProps): JSX.Element {
  void second.value;
  const nowMs = serverNow();
  return (
    <table class="plain levels">
      <thead>
        <tr>
          <th scope="col">Target</th>
          <th scope="col">Level</th>
          <th scope="col">Until</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ target, level, until_ms: untilMs, base }) => (
          <tr key={target} class={level === base ? '' : 'is-changed'}>
            <td class="mono">{target}</td>
            <td>{level}</td>
            <td>{untilMs === null ? '' : `${duration(untilMs - nowMs)}, then ${base}`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface LevelFormProps extends LevelTableProps {
  readonly changed: () => void;
}

function LevelForm({ rows, changed }: LevelFormProps): JSX.Element {
  const { session } = useApp();
  const asking = useAsking();
  const target = useSignal(rows[0]?.target ?? '');
  const level = useSignal<string>('debug');
  const minutes = useSignal<number | null>(5);
  const submitted = (event: Event): void => {
    event.preventDefault();
    const ttlMs = minutes.value === null ? null : minutes.value * 60_000;
    asking.ask(async () => {
      await setLogLevel(session, target.value, level.value, ttlMs);
      changed();
    }, `${target.value} is at ${level.value}.`);
  };
  return (
    <form class="level-form" onSubmit={submitted}>
      <label>
        Target
        <select value={target.value} onChange={(event) => (target.value = event.currentTarget.value)}>
          {rows.map((row) => (
            <option key={row.target}>{row.target}</option>
          ))}
        </select>
      </label>
      <label>
        Level
        <select value={level.value} onChange={(event) => (level.value = event.currentTarget.value)}>
          {levels.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <label>
        For
        <select
          value={String(minutes.value)}
          onChange={(event) =>
            (minutes.value = event.currentTarget.value === 'null' ? null : Number(event.currentTarget.value))
          }
        >
          {lengths.map((one) => (
            <option key={one} value={String(one)}>
              {one === null ? 'good' : duration(one * 60_000).replace(/ 00 (s|min)$/, '')}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Set</button>
      <OutcomeLine asking={asking} />
    </form>
  );
}
