/**
 * Reads a statechart off its machine: states, and transitions as words with the ids of their ends. Knows nothing of places (layout.ts) and nothing of
 * running actors, but names a transition as the inspection of one does (`transitionId`).
 */
import type { AnyStateMachine } from 'xstate';
import type { ChartBox, ChartState, ChartTransition } from '../operator/chart.types.js';
import { readableEvent } from '../operator/chart-words.js';

export type WalkedState = Omit<ChartState, keyof ChartBox | 'words' | 'columns'>;

export interface WalkedTransition extends Omit<ChartTransition, 'target' | 'label' | 'parts'> {
  /** Null when it only runs actions. */
  readonly target: string | null;
  /** XState's type of the event; empty: at once. */
  readonly type: string;
  /** It leaves its source although the target is inside. */
  readonly reenter: boolean;
}

/** A chart without places. */
export interface WalkedChart {
  readonly machine: string;
  readonly description: string;
  /** Parents before their children; the root itself is the first. */
  readonly states: readonly WalkedState[];
  readonly transitions: readonly WalkedTransition[];
}

/** The parts of XState's StateNode that are read here; its own types leave most of them `any`. */
export interface StateNode {
  readonly id: string;
  readonly key: string;
  readonly type: ChartState['type'];
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parent?: StateNode;
  readonly states: Readonly<Record<string, StateNode>>;
  readonly initial: { readonly target?: readonly StateNode[] };
  readonly invoke: readonly { readonly id: string }[];
  readonly transitions: ReadonlyMap<string, readonly Transition[]>;
  readonly always?: readonly Transition[];
  /** As it is written; `entry` of the node itself also holds what XState adds for its delays. */
  readonly config: { readonly entry?: unknown; readonly exit?: unknown };
}

/** The parts of XState's TransitionDefinition that are read here. */
export interface Transition {
  readonly source: StateNode;
  readonly target?: readonly StateNode[];
  /** `''`: at once (`always`). */
  readonly eventType: string | null;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
  readonly reenter: boolean;
  readonly description?: string;
}

/** The names of things that are either a name, or an object or function with a `type`. */
function nameOf(thing: unknown): string {
  if (typeof thing === 'string') return thing;
  const { type } = thing as { readonly type?: unknown };
  return typeof type === 'string' ? type : 'inline';
}

const listOf = (things: unknown): unknown[] => (things === undefined ? [] : [things].flat());

/** All of a state, in the order in which they are tried. */
function transitionsOf(node: StateNode): readonly Transition[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

/** Unique in its chart, and the same for every copy of the machine (`provide`). */
export function transitionId(transition: Transition): string {
  const { source, eventType } = transition;
  const candidates = eventType === '' ? source.always : source.transitions.get(eventType ?? '');
  return `${source.id}:${eventType ?? ''}:${String(candidates?.indexOf(transition) ?? -1)}`;
}

function walkedTransition(transition: Transition): WalkedTransition {
  const { source, target, eventType, guard, actions, reenter, description = '' } = transition;
  return {
    id: transitionId(transition),
    source: source.id,
    target: target?.[0]?.id ?? null,
    type: eventType ?? '',
    event: readableEvent(eventType ?? ''),
    guard: guard === undefined ? null : nameOf(guard),
    actions: actions.map(nameOf),
    description,
    reenter,
  };
}

function linesOf({ config, invoke }: StateNode): string[] {
  const [entry, exit] = [listOf(config.entry), listOf(config.exit)];
  return [
    ...invoke.map(({ id }) => `invoke ${id}`),
    ...(entry.length === 0 ? [] : [`entry / ${entry.map(nameOf).join(', ')}`]),
    ...(exit.length === 0 ? [] : [`exit / ${exit.map(nameOf).join(', ')}`]),
  ];
}

function walkedState(node: StateNode): WalkedState {
  const { id, key, parent, type, tags, description = '' } = node;
  const initial = parent?.type === 'compound' && parent.initial.target?.[0] === node;
  return { id, key, parent: parent?.id ?? null, type, initial, description, tags, lines: linesOf(node) };
}

const nodesBelow = (node: StateNode): StateNode[] => [node, ...Object.values(node.states).flatMap(nodesBelow)];

export function walk(machine: AnyStateMachine): WalkedChart {
  const root = machine.root as unknown as StateNode;
  const nodes = nodesBelow(root);
  return {
    machine: root.id,
    description: root.description ?? '',
    states: nodes.map(walkedState),
    transitions: nodes.flatMap((node) => transitionsOf(node).map(walkedTransition)),
  };
}

/** Whether `id` is that of the ancestor itself or of a state inside it. */
export const isWithin = (id: string, ancestor: string): boolean => id === ancestor || id.startsWith(`${ancestor}.`);
