/**
 * The charts are data: other tools can read each file by itself, every state says what it means, and what a chart knows survives JSON.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import * as ts from 'typescript';
import * as xstate from 'xstate';
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { healthMachine } from '../../machines/health.machine.js';
import { keepaliveMachine } from '../../machines/keepalive.machine.js';
import { restartMachine } from '../../machines/restart.machine.js';
import { tubeMachine } from '../../machines/tube.machine.js';

const folder = join(import.meta.dirname, '../../machines');
const files = readdirSync(folder).filter((name) => name.endsWith('.machine.ts'));
const machines: Record<string, AnyStateMachine> = {
  'health.machine.ts': healthMachine,
  'keepalive.machine.ts': keepaliveMachine,
  'restart.machine.ts': restartMachine,
  'tube.machine.ts': tubeMachine,
};

/** What a tool knows of a relative import: a setup is a setup, anything else is a function that says nothing. */
function stub(specifier: string): object {
  return new Proxy(
    {},
    {
      get: (_, name) => {
        if (name === '__esModule') return true;
        if (String(name).endsWith('Setup')) return xstate.setup({});
        return Object.assign((): unknown => undefined, { specifier });
      },
    },
  );
}

/** Evaluates one file with nothing in scope but xstate. */
function evaluate(file: string): Record<string, unknown> {
  const source = readFileSync(join(folder, file), 'utf8');
  const compilerOptions = {
    module: ts.ModuleKind.CommonJS,
    target: ts.ScriptTarget.ES2022,
    verbatimModuleSyntax: false,
  };
  const { outputText } = ts.transpileModule(source, { compilerOptions });
  const load = (specifier: string): object => {
    if (specifier === 'xstate') return xstate;
    if (specifier.startsWith('./')) return stub(specifier);
    throw new Error(`${file} imports ${specifier}`);
  };
  const hidden = ['process', 'globalThis', 'setTimeout', 'setInterval', 'fetch', 'Date', 'performance', 'crypto'];
  const exports: Record<string, unknown> = {};
  const run = compileFunction(outputText, ['require', 'exports', ...hidden]) as (...scope: unknown[]) => void;
  run(load, exports, ...hidden.map(() => undefined));
  return exports;
}

const isMachine = (value: unknown): value is AnyStateMachine =>
  typeof value === 'object' && value !== null && 'root' in value && 'definition' in value;

function* nodesOf(node: AnyStateNode): Generator<AnyStateNode> {
  yield node;
  for (const child of Object.values(node.states)) yield* nodesOf(child);
}

test('all machines are looked at', () => {
  expect(files.sort()).toEqual(Object.keys(machines).sort());
});

describe.each(files)('%s', (file) => {
  const machine = machines[file]!;
  const nodes = [...nodesOf(machine.root)];

  test('evaluates by itself, and is then the same chart', () => {
    const found = Object.values(evaluate(file)).filter(isMachine);
    expect(found).toHaveLength(1);
    const ids = (root: AnyStateNode): string[] => [...nodesOf(root)].map(({ id }) => id);
    expect(ids(found[0]!.root)).toEqual(ids(machine.root));
    expect(JSON.stringify(found[0]!.definition)).toBe(JSON.stringify(machine.definition));
  });

  test('describes every state', () => {
    expect(nodes.filter(({ description }) => description === undefined).map(({ id }) => id)).toEqual([]);
  });

  test('is named after its file', () => {
    expect(machine.id).toBe(file.replace('.machine.ts', ''));
  });

  test('can be described as JSON', () => {
    for (const described of [machine.definition, machine.toJSON()]) {
      const text = JSON.stringify(described);
      expect(text.length).toBeGreaterThan(500);
      for (const { key } of nodes) expect(text).toContain(`"${key}"`);
    }
  });

  test('names all it does: no function in the chart but those that make params', () => {
    const unnamed: string[] = [];
    const look = (value: unknown, path: string): void => {
      if (typeof value === 'function') unnamed.push(path);
      if (typeof value !== 'object' || value === null) return;
      for (const [key, inner] of Object.entries(value)) {
        if (key !== 'params') look(inner, `${path}.${key}`);
      }
    };
    const { context: _, ...config } = machine.config as { context?: unknown };
    look(config, machine.id);
    expect(unnamed).toEqual([]);
  });
});
