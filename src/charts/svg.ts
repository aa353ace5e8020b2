/** A laid out chart as an SVG file that stands by itself: it brings its colours, for light and for dark surroundings. */
import { chartElements, type ChartElement } from '../operator/chart-drawing.js';
import type { ChartLayout } from '../operator/chart.types.js';

const marginPx = 12;

/** Its own background: GitHub's theme need not be the one that the browser prefers. */
const style = `
  .chart { --ground: #ffffff; --box: #ffffff; --inner: #f6f8fb; --line: #c9d1dc; --ink: #1f2733; --soft: #5b6675; --edge: #8793a5;
    --label: #eef2f8; --usable: #1f8f5f; --recovering: #c07a12; --terminal: #7b8494; }
  @media (prefers-color-scheme: dark) { .chart { --ground: #10151d; --box: #182030; --inner: #131a26; --line: #364154; --ink: #e6ebf3;
    --soft: #a3afc1; --edge: #6f7d93; --label: #202b3d; --usable: #4cc38a; --recovering: #e5a94b; --terminal: #8e99ab; } }
  .chart { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
  .chart-ground { fill: var(--ground); }
  .chart-box { fill: var(--box); stroke: var(--line); stroke-width: 1.2; }
  .is-compound > .chart-box, .is-parallel > .chart-box { fill: var(--inner); }
  .is-region > .chart-box { stroke-dasharray: 5 4; }
  .chart-box-inner { fill: none; stroke: var(--line); }
  .tag-usable > .chart-box { stroke: var(--usable); stroke-width: 1.8; }
  .tag-recovering > .chart-box { stroke: var(--recovering); stroke-width: 1.8; }
  .tag-terminal > .chart-box, .tag-terminal > .chart-box-inner { stroke: var(--terminal); }
  .chart-rule { fill: none; stroke: var(--line); stroke-width: 1; opacity: 0.6; }
  .chart-name { font-size: 13px; font-weight: 600; fill: var(--ink); }
  .chart-line { font-size: 11px; fill: var(--soft); }
  .chart-edge { fill: none; stroke: var(--edge); stroke-width: 1.2; }
  .chart-arrow, .chart-initial { fill: var(--edge); }
  .chart-label-box { fill: var(--label); }
  .chart-label { font-size: 11px; fill: var(--ink); }
`;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? '');

function written(part: ChartElement | string): string {
  if (typeof part === 'string') return escaped(part);
  const attributes = Object.entries(part.attributes).map(([name, value]) => ` ${name}="${escaped(String(value))}"`);
  const opening = `${part.name}${attributes.join('')}`;
  if (part.children.length === 0) return `<${opening}/>`;
  return `<${opening}>${part.children.map(written).join('')}</${part.name}>`;
}

export function chartSvg(layout: ChartLayout): string {
  const [width, height] = [layout.width_px + 2 * marginPx, layout.height_px + 2 * marginPx];
  const box = `${String(-marginPx)} ${String(-marginPx)} ${String(width)} ${String(height)}`;
  const label = escaped(`Statechart ${layout.machine}. ${layout.description}`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="${String(width)}" height="${String(height)}" viewBox="${box}" role="img" aria-label="${label}">`,
    `<style>${style}</style>`,
    `<rect class="chart-ground" x="${String(-marginPx)}" y="${String(-marginPx)}" width="${String(width)}" height="${String(height)}" rx="10"/>`,
    ...chartElements(layout).map(written),
    '</svg>',
    '',
  ].join('\n');
}
