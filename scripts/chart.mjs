// Draws machines/tube.machine.ts as mermaid state diagrams: every state in docs/tube-chart.md, the top level in README.md between its markers.
// Needs a build: npm run build && node scripts/chart.mjs. test/docs/chart.test.ts fails when the pictures are not those of the chart.
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const begin = '<!-- chart: begin, written by scripts/chart.mjs -->';
const end = '<!-- chart: end -->';

/** Mermaid's ids are global; the path below the root is unique. */
const idOf = (node) => node.path.join('_');
const isInside = (node, ancestor) =>
  node === ancestor || (node.parent !== undefined && isInside(node.parent, ancestor));

/** What the reader sees of a node when the picture ends at `depth`. */
function shown(node, depth) {
  return node.path.length <= depth ? node : shown(node.parent, depth);
}

/** `after connectTimeout` rather than XState's internal event of a delay. */
function labelOf(eventType) {
  const delay = /^xstate\.after\.(.+?)\.tube/.exec(eventType)?.[1];
  if (delay !== undefined) return `after ${delay}`;
  return eventType === '' ? 'at once' : eventType;
}

/** A transition from a state into itself or its own inside is drawn from each state inside: mermaid cannot draw the other. */
function sourcesOf(source, target) {
  if (!isInside(target, source)) return [source];
  return Object.values(source.states).filter((child) => !isInside(target, child));
}

/** Arrows with all their labels, in the order of the states: mermaid lays them out by it. The root's own are for a note. */
function arrowsOf(root, depth) {
  const arrows = new Map();
  const order = (node) => [...node.path.keys()].map((at) => placeOf(node, at)).join('.');
  const visit = (node) => {
    const transitions = [...node.transitions.values(), node.always ?? []].flat();
    for (const { target: targets, eventType } of node === root ? [] : transitions) {
      for (const target of targets ?? []) {
        for (const source of sourcesOf(shown(node, depth), shown(target, depth))) {
          const [from, to] = [shown(source, depth), shown(target, depth)];
          if (from === to) continue;
          const name = `${idOf(from)} --> ${idOf(to)}`;
          const arrow = arrows.get(name) ?? { name, order: `${order(from)} ${order(to)}`, labels: new Set() };
          arrows.set(name, arrow);
          arrow.labels.add(labelOf(eventType));
        }
      }
    }
    for (const child of Object.values(node.states)) visit(child);
  };
  visit(root);
  return [...arrows.values()].sort((one, other) => (one.order < other.order ? -1 : 1));
}

/** Which child of its parent the ancestor of `node` at depth `at` is. */
function placeOf(node, at) {
  let child = node;
  while (child.path.length > at + 1) child = child.parent;
  return Object.keys(child.parent.states).indexOf(child.key);
}

/** Events before delays. A picture of the whole needs not every word; the other page has them. */
function words(labels, maxLabels) {
  const isEvent = (label) => label.includes('.');
  const all = [...labels].sort((one, other) => Number(isEvent(other)) - Number(isEvent(one)));
  return all.length <= maxLabels ? all : [...all.slice(0, maxLabels - 1), `${all[maxLabels - 1]} …`];
}

function statesOf(node, depth, indent) {
  return Object.values(node.states).flatMap((child) => {
    const children = child.path.length < depth ? Object.values(child.states) : [];
    if (children.length === 0) return [`${indent}state "${child.key}" as ${idOf(child)}`];
    const [initial] = child.initial.target;
    return [
      `${indent}state "${child.key}" as ${idOf(child)} {`,
      `${indent}  [*] --> ${idOf(initial)}`,
      ...statesOf(child, depth, `${indent}  `),
      `${indent}}`,
    ];
  });
}

/** The chart as mermaid text. `depth` 1: the top-level states only. `maxLabels`: on one arrow. */
export function chartOf(machine, depth = Infinity, maxLabels = Infinity) {
  const { root } = machine;
  const everywhere = [...root.transitions.values()].flat().filter(({ target }) => target !== undefined);
  const [initial] = root.initial.target;
  const finals = Object.values(root.states).filter(({ type }) => type === 'final');
  return [
    'stateDiagram-v2',
    ...statesOf(root, depth, '  '),
    `  [*] --> ${idOf(initial)}`,
    ...arrowsOf(root, depth).map(({ name, labels }) => `  ${name} : ${words(labels, maxLabels).join('<br/>')}`),
    ...finals.map((node) => `  ${idOf(node)} --> [*]`),
    ...[...new Set(everywhere.map(({ target: [target] }) => target))].map((target) => {
      const events = everywhere.filter(({ target: [other] }) => other === target).map(({ eventType }) => eventType);
      return `  note right of ${idOf(target)} : from every state with ${events.join(', ')}`;
    }),
  ].join('\n');
}

const fenced = (text) => `\`\`\`mermaid\n${text}\n\`\`\``;

export function chartPage(machine) {
  const rows = [];
  const visit = (node) => {
    for (const child of Object.values(node.states)) {
      rows.push(`| \`${child.path.join('.')}\` | ${child.description ?? ''} |`);
      visit(child);
    }
  };
  visit(machine.root);
  return [
    '# The chart of a tube',
    '',
    'Generated from `machines/tube.machine.ts` by `scripts/chart.mjs`; do not edit. Arrows that lead back to the same state are left out.',
    'The words are explained in [architecture.md](architecture.md).',
    '',
    fenced(chartOf(machine)),
    '',
    '| state | |',
    '| --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

/** The README with the picture of this chart between its markers. Throws when it has no markers. */
export function withChart(readme, machine) {
  const [head, rest] = readme.split(begin);
  const tail = rest?.split(end)[1];
  if (tail === undefined) throw new Error(`README.md lacks "${begin}" or "${end}"`);
  return `${head}${begin}\n${fenced(chartOf(machine, 1, 1))}\n${end}${tail}`;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { tubeMachine } = await import('../dist/machines/tube.machine.js');
  const file = (name) => new URL(`../${name}`, import.meta.url);
  writeFileSync(file('docs/tube-chart.md'), chartPage(tubeMachine));
  writeFileSync(file('README.md'), withChart(readFileSync(file('README.md'), 'utf8'), tubeMachine));
}
