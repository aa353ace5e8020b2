/** A real Prometheus with our rules, which scrapes one service each second, and is asked over HTTP. Its data is in a folder that goes with it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pathOf } from './require.js';
import { sleep } from './until.js';

const rules = fileURLToPath(new URL('../../grafana/prometheus/rules/*.yml', import.meta.url));
const startWithinMs = 20_000;

export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since the epoch, and the value as text (it may be NaN). */
  readonly value: readonly [number, string];
}

interface RangeResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly state?: string;
  readonly lastError?: string;
}

export interface Prometheus {
  /** Now. Throws with Prometheus's own words for what it cannot evaluate. */
  query(expr: string): Promise<readonly QueryResult[]>;
  /** Every value of every series that it gave from then until now, at each second. */
  valuesSince(expr: string, fromMs: number): Promise<readonly number[]>;
  rules(): Promise<readonly Rule[]>;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const configFor = (target: string): string =>
  JSON.stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [rules],
    scrape_configs: [{ job_name: 'holdfast', static_configs: [{ targets: [target] }] }],
  });

/** Resolves when it answers. `url`: of the service. */
export async function startPrometheus(url: string): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-prometheus-'));
  const port = await freePort();
  const base = `http://127.0.0.1:${String(port)}`;
  // YAML takes JSON.
  await writeFile(join(folder, 'prometheus.yml'), configFor(new URL(url).host));
  const child = spawn(
    pathOf('prometheus'),
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${String(port)}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-10_000)));
  const exited = once(child, 'exit');
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${base}${path}`);
    const answer = (await response.json()) as { status: string; data: T; error?: string };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error ?? String(response.status)}`);
    return answer.data;
  };
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const isReady = (): Promise<boolean> =>
    fetch(`${base}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  for (const endMs = Date.now() + startWithinMs; !(await isReady()); await sleep(50)) {
    if (Date.now() < endMs && child.exitCode === null) continue;
    await stop();
    throw new Error(`Prometheus did not start: ${output}`);
  }
  return {
    query: async (expr) => {
      const { result } = await get<{ result: QueryResult[] }>(`/api/v1/query?query=${encodeURIComponent(expr)}`);
      return result;
    },
    valuesSince: async (expr, fromMs) => {
      const asked = new URLSearchParams({
        query: expr,
        start: String(fromMs / 1000),
        end: String(Date.now() / 1000),
        step: '1',
      });
      const { result } = await get<{ result: RangeResult[] }>(`/api/v1/query_range?${String(asked)}`);
      return result.flatMap(({ values }) => values.map(([, value]) => Number(value)));
    },
    rules: async () => {
      const { groups } = await get<{ groups: { rules: Rule[] }[] }>('/api/v1/rules');
      return groups.flatMap((group) => group.rules);
    },
    stop,
  };
}
