// What `holdfast machines export` writes is the charts that run, in files that need nothing but xstate.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { createActor, createMachine, setup, type AnyStateMachine } from 'xstate';
import { exportMachines } from '../../src/charts/export.js';
import { machines } from '../../src/charts/machines.js';
import { walk } from '../../src/charts/walk.js';

type Name = keyof typeof machines;
const names = Object.keys(machines) as Name[];
const files = exportMachines('ts');

/** Runs the file with `setup` in scope and nothing else. */
function evaluated(text: string): Record<string, AnyStateMachine> {
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const exported: Record<string, AnyStateMachine> = {};
  const load = (from: string): object => {
    if (from !== 'xstate') throw new Error(`the file imports ${from}`);
    return { setup };
  };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  new Function('require', 'exports', outputText)(load, exported);
  return exported;
}

test('there is a file for each chart', () => {
  expect(files.map(({ name }) => name)).toEqual(names.map((name) => `${name}.machine.ts`));
});

describe.each(names)('%s.machine.ts', (name) => {
  const text = files.find((file) => file.name === `${name}.machine.ts`)?.text ?? '';

  test('is the same chart: states, transitions with guards and actions, invokes, descriptions', () => {
    const machine = evaluated(text)[`${name}Machine`];
    if (machine === undefined) throw new Error('it exports no machine');
    expect(walk(machine)).toEqual(walk(machines[name]));
  });

  test('runs', () => {
    const machine = evaluated(text)[`${name}Machine`] as AnyStateMachine;
    const actor = createActor(machine, { clock: { setTimeout: () => 0, clearTimeout: () => undefined } }).start();
    expect(actor.getSnapshot().status).toBe('active');
    actor.stop();
  });

  test('has no code of the real one', () => {
    expect(text).not.toMatch(/=>(?! (\{\}|true),)/);
  });
});

test('the files compile, strictly', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-machines-'));
  try {
    symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'));
    for (const { name, text } of files) writeFileSync(join(folder, name), text);
    const program = ts.createProgram(
      files.map(({ name }) => join(folder, name)),
      {
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        module: ts.ModuleKind.NodeNext,
        target: ts.ScriptTarget.ES2022,
        types: [],
      },
    );
    const told = ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
    expect(told).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);

test('as JSON they are configurations that XState takes', () => {
  for (const { name, text } of exportMachines('json')) {
    const config = JSON.parse(text) as Parameters<typeof createMachine>[0];
    const real = machines[name.replace('.machine.json', '') as Name];
    expect(walk(createMachine(config))).toEqual(walk(real));
  }
});
