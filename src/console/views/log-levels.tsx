/** Levels of the service's log by target, and the form that changes one, for good or for a while. */
import { useSignal, type Signal } from '@preact/signals';
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
/** Minutes; empty: until it is changed again. */
const lengths = [
  ['5', '5 min'],
  ['30', '30 min'],
  ['120', '2 h'],
  ['', 'good'],
] as const;

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
  const level = useSignal('debug');
  const minutes = useSignal('5');
  const submitted = (event: Event): void => {
    event.preventDefault();
    if (asking.isOff.value) return;
    const ttlMs = minutes.value === '' ? null : Number(minutes.value) * 60_000;
    asking.ask(async () => {
      await setLogLevel(session, target.value, level.value, ttlMs);
      changed();
    }, `${target.value} is at ${level.value}.`);
  };
  return (
    <form class="level-form" onSubmit={submitted}>
      <Choice name="Target" value={target} options={rows.map((row) => [row.target, row.target])} />
      <Choice name="Level" value={level} options={levels.map((one) => [one, one])} />
      <Choice name="For" value={minutes} options={lengths} />
      <button type="submit" aria-disabled={asking.isOff.value}>
        Set
      </button>
      <OutcomeLine asking={asking} />
    </form>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly value: Signal<string>;
  /** Values with their words. */
  readonly options: readonly (readonly [string, string])[];
}

function Choice({ name, value, options }: ChoiceProps): JSX.Element {
  return (
    <label>
      {name}
      <select value={value.value} onChange={(event) => (value.value = event.currentTarget.value)}>
        {options.map(([key, words]) => (
          <option key={key} value={key}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
