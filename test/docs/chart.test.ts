// The pictures of the tube's chart are those of the chart: npm run build && node scripts/chart.mjs
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { tubeStates } from '../../machines/events.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import { chartOf, chartPage, withChart } from '../../scripts/chart.mjs';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

test('docs/tube-chart.md is the chart', () => {
  expect(read('docs/tube-chart.md')).toBe(chartPage(tubeMachine));
});

test('the picture in README.md is the chart', () => {
  const readme = read('README.md');
  expect(readme).toBe(withChart(readme, tubeMachine));
});

test('the picture of the top level shows the states of the contract and an arrow to each', () => {
  const picture = chartOf(tubeMachine, 1);
  expect([...picture.matchAll(/as (\w+)$/gm)].map(([, id]) => id)).toEqual([...tubeStates]);
  for (const state of tubeStates) expect(picture).toContain(`--> ${state}`);
});
