/**
 * A chart that was laid out, as SVG elements: plain data, made into a page's nodes by the console and into a file by src/charts/svg.ts. Colours and
 * fonts are the style sheet's; every element has a class that begins with `chart-`. The sizes of text here are what src/charts/layout.ts reckons with.
 */
import type { ChartLayout, ChartState, ChartTransition } from './chart.types.js';

export interface ChartElement {
  readonly name: 'g' | 'rect' | 'path' | 'circle' | 'text' | 'title';
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly children: readonly (ChartElement | string)[];
}

/** What is to be seen of a running actor. Classes `is-active` and `is-last`. */
export interface ChartMarks {
  /** Ids of the states it is in, with all their ancestors. */
  readonly active: ReadonlySet<string>;
  /** Ids of the transitions it took last. */
  readonly last: ReadonlySet<string>;
}

/** Sizes in pixels. `name` and `line` are font sizes, the rest are distances. */
export const chartSizes = {
  name: 13,
  line: 11,
  lineHeight: 15,
  /** From the left edge of a box to its words. */
  inset: 10,
  /** Of the part of a box that has its name. */
  header: 26,
  /** Below the last line of a box. */
  foot: 7,
  labelInset: 6,
} as const;

const cornerRadius = 6;
const arrow = { length: 7, halfWidth: 3.5 };
const nothing: ChartMarks = { active: new Set(), last: new Set() };

/** Estimate of a text's width in a sans-serif font, pixels; rather too wide than too narrow. */
export function textWidth(text: string, fontSize: number): number {
  let em = 0;
  for (const character of text) {
    if (/[iljtfrI.,:;'|/()[\] ]/.test(character)) em += 0.38;
    else if (/[mwMW@…→↻]/.test(character)) em += 0.95;
    else em += /[A-Z]/.test(character) ? 0.7 : 0.62;
  }
  return Math.ceil(em * fontSize);
}

/** `event [guard]`, as it stands beside an arrow. */
export const transitionWords = ({ event, guard }: Pick<ChartTransition, 'event' | 'guard'>): string =>
  guard === null ? event : `${event} [${guard}]`;

type Point = readonly [number, number];

const element = (
  name: ChartElement['name'],
  attributes: ChartElement['attributes'],
  ...children: (ChartElement | string)[]
): ChartElement => ({ name, attributes, children });

const text = (className: string, x: number, y: number, words: string): ChartElement =>
  element('text', { class: className, x, y }, words);

/** The point on the way from `from` to `to` that is `distance` away from `from`, or half of the way. */
function towards(from: Point, to: Point, distance: number): Point {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy);
  const share = length === 0 ? 0 : Math.min(distance / length, 0.5);
  return [Math.round((from[0] + dx * share) * 10) / 10, Math.round((from[1] + dy * share) * 10) / 10];
}

/** Path data (SVG 2 §9.3) of a line with rounded corners. */
function linePath(points: readonly Point[]): string {
  const written = points.map((point, place): string => {
    const [before, after] = [points[place - 1], points[place + 1]];
    if (before === undefined) return `M${point.join(' ')}`;
    if (after === undefined) return `L${point.join(' ')}`;
    const [from, to] = [towards(point, before, cornerRadius), towards(point, after, cornerRadius)];
    return `L${from.join(' ')}Q${point.join(' ')} ${to.join(' ')}`;
  });
  return written.join('');
}

/** The head of an arrow at the end of a line; null for no line. */
function arrowPath(points: readonly Point[]): string | null {
  const [before, tip] = points.slice(-2);
  if (before === undefined || tip === undefined) return null;
  const length = Math.hypot(tip[0] - before[0], tip[1] - before[1]) || 1;
  const [ux, uy] = [(tip[0] - before[0]) / length, (tip[1] - before[1]) / length];
  const [bx, by] = [tip[0] - ux * arrow.length, tip[1] - uy * arrow.length];
  const [wx, wy] = [-uy * arrow.halfWidth, ux * arrow.halfWidth];
  const corners = [tip, [bx + wx, by + wy], [bx - wx, by - wy]] as const;
  return `M${corners.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')}Z`;
}

/** The lines of a box, set in their columns. */
function linesOf({ lines, words, columns }: ChartState): ChartElement[] {
  const rows = Math.ceil(lines.length / columns);
  return lines.map((line, place) => {
    const [column, row] = [Math.floor(place / rows), place % rows];
    const x = words.x_px + Math.round((column * words.width_px) / columns);
    return text('chart-line', x, words.y_px + chartSizes.header + (row + 1) * chartSizes.lineHeight - 3, line);
  });
}

function boxOf(state: ChartState): ChartElement[] {
  const { x_px: x, y_px: y, width_px: width, height_px: height, type } = state;
  const box = element('rect', { class: 'chart-box', x, y, width, height, rx: 8 });
  const rule = element('path', {
    class: 'chart-rule',
    d: `M${String(x)} ${String(state.words.y_px + chartSizes.header)}h${String(width)}`,
  });
  const inner = element('rect', {
    class: 'chart-box-inner',
    x: x + 3,
    y: y + 3,
    width: width - 6,
    height: height - 6,
    rx: 6,
  });
  return [box, ...(type === 'final' ? [inner] : []), ...(state.lines.length > 0 ? [rule] : [])];
}

function stateElement(state: ChartState, isRegion: boolean, isActive: boolean): ChartElement {
  const classes = ['chart-state', `is-${state.type}`, ...state.tags.map((tag) => `tag-${tag}`)];
  if (isRegion) classes.push('is-region');
  if (isActive) classes.push('is-active');
  return element(
    'g',
    { class: classes.join(' '), 'data-state': state.id },
    ...(state.description === '' ? [] : [element('title', {}, `${state.id}: ${state.description}`)]),
    ...boxOf(state),
    text('chart-name', state.words.x_px, state.words.y_px + 18, state.key),
    ...linesOf(state),
  );
}

function lineElements({ parts }: ChartTransition): ChartElement[] {
  const head = arrowPath(parts.at(-1) ?? []);
  return [
    ...parts.map((points) => element('path', { class: 'chart-edge', d: linePath(points) })),
    ...(head === null ? [] : [element('path', { class: 'chart-arrow', d: head })]),
  ];
}

function labelElements(transition: ChartTransition): ChartElement[] {
  const { label } = transition;
  if (label === null) return [];
  const { x_px: x, y_px: y, width_px: width, height_px: height } = label;
  const says = [transition.description, transition.actions.join(', ')].filter((part) => part !== '');
  return [
    ...(says.length === 0 ? [] : [element('title', {}, `${transitionWords(transition)}: ${says.join(' / ')}`)]),
    element('rect', { class: 'chart-label-box', x, y, width, height, rx: 4 }),
    text('chart-label', x + chartSizes.labelInset, y + height - 4, label.text),
  ];
}

function initialDot({ parts }: ChartTransition): ChartElement[] {
  const [x, y] = parts[0]?.[0] ?? [];
  return x === undefined || y === undefined
    ? []
    : [element('circle', { class: 'chart-initial', cx: x, cy: y - 4, r: 4 })];
}

/** Transitions that share a line draw it once; one that was taken last is drawn over the others. */
function transitionElement(transition: ChartTransition, isFirstOfLine: boolean, isLast: boolean): ChartElement {
  return element(
    'g',
    { class: isLast ? 'chart-transition is-last' : 'chart-transition', 'data-transition': transition.id },
    ...(isFirstOfLine || isLast ? lineElements(transition) : []),
    ...(transition.event === '' ? initialDot(transition) : labelElements(transition)),
  );
}

/** From the back to the front: states, then transitions, those that were taken last in front. */
export function chartElements(layout: ChartLayout, { active, last }: ChartMarks = nothing): ChartElement[] {
  const typeOf = new Map(layout.states.map(({ id, type }) => [id, type]));
  const lines = new Set<string>();
  const transitions = layout.transitions.map((transition) => {
    const line = `${transition.source} ${transition.target} ${transition.event === '' ? 'initial' : ''}`;
    const isFirstOfLine = !lines.has(line);
    lines.add(line);
    const isLast = last.has(transition.id);
    return { isLast, drawn: transitionElement(transition, isFirstOfLine, isLast) };
  });
  return [
    ...layout.states.map((state) =>
      stateElement(state, typeOf.get(state.parent ?? '') === 'parallel', active.has(state.id)),
    ),
    ...transitions.filter(({ isLast }) => !isLast).map(({ drawn }) => drawn),
    ...transitions.filter(({ isLast }) => isLast).map(({ drawn }) => drawn),
  ];
}

/** Ids of the states that a state value (`snapshot.value`) names, with all their ancestors. `machine`: its id. */
export function activeStates(machine: string, value: unknown): Set<string> {
  const active = new Set([machine]);
  if (typeof value === 'string') active.add(`${machine}.${value}`);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      for (const id of activeStates(`${machine}.${key}`, inner)) active.add(id);
    }
  }
  return active;
}
