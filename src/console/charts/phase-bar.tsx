/** Where the time of a recovery went: one bar, divided by phases, and the same in words. */
import type { JSX } from 'preact';
import { phases, type Incident } from '../../operator/incident.types.js';
import { cost } from '../format.js';
import { phaseWords } from '../words.js';

interface PhaseBarProps {
  readonly incident: Incident;
}

export function PhaseBar({ incident }: PhaseBarProps): JSX.Element | null {
  const known = phases.flatMap((phase) => {
    const ms = incident.phases[phase];
    return ms === undefined ? [] : [{ phase, ms }];
  });
  // Of an incident that is open: what has passed since the last phase that is over.
  const openMs =
    incident.outcome === 'open'
      ? Math.max(0, (incident.outage_ms ?? 0) - known.reduce((sum, { ms }) => sum + ms, 0))
      : 0;
  if (known.length === 0 && openMs === 0) return null;
  return (
    <div class="phases">
      <div class="phase-bar" aria-hidden="true">
        {known.map(({ phase, ms }) => (
          <span key={phase} class={`phase-${phase}`} style={{ flexGrow: Math.max(ms, 1) }} />
        ))}
        {openMs > 0 && <span class="phase-open" style={{ flexGrow: openMs }} />}
      </div>
      <dl class="phase-words">
        {known.map(({ phase, ms }) => (
          <div key={phase} data-phase={phase}>
            <dt>
              <span class={`swatch phase-${phase}`} aria-hidden="true" />
              {phaseWords[phase].name} <b>{cost(ms)}</b>
            </dt>
            <dd>{phaseWords[phase].meaning}</dd>
          </div>
        ))}
        {openMs > 0 && (
          <div data-phase="open">
            <dt>
              <span class="swatch phase-open" aria-hidden="true" />
              Going on <b>{cost(openMs)}</b>
            </dt>
            <dd>the rest of it is not known yet</dd>
          </div>
        )}
      </dl>
    </div>
  );
}
