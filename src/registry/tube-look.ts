/** A tube as it is now, for recorders: read off its actors, which it does not touch. */
import type { AnyActorRef } from 'xstate';
import type { HealthContext } from '../../machines/health.machine.js';
import type { KeepaliveContext } from '../../machines/keepalive.machine.js';
import type { TubeEntry } from '../../machines/registry.js';
import type { TubeContext } from '../../machines/tube.context.js';

export interface TubeLook {
  readonly isConnected: boolean;
  readonly context: TubeContext;
  /** What is known of its path beside that; null where nothing watches one. */
  readonly path: () => PathLook | null;
}

export interface PathLook {
  /** The peer has answered a ping once. */
  readonly answersPings: boolean;
  /** By the last poll. */
  readonly isPoor: boolean;
  /** It has been polled: a sample is judged. One that comes when the pace has changed meanwhile is not. */
  readonly isPolled: boolean;
}

/** Null for a tube that is not there. */
export function lookAt(tubes: ReadonlyMap<string, Pick<TubeEntry, 'ref'>>, tubeId: string): TubeLook | null {
  const snapshot = tubes.get(tubeId)?.ref.getSnapshot();
  if (snapshot === undefined) return null;
  const { value, context, children } = snapshot;
  return { isConnected: value === 'connected', context, path: () => pathOf(children) };
}

interface Shown<Context> {
  readonly value?: unknown;
  readonly context?: Context;
}

function pathOf(children: Readonly<Record<string, AnyActorRef | undefined>>): PathLook | null {
  const keepalive = (children['keepalive']?.getSnapshot() as Shown<KeepaliveContext> | undefined)?.context;
  const health = children['health']?.getSnapshot() as Shown<HealthContext> | undefined;
  if (keepalive === undefined || health?.context === undefined) return null;
  const { polling } = health.value as { readonly polling?: unknown };
  return {
    answersPings: keepalive.answers,
    isPoor: health.context.verdict === 'poor',
    isPolled: polling === 'sampling',
  };
}
