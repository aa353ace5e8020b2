/** Every query of the dashboards, rules and variables, and what a query asks for: metrics with their label names and exact values. */
import { parser } from '@prometheus-io/lezer-promql';
import { alerts } from '../../grafana/src/alerts.js';
import { dashboards } from '../../grafana/src/files.js';
import { recordings } from '../../grafana/src/recording.js';

export interface Asked {
  readonly where: string;
  readonly expr: string;
}

interface Target {
  readonly expr?: string;
  readonly legendFormat?: string;
}

export interface Drawn extends Asked {
  /** Labels that name its series. */
  readonly names: readonly string[];
}

/** Of the panels; a row has none. */
export function panelQueries(): Drawn[] {
  return Object.entries(dashboards).flatMap(([name, board]) =>
    (board.panels ?? []).flatMap((panel) => {
      const targets = 'targets' in panel ? ((panel.targets ?? []) as readonly Target[]) : [];
      return targets.map(({ expr = '', legendFormat = '' }) => ({
        where: `${name}: ${panel.title ?? ''}`,
        expr,
        names: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
      }));
    }),
  );
}

export const ruleQueries = (): Asked[] => [
  ...recordings.map(({ record, expr }) => ({ where: record, expr })),
  ...alerts.map(({ name, expr }) => ({ where: name, expr })),
];

/** What Grafana puts in place of its variables. */
export const filled = (expr: string, window: string): string =>
  expr
    .replaceAll('$__rate_interval', window)
    .replaceAll('$__range', window)
    .replaceAll(/\$(job|instance)/g, '.+');

export interface Selector {
  readonly metric: string;
  /** By label: what it must be (`=`), or null where another operator asks. */
  readonly matchers: readonly (readonly [label: string, value: string | null])[];
}

/** Throws for what is not PromQL. */
export function selectorsOf(expr: string): Selector[] {
  const text = filled(expr, '5m');
  const selectors: { metric: string; matchers: (readonly [string, string | null])[] }[] = [];
  parser.parse(text).iterate({
    enter: ({ name, from, to, type }) => {
      const part = text.slice(from, to);
      if (type.isError) throw new Error(`not PromQL at ${String(from)}: ${text}`);
      if (name === 'VectorSelector') selectors.push({ metric: '', matchers: [] });
      const last = selectors.at(-1);
      if (name === 'Identifier' && last?.metric === '') last.metric = part;
      if (name !== 'UnquotedLabelMatcher') return;
      const [, label = '', operator, value = ''] = /^(\w+)\s*(=~|!=|!~|=)\s*"(.*)"$/s.exec(part) ?? [];
      last?.matchers.push([label, operator === '=' ? value : null]);
    },
  });
  return selectors;
}

/** Labels by which a query groups or joins. */
export function groupingsOf(expr: string): string[] {
  const labels: string[] = [];
  const text = filled(expr, '5m');
  parser.parse(text).iterate({
    enter: ({ name, from, to }) => {
      if (name === 'LabelName' || name === 'GroupingLabel') labels.push(text.slice(from, to));
    },
  });
  return labels;
}
