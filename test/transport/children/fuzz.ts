/**
 * Ten thousand mutated descriptions and candidates against the TransportHost over the real library: as first offers, as answers and as candidates.
 * Arguments: seed, count. Says how many got how far, and how the memory did.
 */
import type { TransportEvent } from '../../../machines/ports/transport.port.js';
import { createNativeConnection } from '../../../src/transport/native-connection.js';
import { liveCounts, shutdown } from '../../../src/transport/native-runtime.js';
import { type GenerationHandle, TransportHost } from '../../../src/transport/transport-host.js';
import { defaultSettings } from '../../support/settings.js';
import { createMutator } from '../../support/mutate.js';
import { firefoxAnswer } from '../descriptions.js';
import { Random } from '../../support/random.js';
import { until } from '../../support/until.js';

const seed = Number(process.argv[2] ?? 1);
const total = Number(process.argv[3] ?? 10_000);
const random = new Random(seed);
const outcomes = new Map<string, number>();
const note = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);

const host = new TransportHost({
  createConnection: createNativeConnection,
  connection: () => ({ iceServers: [], bindAddress: '127.0.0.1' }),
  observer: {
    message: () => undefined,
    counted: () => undefined,
    dropped: () => undefined,
    fault: (_where, error) => note(`fault ${String(error)}`),
  },
});

const { mutate, candidateBases, sdpBases } = createMutator(random);
let serial = 0;
const input = (mode: Parameters<TransportHost['open']>[0]['mode']) => ({
  tubeId: `tube ${serial++}`,
  generation: 1,
  mode,
  channels: [],
  dtlsRole: null,
  peerKind: 'plain' as const,
  settings: defaultSettings,
});

/** As the first offer of a page. */
function tryOffer(sdp: string): Promise<void> {
  return new Promise((resolve) => {
    const given = input({ kind: 'answer', sdp, requestId: 'o' });
    host.open(given, (event) => {
      if (event.type === 'transport.closed') return resolve();
      if (event.type !== 'transport.failed' && event.type !== 'transport.described') return;
      note(event.type === 'transport.failed' ? `offer ${event.failure.code}` : 'offer accepted');
      setImmediate(() => host.closeTube(given.tubeId));
    });
  });
}

/** As an answer, and candidates, to one of our offers; the generation is used until an answer is accepted. */
class Answering {
  private handle: GenerationHandle | null = null;
  private tubeId = '';
  private ready = false;
  private waiting: ((event: TransportEvent) => void) | null = null;

  async open(): Promise<void> {
    const given = input({ kind: 'offer' });
    this.tubeId = given.tubeId;
    this.ready = false;
    this.handle = host.open(given, (event) => {
      if (event.type === 'transport.described') this.ready = true;
      this.waiting?.(event);
    });
    await until(() => this.ready);
  }

  private ask(command: Parameters<GenerationHandle['command']>[0]): Promise<string> {
    return new Promise((resolve) => {
      this.waiting = (event) => {
        if (event.type === 'transport.refused') resolve(event.failure.code);
        if (event.type === 'transport.remoteApplied' || event.type === 'transport.candidateAccepted')
          resolve('accepted');
      };
      this.handle?.command(command);
    });
  }

  async answer(sdp: string): Promise<void> {
    const outcome = await this.ask({ type: 'transport.applyAnswer', requestId: 'a', sdp });
    note(`answer ${outcome}`);
    for (let count = 0; count < 3; count++) {
      const candidate = mutate(random.pick(candidateBases));
      note(
        `candidate ${await this.ask({ type: 'transport.addCandidate', requestId: 'c', candidate, mid: random.chance(0.9) ? '0' : mutate('0') })}`,
      );
    }
    if (outcome !== 'accepted' && random.chance(0.95)) return;
    host.closeTube(this.tubeId);
    await this.open();
  }
}

const lanes = await Promise.all(
  Array.from({ length: 4 }, async () => {
    const answering = new Answering();
    await answering.open();
    return answering;
  }),
);
const rssMiB: number[] = [];
const steps = Math.ceil(total / (lanes.length * 2));
for (let step = 0; step < steps; step++) {
  const work = lanes.flatMap((lane) => [
    lane.answer(mutate(firefoxAnswer).replace('a=setup:active', 'a=setup:passive')),
    tryOffer(mutate(random.pick(sdpBases))),
  ]);
  await Promise.all(work);
  if (step % Math.ceil(steps / 20) === 0) rssMiB.push(Math.round(process.memoryUsage().rss / 1048576));
}
await host.closeAll();
await shutdown();
console.log(
  JSON.stringify({
    seed,
    outcomes: Object.fromEntries([...outcomes].sort()),
    rssMiB,
    live: host.liveGenerations(),
    native: liveCounts(),
  }),
);
