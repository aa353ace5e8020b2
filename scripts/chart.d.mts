// What the test of the pictures uses of chart.mjs.
import type { AnyStateMachine } from 'xstate';

export function chartOf(machine: AnyStateMachine, depth?: number, maxLabels?: number): string;
export function chartPage(machine: AnyStateMachine): string;
export function withChart(readme: string, machine: AnyStateMachine): string;
