// The rules that let tools (and people) read a chart off its source: one machine to a file, a literal configuration, everything named and described.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { machines } from '../../src/charts/machines.js';
import { walk } from '../../src/charts/walk.js';

const folder = new URL('../../machines/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.machine.ts'));

/** Keys whose value may be a function: data of the moment, which no tool needs. */
const computed = new Set(['context', 'params']);
const plain = new Set([
  ts.SyntaxKind.StringLiteral,
  ts.SyntaxKind.NoSubstitutionTemplateLiteral,
  ts.SyntaxKind.NumericLiteral,
  ts.SyntaxKind.TrueKeyword,
  ts.SyntaxKind.FalseKeyword,
  ts.SyntaxKind.NullKeyword,
]);

/** Where the configuration is not literal, as `path: what is there`. */
function flaws(node: ts.Node, path: string): string[] {
  if (plain.has(node.kind)) return [];
  if (ts.isArrayLiteralExpression(node))
    return node.elements.flatMap((item, at) => flaws(item, `${path}[${String(at)}]`));
  if (!ts.isObjectLiteralExpression(node)) return [`${path}: ${ts.SyntaxKind[node.kind]}`];
  return node.properties.flatMap((property) => {
    if (!ts.isPropertyAssignment(property)) return [`${path}: ${ts.SyntaxKind[property.kind]}`];
    if (ts.isComputedPropertyName(property.name)) return [`${path}: a computed name`];
    const key = property.name.getText();
    const value = property.initializer;
    if (ts.isArrowFunction(value)) return computed.has(key) ? [] : [`${path}.${key}: a function`];
    return flaws(value, `${path}.${key}`);
  });
}

function createMachineCalls(file: ts.SourceFile): ts.CallExpression[] {
  const calls: ts.CallExpression[] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      node.expression.name.text === 'createMachine'
    )
      calls.push(node);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return calls;
}

const parse = (name: string, text: string): ts.SourceFile =>
  ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS);

test('every chart is known to the drawings and the export', () => {
  expect(names.map((name) => name.replace('.machine.ts', '')).sort()).toEqual(Object.keys(machines).sort());
});

describe.each(names)('machines/%s', (name) => {
  const file = parse(name, readFileSync(new URL(name, folder), 'utf8'));

  test('makes one machine, of one literal', () => {
    const calls = createMachineCalls(file);
    expect(calls.length).toBe(1);
    const [config, ...rest] = calls[0]?.arguments ?? [];
    expect(rest).toEqual([]);
    expect(config === undefined ? ['no configuration'] : flaws(config, 'config')).toEqual([]);
  });
});

test('what is not literal is found', () => {
  const config = `({ id: 'x', on: { ...shared }, [key]: {}, states: { a: stateOfElsewhere, b: { entry: () => 1 } }, short })`;
  const statement = parse('x.ts', config).statements[0] as ts.ExpressionStatement;
  const literal = (statement.expression as ts.ParenthesizedExpression).expression;
  expect(flaws(literal, 'config')).toEqual([
    'config.on: SpreadAssignment',
    'config: a computed name',
    'config.states.a: Identifier',
    'config.states.b.entry: a function',
    'config: ShorthandPropertyAssignment',
  ]);
});

describe.each(Object.entries(machines))('the chart %s', (name, machine) => {
  const { states, transitions } = walk(machine);

  test('has its name as id, and says what each state is', () => {
    expect(machine.id).toBe(name);
    expect(states.filter(({ description }) => description === '').map(({ id }) => id)).toEqual([]);
  });

  test('names every action and guard', () => {
    const inline = transitions.filter(
      ({ guard, actions }) => guard === 'inline' || actions.some((all) => /^(inline|xstate\.)/.test(all)),
    );
    expect(inline.map(({ id }) => id)).toEqual([]);
    expect(states.flatMap(({ lines }) => lines).filter((line) => /inline|xstate\./.test(line))).toEqual([]);
  });
});
