/**
 * `holdfast tubes restart`: asks for an ICE restart, and with --wait follows its signals until data takes the new generation or the tube is given up.
 */
import { exitCodes, type Call, type ExitCode } from './command.js';
import { Refusal, withService, type Service } from './service.js';
import { forEachTube } from './tubes.js';
import { length } from './words.js';

const settledWithinMs = 120_000;

export function restart(call: Call): Promise<ExitCode> {
  const { switches, terminal } = call;
  const fresh = switches.has('fresh') ? { fresh: true } : {};
  return withService(call, (service) =>
    forEachTube(call, service, async (tubeId) => {
      const settled = switches.has('wait') ? await follow(service, tubeId, (line) => terminal.progress(line)) : null;
      try {
        const answer = await service.call('restart_ice', { tube_id: tubeId, ...fresh });
        const generation = Number(answer['generation']);
        const running = answer['already_in_progress'] === true;
        const begun = { generation, already_in_progress: running };
        if (settled === null)
          return { ...begun, text: `generation ${generation} ${running ? 'was on its way already' : 'is offered to the peer'}` };
        const end = await settled.result;
        return { ...begun, ...end, text: `generation ${end.generation} carries the data, ${length(end.took_ms)} after it was asked for` };
      } finally {
        settled?.stop();
        terminal.progress(null);
      }
    }),
  );
}

interface Settled {
  readonly generation: number;
  readonly took_ms: number;
}

interface Signal {
  readonly tube_id: string;
  readonly kind: string;
  readonly data: unknown;
  readonly generation: number;
  readonly progress_flag: number;
  readonly progress_status: string;
  readonly reason?: string;
}

/** Subscribes first: the restart may be over before its call is answered. `result` rejects with Refusal. */
async function follow(
  service: Service,
  tubeId: string,
  progress: (line: string) => void,
): Promise<{ readonly result: Promise<Settled>; stop(): void }> {
  const startedAtMs = performance.now();
  let resolve: (settled: Settled) => void = () => undefined;
  let reject: (refusal: Refusal) => void = () => undefined;
  const result = new Promise<Settled>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever waits for it may have been refused before.
  result.catch(() => undefined);
  const off = service.on('signal', (batch) => {
    for (const signal of [batch].flat() as Signal[]) {
      if (signal.tube_id !== tubeId) continue;
      const { kind, data, generation, progress_flag: flag, progress_status: status } = signal;
      if (kind === 'ice_restart_offer' && flag === 0)
        resolve({ generation, took_ms: Math.round(performance.now() - startedAtMs) });
      else if (kind === 'ice_restart_offer') progress(`${tubeId}: generation ${generation}: ${status} …`);
      else if (kind === 'connection_state_changed' && (data === 'failed' || data === 'closed'))
        reject(new Refusal(data === 'closed' ? 'tube_closed' : 'restart_exhausted', `the tube is ${data}: ${signal.reason ?? 'no reason given'}`));
    }
  });
  const timer = setTimeout(
    () => reject(new Refusal('service_timeout', `the restart is not over after ${length(settledWithinMs)}; it goes on by itself`)),
    settledWithinMs,
  );
  const stop = (): void => {
    off();
    clearTimeout(timer);
  };
  try {
    await service.call('subscribe', { tube_id: tubeId });
  } catch (error) {
    stop();
    throw error;
  }
  return { result, stop };
}
