/** Small signs: the state of a tube as a shape and a word, a tone as a dot, icons. Colour never says anything that shape or word does not. */
import type { ComponentChildren, JSX } from 'preact';
import type { TubeState } from '../socket/operator-calls.js';
import { capital } from '../format.js';
import { stateTones, type Tone } from '../words.js';

/** In a box of 16 by 16. */
const shapes: Readonly<Record<TubeState, JSX.Element>> = {
  initializing: <circle cx="8" cy="8" r="5.25" fill="none" stroke-width="1.75" stroke-dasharray="2.2 2" />,
  connecting: (
    <>
      <circle cx="8" cy="8" r="5.25" fill="none" stroke-width="1.75" />
      <path d="M8 2.75a5.25 5.25 0 0 1 0 10.5z" stroke="none" />
    </>
  ),
  connected: <circle cx="8" cy="8" r="5.5" stroke="none" />,
  degraded: <path d="M8 2.2 14.6 13.6H1.4z" stroke-linejoin="round" stroke-width="1" />,
  failed: <path d="M4 4l8 8M12 4l-8 8" fill="none" stroke-width="3" stroke-linecap="round" />,
  closed: <path d="M3 8h10" fill="none" stroke-width="2.5" stroke-linecap="round" />,
};

interface StateMarkProps {
  readonly state: TubeState;
}

export function StateMark({ state }: StateMarkProps): JSX.Element {
  return (
    <span class={`state tone-${stateTones[state]}`}>
      <svg class="shape" viewBox="0 0 16 16" aria-hidden="true" fill="currentColor" stroke="currentColor">
        {shapes[state]}
      </svg>
      {capital(state)}
    </span>
  );
}

interface ToneProps {
  readonly tone: Tone;
  readonly children?: ComponentChildren;
}

/** Words with a dot of their tone before them. */
export function Toned({ tone, children }: ToneProps): JSX.Element {
  return (
    <span class={`toned tone-${tone}`}>
      <span class="dot-mark" aria-hidden="true" />
      {children}
    </span>
  );
}

const icons = {
  anchor: 'M12 3v11.5M12 14.5c0 3.2-2.3 5.3-7.5 6M12 14.5c0 3.2 2.3 5.3 7.5 6M12 14.5V21',
  search: 'M10.5 17a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13zM20 20l-4.6-4.6',
  restart: 'M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 3.5v4.2h-4.2',
  close: 'M6 6l12 12M18 6 6 18',
  export: 'M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14',
  back: 'M14.5 5 7.5 12l7 7',
  leave: 'M10.5 4.5H5v15h5.5M14 8l4 4-4 4M18 12H9.5',
  theme: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16',
} as const;

interface IconProps {
  readonly name: keyof typeof icons;
}

export function Icon({ name }: IconProps): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor">
      <path d={icons[name]} stroke-width="2" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
