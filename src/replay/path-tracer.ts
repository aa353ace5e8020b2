/** Where a tube and its restart child go, and what made them: read off the inspection of the actor system that plays them. It changes nothing. */
import type { InspectionEvent } from 'xstate';

export interface PathStep {
  readonly at_ms: number;
  readonly machine: 'tube' | 'restart';
  /** All of the state: `degraded.restarting.pathless`. `ended`: the restart child is gone, and with it the incident. */
  readonly state: string;
  /** The event, as people read it: `after answerTimeout`. */
  readonly cause: string;
}

interface Shown {
  readonly value?: unknown;
  readonly children?: Readonly<Record<string, unknown>>;
}

export class PathTracer {
  readonly #tube: string;
  readonly #now: () => number;
  readonly #steps: PathStep[] = [];
  readonly #at = { tube: '', restart: '' };

  /** @param tube id of its actor */
  constructor(tube: string, now: () => number) {
    this.#tube = tube;
    this.#now = now;
  }

  inspected(inspected: InspectionEvent): void {
    if (inspected.type !== '@xstate.snapshot') return;
    const { id } = inspected.actorRef as { readonly id?: string };
    if (id !== this.#tube && id !== 'restart') return;
    const { value, children } = inspected.snapshot as Shown;
    if (value === undefined) return;
    const machine = id === this.#tube ? 'tube' : 'restart';
    const cause = causeOf(inspected.event.type);
    this.#goes(machine, pathOf(value), cause);
    if (machine === 'tube' && this.#at.restart !== '' && children?.['restart'] === undefined) {
      this.#goes('restart', 'ended', cause);
      this.#at.restart = '';
    }
  }

  /** From a moment on; first where they were then. */
  since(fromMs: number): PathStep[] {
    const later = this.#steps.filter(({ at_ms: atMs }) => atMs >= fromMs);
    const before = this.#steps.filter(({ at_ms: atMs, machine }) => atMs < fromMs && machine === 'tube').at(-1);
    return before === undefined ? later : [{ ...before, at_ms: fromMs, cause: 'carried on' }, ...later];
  }

  #goes(machine: PathStep['machine'], state: string, cause: string): void {
    if (this.#at[machine] === state) return;
    this.#at[machine] = state;
    this.#steps.push({ at_ms: this.#now(), machine, state, cause });
  }
}

/** XState's own events in words. */
function causeOf(type: string): string {
  if (type === 'xstate.init') return 'begins';
  const after = /^xstate\.after\.([^.]+)\./.exec(type)?.[1];
  if (after !== undefined) return `after ${after}`;
  return type.replace(/^xstate\.done\.actor\./, 'done: ').replace(/^xstate\.error\.actor\./, 'failed: ');
}

/** `{degraded: {restarting: 'pathless'}}` → `degraded.restarting.pathless` */
function pathOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const parts = Object.entries(value as Readonly<Record<string, unknown>>);
  return parts.map(([key, inner]) => `${key}.${pathOf(inner)}`).join(' ');
}
