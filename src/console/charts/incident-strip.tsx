/** The incidents of a tube along a line of time, up to now: when they were, how long, how they went. The list below says the same in words. */
import type { JSX } from 'preact';
import type { Incident } from '../../operator/incident.types.js';
import { wallClock } from '../format.js';
import { outcomeTones } from '../words.js';

interface IncidentStripProps {
  /** At least one, newest first. */
  readonly incidents: readonly Incident[];
  readonly nowMs: number;
}

export function IncidentStrip({ incidents, nowMs }: IncidentStripProps): JSX.Element {
  const oldestMs = Math.min(...incidents.map(({ started_at_ms: startedAtMs }) => startedAtMs));
  // A little before the first, so that it does not stick to the edge.
  const fromMs = oldestMs - (nowMs - oldestMs) * 0.04 - 1000;
  const percent = (ms: number): string => `${((ms / (nowMs - fromMs)) * 100).toFixed(2)}%`;
  return (
    <div class="strip" aria-hidden="true">
      <span class="strip-line">
        {incidents.map(({ number, outcome, started_at_ms: startedAtMs, ended_at_ms: endedAtMs }) => (
          <span
            key={number}
            class={`tone-${outcomeTones[outcome]}`}
            style={{ left: percent(startedAtMs - fromMs), width: percent((endedAtMs ?? nowMs) - startedAtMs) }}
          />
        ))}
      </span>
      <span>{wallClock(oldestMs, nowMs)}</span>
      <span>now</span>
    </div>
  );
}
