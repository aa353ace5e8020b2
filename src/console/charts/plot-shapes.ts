/** The geometry of a plot: scales, ticks and the paths of lines and bars. Pure; pixels from the upper left corner. */

/** From values to pixels and back, straight. */
export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly fromPx: number;
  readonly toPx: number;
}

export const place = ({ from, to, fromPx, toPx }: Scale, value: number): number =>
  fromPx + (to === from ? 0 : ((value - from) / (to - from)) * (toPx - fromPx));

const valueAt = ({ from, to, fromPx, toPx }: Scale, px: number): number =>
  from + (toPx === fromPx ? 0 : ((px - fromPx) / (toPx - fromPx)) * (to - from));

/** Round numbers from 0 to at least `top`, about `wanted` steps. */
export function ticksTo(top: number, wanted: number): number[] {
  const rough = Math.max(top, Number.EPSILON) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const count = Math.max(1, Math.ceil((top / step) * 0.999));
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

const minuteMs = 60_000;
const timeStepsMs = [1, 2, 5, 10, 15, 30, 60].map((minutes) => minutes * minuteMs);

/** Whole minutes between two times, at most `wanted` of them. */
export function timeTicks(fromMs: number, toMs: number, wanted: number): number[] {
  const step = timeStepsMs.find((ms) => (toMs - fromMs) / ms <= wanted) ?? 60 * minuteMs;
  const first = Math.ceil(fromMs / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((toMs - first) / step) + 1) }, (_, index) => first + index * step);
}

const round = (px: number): number => Math.round(px * 10) / 10;

/** With a gap wherever a value is not known. */
export function linePath(times: readonly number[], values: readonly (number | null)[], x: Scale, y: Scale): string {
  let isDown = false;
  let path = '';
  values.forEach((value, index) => {
    const atMs = times[index];
    if (value === null || atMs === undefined) {
      isDown = false;
      return;
    }
    path += `${isDown ? 'L' : 'M'}${round(place(x, atMs))} ${round(place(y, value))}`;
    isDown = true;
  });
  return path;
}

/** The points between gaps, of which a line shows nothing: each as a line without length, whose round ends are the dot. */
export function dotsPath(times: readonly number[], values: readonly (number | null)[], x: Scale, y: Scale): string {
  const isKnown = (index: number): boolean => (values[index] ?? null) !== null;
  return values
    .map((value, index) => {
      const atMs = times[index];
      if (value === null || atMs === undefined || isKnown(index - 1) || isKnown(index + 1)) return '';
      return `M${round(place(x, atMs))} ${round(place(y, value))}h0`;
    })
    .join('');
}

/** From the base line up, each `widthPx` wide around its time. */
export function barsPath(
  times: readonly number[],
  values: readonly (number | null)[],
  { x, y, widthPx }: { readonly x: Scale; readonly y: Scale; readonly widthPx: number },
): string {
  return values
    .map((value, index) => {
      const atMs = times[index];
      if (value === null || value === 0 || atMs === undefined) return '';
      const [left, top] = [round(place(x, atMs) - widthPx / 2), round(place(y, value))];
      return `M${left} ${y.fromPx}V${top}h${round(widthPx)}V${y.fromPx}z`;
    })
    .join('');
}

/** Which of the times is nearest to a pixel; null of none. */
export function nearest(times: readonly number[], x: Scale, px: number): number | null {
  const wanted = valueAt(x, px);
  let best: number | null = null;
  times.forEach((atMs, index) => {
    if (best === null || Math.abs(atMs - wanted) < Math.abs((times[best] ?? 0) - wanted)) best = index;
  });
  return best;
}
