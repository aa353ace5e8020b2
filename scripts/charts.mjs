// Lays the statecharts out and draws them. Needs compiled sources (dist); `npm run build` calls it.
//   node scripts/charts.mjs          dist/public/console/charts/<machine>.json, for the console
//   node scripts/charts.mjs --docs   also docs/charts/*.svg, docs/tube-chart.md and the picture in README.md, which are committed
// test/docs/charts.test.ts fails when what is committed is not what the charts are.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import ELK from 'elkjs';
import { chartPage, overviewName, withOverview } from '../dist/src/charts/docs.js';
import { layoutChart } from '../dist/src/charts/layout.js';
import { machines } from '../dist/src/charts/machines.js';
import { outline, overview } from '../dist/src/charts/overview.js';
import { chartSvg } from '../dist/src/charts/svg.js';
import { walk } from '../dist/src/charts/walk.js';

const file = (name) => new URL(`../${name}`, import.meta.url);

const elk = new ELK();
const charts = Object.values(machines).map(walk);

/** What a page draws: the words of a transition without a label are in a box already, and actions are for docs/. A browser loads this. */
const drawn = (layout) => ({
  ...layout,
  transitions: layout.transitions.map((one) => ({
    ...one,
    actions: [],
    description: one.label === null ? '' : one.description,
  })),
});

mkdirSync(file('dist/public/console/charts'), { recursive: true });
for (const chart of charts) {
  const layout = await layoutChart(outline(chart), elk, { words: 'few' });
  writeFileSync(file(`dist/public/console/charts/${chart.machine}.json`), JSON.stringify(drawn(layout)));
}

if (process.argv.includes('--docs')) {
  mkdirSync(file('docs/charts'), { recursive: true });
  const draw = async (name, chart, words) => {
    writeFileSync(file(`docs/charts/${name}.svg`), chartSvg(await layoutChart(chart, elk, { words })));
  };
  for (const chart of charts) await draw(chart.machine, chart, 'all');
  await draw(overviewName, overview(charts[0]), 'few');
  writeFileSync(file('docs/tube-chart.md'), chartPage(charts));
  writeFileSync(file('README.md'), withOverview(readFileSync(file('README.md'), 'utf8')));
}
