/**
 * A chart reduced to its top-level states, for a reader who sees it for the first time: what happens inside of a state is left out, an arrow has its
 * first few events, and the boxes say what the states are.
 */
import { isWithin, type WalkedChart, type WalkedState, type WalkedTransition } from './walk.js';

const maxEventsOnArrow = 2;
const lineLength = 34;

/** Lines of at most `lineLength` characters, broken between words. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1) ?? ''} ${word}`;
    if (lines.length > 0 && longer.length <= lineLength) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Words about events first; a delay says less. */
const byInterest = (one: WalkedTransition, other: WalkedTransition): number =>
  Number(other.event.includes('.')) - Number(one.event.includes('.'));

/** The first events of one arrow, as one transition each; `…` stands for the rest. */
function shortened(all: readonly WalkedTransition[]): WalkedTransition[] {
  const byEvent = new Map([...all].sort(byInterest).map((transition) => [transition.event, transition]));
  const distinct = [...byEvent.values()].map((transition) => ({ ...transition, guard: null, actions: [] }));
  if (distinct.length <= maxEventsOnArrow) return distinct;
  return distinct
    .slice(0, maxEventsOnArrow)
    .map((shown, place) => (place === maxEventsOnArrow - 1 ? { ...shown, event: `${shown.event} …` } : shown));
}

export function overview(chart: WalkedChart): WalkedChart {
  const [root, ...rest] = chart.states;
  if (root === undefined) return chart;
  const shown = rest.filter(({ parent }) => parent === root.id);
  const topOf = (id: string): string | null => shown.find((state) => isWithin(id, state.id))?.id ?? null;
  const arrows = new Map<string, WalkedTransition[]>();
  const everywhere: WalkedTransition[] = [];
  for (const transition of chart.transitions) {
    const [source, target] = [topOf(transition.source), topOf(transition.target ?? root.id)];
    if (target === null || source === target) continue;
    if (source === null) everywhere.push(transition);
    else {
      const name = `${source} ${target}`;
      arrows.set(name, [...(arrows.get(name) ?? []), { ...transition, source, target }]);
    }
  }
  const boxOf = (state: WalkedState): WalkedState => ({
    ...state,
    type: state.type === 'final' ? 'final' : 'atomic',
    lines: wrapped(state.description),
  });
  return {
    ...chart,
    states: [{ ...root, lines: [] }, ...shown.map(boxOf)],
    transitions: [...[...arrows.values()].flatMap(shortened), ...everywhere.map((all) => ({ ...all, actions: [] }))],
  };
}
