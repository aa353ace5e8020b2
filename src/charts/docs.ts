/** The pages about the charts: docs/tube-chart.md, and the picture in README.md. Written by scripts/charts.mjs; a test fails on drift. */
import type { WalkedChart } from './walk.js';

const begin = '<!-- chart: begin, written by scripts/charts.mjs -->';
const end = '<!-- chart: end -->';

/** The picture of the top level of the tube's chart. */
export const overviewName = 'tube-overview';

/** A link to itself: the larger ones are read at their full size. */
const picture = (folder: string, name: string, what: string): string =>
  `[![${what}](${folder}/${name}.svg)](${folder}/${name}.svg)`;

const titles: Readonly<Record<string, string>> = {
  tube: 'The tube',
  restart: 'The restart child',
  keepalive: 'The keepalive child',
  health: 'The health child',
};

/** A description may hold what a table takes for a cell's end. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

function section(chart: WalkedChart): string[] {
  const inner = chart.states.slice(1);
  return [
    `## ${titles[chart.machine] ?? chart.machine}`,
    '',
    chart.description,
    '',
    picture('charts', chart.machine, `The statechart ${chart.machine}`),
    '',
    '| state | |',
    '| --- | --- |',
    ...inner.map(({ id, description }) => `| \`${id.slice(chart.machine.length + 1)}\` | ${cell(description)} |`),
    '',
  ];
}

export function chartPage(charts: readonly WalkedChart[]): string {
  return [
    '# The charts',
    '',
    'Generated from `machines/*.machine.ts` by `scripts/charts.mjs`; do not edit. The words are explained in [architecture.md](architecture.md).',
    '',
    'An arrow has its event and, in brackets, the guard that must hold. Arrows with the same ends share a line; what changes no state, or leads to a state',
    'inside, is a line in the box: `event [guard] → target / actions`. `↻`: the state is entered again. A dashed box runs beside its neighbour, a double one is',
    'final. Green carries data, amber recovers. The console draws the same pictures live, and `holdfast machines export` writes files for the Stately editor.',
    '',
    ...charts.flatMap(section),
  ].join('\n');
}

/** The README with the picture between its markers. Throws when it has no markers. */
export function withOverview(readme: string): string {
  const [head, rest] = readme.split(begin);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`README.md lacks "${begin}" or "${end}"`);
  return `${head}${begin}\n${picture('docs/charts', overviewName, 'The states of a tube and what leads from one to another')}\n${end}${tail}`;
}
