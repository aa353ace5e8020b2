/**
 * Which states a tube and its children are in, followed from the Stately inspection protocol (src/operator/inspection.types.ts). Pure. Keeps the newest
 * actor of each chart and a short trail of what the tube went through; everything else of the stream is dropped.
 */
import { activeStates } from '../../operator/chart-drawing.js';
import { readableEvent } from '../../operator/chart-words.js';
import type { ActorMessage, InspectMessage, SnapshotMessage } from '../../operator/inspection.types.js';

export const chartNames = ['tube', 'restart', 'keepalive', 'health'] as const;
export type ChartName = (typeof chartNames)[number];

export interface LiveActor {
  readonly sessionId: string;
  readonly chart: ChartName;
  /** With all ancestors. */
  readonly active: ReadonlySet<string>;
  /** The transitions of the last change of states. */
  readonly last: ReadonlySet<string>;
  /** What made that change, as people read it; empty when it was met as it is. */
  readonly event: string;
  readonly isStopped: boolean;
}

/** One change of the tube's states. */
export interface TrailStep {
  readonly atMs: number;
  /** `degraded › restarting › doubtful`. */
  readonly path: string;
  readonly event: string;
}

const maxTrail = 40;

export class LiveCharts {
  readonly actors = new Map<ChartName, LiveActor>();
  trail: readonly TrailStep[] = [];

  /** True when something that is shown has changed. */
  apply(messages: readonly InspectMessage[]): boolean {
    let isChanged = false;
    for (const message of messages) {
      if (message.type === '@xstate.actor') isChanged = this.#met(message) || isChanged;
      else if (message.type === '@xstate.snapshot') isChanged = this.#moved(message) || isChanged;
    }
    return isChanged;
  }

  /** A watch begins anew: what was known is told again. The trail stays. */
  clear(): void {
    this.actors.clear();
  }

  #met({ sessionId, name, snapshot, createdAt }: ActorMessage): boolean {
    const chart = chartNames.find((known) => known === name);
    if (chart === undefined) return false;
    const active = activeStates(chart, snapshot.value);
    this.actors.set(chart, { sessionId, chart, active, last: new Set(), event: '', isStopped: false });
    if (chart === 'tube') this.#step(createdAt, active, '');
    return true;
  }

  #moved({ sessionId, snapshot, event, transitions, createdAt }: SnapshotMessage): boolean {
    const actor = [...this.actors.values()].find((known) => known.sessionId === sessionId);
    if (actor === undefined) return false;
    const isStopped = snapshot.status !== 'active';
    const active = snapshot.value === undefined ? actor.active : activeStates(actor.chart, snapshot.value);
    const isSame = active.size === actor.active.size && [...active].every((id) => actor.active.has(id));
    if (isSame && isStopped === actor.isStopped) return false;
    const words = readableEvent(event.type);
    const moved = isSame ? {} : { active, last: new Set(transitions), event: words };
    this.actors.set(actor.chart, { ...actor, isStopped, ...moved });
    if (actor.chart === 'tube' && !isSame) this.#step(createdAt, active, words);
    return true;
  }

  #step(createdAt: string, active: ReadonlySet<string>, event: string): void {
    const path = pathOf(active);
    if (this.trail.at(-1)?.path === path) return;
    this.trail = [...this.trail, { atMs: Number(createdAt), path, event }].slice(-maxTrail);
  }
}

/** `degraded › restarting › doubtful`: the innermost states that are active; of a parallel state one of each region. */
export function pathOf(active: ReadonlySet<string>): string {
  const ids = [...active];
  const innermost = ids.filter((id) => !ids.some((other) => other.startsWith(`${id}.`)));
  return innermost.map((id) => id.split('.').slice(1).join(' › ')).join(', ');
}
