/** XState's internal event names as people read them: for drawings of the charts, and for the list of what a live tube was told. */

/** The delay in `xstate.after.<delay>.<state>`: a name without dots, or milliseconds. */
const afterShape = /^xstate\.after\.([^.]+)\./;
const actorShape = /^xstate\.(done|error)\.actor\.(.+)$/;

const ownWords: Readonly<Record<string, string>> = {
  '': 'at once',
  'xstate.init': 'start',
  'xstate.stop': 'stop',
};

/** `after connectTimeout` for `xstate.after.connectTimeout.tube.connecting`; events of ours stay as they are. */
export function readableEvent(type: string): string {
  const delay = afterShape.exec(type)?.[1];
  if (delay !== undefined) return `after ${delay}`;
  const [, how, actor] = actorShape.exec(type) ?? [];
  if (actor !== undefined) return how === 'done' ? `${actor} is done` : `${actor} fails`;
  return ownWords[type] ?? type;
}
