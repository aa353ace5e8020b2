/**
 * The words that our dashboards are written in: a few kinds of panels on the Grafana SDK, all with the same manners (units, legends, colours of
 * states), and the variables that every dashboard has. What is shown is said in overview.ts, networks.ts and node.ts.
 *
 * In a query `$node` stands for the chosen job and instances, `$site` for the job alone (recorded series are of whole jobs).
 */
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as HeatmapPanel } from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as LinesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';

export type Panel = Builder<dashboard.Panel>;

/** [query, legend] */
type Query = readonly [expr: string, legend: string];

interface Shown {
  readonly title: string;
  /** What it says, and what to make of it. */
  readonly help: string;
  readonly queries: readonly Query[];
  /** Grafana's id of the unit: s, bytes, percentunit, reqps, short. */
  readonly unit?: string;
  /** Of 24 columns. */
  readonly span?: number;
}

type Limits = readonly (readonly [from: number | null, color: string])[];

/** Good below, then worse. */
export const rising = (warn: number, bad: number): Limits => [
  [null, 'green'],
  [warn, 'orange'],
  [bad, 'red'],
];
/** Bad below, then better. */
export const falling = (bad: number, warn: number): Limits => [
  [null, 'red'],
  [bad, 'orange'],
  [warn, 'green'],
];

const source = { type: 'prometheus', uid: '${datasource}' };

/** One colour for one state or outcome, on every panel. */
const colours: Readonly<Record<string, string>> = {
  initializing: 'light-blue',
  connecting: 'blue',
  connected: 'green',
  degraded: 'orange',
  failed: 'red',
  success: 'green',
  recovered: 'green',
  stood_down: 'light-green',
  failure: 'red',
  lost: 'red',
  abandoned: 'yellow',
  cancelled: 'yellow',
  closed: 'text',
  good: 'green',
  warning: 'orange',
  poor: 'red',
  ok: 'green',
  error: 'red',
};

const expand = (expr: string): string =>
  expr.replaceAll('$node', 'job=~"$job",instance=~"$instance"').replaceAll('$site', 'job=~"$job"');

/** Recorded series are of whole jobs, so the variable "Node" changes nothing there: whoever reads the panel is told. */
const said = (help: string, queries: readonly Query[]): string =>
  queries.some(([expr]) => expr.includes('$site')) ? `${help} Of the whole job, whichever node is chosen.` : help;

const refId = (index: number): string => String.fromCharCode(65 + index);

const target = ([expr, legend]: Query, index: number): DataqueryBuilder =>
  new DataqueryBuilder().expr(expand(expr)).legendFormat(legend).refId(refId(index)).datasource(source);

const thresholds = (limits: Limits): dashboard.ThresholdsConfigBuilder =>
  new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(limits.map(([value, color]) => ({ value, color })));

export interface Lines extends Shown {
  readonly stacked?: boolean;
  /** Drawn as dashed lines. */
  readonly limits?: Limits;
  readonly max?: number;
}

/** How things went: the kind of most panels. */
export function lines({ title, help, queries, unit = 'short', span = 8, stacked, limits, max }: Lines): Panel {
  const panel = new LinesPanel()
    .title(title)
    .description(said(help, queries))
    .datasource(source)
    .unit(unit)
    .min(0)
    .span(span)
    .height(8)
    .lineWidth(1)
    .fillOpacity(stacked === true ? 40 : 8)
    .showPoints(common.VisibilityMode.Never)
    .spanNulls(false)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    );
  if (stacked === true) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  if (max !== undefined) panel.max(max);
  if (limits !== undefined) {
    const dashed = new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed);
    panel.thresholds(thresholds(limits)).thresholdsStyle(dashed);
  }
  const named = queries.some(([, legend]) => /^\{\{(state|outcome|verdict)\}\}$/.test(legend));
  for (const [name, color] of named ? Object.entries(colours) : [])
    panel.overrideByName(name, [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }]);
  queries.forEach((query, index) => panel.withTarget(target(query, index)));
  return panel;
}

export interface Stat extends Shown {
  readonly limits?: Limits;
  readonly decimals?: number;
}

/** How things are: one number in the colour of its meaning. A ratio says `>= 0`, so that nothing of nothing is a dash and not "NaN". */
export function stat({ title, help, queries, unit = 'short', span = 3, limits, decimals }: Stat): Panel {
  const panel = new StatPanel()
    .title(title)
    .description(said(help, queries))
    .datasource(source)
    .unit(unit)
    .span(span)
    .height(4)
    .noValue('–')
    .colorMode(limits === undefined ? common.BigValueColorMode.None : common.BigValueColorMode.Background)
    .graphMode(common.BigValueGraphMode.Area)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''))
    .thresholds(thresholds(limits ?? [[null, 'text']]));
  if (decimals !== undefined) panel.decimals(decimals);
  queries.forEach((query, index) => panel.withTarget(target(query, index)));
  return panel;
}

/** How values are spread, of a histogram: `family` without `_bucket`. */
export function heatmap(shown: Omit<Shown, 'queries'> & { readonly family: string }): Panel {
  const { title, help, family, unit = 's', span = 12 } = shown;
  const query: Query = [`sum by (le) (increase(${family}_bucket{$node}[$__rate_interval]))`, '{{le}}'];
  return new HeatmapPanel()
    .title(title)
    .description(help)
    .datasource(source)
    .unit(unit)
    .span(span)
    .height(8)
    .calculate(false)
    .withTarget(target(query, 0).format(PromQueryFormat.Heatmap));
}

/** What is there now, a row for each combination of labels. */
export function table({ title, help, queries, unit = 'short', span = 8 }: Shown): Panel {
  const panel = new TablePanel().title(title).description(help).datasource(source).unit(unit).span(span).height(8);
  queries.forEach((query, index) => panel.withTarget(target(query, index).format(PromQueryFormat.Table).instant()));
  return panel.withTransformation({ id: 'organize', options: { excludeByName: { Time: true, __name__: true } } });
}

/** Three quantiles of a histogram. `family` without `_bucket`. */
export function quantiles(
  shown: Omit<Lines, 'queries'> & { readonly family: string; readonly of?: string; readonly by?: string },
): Panel {
  const { family, of = '', by, ...rest } = shown;
  const matchers = of === '' ? '$node' : `$node,${of}`;
  const labels = by === undefined ? 'le' : `le, ${by}`;
  const prefix = by === undefined ? '' : `{{${by}}} `;
  const shares = by === undefined ? [0.5, 0.9, 0.99] : [0.95];
  const rate = `sum by (${labels}) (rate(${family}_bucket{${matchers}}[$__rate_interval]))`;
  const query = (share: number): Query => [
    `histogram_quantile(${String(share)}, ${rate})`,
    `${prefix}p${String(share * 100)}`,
  ];
  return lines({ unit: 's', ...rest, queries: shares.map(query) });
}

interface Board {
  readonly uid: string;
  readonly title: string;
  readonly help: string;
  readonly rows: readonly (readonly [title: string, panels: readonly Panel[]])[];
}

const variable = (name: string, label: string, query: string): dashboard.QueryVariableBuilder =>
  new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(source)
    .query({ query, refId: name })
    .definition(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ text: 'All', value: '$__all', selected: true });

/** Marks on every time line while an alert of ours fires. */
const firing = new dashboard.AnnotationQueryBuilder()
  .name('Alerts')
  .datasource(source)
  .enable(true)
  .hide(false)
  .iconColor('red')
  .expr(expand('ALERTS{alertname=~"Holdfast.+",alertstate="firing",$site}'))
  .titleFormat('{{alertname}}')
  .textFormat('{{instance}}')
  .step('60s');

/** What the builders leave out: ids, which links to panels need; and what only newer versions of Grafana understand. */
function finished({ panels = [], links = [], annotations, ...rest }: dashboard.Dashboard): dashboard.Dashboard {
  const marks = annotations?.list ?? [];
  return {
    ...rest,
    annotations: { list: marks.map(({ placement: _inMenu, ...mark }) => mark) },
    links: links.map(({ placement: _inMenu, ...link }) => link),
    panels: panels.map((panel, index) => ({ ...panel, id: index + 1 })),
  };
}

/** A whole dashboard, as the JSON that Grafana imports. */
export function board({ uid, title, help, rows }: Board): dashboard.Dashboard {
  const builder = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(help)
    .tags(['holdfast'])
    .time({ from: 'now-3h', to: 'now' })
    .timezone('browser')
    .refresh('30s')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .readonly()
    .annotation(firing)
    .withVariable(new dashboard.DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
    .withVariable(variable('job', 'Job', 'label_values(holdfast_info, job)'))
    .withVariable(variable('instance', 'Node', 'label_values(holdfast_info{job=~"$job"}, instance)'))
    .link(
      new dashboard.DashboardLinkBuilder('Holdfast')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['holdfast'])
        .includeVars(true)
        .keepTime(true),
    );
  for (const [name, panels] of rows) {
    builder.withRow(new dashboard.RowBuilder(name));
    for (const panel of panels) builder.withPanel(panel);
  }
  return finished(builder.build());
}
