/**
 * Recording rules, alerts and the scenes of alerts as the files that Prometheus and promtool read. Pure: from recording.ts and alerts.ts to text;
 * main.ts writes it.
 */
import { stringify } from 'yaml';
import { alertGroups, alerts, sceneNode, type Alert, type Scene } from './alerts.js';
import { recordings, recordingScene } from './recording.js';

/** Where the runbooks are; put the address of your copy before it, and the links in notifications can be followed. */
const runbooks = 'docs/operations.md';

const runbookOf = ({ name }: Alert): string => `${runbooks}#${name.toLowerCase()}`;

const yaml = (from: string, data: unknown): string =>
  `# Written by \`npm run grafana\` from grafana/src/${from}: change it there.\n${stringify(data, { lineWidth: 0, aliasDuplicateObjects: false })}`;

export const recordingRules = (): string =>
  yaml('recording.ts', { groups: [{ name: 'holdfast-figures', rules: recordings }] });

export const recordingTests = (): string =>
  yaml('recording.ts', {
    rule_files: ['../rules/recording.yml'],
    evaluation_interval: '1m',
    tests: [
      {
        name: 'figures of production',
        interval: '1m',
        input_series: Object.entries(recordingScene.series).map(([series, values]) => ({ series, values })),
        promql_expr_test: Object.entries(recordingScene.records).map(([record, value]) => ({
          expr: record,
          eval_time: '90m',
          exp_samples: [{ labels: `${record}{job="j"}`, value }],
        })),
      },
    ],
  });

const ruleOf = (alert: Alert) => ({
  alert: alert.name,
  expr: alert.expr,
  for: alert.for,
  labels: { severity: alert.severity },
  annotations: { summary: alert.summary, description: alert.description, runbook_url: runbookOf(alert) },
});

export const alertRules = (): string =>
  yaml('alerts.ts', {
    groups: Object.entries(alertGroups).map(([name, group]) => ({ name, rules: group.map(ruleOf) })),
  });

/** With the labels of the scenes' node. */
function seriesOf(name: string): string {
  const [family = '', matchers = ''] = name.replace('}', '').split('{');
  const node = Object.entries(sceneNode).map(([label, value]) => `${label}="${value}"`);
  return `${family}{${[...node, ...(matchers === '' ? [] : [matchers])].join(',')}}`;
}

const inputOf = ({ series }: Scene) =>
  Object.entries(series).map(([name, values]) => ({ series: seriesOf(name), values }));

/** What Prometheus makes of the templates of an alert. */
const filled = (text: string, labels: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? '');

function firing(alert: Alert) {
  const { labels } = alert.fires;
  const annotations = ruleOf(alert).annotations;
  const expected = Object.entries(annotations).map(([name, text]) => [name, filled(text, labels)] as const);
  return { exp_labels: { ...labels, severity: alert.severity }, exp_annotations: Object.fromEntries(expected) };
}

const restsIn = (alert: Alert, name: string, scene: Scene) => ({
  name: `${alert.name} ${name}`,
  interval: '1m',
  input_series: inputOf(scene),
  alert_rule_test: [{ eval_time: scene.at, alertname: alert.name, exp_alerts: [] }],
});

const scenesOf = (alert: Alert) => [
  {
    name: `${alert.name} fires`,
    interval: '1m',
    input_series: inputOf(alert.fires),
    alert_rule_test: [{ eval_time: alert.fires.at, alertname: alert.name, exp_alerts: [firing(alert)] }],
  },
  restsIn(alert, 'rests', alert.rests),
  ...(alert.restsAtFew === undefined ? [] : [restsIn(alert, 'rests at few', alert.restsAtFew)]),
];

export const alertTests = (): string =>
  yaml('alerts.ts', {
    rule_files: ['../rules/recording.yml', '../rules/alerts.yml'],
    evaluation_interval: '1m',
    tests: alerts.flatMap(scenesOf),
  });
