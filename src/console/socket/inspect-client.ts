/**
 * One watched tube on `/inspect`: a socket of its own for as long as somebody looks, because a stream costs the service something. What comes is put
 * into LiveCharts; a socket that was lost begins anew, and until then it is said that what is shown is old.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { InspectAbout, InspectMessage } from '../../operator/inspection.types.js';
import { LiveCharts } from '../store/live-charts.js';
import { lastingSocket } from './lasting-socket.js';

interface SignedIn {
  readonly url: string;
  readonly token: string;
}

export interface InspectWatch {
  readonly charts: LiveCharts;
  /** Moves whenever the charts did. */
  readonly revision: ReadonlySignal<number>;
  /** Why there is nothing to see, or nothing newer than what is shown; empty when it is live. */
  readonly problem: ReadonlySignal<string>;
  close(): void;
}

const answerTimeoutMs = 5000;

export function watchTube({ url, token }: SignedIn, tubeId: string): InspectWatch {
  const charts = new LiveCharts();
  const revision = signal(0);
  const problem = signal('');
  const { socket, close } = lastingSocket(`${url}/inspect`, token, (status) => {
    if (status.kind === 'online') void ask();
    else if (status.kind === 'offline') problem.value = `Not live: ${status.detail}; trying again.`;
    else if (status.kind === 'refused') problem.value = status.detail;
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
  socket.on('inspect', (messages: readonly InspectMessage[], { ended }: InspectAbout) => {
    if (charts.apply(messages)) revision.value += 1;
    if (ended) problem.value = 'The tube has ended.';
  });
  return { charts, revision, problem, close };
}
