// Dashboards, rules and alerts say only what the service measures, and what is committed is what the sources say.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { alerts } from '../../grafana/src/alerts.js';
import { dashboards, generatedFiles } from '../../grafana/src/files.js';
import { recordings } from '../../grafana/src/recording.js';
import { gatewayEvents } from '../../src/gateway/events.js';
import { catalogue, type AnyFamily } from '../../src/observability/catalogue.js';
import { Metrics } from '../../src/observability/metrics.js';
import { transportCounters } from '../../src/transport/transport-observer.js';
import { describeWith, pathOf } from '../support/require.js';
import { groupingsOf, panelQueries, ruleQueries, selectorsOf, type Asked } from './queries.js';

const folder = new URL('../../grafana/', import.meta.url);
const committed = (path: string): string => readFileSync(new URL(path, folder), 'utf8');

/** Every series name that exists, with its labels and the values that these can have (null: any). */
type Known = ReadonlyMap<string, Readonly<Record<string, readonly string[] | null>>>;

const suffixes: Record<AnyFamily['type'], readonly string[]> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};
const scraped = { job: null, instance: null };

function ownSeries(): [string, Readonly<Record<string, readonly string[] | null>>][] {
  const families: readonly AnyFamily[] = Object.values(catalogue('1', '20', gatewayEvents, transportCounters));
  return families.flatMap(({ name, type, labels }) =>
    suffixes[type].map((suffix): [string, Readonly<Record<string, readonly string[] | null>>] => [
      `${name}${suffix}`,
      { ...scraped, ...labels, ...(suffix === '_bucket' ? { le: null } : {}) },
    ]),
  );
}

async function known(): Promise<Known> {
  const text = await new Metrics({ version: '1', events: gatewayEvents }).render();
  // Those of the process, which the library makes; some have no series before there is something to tell.
  const types = [...text.matchAll(/^# TYPE ((?:nodejs|process)_\w+) (counter|gauge|histogram)$/gm)];
  const others = types.flatMap(([, name = '', type = '']) =>
    suffixes[type as AnyFamily['type']].map((suffix) => [`${name}${suffix}`, { ...scraped, kind: null }] as const),
  );
  const recorded = recordings.map(({ record, expr }) => {
    const labels = (/by \(([^)]*)\)/.exec(expr)?.[1] ?? '').split(',').map((label) => label.trim());
    return [record, Object.fromEntries(labels.map((label) => [label, null]))] as const;
  });
  return new Map([...ownSeries(), ...others, ...recorded, ['up', scraped]]);
}

const all = (): Asked[] => [...panelQueries(), ...ruleQueries()];

describe('queries', () => {
  test('are PromQL, and name metrics, labels and values that exist', async () => {
    const series = await known();
    const wrong: string[] = [];
    for (const { where, expr } of all()) {
      for (const { metric, matchers } of selectorsOf(expr)) {
        const labels = series.get(metric);
        if (labels === undefined) {
          wrong.push(`${where}: there is no metric ${metric}`);
          continue;
        }
        for (const [label, value] of matchers) {
          if (!(label in labels)) wrong.push(`${where}: ${metric} has no label ${label}`);
          else if (value !== null && labels[label]?.includes(value) === false)
            wrong.push(`${where}: ${metric}{${label}} is never "${value}"`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('group by labels that one of their metrics has', async () => {
    const series = await known();
    const wrong = all().flatMap(({ where, expr }) => {
      const labels = new Set(selectorsOf(expr).flatMap(({ metric }) => Object.keys(series.get(metric) ?? {})));
      const groups = groupingsOf(expr).filter((label) => !labels.has(label));
      return groups.map((label) => `${where}: nothing has the label ${label}`);
    });
    expect(wrong).toEqual([]);
  });

  test('the check finds what is wrong', () => {
    expect(selectorsOf('sum by (le) (rate(holdfast_x_bucket{job=~"$job",a="b"}[$__rate_interval])) / y')).toEqual([
      {
        metric: 'holdfast_x_bucket',
        matchers: [
          ['job', null],
          ['a', 'b'],
        ],
      },
      { metric: 'y', matchers: [] },
    ]);
    expect(groupingsOf('sum by (le, job) (x)')).toEqual(['le', 'job']);
    expect(() => selectorsOf('sum(rate(x[5m])')).toThrow('not PromQL');
    expect(() => selectorsOf('x{')).toThrow('not PromQL');
  });

  test('most of what the service measures is shown or watched', () => {
    const asked = new Set(all().flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)));
    const families: readonly AnyFamily[] = Object.values(catalogue('1', '20', gatewayEvents, transportCounters));
    const unseen = families.filter(({ name, type }) => !suffixes[type].some((suffix) => asked.has(`${name}${suffix}`)));
    expect(unseen.map(({ name }) => name)).toEqual([]);
  });
});

describe('dashboards', () => {
  test('are three, and every panel says what it shows', () => {
    expect(Object.keys(dashboards)).toHaveLength(3);
    for (const board of Object.values(dashboards)) {
      const panels = (board.panels ?? []).filter((panel) => panel.type !== 'row');
      expect(panels.length).toBeGreaterThan(10);
      for (const panel of panels) {
        expect('description' in panel ? panel.description : '').toMatch(/^.{15,}\.$|:/);
        expect(panel.title).not.toBe('');
      }
    }
  });

  /** Panels with what they ask for and say. */
  const panels = () =>
    Object.values(dashboards).flatMap((board) =>
      (board.panels ?? []).flatMap((panel) => {
        if (!('targets' in panel)) return [];
        const exprs = ((panel.targets ?? []) as { expr?: string }[]).map(({ expr = '' }) => expr);
        return [{ title: panel.title ?? '', help: panel.description ?? '', exprs }];
      }),
    );

  test('say of which panels the variable of the node changes nothing', () => {
    const isWhole = (expr: string): boolean => expr.includes('$job') && !expr.includes('$instance');
    const whole = panels().filter(({ exprs }) => exprs.some(isWhole));
    expect(whole.map(({ title }) => title)).toContain('Outage, p95');
    expect(whole.filter(({ help }) => !help.includes('Of the whole job')).map(({ title }) => title)).toEqual([]);
    expect(whole.filter(({ exprs }) => !exprs.every(isWhole)).map(({ title }) => title)).toEqual([]);
  });

  test('say that figures of the event loop are of the last minute', () => {
    const loop = panels().filter(({ exprs }) => exprs.some((expr) => expr.includes('event_loop')));
    expect(loop).toHaveLength(3);
    expect(loop.filter(({ help }) => !help.includes('about the last minute')).map(({ title }) => title)).toEqual([]);
  });

  test('have no two panels of one name, and none that overlap', () => {
    for (const board of Object.values(dashboards)) {
      const panels = (board.panels ?? []).filter(({ type }) => type !== 'row');
      const titles = panels.map(({ title }) => title);
      expect(new Set(titles).size).toBe(titles.length);
      const cells = panels.flatMap(({ gridPos }) => {
        if (gridPos === undefined) return [];
        const { x, y, w, h } = gridPos;
        expect(x + w).toBeLessThanOrEqual(24);
        return Array.from(
          { length: w * h },
          (_, cell) => `${String(x + (cell % w))}/${String(y + Math.floor(cell / w))}`,
        );
      });
      expect(new Set(cells).size).toBe(cells.length);
    }
  });
});

describe('files', () => {
  test('are what the sources say (npm run grafana)', () => {
    for (const [path, text] of generatedFiles()) expect([path, committed(path) === text]).toEqual([path, true]);
  });

  test('nothing else lies beside them', () => {
    const made = [...generatedFiles().keys()];
    for (const place of ['dashboards', 'prometheus/rules', 'prometheus/tests']) {
      for (const name of readdirSync(new URL(place, folder))) expect(made).toContain(`${place}/${name}`);
    }
  });

  test('Prometheus reads the rules, and Grafana the dashboards', () => {
    const prometheus = parse(committed('prometheus/prometheus.yml')) as { rule_files: string[] };
    expect(prometheus.rule_files).toEqual(['rules/*.yml']);
    const provider = parse(committed('provisioning/dashboards/holdfast.yml')) as {
      providers: { options: { path: string } }[];
    };
    const compose = readFileSync(new URL('../docker-compose.yml', folder), 'utf8');
    expect(compose).toContain(`./grafana/dashboards:${provider.providers[0]?.options.path ?? 'nowhere'}:ro`);
  });
});

describe('alerts', () => {
  const operations = readFileSync(new URL('../docs/operations.md', folder), 'utf8');

  test('are at least twelve, each with a runbook and two scenes', () => {
    expect(alerts.length).toBeGreaterThanOrEqual(12);
    const tests = committed('prometheus/tests/alerts.yml');
    for (const { name } of alerts) {
      const runbook = new RegExp(`^### ${name}\\n\\n([^#]+)`, 'm').exec(operations)?.[1] ?? '';
      expect([name, runbook.length > 150]).toEqual([name, true]);
      expect(tests).toContain(`name: ${name} fires`);
      expect(tests).toContain(`name: ${name} rests`);
    }
  });

  test('no runbook is of an alert that is gone', () => {
    const written = [...operations.matchAll(/^### (Holdfast\w+)$/gm)].map(([, name]) => name);
    expect(written.sort()).toEqual(alerts.map(({ name }) => name).sort());
  });
});

describeWith('promtool', 'promtool', () => {
  const run = (...args: string[]) =>
    spawnSync(pathOf('promtool'), args, { encoding: 'utf8', cwd: fileURLToPath(folder) });

  test('finds nothing to complain about in the rules', () => {
    const { status, stdout, stderr } = run(
      'check',
      'rules',
      '--lint=all',
      '--lint-fatal',
      'prometheus/rules/recording.yml',
      'prometheus/rules/alerts.yml',
    );
    expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  test('reads the configuration of the scrape', () => {
    const { status, stdout, stderr } = run('check', 'config', 'prometheus/prometheus.yml');
    expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  test('records the figures as they were', () => {
    const { status, stdout, stderr } = run('test', 'rules', 'prometheus/tests/recording.yml');
    expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS')]);
  }, 120_000);

  test('sees every alert fire where it must, and rest where it must not', () => {
    const { status, stdout, stderr } = run('test', 'rules', 'prometheus/tests/alerts.yml');
    expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS')]);
  }, 120_000);
});
