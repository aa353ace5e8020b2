// The Dockerfile and docker-compose.yml, as far as they can be checked where there is no Docker: what they name exists, and what they promise they say.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { environmentNameOf } from '../../src/config/names.js';
import { configKeys } from '../../src/config/schema.js';
import { describeWith, pathOf } from '../support/require.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Service {
  readonly image?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly depends_on?: unknown;
}

const compose = parse(textOf('docker-compose.yml')) as {
  services: Readonly<Record<string, Service>>;
  volumes: Readonly<Record<string, unknown>>;
};
const { services } = compose;
const service = (name: string): Service => {
  const found = services[name];
  if (found === undefined) throw new Error(`there is no service ${name}`);
  return found;
};
const dockerfile = textOf('Dockerfile');

describe('docker-compose.yml', () => {
  test('runs service, Redis, TURN server, Prometheus and Grafana with one command', () => {
    expect(Object.values(services).filter(({ profiles }) => profiles !== undefined)).toEqual([]);
    expect(Object.keys(services).sort()).toEqual(['coturn', 'grafana', 'holdfast', 'keys', 'prometheus', 'redis']);
  });

  test('mounts what is there', () => {
    for (const { volumes = [] } of Object.values(services)) {
      for (const volume of volumes) {
        const source = volume.split(':')[0] ?? '';
        if (source.startsWith('.')) expect([source, existsSync(join(root, source))]).toEqual([source, true]);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
    }
  });

  test('lets the service write to its volume only, with no more rights than it needs', () => {
    const { read_only, cap_drop, security_opt, user } = service('holdfast');
    expect({ read_only, cap_drop, security_opt, user }).toEqual({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      user: undefined,
    });
  });

  test('sets keys of the configuration that exist, and no secret in plain', () => {
    const names = configKeys.map(environmentNameOf);
    for (const [name, value] of Object.entries(service('holdfast').environment ?? {})) {
      expect(names).toContain(name);
      expect(value).toMatch(/^(\/keys\/|turn:)/);
    }
  });

  test('shows pages on this machine only', () => {
    for (const name of ['holdfast', 'prometheus', 'grafana'])
      for (const port of service(name).ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  test('names versions', () => {
    for (const { image = '' } of Object.values(services)) expect(image).toMatch(/^holdfast$|:v?\d/);
  });

  test('makes its secrets once', () => {
    const keys = mkdtempSync(join(tmpdir(), 'holdfast-keys-'));
    try {
      const script = (service('keys').command?.[0] ?? '').replaceAll('$$', '$').replaceAll('/keys/', `${keys}/`);
      const make = (): string[] => {
        execFileSync('sh', ['-ec', script]);
        return readdirSync(keys).map((name) => `${name} ${readFileSync(join(keys, name), 'utf8')}`);
      };
      const made = make();
      expect(made).toEqual([
        expect.stringMatching(/^control-tokens [0-9a-f]{48}$/),
        expect.stringMatching(/^turn-secret [0-9a-f]{48}$/),
      ]);
      expect(make()).toEqual(made);
    } finally {
      rmSync(keys, { recursive: true, force: true });
    }
  });
});

describeWith('coturn', 'coturn', () => {
  test('knows every switch that it is given', () => {
    const help = spawnSync(pathOf('coturn'), ['--help'], { encoding: 'utf8' });
    const known = help.stdout + help.stderr;
    const flags = [...(service('coturn').command?.[0] ?? '').matchAll(/--([a-z-]+)/g)].map(([flag]) => flag);
    expect(flags.length).toBeGreaterThan(5);
    for (const flag of flags) expect(known).toContain(flag);
  });
});

describe('Dockerfile', () => {
  const stages = dockerfile.split(/^FROM /m).slice(1);
  const last = stages.at(-1) ?? '';

  test('builds in stages of their own, and the last one has nothing of the building', () => {
    expect(stages).toHaveLength(3);
    expect(last).not.toMatch(/\bnpm (ci|install|run)\b/);
    for (const line of last.match(/^COPY .*/gm) ?? []) expect(line).toMatch(/^COPY --from=(build|production) \/app\//);
  });

  test('copies what is there and is not left out', () => {
    const ignored = textOf('.dockerignore').split('\n').filter(Boolean);
    for (const [, from = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
      for (const source of from.split(' ')) {
        expect([source, existsSync(join(root, source))]).toEqual([source, true]);
        expect(ignored).not.toContain(source);
      }
    }
  });

  test('runs as somebody, with a health check, and without npm between it and its signals', () => {
    expect(last).toMatch(/^USER node$/m);
    expect(last.indexOf('USER node')).toBeGreaterThan(last.lastIndexOf('\nCOPY'));
    expect(last).toMatch(/^HEALTHCHECK .*\\\n {2}CMD \["node",.*\/livez/m);
    const command = JSON.parse(/^CMD (.+)$/m.exec(last)?.[1] ?? '[]') as string[];
    const { bin } = JSON.parse(textOf('package.json')) as { bin: { holdfast: string } };
    expect(command[0]).toBe('node');
    expect(`./${command[1] ?? ''}`).toMatch(/^\.\/dist\/src\//);
    expect(bin.holdfast).toMatch(/^\.\/dist\/src\//);
  });

  test('keeps the size of what is sent to the builder small', () => {
    const ignored = textOf('.dockerignore').split('\n');
    for (const name of ['node_modules', 'dist', '.git', 'test']) expect(ignored).toContain(name);
    expect(statSync(join(root, '.dockerignore')).size).toBeLessThan(1000);
  });
});
