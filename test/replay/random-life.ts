/** A tube that lives through whatever a seed has for it: silence, restarts, calls, network changes and stalls, in any order and at any time. */
import type { PeerKind } from '../../machines/ports/transport.port.js';
import { Random } from '../support/random.js';
import { RecordedTube } from './recorded-tube.js';

const minute = 60_000;
/** Of a crowded life: everything happens at multiples of this. */
const gridMs = 250;

/** What may happen to a tube, in any order and at any time. */
export function live(seed: number): RecordedTube {
  const random = new Random(seed);
  const peer = random.chance(0.5) ? 'overlap' : 'plain';
  const tube = RecordedTube.connected(peer, { maxInputs: random.pick([20, 60, 200]) });
  const steps = 10 + random.below(30);
  const upTo = (ms: number): void => tube.advance(1 + random.below(ms));
  for (let step = 0; step < steps && tube.isThere; step += 1) {
    upTo(random.pick([50, 3_000, 30_000, 4 * minute]));
    if (!tube.isThere) break;
    const happenings = happeningsOf(tube, peer, random);
    const complete = (ms: number) => (): void => tube.complete(peer, 1 + random.below(ms));
    random.pick([...happenings.slice(0, 2), complete(900), complete(50), ...happenings.slice(2)])();
  }
  upTo(10_000);
  return tube;
}

/**
 * The same where much happens in the same millisecond, and timers are late as those of a process are: by a little, or so much that what came meanwhile is
 * heard before them.
 */
export function liveCrowded(seed: number): RecordedTube {
  const random = new Random(seed);
  const lateness = new Random(seed ^ 0x5eed);
  const mostLateMs = random.pick([0, 0, 2, 30]);
  const peer = random.chance(0.5) ? 'overlap' : 'plain';
  const options = { maxInputs: random.pick([20, 60, 200]), latenessMs: () => lateness.below(mostLateMs + 1) };
  const tube = RecordedTube.connected(peer, options);
  tube.rttMs = random.pick([0, 1, gridMs]);
  const onGrid = (ms: number): number => Math.floor(random.below(ms) / gridMs) * gridMs;
  const upTo = (ms: number): void => tube.advance(((gridMs - (tube.clock.nowMs % gridMs)) % gridMs) + onGrid(ms));
  const steps = 10 + random.below(30);
  for (let step = 0; step < steps && tube.isThere; step += 1) {
    upTo(random.pick([50, 3_000, 30_000, 4 * minute]));
    for (let more = random.below(4); more > 0 && tube.isThere; more -= 1) {
      const happens = random.pick([
        ...happeningsOf(tube, peer, random),
        () => tube.complete(peer, onGrid(900), 0),
        () => tube.complete(peer, 0, 0),
        () => tube.send({ type: 'tube.dataSent', atMs: tube.clock.nowMs }),
      ]);
      if (random.chance(0.2)) tube.blocked(onGrid(6_000), happens);
      else happens();
    }
  }
  upTo(10_000);
  return tube;
}

/** Each at one moment, but a stall. */
function happeningsOf(tube: RecordedTube, peer: PeerKind, random: Random): (() => void)[] {
  const { newest } = tube;
  const now = (): number => tube.clock.nowMs;
  return [
    () => (tube.ponging = !tube.ponging),
    () => (tube.ponging = true),
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
  ];
}
