/** All that `npm run grafana` writes, by its place under grafana/. A test compares it with what is committed. */
import { networks } from './networks.js';
import { node } from './node.js';
import { overview } from './overview.js';
import { alertRules, alertTests, recordingRules, recordingTests } from './rules.js';

export const dashboards = { overview, networks, node } as const;

export function generatedFiles(): ReadonlyMap<string, string> {
  const boards = Object.entries(dashboards).map(
    ([name, board]) => [`dashboards/${name}.json`, `${JSON.stringify(board, null, 2)}\n`] as const,
  );
  return new Map([
    ...boards,
    ['prometheus/rules/recording.yml', recordingRules()],
    ['prometheus/rules/alerts.yml', alertRules()],
    ['prometheus/tests/alerts.yml', alertTests()],
    ['prometheus/tests/recording.yml', recordingTests()],
  ]);
}
