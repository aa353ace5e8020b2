/**
 * `holdfast tubes restart`: asks for an ICE restart, and with --wait follows its signals until data takes the new generation or the tube is given up.
 */
import type { Call, ExitCode } from './command.js';
import { Refusal, withService, type Service } from './service.js';
import { harmless } from './table.js';
import { forEachTube } from './tubes.js';
import { length } from './words.js';

const overWithinMs = 120_000;

export function restart(call: Call): Promise<ExitCode> {
  const { switches, terminal } = call;
  const fresh = switches.has('fresh') ? { fresh: true } : {};
  return withService(call, (service) =>
    forEachTube(call, service, async (tubeId) => {
      const course = switches.has('wait') ? new Course(service, tubeId, terminal.progress) : null;
      try {
        // First: the restart may be over before its call is answered.
        if (course !== null) await service.call('subscribe', { tube_id: tubeId });
        const answer = await service.call('restart_ice', { tube_id: tubeId, ...fresh });
        const generation = Number(answer['generation']);
        const running = answer['already_in_progress'] === true;
        const begun = { generation, already_in_progress: running };
        const offered = `generation ${generation} ${running ? 'was on its way already' : 'is offered to the peer'}`;
        if (course === null) return { ...begun, text: offered };
        const over = await course.over;
        return {
          ...begun,
          ...over,
          text: `generation ${over.generation} carries the data after ${length(over.took_ms)}`,
        };
      } finally {
        course?.stop();
        terminal.progress(null);
      }
    }),
  );
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

interface Over {
  readonly generation: number;
  readonly took_ms: number;
}

/** The restart of one tube, as its signals tell it. */
class Course {
  /** Rejects with Refusal: the tube failed or was closed, or it takes too long. */
  readonly over: Promise<Over>;
  readonly #startedAtMs = performance.now();
  readonly #tubeId: string;
  readonly #progress: (line: string) => void;
  readonly #off: () => void;
  readonly #timer: NodeJS.Timeout;
  #resolve: (over: Over) => void = () => undefined;
  #reject: (refusal: Refusal) => void = () => undefined;

  constructor(service: Service, tubeId: string, progress: (line: string) => void) {
    this.#tubeId = tubeId;
    this.#progress = progress;
    this.over = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Nobody waits for it when the call itself is refused.
    this.over.catch(() => undefined);
    this.#off = service.on('signal', (batch) => [batch].flat().forEach((signal) => this.#hear(signal as Signal)));
    this.#timer = setTimeout(
      () => this.#fail('service_timeout', 'the restart takes long, and goes on by itself'),
      overWithinMs,
    );
  }

  stop(): void {
    this.#off();
    clearTimeout(this.#timer);
  }

  #hear({
    tube_id: tubeId,
    kind,
    data,
    generation,
    progress_flag: flag,
    progress_status: status,
    reason,
  }: Signal): void {
    if (tubeId !== this.#tubeId) return;
    if (kind === 'ice_restart_offer') {
      if (flag === 0) this.#resolve({ generation, took_ms: Math.round(performance.now() - this.#startedAtMs) });
      else this.#progress(`${tubeId}: generation ${generation}: ${status} …`);
    } else if (kind === 'connection_state_changed' && (data === 'failed' || data === 'closed')) {
      const code = data === 'closed' ? 'tube_closed' : 'restart_exhausted';
      this.#fail(code, `the tube is ${data}: ${harmless(reason ?? 'no reason given')}`);
    }
  }

  #fail(code: string, message: string): void {
    this.#reject(new Refusal(code, message));
  }
}
