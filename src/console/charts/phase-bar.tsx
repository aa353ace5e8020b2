/** Where the time of a recovery went: one bar, divided by phases, and the same in words. */
import type { JSX } from 'preact';
import { phases, type Incident } from '../../operator/incident.types.js';
import { phaseWords } from '../../operator/words.js';
import { cost } from '../format.js';

interface PhaseBarProps {
  readonly incident: Incident;
}

interface Part {
  readonly key: string;
  readonly name: string;
  readonly meaning: string;
  readonly ms: number;
}

/** Of an incident that is open the last part is what has passed since the phases that are over. */
function partsOf({ phases: lengths, outcome, outage_ms: outageMs }: Incident): Part[] {
  const known = phases.flatMap((phase): Part[] => {
    const ms = lengths[phase];
    return ms === undefined ? [] : [{ key: phase, ...phaseWords[phase], ms }];
  });
  const openMs = (outageMs ?? 0) - known.reduce((sum, { ms }) => sum + ms, 0);
  if (outcome !== 'open' || openMs <= 0) return known;
  return [...known, { key: 'open', name: 'Going on', meaning: 'the rest of it is not known yet', ms: openMs }];
}

export function PhaseBar({ incident }: PhaseBarProps): JSX.Element | null {
  const parts = partsOf(incident);
  if (parts.length === 0) return null;
  return (
    <div class="phases">
      <div class="phase-bar" aria-hidden="true">
        {parts.map(({ key, ms }) => (
          <span key={key} class={`phase-${key}`} style={{ flexGrow: Math.max(ms, 1) }} />
        ))}
      </div>
      <dl class="phase-words">
        {parts.map(({ key, name, meaning, ms }) => (
          <div key={key} data-phase={key}>
            <dt>
              <span class={`swatch phase-${key}`} aria-hidden="true" />
              {name} <b>{cost(ms)}</b>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
