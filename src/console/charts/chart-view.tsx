/**
 * A statechart as SVG, with the states that are active and the last transition marked. The layouts were made when the service was built; the elements
 * are made by src/operator/chart-drawing.ts, here they only become nodes of the page.
 */
import { signal, type Signal } from '@preact/signals';
import { h, type JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { chartElements, type ChartElement } from '../../operator/chart-drawing.js';
import type { ChartLayout } from '../../operator/chart.types.js';
import { pathOf, type ChartName, type LiveActor } from '../store/live-charts.js';

type Loaded = { readonly layout: ChartLayout | null; readonly problem: string };

const layouts = new Map<ChartName, Signal<Loaded>>();

/** Loaded once per page. */
function layoutOf(name: ChartName): Signal<Loaded> {
  const known = layouts.get(name);
  if (known !== undefined) return known;
  const loaded = signal<Loaded>({ layout: null, problem: '' });
  layouts.set(name, loaded);
  void load(name).then((found) => (loaded.value = found));
  return loaded;
}

async function load(name: ChartName): Promise<Loaded> {
  try {
    const answer = await fetch(`charts/${name}.json`);
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return { layout: (await answer.json()) as ChartLayout, problem: '' };
  } catch (error) {
    return { layout: null, problem: `The drawing of “${name}” could not be loaded: ${String(error)}` };
  }
}

const smallPx = 700;
const nothing: ReadonlySet<string> = new Set();

function nodeOf(element: ChartElement | string): JSX.Element | string {
  if (typeof element === 'string') return element;
  return h(element.name, element.attributes, element.children.map(nodeOf));
}

interface ChartViewProps {
  readonly name: ChartName;
  /** Null: it does not run, or nothing is known of it. */
  readonly actor: LiveActor | null;
}

export function ChartView({ name, actor }: ChartViewProps): JSX.Element {
  const { layout, problem } = layoutOf(name).value;
  const box = useRef<HTMLDivElement>(null);
  const [choice, setChoice] = useState<boolean | null>(null);
  // What is small anyway is shown whole until somebody wants it otherwise.
  const isWhole = choice ?? (layout !== null && layout.width_px < smallPx);
  const active = actor === null || actor.isStopped ? nothing : actor.active;
  const path = pathOf(active);
  useEffect(() => {
    if (box.current !== null && path !== '') showActive(box.current);
  }, [path, layout, isWhole]);
  if (layout === null) return <p class="hint">{problem === '' ? 'The drawing is being loaded …' : problem}</p>;
  const last = actor === null || actor.isStopped ? nothing : actor.last;
  const words = path === '' ? 'not running' : `active: ${path}`;
  return (
    <div class={`chart-frame ${isWhole ? 'is-whole' : ''}`}>
      <button type="button" class="chip" aria-pressed={isWhole} onClick={() => setChoice(!isWhole)}>
        Whole chart<span class="quiet"> of {name}</span>
      </button>
      <div class="chart-box-scroll" tabIndex={0} role="group" aria-label={`Drawing of the ${name} chart`} ref={box}>
        <svg
          class="chart"
          role="img"
          aria-label={`Statechart “${name}”, ${words}`}
          viewBox={`0 0 ${layout.width_px} ${layout.height_px}`}
          width={layout.width_px}
          height={layout.height_px}
        >
          {chartElements(layout, { active, last }).map(nodeOf)}
        </svg>
      </div>
    </div>
  );
}

/** Scrolls the drawing, never the page, so that the innermost active state can be seen. */
function showActive(box: HTMLElement): void {
  const states = box.querySelectorAll('.chart-state.is-active');
  const innermost = states[states.length - 1];
  if (innermost === undefined) return;
  const [at, frame] = [innermost.getBoundingClientRect(), box.getBoundingClientRect()];
  const isSeen = at.left >= frame.left && at.right <= frame.right && at.top >= frame.top && at.bottom <= frame.bottom;
  if (isSeen) return;
  box.scrollBy({
    left: (at.left + at.right - frame.left - frame.right) / 2,
    top: (at.top + at.bottom - frame.top - frame.bottom) / 2,
    behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth',
  });
}
