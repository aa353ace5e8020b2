/**
 * The picture between the two ends: one line per connection of the tube, which of them carries data, where one is broken, and the steady traffic as
 * dots on it. Decoration for the eye; the words beside each line say the same.
 */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { End } from '../try/console-tube.js';
import { laneWords } from '../try/lanes.js';
import type { TrySession } from '../try/try-session.js';

const crossingMs = 450;
const maxDots = 80;

interface LanesPictureProps {
  readonly trial: TrySession;
}

export function LanesPicture({ trial }: LanesPictureProps): JSX.Element {
  const list = useRef<HTMLOListElement>(null);
  const lanes = trial.lanes.value;
  useEffect(() => {
    trial.onDeparture = (end) => {
      if (list.current !== null) sendDot(list.current, end);
    };
    return () => {
      trial.onDeparture = () => undefined;
    };
  }, [trial]);
  return (
    <div class="picture">
      <p class="end">Service</p>
      <div class="between">
        <ol class="lanes" aria-label="Connections of the tube" ref={list}>
          {lanes.map(({ generation, state }) => (
            <li key={generation} class="lane" data-state={state}>
              <span class="lane-label">
                <strong>generation {generation}</strong> {laneWords[state]}
              </span>
              <span class="lane-line" aria-hidden="true" />
            </li>
          ))}
        </ol>
        {lanes.length === 0 && <p class="lanes-empty">no connection</p>}
      </div>
      <p class="end">This tab</p>
    </div>
  );
}

/** A message sets out from `end`, on the line that carries data; on a broken one it gets half way. */
function sendDot(list: HTMLElement, end: End): void {
  const lane =
    list.querySelector<HTMLElement>('[data-state=active]') ?? list.querySelector<HTMLElement>('[data-state=broken]');
  const line = lane?.querySelector('.lane-line');
  const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches || document.hidden;
  if (line === null || line === undefined || isStill || line.childElementCount > maxDots) return;
  const dot = document.createElement('span');
  dot.className = `dot from-${end}`;
  line.append(dot);
  const isBroken = lane?.dataset.state === 'broken';
  const [from, to] = end === 'service' ? [0, isBroken ? 47 : 100] : [100, isBroken ? 53 : 0];
  const frames = [
    { left: `${from}%`, opacity: 1 },
    { left: `${to}%`, opacity: isBroken ? 0 : 1 },
  ];
  dot.animate(frames, { duration: isBroken ? crossingMs / 2 : crossingMs }).onfinish = () => dot.remove();
}
