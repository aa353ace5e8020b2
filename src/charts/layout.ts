/**
 * Gives every state, word and line of a chart its place. The work is done by the Eclipse Layout Kernel, which the caller brings (elkjs: only at build
 * time, it is large); here the chart becomes its kind of graph and its answer a `ChartLayout`.
 *
 * What makes it read well: the words of a transition are a small node of their own between two lines, in the innermost state that holds both ends, and
 * transitions with the same ends share one; what leads nowhere, or inwards, is a line of text in the box.
 */
import type { ElkNode, ElkExtendedEdge, LayoutOptions } from 'elkjs/lib/elk-api.js';
import type { ChartBox, ChartLabel, ChartLayout, ChartState, ChartTransition } from '../operator/chart.types.js';
import { chartSizes, textWidth, transitionWords } from '../operator/chart-drawing.js';
import { isWithin, type WalkedChart, type WalkedState, type WalkedTransition } from './walk.js';

/** elkjs, or what does the same. */
export interface GraphLayout {
  layout(graph: ElkNode): Promise<ElkNode>;
}

export interface LayoutChoices {
  /**
   * `all`: the words of every transition. `few`: the first events of each arrow, and nothing of what leads nowhere or inwards: small enough to be
   * watched while it runs.
   */
  readonly words: 'all' | 'few';
}

type Point = readonly [number, number];

/** Around the whole chart, for the width of its border. */
const edgeSpace = 2;
const dotSize = 8;
const rowHeight = 16;
const fewEvents = 2;
const maxLineLength = 54;
const minStateWidth = 96;
/** A box with states inside sets its lines in columns, at most so many; that of the whole chart is wide. */
const maxColumns = { root: 4, inner: 2 };
const linesPerColumn = 5;

/** Not inherited: on the graph and on every state with states inside. */
const common: LayoutOptions = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.layered.cycleBreaking.strategy': 'DEPTH_FIRST',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
};

/** What is watched shall fit on a screen, what is read may be large. */
const spacing: Readonly<Record<LayoutChoices['words'], LayoutOptions>> = {
  all: {
    'elk.spacing.nodeNode': '18',
    'elk.spacing.edgeNode': '14',
    'elk.spacing.edgeEdge': '10',
    'elk.layered.spacing.nodeNodeBetweenLayers': '22',
    'elk.layered.spacing.edgeNodeBetweenLayers': '12',
    'elk.layered.spacing.edgeEdgeBetweenLayers': '9',
  },
  few: {
    'elk.spacing.nodeNode': '12',
    'elk.spacing.edgeNode': '9',
    'elk.spacing.edgeEdge': '7',
    'elk.layered.spacing.nodeNodeBetweenLayers': '16',
    'elk.layered.spacing.edgeNodeBetweenLayers': '9',
    'elk.layered.spacing.edgeEdgeBetweenLayers': '6',
  },
};

/** Transitions with the same ends, drawn as one line with several words. */
interface Arrow {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  /** The innermost state that holds both ends. */
  readonly within: string;
  readonly transitions: readonly WalkedTransition[];
  /** The rows of its label, by the transitions that they stand for. */
  readonly rows: ReadonlyMap<WalkedTransition, string>;
}

const clipped = (text: string): string =>
  text.length <= maxLineLength ? text : `${text.slice(0, maxLineLength - 1).trimEnd()}…`;

/** A transition as a line in the box of its source. */
function lineOf(transition: WalkedTransition): string {
  const { source, target, actions, reenter } = transition;
  const inwards = target === null || target === source ? '' : ` → ${target.slice(source.length + 1)}`;
  const again = target === source || (reenter && target !== null) ? ' ↻' : '';
  const does = actions.length === 0 ? '' : ` / ${actions.join(', ')}`;
  return clipped(`${transitionWords(transition)}${inwards}${again}${does}`);
}

const isLine = ({ source, target }: WalkedTransition): boolean => target === null || isWithin(target, source);

function innermost(states: ReadonlyMap<string, WalkedState>, source: string, target: string): string {
  let within = states.get(source)?.parent ?? source;
  while (!isWithin(target, within) || target === within) within = states.get(within)?.parent ?? '';
  return within;
}

/** Of what happens at once only the guard says why. */
const fewWords = ({ type, event, guard }: WalkedTransition): string =>
  type === '' && guard !== null ? `[${guard}]` : event;

/** Events before delays, which say less; `…` stands for the rest. */
function fewRows(transitions: readonly WalkedTransition[]): Map<WalkedTransition, string> {
  const byWords = new Map([...transitions].reverse().map((transition) => [fewWords(transition), transition]));
  const isFact = ({ event }: WalkedTransition): number => Number(event.includes('.'));
  const distinct = [...byWords.values()].reverse().sort((one, other) => isFact(other) - isFact(one));
  const isCut = distinct.length > fewEvents;
  const textOf = (one: WalkedTransition, place: number): string =>
    isCut && place === fewEvents - 1 ? `${fewWords(one)} …` : fewWords(one);
  return new Map(distinct.slice(0, fewEvents).map((one, place) => [one, textOf(one, place)]));
}

const allRows = (transitions: readonly WalkedTransition[]): Map<WalkedTransition, string> =>
  new Map(transitions.map((transition) => [transition, transitionWords(transition)]));

function arrowsOf({ states, transitions }: WalkedChart, { words }: LayoutChoices): Arrow[] {
  const byId = new Map(states.map((state) => [state.id, state]));
  const arrows = new Map<string, WalkedTransition[]>();
  for (const transition of transitions) {
    if (isLine(transition)) continue;
    const ends = `${transition.source} ${transition.target ?? ''}`;
    arrows.set(ends, [...(arrows.get(ends) ?? []), transition]);
  }
  return [...arrows].map(([ends, all]): Arrow => {
    const [source = '', target = ''] = ends.split(' ');
    const rows = words === 'all' ? allRows(all) : fewRows(all);
    return { id: `arrow ${ends}`, source, target, within: innermost(byId, source, target), transitions: all, rows };
  });
}

const initialId = (parent: string): string => `initial ${parent}`;

/** A line of the drawing from one node of the graph to another. */
const edge = (id: string, source: string, target: string): ElkExtendedEdge => ({
  id,
  sources: [source],
  targets: [target],
});

function labelNode({ id, rows }: Arrow): ElkNode {
  const widths = [...rows.values()].map((text) => textWidth(text, chartSizes.line));
  return { id, width: Math.max(...widths) + 2 * chartSizes.labelInset, height: rows.size * rowHeight };
}

/** A state with its words, of known size. */
interface Box {
  readonly state: WalkedState;
  readonly lines: readonly string[];
  readonly columns: number;
  /** Of name and lines, with the space to their right. */
  readonly width: number;
  readonly height: number;
}

/** The transitions of a state that are lines in its box. */
const linesOf = (state: WalkedState, transitions: readonly WalkedTransition[]): string[] =>
  transitions.filter((transition) => transition.source === state.id && isLine(transition)).map(lineOf);

function boxOf(state: WalkedState, chart: WalkedChart, { words }: LayoutChoices): Box {
  const lines = [...state.lines.map(clipped), ...(words === 'all' ? linesOf(state, chart.transitions) : [])];
  const hasInside = chart.states.some(({ parent }) => parent === state.id);
  const most = state.parent === null ? maxColumns.root : maxColumns.inner;
  const columns = hasInside ? Math.min(most, Math.max(1, Math.ceil(lines.length / linesPerColumn))) : 1;
  const column = Math.max(0, ...lines.map((line) => textWidth(line, chartSizes.line))) + chartSizes.inset;
  const name = textWidth(state.key, chartSizes.name) * 1.08 + chartSizes.inset;
  const rows = Math.ceil(lines.length / columns);
  return {
    state,
    lines,
    columns,
    width: Math.ceil(Math.max(minStateWidth, name, column * columns)),
    height: chartSizes.header + (rows === 0 ? 0 : rows * chartSizes.lineHeight + chartSizes.foot),
  };
}

function graphOf(
  chart: WalkedChart,
  arrows: readonly Arrow[],
  boxes: ReadonlyMap<string, Box>,
  { words }: LayoutChoices,
): ElkNode {
  const options = { ...common, ...spacing[words] };
  const nodeOf = (state: WalkedState): ElkNode => {
    const { width = 0, height = 0 } = boxes.get(state.id) ?? {};
    const inside = chart.states.filter(({ parent }) => parent === state.id);
    if (inside.length === 0) return { id: state.id, width: width + chartSizes.inset, height };
    // Around the whole chart nothing runs: its words need no place of their own.
    const isRoot = state.parent === null;
    const top = isRoot ? height + chartSizes.foot : 0;
    return {
      id: state.id,
      layoutOptions: { ...options, 'elk.padding': `[top=${String(top)},left=14,bottom=14,right=14]` },
      children: [
        ...(isRoot ? [] : [{ id: wordsId(state.id), width, height, layoutOptions: wordsOptions }]),
        ...(inside.some(({ initial }) => initial) ? [initialDot(state.id)] : []),
        ...inside.map(nodeOf),
        ...arrows.filter(({ within }) => within === state.id).map(labelNode),
      ],
    };
  };
  return {
    id: 'graph',
    layoutOptions: {
      ...options,
      'elk.padding': `[top=${String(edgeSpace)},left=${String(edgeSpace)},bottom=${String(edgeSpace)},right=${String(edgeSpace)}]`,
      'elk.json.shapeCoords': 'ROOT',
      'elk.json.edgeCoords': 'ROOT',
    },
    children: chart.states.slice(0, 1).map(nodeOf),
    edges: [
      ...chart.states.filter(({ initial }) => initial).flatMap((state) => initialEdges(state, chart.states[0]?.id)),
      ...arrows.flatMap(({ id, source, target }) => [edge(`from ${id}`, source, id), edge(`to ${id}`, id, target)]),
    ],
  };
}

const wordsId = (state: string): string => `words ${state}`;

/** The words of a state with states inside are a node in it, so that no arrow runs through them. */
const wordsOptions: LayoutOptions = { 'elk.layered.layering.layerConstraint': 'FIRST' };

const initialDot = (parent: string): ElkNode => ({ id: initialId(parent), width: dotSize, height: dotSize });

/** From the words of a state, which come first, to the dot (not drawn), and from that to the initial state. */
function initialEdges({ id, parent }: WalkedState, root: string | undefined): ElkExtendedEdge[] {
  const within = parent ?? '';
  const after = edge(`before ${initialId(within)}`, wordsId(within), initialId(within));
  return [...(within === root ? [] : [after]), edge(`to ${initialId(within)}`, initialId(within), id)];
}

/** Where everything came to lie, by id. */
class Places {
  readonly #nodes = new Map<string, ElkNode>();
  readonly #edges = new Map<string, ElkExtendedEdge>();

  constructor(graph: ElkNode) {
    this.#read(graph);
  }

  #read(node: ElkNode): void {
    this.#nodes.set(node.id, node);
    for (const line of node.edges ?? []) this.#edges.set(line.id, line);
    for (const child of node.children ?? []) this.#read(child);
  }

  box(id: string): ChartBox {
    const { x = 0, y = 0, width = 0, height = 0 } = this.#nodes.get(id) ?? {};
    return {
      x_px: Math.round(x),
      y_px: Math.round(y),
      width_px: Math.round(width),
      height_px: Math.round(height),
    };
  }

  points(id: string): Point[] {
    return (this.#edges.get(id)?.sections ?? []).flatMap(({ startPoint, bendPoints = [], endPoint }) =>
      [startPoint, ...bendPoints, endPoint].map(({ x, y }): Point => [Math.round(x), Math.round(y)]),
    );
  }
}

function placedTransition(
  { id, source, event, guard, actions, description }: WalkedTransition,
  target: string,
  label: ChartLabel | null,
  parts: ChartTransition['parts'],
): ChartTransition {
  return { id, source, target, event, guard, actions, description, label, parts };
}

function placedState(places: Places, box: Box, arrows: readonly Arrow[]): ChartState {
  const { state, lines, columns } = box;
  const words = wordsIn(places, box, arrows);
  const place = places.box(state.id);
  // The words of the whole chart may need more than what is inside.
  const width = Math.max(place.width_px, state.parent === null ? words.width_px + 2 * chartSizes.inset : 0);
  return { ...state, ...place, width_px: width, lines, columns, words };
}

/** The transitions of one arrow: one row of its label each, and the same line. */
function placedArrow(places: Places, { id, target, transitions, rows }: Arrow): ChartTransition[] {
  const box = places.box(id);
  const parts = [places.points(`from ${id}`), places.points(`to ${id}`)];
  const order = [...rows.keys()];
  return transitions.map((transition) => {
    const text = rows.get(transition);
    const y = box.y_px + order.indexOf(transition) * rowHeight;
    const label = text === undefined ? null : { ...box, y_px: y, height_px: rowHeight, text };
    return placedTransition(transition, target, label, parts);
  });
}

function initialArrow(places: Places, { id, parent }: WalkedState): ChartTransition {
  const source = parent ?? id;
  const parts = [places.points(`to ${initialId(source)}`)];
  const silent = { event: '', guard: null, actions: [], description: '', label: null };
  return { id: `${source}:initial`, source, target: id, ...silent, parts };
}

/** Whether an arrow comes in through the upper border of a state. */
const isEntered = (id: string, arrows: readonly Arrow[]): boolean =>
  arrows.some(({ source, target }) => target !== id && isWithin(target, id) && !isWithin(source, id));

/** At the left edge; beside the arrows that come in where there are any. */
function wordsIn(places: Places, { state, width, height }: Box, arrows: readonly Arrow[]): ChartBox {
  const box = places.box(state.id);
  const left = { ...box, x_px: box.x_px + chartSizes.inset, width_px: width, height_px: height };
  const own = places.box(wordsId(state.id));
  if (own.width_px === 0) return left;
  return isEntered(state.id, arrows) ? own : { ...left, y_px: own.y_px };
}

/** Rejects when the layout fails. The same chart has the same layout on every machine. */
export async function layoutChart(chart: WalkedChart, elk: GraphLayout, choices: LayoutChoices): Promise<ChartLayout> {
  const boxes = chart.states.map((state) => boxOf(state, chart, choices));
  const arrows = arrowsOf(chart, choices);
  const graph = await elk.layout(graphOf(chart, arrows, new Map(boxes.map((box) => [box.state.id, box])), choices));
  const places = new Places(graph);
  const states = boxes.map((box) => placedState(places, box, arrows));
  const [root] = states;
  return {
    machine: chart.machine,
    description: chart.description,
    width_px: (root?.width_px ?? 0) + 2 * edgeSpace,
    height_px: (root?.height_px ?? 0) + 2 * edgeSpace,
    states,
    transitions: [
      ...chart.states.filter(({ initial }) => initial).map((state) => initialArrow(places, state)),
      ...arrows.flatMap((arrow) => placedArrow(places, arrow)),
      ...chart.transitions
        .filter((transition) => isLine(transition) && transition.target !== null)
        .map((transition) => placedTransition(transition, transition.target ?? '', null, [])),
    ],
  };
}
