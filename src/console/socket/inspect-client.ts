/**
 * One watched tube on `/inspect`: a socket of its own for as long as somebody looks, because a stream costs the service something. What comes is put
 * into LiveCharts; a socket that was lost begins anew.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import { io, type Socket } from 'socket.io-client';
import type { InspectAbout, InspectMessage } from '../../operator/inspection.types.js';
import { LiveCharts } from '../store/live-charts.js';
import type { Session } from './session.js';

export interface InspectWatch {
  readonly charts: LiveCharts;
  /** Moves whenever the charts did. */
  readonly revision: ReadonlySignal<number>;
  /** Why there is nothing to see; empty when there is. */
  readonly problem: ReadonlySignal<string>;
  close(): void;
}

const answerTimeoutMs = 5000;

export function watchTube(session: Session, tubeId: string): InspectWatch {
  const charts = new LiveCharts();
  const revision = signal(0);
  const problem = signal('');
  const socket: Socket = io(`${session.url}/inspect`, {
    auth: { token: session.token },
    transports: ['websocket'],
    forceNew: true,
  });
  const ask = async (): Promise<void> => {
    charts.clear();
    try {
      const answer = (await socket.timeout(answerTimeoutMs).emitWithAck('watch', { tube_id: tubeId })) as {
        readonly ok?: boolean;
        readonly error?: { readonly message?: string };
      };
      problem.value = answer.ok === true ? '' : (answer.error?.message ?? 'The service refused it.');
    } catch {
      problem.value = 'The service did not answer.';
    }
  };
  socket.on('connect', () => void ask());
  socket.on('connect_error', (error) => (problem.value = error.message));
  socket.on('inspect', (messages: readonly InspectMessage[], { ended }: InspectAbout) => {
    if (charts.apply(messages)) revision.value += 1;
    if (ended) problem.value = 'The tube has ended.';
  });
  return { charts, revision, problem, close: () => void socket.disconnect() };
}
