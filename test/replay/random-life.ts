/** A tube that lives through whatever a seed has for it: silence, restarts, calls, network changes and stalls, in any order and at any time. */
import { Random } from '../support/random.js';
import { RecordedTube } from './recorded-tube.js';

const minute = 60_000;

/** What may happen to a tube, in any order and at any time. */
export function live(seed: number): RecordedTube {
  const random = new Random(seed);
  const peer = random.chance(0.5) ? 'overlap' : 'plain';
  const tube = RecordedTube.connected(peer, { maxInputs: random.pick([20, 60, 200]) });
  const steps = 10 + random.below(30);
  const upTo = (ms: number): void => tube.advance(1 + random.below(ms));
  const now = (): number => tube.clock.nowMs;
  for (let step = 0; step < steps && tube.isThere; step += 1) {
    upTo(random.pick([50, 3_000, 30_000, 4 * minute]));
    if (!tube.isThere) break;
    const { newest } = tube;
    random.pick<() => void>([
      () => (tube.ponging = !tube.ponging),
      () => (tube.ponging = true),
      () => tube.complete(peer, 1 + random.below(900)),
      () => tube.complete(peer, 1 + random.below(50)),
      () => tube.described(),
      () => tube.describe('answer', newest),
      () => tube.applied(peer),
      () => tube.up(),
      () => tube.report(newest, { type: 'transport.down', cause: random.pick(['failed', 'disconnected', 'closed']) }),
      () => tube.report(newest, { type: 'transport.failed', failure: { code: 'transport_init', detail: 'x' } }),
      () => tube.report(newest, { type: 'transport.heard', data: random.chance(0.5) }),
      () => tube.restart(random.pick(['manual', 'peer_request'])),
      () => tube.describe('offer', null),
      () => tube.send({ type: 'tube.peerSignalling', online: random.chance(0.6), atMs: now() }),
      () => tube.send({ type: 'tube.peerReplaced', atMs: now() }),
      () => tube.send({ type: 'tube.nodeChanged', node: { held: random.chance(0.3) }, atMs: now() }),
      () =>
        tube.send({
          type: 'tube.networkChanged',
          change: random.pick(['ip_change', 'interface_change', 'connection_timeout']),
          source: 'host',
          detail: 'test',
          route: random.pick(['same', 'moved', 'none', 'unknown'] as const),
          atMs: now(),
        }),
      () =>
        (tube.probes = random.pick([
          null,
          { sent: 100, arrived: 50, echoed: 40 },
          { sent: 100, arrived: 100, echoed: 100 },
        ])),
      () => tube.clock.stall(random.below(4_000)),
      () => tube.send({ type: 'tube.operationFailed', atMs: now() }),
    ])();
  }
  upTo(10_000);
  return tube;
}
