/**
 * Lines or bars over time as SVG. The caption says in words what the newest figures are, or those under the pointer; the picture is for the eye only.
 * (A library for plots would be a quarter of what the whole console may weigh.)
 */
import type { JSX, RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { hourAndMinute, wallClock } from '../format.js';
import { barsPath, dotsPath, linePath, nearest, place, ticksTo, timeTicks, type Scale } from './plot-shapes.js';
import { worst } from './series.js';

export interface PlotSeries {
  readonly name: string;
  /** A class of the style sheet, which gives the colour: `series-1` and on. */
  readonly mark: string;
  readonly values: readonly (number | null)[];
  readonly kind?: 'line' | 'bars';
}

interface PlotProps {
  readonly title: string;
  /** Milliseconds since the epoch, rising. */
  readonly times: readonly number[];
  readonly series: readonly PlotSeries[];
  /** A value as text, for the axis and the caption. */
  readonly format: (value: number | null) => string;
  /** The least that the upper end of the axis is. */
  readonly leastTop: number;
  /** At the end of the caption. */
  readonly note?: string;
}

const heightPx = 132;
const margin = { top: 8, right: 6, bottom: 20, left: 58 } as const;
const tickSpacePx = 34;
const timeSpacePx = 74;

/** The width of the box, followed. */
function useWidth(): [RefObject<HTMLDivElement | null>, number] {
  const box = useRef<HTMLDivElement>(null);
  const [widthPx, setWidthPx] = useState(320);
  useLayoutEffect(() => {
    if (box.current === null) return;
    const resized = new ResizeObserver(([entry]) => setWidthPx(Math.round(entry?.contentRect.width ?? 320)));
    resized.observe(box.current);
    return () => resized.disconnect();
  }, []);
  return [box, widthPx];
}

export function Plot({ title, times, series, format, leastTop, note }: PlotProps): JSX.Element {
  const [box, widthPx] = useWidth();
  const [pointed, setPointed] = useState<number | null>(null);
  const ticks = ticksTo(
    Math.max(leastTop, worst(series.flatMap(({ values }) => worst(values))) ?? 0),
    heightPx / tickSpacePx,
  );
  const x: Scale = { from: times[0] ?? 0, to: times.at(-1) ?? 1, fromPx: margin.left, toPx: widthPx - margin.right };
  const y: Scale = { from: 0, to: ticks.at(-1) ?? 1, fromPx: heightPx - margin.bottom, toPx: margin.top };
  const shown = pointed === null ? null : (times[pointed] ?? null);
  const follow = (event: PointerEvent & { readonly currentTarget: Element }): void =>
    setPointed(nearest(times, x, event.clientX - event.currentTarget.getBoundingClientRect().left));
  const valueOf = ({ values }: PlotSeries): number | null =>
    shown === null ? (values.findLast((value) => value !== null) ?? null) : (values[pointed ?? 0] ?? null);
  return (
    <figure class="plot">
      <figcaption>
        <span class="plot-title">{title}</span>
        {series.map((one) => (
          <span class="plot-key" key={one.name}>
            <span class={`swatch ${one.mark}`} aria-hidden="true" />
            {one.name} <b>{format(valueOf(one))}</b>
          </span>
        ))}
        <span class="plot-key">{shown === null ? note : `at ${wallClock(shown)}`}</span>
      </figcaption>
      <div class="plot-box" ref={box} aria-hidden="true">
        <svg width={widthPx} height={heightPx} onPointerMove={follow} onPointerLeave={() => setPointed(null)}>
          <Axes x={x} y={y} ticks={ticks} format={format} />
          {series.map((one) => (
            <SeriesPath key={one.name} one={one} times={times} x={x} y={y} />
          ))}
          {shown !== null && <path class="plot-cursor" d={`M${place(x, shown)} ${y.toPx}V${y.fromPx}`} />}
        </svg>
      </div>
    </figure>
  );
}

interface AxesProps {
  readonly x: Scale;
  readonly y: Scale;
  readonly ticks: readonly number[];
  readonly format: (value: number | null) => string;
}

function Axes({ x, y, ticks, format }: AxesProps): JSX.Element {
  const wanted = Math.max(1, Math.floor((x.toPx - x.fromPx) / timeSpacePx));
  return (
    <g class="plot-axes">
      <path d={ticks.map((tick) => `M${x.fromPx} ${place(y, tick)}H${x.toPx}`).join('')} />
      {ticks.map((tick) => (
        <text key={tick} x={x.fromPx - 6} y={place(y, tick) + 4} text-anchor="end">
          {tickWords(format(tick))}
        </text>
      ))}
      {timeTicks(x.from, x.to - labelMs(x), wanted).map((atMs) => (
        <text key={atMs} x={place(x, atMs)} y={heightPx - 4} text-anchor="middle">
          {hourAndMinute(atMs)}
        </text>
      ))}
    </g>
  );
}

/** Half of a label's width as time: one that ends beyond the edge would be cut. */
const labelMs = ({ from, to, fromPx, toPx }: Scale): number => ((to - from) / Math.max(1, toPx - fromPx)) * 12;

/** `5 s` for `5.00 s`, `0` for `0.0 ms`. */
const tickWords = (text: string): string => text.replace(/\.0+(?=\s|$)/, '').replace(/^0\s.*/, '0');

interface SeriesPathProps {
  readonly one: PlotSeries;
  readonly times: readonly number[];
  readonly x: Scale;
  readonly y: Scale;
}

function SeriesPath({ one: { mark, values, kind = 'line' }, times, x, y }: SeriesPathProps): JSX.Element {
  if (kind === 'line')
    return (
      <>
        <path class={`plot-line ${mark}`} d={linePath(times, values, x, y)} />
        <path class={`plot-line plot-dots ${mark}`} d={dotsPath(times, values, x, y)} />
      </>
    );
  const widthPx = Math.max(2, ((x.toPx - x.fromPx) / Math.max(1, times.length)) * 0.65);
  return <path class={`plot-bars ${mark}`} d={barsPath(times, values, { x, y, widthPx })} />;
}
