/**
 * A replay as a picture: an SVG time line of states, the restart chart's own states, generations and what was noticed and decided. Pure; self-contained,
 * for light and dark pages.
 */
import type { TubeState } from '../../machines/events.js';
import type { FlightEntry } from '../operator/flight.types.js';
import { bandsOf, carriersOf } from './bands.js';
import type { Replay } from './replay-flight.js';

const widthPx = 1200;
const leftPx = 110;
const rightPx = 20;
const rowPx = 26;
const plotPx = widthPx - leftPx - rightPx;

const colours: Readonly<Record<TubeState, string>> = {
  initializing: '#8a94a6',
  connecting: '#4c8bf5',
  connected: '#2f9e5f',
  degraded: '#d98a00',
  failed: '#d1435b',
  closed: '#6b7280',
};

const style = [
  'text{font:12px system-ui,sans-serif;fill:#1f2937}.dot{stroke:#fff;stroke-opacity:.6}',
  '.dim{fill:#6b7280}.in{fill:#fff;font-weight:600}.grid{stroke:#d1d5db}.bg{fill:#fff}.gen{fill:#c7d2fe}.rs{fill:#fde3b1}',
  '@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.dim{fill:#9ca3af}.grid{stroke:#374151}.bg{fill:#111827}.gen{fill:#3b4a86}.rs{fill:#6b4d12}.in{fill:#fff}}',
].join('');

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char] ?? char);

interface Scale {
  x(atMs: number): number;
}

function box(scale: Scale, y: number, fromMs: number, toMs: number, look: string, label: string): string {
  const x = scale.x(fromMs);
  const width = Math.max(2, scale.x(toMs) - x);
  const text =
    width > label.length * 8 + 10
      ? `<text x="${(x + 5).toFixed(1)}" y="${y + 15}"${look.startsWith('fill') ? ' class="in"' : ''}>${escape(label)}</text>`
      : '';
  const title = `<title>${escape(`${label}, ${((toMs - fromMs) / 1000).toFixed(3)} s`)}</title>`;
  return `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="20" rx="3" ${look}>${title}</rect>${text}`;
}

const rowTitle = (y: number, text: string): string => `<text x="8" y="${y + 15}" class="dim">${escape(text)}</text>`;

/** A step of 1, 2 or 5 times a power of ten seconds, about ten to a picture. */
function gridStepMs(spanMs: number): number {
  const rough = spanMs / 10;
  const power = 10 ** Math.floor(Math.log10(rough));
  return (([1, 2, 5, 10] as const).find((factor) => factor * power >= rough) ?? 10) * power;
}

function grid(scale: Scale, { from_ms: fromMs, to_ms: toMs }: Replay, heightPx: number): string {
  const stepMs = gridStepMs(Math.max(10, toMs - fromMs));
  const lines: string[] = [];
  for (let atMs = 0; atMs <= toMs - fromMs; atMs += stepMs) {
    const x = scale.x(fromMs + atMs).toFixed(1);
    lines.push(`<line x1="${x}" y1="30" x2="${x}" y2="${heightPx - 50}" class="grid"/>`);
    lines.push(`<text x="${x}" y="${heightPx - 34}" class="dim" text-anchor="middle">+${atMs / 1000} s</text>`);
  }
  return lines.join('');
}

interface Sign {
  readonly row: 'noticed' | 'decided';
  readonly colour: string;
  readonly means: string;
}

const signs = {
  missed: { row: 'noticed', colour: '#d1435b', means: 'ping missed' },
  network: { row: 'noticed', colour: '#7c3aed', means: 'network change' },
  quality: { row: 'noticed', colour: '#d98a00', means: 'quality' },
  crash: { row: 'noticed', colour: '#111827', means: 'failure or crash' },
  decision: { row: 'decided', colour: '#4c8bf5', means: 'decision' },
  failed: { row: 'decided', colour: '#d1435b', means: 'attempt failed' },
  breaker: { row: 'decided', colour: '#d98a00', means: 'breaker' },
  recovered: { row: 'decided', colour: '#2f9e5f', means: 'recovered' },
} as const satisfies Record<string, Sign>;

function signOf(entry: FlightEntry): Sign | null {
  switch (entry.kind) {
    case 'ping_missed':
      return signs.missed;
    case 'network_change':
      return signs.network;
    case 'quality':
      return signs.quality;
    case 'failure':
    case 'crashed':
      return signs.crash;
    case 'decision':
      return signs.decision;
    case 'attempt_ended':
      return entry.outcome === 'failure' ? signs.failed : null;
    case 'breaker':
      return entry.breaker === 'closed' ? null : signs.breaker;
    case 'recovered':
      return signs.recovered;
    default:
      return null;
  }
}

function legend(y: number): string {
  let x = leftPx;
  return Object.values(signs)
    .map(({ colour, means }) => {
      const at = x;
      x += 22 + means.length * 7;
      return `<circle cx="${at + 5}" cy="${y}" r="5" fill="${colour}" class="dot"/><text x="${at + 14}" y="${y + 4}" class="dim">${means}</text>`;
    })
    .join('');
}

function titleOf(entry: FlightEntry): string {
  if (entry.kind === 'decision') return `${entry.action} (${entry.trigger}): ${entry.reason}`;
  if (entry.kind === 'attempt_ended') return `attempt for ${entry.trigger}: ${entry.code ?? entry.outcome}`;
  if (entry.kind === 'network_change') return `${entry.change} (${entry.source})`;
  return entry.kind.replace('_', ' ');
}

function dots(scale: Scale, replay: Replay, row: 'noticed' | 'decided', y: number): string {
  return replay.entries
    .flatMap((entry) => {
      const sign = signOf(entry);
      if (sign?.row !== row) return [];
      const at = `+${((entry.at_ms - replay.from_ms) / 1000).toFixed(3)} s`;
      const title = `<title>${escape(`${at} ${titleOf(entry)}`)}</title>`;
      return `<circle cx="${scale.x(entry.at_ms).toFixed(1)}" cy="${y + 10}" r="5" fill="${sign.colour}" class="dot">${title}</circle>`;
    })
    .join('');
}

function restartRow(scale: Scale, { path, to_ms: endMs }: Replay, y: number): string {
  const steps = path.filter(({ machine }) => machine === 'restart');
  return steps
    .filter(({ state }) => state !== 'ended' && state !== 'resting')
    .map((step) => {
      const next = steps[steps.indexOf(step) + 1]?.at_ms ?? endMs;
      return box(scale, y, step.at_ms, next, 'class="rs"', step.state.replace('attempting.', ''));
    })
    .join('');
}

/** An SVG document. */
export function drawReplay(replay: Replay): string {
  const spanMs = Math.max(1, replay.to_ms - replay.from_ms);
  const scale: Scale = { x: (atMs) => leftPx + ((atMs - replay.from_ms) / spanMs) * plotPx };
  const carriers = carriersOf(replay);
  const y = (row: number): number => 36 + row * rowPx;
  const heightPx = y(4 + carriers.length) + 56;
  const states = bandsOf(replay).map(({ state, fromMs, toMs }) =>
    box(scale, y(0), fromMs, toMs, `fill="${colours[state]}"`, state),
  );
  const generations = carriers.map(({ generation, fromMs, toMs }, index) =>
    [
      rowTitle(y(4 + index), `generation ${String(generation)}`),
      box(scale, y(4 + index), fromMs, toMs, 'class="gen"', `generation ${String(generation)}`),
    ].join(''),
  );
  const title = `tube ${replay.tube_id}, from ${new Date(replay.from_ms).toISOString()}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${widthPx} ${heightPx}" width="${widthPx}" height="${heightPx}" role="img" aria-label="${escape(title)}">`,
    `<style>${style}</style><rect class="bg" width="100%" height="100%"/><text x="8" y="20">${escape(title)}</text>`,
    grid(scale, replay, heightPx),
    ...['state', 'restart', 'noticed', 'decided'].map((name, row) => rowTitle(y(row), name)),
    ...states,
    restartRow(scale, replay, y(1)),
    dots(scale, replay, 'noticed', y(2)),
    dots(scale, replay, 'decided', y(3)),
    ...generations,
    legend(heightPx - 12),
    '</svg>',
    '',
  ].join('\n');
}
