// `config default | check | docs`: the sample is a configuration that changes nothing, and a wrong one is told in full.
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { exampleValues, keyDescriptions, sampleYaml } from '../../src/config/sample.js';
import { configKeys, configSchema } from '../../src/config/schema.js';
import { run } from './run.js';

const load = (text: string) =>
  loadConfig({ argv: ['--config', 'f'], env: {}, readFile: (path) => (path === 'f' ? text : 'what the file holds') });

/** Keys begin with `#`, prose with `# `. */
const uncommented = (text: string): string => text.replaceAll(/^#(?! )/gm, '').replaceAll(/^# .*$/gm, '');

describe('the commented sample', () => {
  test('as it is sets nothing', () => {
    expect(load(sampleYaml())).toEqual(load(''));
  });

  test('has every key once, with its description', () => {
    const keys = Object.keys(parse(uncommented(sampleYaml())) as object);
    expect(keys.sort()).toEqual([...configKeys].sort());
    const prose = sampleYaml().replaceAll(/\n# /g, ' ');
    for (const { description } of keyDescriptions()) expect(prose).toContain(description);
  });

  test('with every key set that has a default is the configuration without any', () => {
    const all = parse(uncommented(sampleYaml())) as Record<string, unknown>;
    const set = Object.fromEntries(Object.entries(all).filter(([key]) => !(key in exampleValues)));
    const { tubeExplicit, ...config } = load(JSON.stringify(set));
    const { tubeExplicit: _none, ...plain } = load('');
    expect(config).toEqual(plain);
    expect(tubeExplicit).toEqual(plain.tube);
  });

  test.each(Object.keys(exampleValues))('has an example of %s that fits its rule', (key) => {
    expect(configSchema.safeParse({ [key]: exampleValues[key] }).error?.issues ?? []).toEqual([]);
  });

  test('has an example of every key that has no default', () => {
    const empty = Object.entries(configSchema.parse({})).filter(
      ([, value]) => value === null || (typeof value === 'object' && Object.keys(value).length === 0),
    );
    expect(Object.keys(exampleValues).sort()).toEqual(empty.map(([key]) => key).sort());
  });
});

describe('config check', () => {
  test('tells what is set, and from where, but no secret', async () => {
    const files = { 'a.yaml': 'port: 9000\ncontrolTokens: [hush-hush]\n' };
    const { code, out } = await run(['config', 'check', 'a.yaml', '--profile', 'mobile'], {
      files,
      env: { HOLDFAST_LOG_LEVEL: 'warn' },
    });
    expect(code).toBe(0);
    expect(out).toContain('keys that are set: 4');
    expect(out).toMatch(
      /port: 9000 \(file a\.yaml\)[^]*logLevel: "warn" \(environment HOLDFAST_LOG_LEVEL\)[^]*profile: "mobile" \(flag --profile\)/,
    );
    expect(out).not.toContain('hush');
  });

  test('as JSON has the whole configuration without secrets', async () => {
    const files = { 'a.yaml': 'controlTokens: [team=hush-hush]\npeerTokenSecret: "12345678901234567890123456789012"' };
    const { code, out, json } = await run(['config', 'check', '--json', '--config', 'a.yaml'], { files });
    expect(code).toBe(0);
    expect(json()).toMatchObject({
      ok: true,
      config: { port: 8080, controlTokens: [{ tenant: 'team' }], tube: { pingIntervalMs: 5000 } },
    });
    expect(out).not.toMatch(/hush|1234567890/);
  });

  const wrong = { 'a.yaml': 'prot: 1\nanswerTimeoutMs: soon\ncontrolTokns: [hush-hush]' };

  test('tells all that is wrong, with the names that were meant, and ends with 78', async () => {
    const { code, out, err } = await run(['config', 'check', 'a.yaml', '--profil', 'mobile'], { files: wrong });
    expect([code, out]).toEqual([78, '']);
    expect(err).toMatch(/4 problem/);
    for (const words of [
      'did you mean port?',
      'did you mean controlTokens?',
      'did you mean --profile?',
      'answerTimeoutMs (file a.yaml)',
    ])
      expect(err).toContain(words);
    expect(err).not.toContain('hush');
  });

  test('does so as JSON, too', async () => {
    const { code, json } = await run(['config', 'check', 'a.yaml', '--json'], { files: wrong });
    expect(code).toBe(78);
    expect(json()).toMatchObject({
      ok: false,
      problems: [{ key: 'prot', source: 'file a.yaml' }, { key: 'controlTokns' }, { key: 'answerTimeoutMs' }],
    });
  });

  test('takes no notice of what clients of a service have in the environment', async () => {
    const env = { HOLDFAST_URL: 'http://h', HOLDFAST_TOKEN: 't', HOLDFAST_TOKEN_FILE: 'f' };
    expect((await run(['config', 'check'], { env })).code).toBe(0);
  });
});

test('config default and config docs print what the schema has', async () => {
  expect((await run(['config', 'default'])).out).toBe(sampleYaml().trimEnd());
  expect((await run(['config', 'default', '--json'])).json()).toMatchObject({ port: 8080, dataDir: null });
  expect((await run(['config', 'docs'])).out).toContain('| `answerTimeoutMs` | `HOLDFAST_ANSWER_TIMEOUT_MS` |');
  expect((await run(['config', 'docs', '--json'])).json()).toHaveLength(configKeys.length);
});
