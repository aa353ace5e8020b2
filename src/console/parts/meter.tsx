/** A share as a bar. The figure stands beside it; the bar is told to assistive technology as a meter. */
import type { JSX } from 'preact';

interface MeterProps {
  readonly label: string;
  /** In [0, 1]. */
  readonly ratio: number;
  /** More is worse: from 80 % it warns. */
  readonly isLoad?: boolean;
}

export function Meter({ label, ratio, isLoad = false }: MeterProps): JSX.Element {
  const percents = Math.round(Math.min(1, Math.max(0, ratio)) * 100);
  const tone = !isLoad || percents < 80 ? '' : percents < 95 ? 'tone-doubt' : 'tone-bad';
  return (
    <span
      class={`meter ${tone}`}
      role="meter"
      aria-label={label}
      aria-valuenow={percents}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuetext={`${percents} %`}
    >
      <span style={{ width: `${percents}%` }} />
    </span>
  );
}
