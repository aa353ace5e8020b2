/**
 * A chart made smaller before it is laid out: for who sees it for the first time (`overview`: the top-level states, and what they are), and for who
 * watches it run (`outline`: all states, and nothing but their names). Both are drawn with few words on the arrows.
 */
import { isWithin, type WalkedChart, type WalkedState, type WalkedTransition } from './walk.js';

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

export function outline(chart: WalkedChart): WalkedChart {
  return { ...chart, states: chart.states.map((state) => ({ ...state, lines: [] })) };
}

export function overview(chart: WalkedChart): WalkedChart {
  const [root, ...rest] = chart.states;
  if (root === undefined) return chart;
  const shown = rest.filter(({ parent }) => parent === root.id);
  const topOf = (id: string): string => shown.find((state) => isWithin(id, state.id))?.id ?? root.id;
  const lifted = chart.transitions.map((transition): WalkedTransition => {
    const [source, target] = [topOf(transition.source), topOf(transition.target ?? root.id)];
    return { ...transition, source, target };
  });
  const arrows = lifted.filter(({ source, target }) => source !== target && target !== root.id);
  const fromAnywhere = arrows.filter(({ source }) => source === root.id);
  const boxOf = (state: WalkedState): WalkedState => ({
    ...state,
    type: state.type === 'final' ? 'final' : 'atomic',
    lines: wrapped(state.description),
  });
  const inside = (id: string | null): string => id?.slice(root.id.length + 1) ?? '';
  return {
    ...chart,
    states: [
      { ...root, lines: fromAnywhere.map(({ event, target }) => `${event} → ${inside(target)}`) },
      ...shown.map(boxOf),
    ],
    transitions: arrows,
  };
}
