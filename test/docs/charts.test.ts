// The committed drawings and pages are those of the charts: npm run build && node scripts/charts.mjs --docs
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import ELK from 'elkjs/lib/elk.bundled.js';
import { tubeStates } from '../../machines/events.js';
import { chartPage, overviewName, withOverview } from '../../src/charts/docs.js';
import { layoutChart, type GraphLayout } from '../../src/charts/layout.js';
import { machines } from '../../src/charts/machines.js';
import { outline, overview } from '../../src/charts/overview.js';
import { chartSvg } from '../../src/charts/svg.js';
import { walk } from '../../src/charts/walk.js';
import { activeStates, chartElements, chartSizes, textWidth } from '../../src/operator/chart-drawing.js';
import type { ChartBox, ChartLayout, ChartState } from '../../src/operator/chart.types.js';
import { readableEvent } from '../../src/operator/chart-words.js';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

// Its types name a default export that CommonJS does not have under Node's rules.
const Elk = ELK as unknown as new () => GraphLayout;
const elk = new Elk();
const all = { words: 'all' } as const;
const few = { words: 'few' } as const;
const names = Object.keys(machines) as (keyof typeof machines)[];
const charts = Object.values(machines).map(walk);

describe('committed drawings', () => {
  test.each(names)('docs/charts/%s.svg is the chart', async (name) => {
    expect(read(`docs/charts/${name}.svg`)).toBe(chartSvg(await layoutChart(walk(machines[name]), elk, all)));
  });

  test('the picture of the top level is the chart', async () => {
    const svg = chartSvg(await layoutChart(overview(walk(machines.tube)), elk, few));
    expect(read(`docs/charts/${overviewName}.svg`)).toBe(svg);
  });

  test('docs/tube-chart.md is the charts', () => {
    expect(read('docs/tube-chart.md')).toBe(chartPage(charts));
  });

  test('README.md has the picture', () => {
    const readme = read('README.md');
    expect(readme).toBe(withOverview(readme));
  });
});

test('the picture of the top level shows the states of the contract and an arrow to each', () => {
  const { states, transitions } = overview(walk(machines.tube));
  expect(states.slice(1).map(({ key }) => key)).toEqual([...tubeStates]);
  for (const state of tubeStates.slice(1)) expect(transitions.map(({ target }) => target)).toContain(`tube.${state}`);
});

test.each([
  ['xstate.after.connectTimeout.tube.connecting', 'after connectTimeout'],
  ['xstate.after.500.tube', 'after 500'],
  ['xstate.error.actor.transport.1', 'transport.1 fails'],
  ['xstate.done.actor.restart', 'restart is done'],
  ['', 'at once'],
  ['tube.close', 'tube.close'],
])('the event %j is read as %j', (type, words) => {
  expect(readableEvent(type)).toBe(words);
});

const isInside = (inner: ChartBox, outer: ChartBox): boolean =>
  inner.x_px >= outer.x_px &&
  inner.y_px >= outer.y_px &&
  inner.x_px + inner.width_px <= outer.x_px + outer.width_px &&
  inner.y_px + inner.height_px <= outer.y_px + outer.height_px;

const overlap = (one: ChartBox, other: ChartBox): boolean =>
  one.x_px < other.x_px + other.width_px &&
  other.x_px < one.x_px + one.width_px &&
  one.y_px < other.y_px + other.height_px &&
  other.y_px < one.y_px + one.height_px;

describe.each(names.flatMap((name) => [all, few].map(({ words }) => [name, words] as const)))(
  'the layout of %s with %s words',
  (name, words) => {
    const chart = words === 'all' ? walk(machines[name]) : outline(walk(machines[name]));
    let layout: ChartLayout;
    beforeAll(async () => {
      layout = await layoutChart(chart, elk, { words });
    });

    test('has every state in its parent, and no two of one parent over each other', () => {
      const whole = { x_px: 0, y_px: 0, width_px: layout.width_px, height_px: layout.height_px };
      for (const state of layout.states) {
        const parent = layout.states.find(({ id }) => id === state.parent);
        expect([state.id, isInside(state, parent ?? whole)]).toEqual([state.id, true]);
        const others = layout.states.filter((other) => other.parent === state.parent && other.id !== state.id);
        expect([state.id, others.filter((other) => overlap(state, other)).map(({ id }) => id)]).toEqual([state.id, []]);
      }
    });

    test('has every transition with a target once: on a line, or as words in the box of its source', () => {
      const drawn = layout.transitions.filter(({ event }) => event !== '');
      const withTarget = chart.transitions.filter(({ target }) => target !== null);
      expect(drawn.map(({ id }) => id).sort()).toEqual(withTarget.map(({ id }) => id).sort());
      expect(new Set(layout.transitions.map(({ id }) => id)).size).toBe(layout.transitions.length);
      for (const { label, parts, source } of drawn) {
        for (const points of parts) expect(points.length).toBeGreaterThanOrEqual(2);
        if (words === 'few') continue;
        expect(label === null).toBe(parts.length === 0);
        if (label === null) expect(layout.states.find(({ id }) => id === source)?.lines).not.toEqual([]);
      }
    });

    test('has the words of an arrow beside the states, or inside one that holds both ends', () => {
      for (const { id, label } of layout.transitions) {
        if (label === null) continue;
        const crossed = layout.states.filter((state) => overlap(state, label) && !isInside(label, state));
        expect([id, crossed.map((state) => state.id)]).toEqual([id, []]);
        const inside = layout.states.filter((state) => state.type === 'atomic' && overlap(state, label));
        expect([id, inside.map((state) => state.id)]).toEqual([id, []]);
      }
    });

    test('has no line through the words of a state', () => {
      const wordsOf = ({ words, lines, columns }: ChartState): ChartBox => {
        const rows = Math.ceil(lines.length / columns);
        const height = chartSizes.header - 8 + rows * chartSizes.lineHeight;
        const widths = lines.map((line) => textWidth(line, chartSizes.line) + chartSizes.inset);
        return { ...words, y_px: words.y_px + 4, width_px: columns * Math.max(60, ...widths) - 12, height_px: height };
      };
      for (const { id, parts } of layout.transitions) {
        for (const points of parts) {
          points.slice(1).forEach(([x2, y2], place) => {
            const [x1, y1] = points[place] ?? [0, 0];
            const line = {
              x_px: Math.min(x1, x2),
              y_px: Math.min(y1, y2),
              width_px: Math.abs(x2 - x1) + 1,
              height_px: Math.abs(y2 - y1) + 1,
            };
            const crossed = layout.states.filter((state) => overlap(wordsOf(state), line));
            expect([id, crossed.map((state) => state.id)]).toEqual([id, []]);
          });
        }
      }
    });

    test('has words on every line', () => {
      const lines = layout.transitions.filter(({ parts, event }) => parts.length > 0 && event !== '');
      const ends = ({ source, target }: { source: string; target: string }): string => `${source} ${target}`;
      const said = new Set(lines.filter(({ label }) => label !== null).map(ends));
      expect(lines.map(ends).filter((line) => !said.has(line))).toEqual([]);
    });

    test('has the words of all transitions that change no state as lines, or none of them', () => {
      if (words === 'few') expect(layout.states.flatMap(({ lines }) => lines)).toEqual([]);
      else
        for (const state of layout.states) {
          const silent = chart.transitions.filter(({ source, target }) => source === state.id && target === null);
          expect(state.lines.length).toBeGreaterThanOrEqual(silent.length);
        }
    });
  },
);

describe('drawing', () => {
  test('marks the states that are active and the transition that was taken last, in front', async () => {
    const layout = await layoutChart(walk(machines.tube), elk, few);
    const active = activeStates('tube', { degraded: { restarting: 'pathless' } });
    const last = 'tube.connected:keepalive.lost:0';
    const elements = chartElements(layout, { active, last: new Set([last]) });
    const marked = elements.filter(({ attributes }) => String(attributes['class']).includes('is-active'));
    expect(marked.map(({ attributes }) => attributes['data-state'])).toEqual([
      'tube',
      'tube.degraded',
      'tube.degraded.restarting',
      'tube.degraded.restarting.pathless',
    ]);
    expect(elements.at(-1)?.attributes).toEqual({ class: 'chart-transition is-last', 'data-transition': last });
  });

  test('parallel states are active side by side', () => {
    const active = activeStates('health', { polling: 'resting', activity: 'silent' });
    expect(active).toContain('health.activity.silent');
    expect(active).toContain('health.polling.resting');
  });
});
