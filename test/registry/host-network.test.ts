import { beforeEach, describe, expect, test } from '@jest/globals';
import type { TubeEvent } from '../../machines/events.js';
import type { SelectedPair } from '../../machines/ports/transport.port.js';
import { HostNetwork, type HostNetworkChange, type RouteCounts } from '../../src/registry/host-network.js';
import { RestartPacer } from '../../src/registry/restart-pacer.js';
import { TestClock } from '../support/test-clock.js';

const pairTo = (address: string, localType = 'host'): SelectedPair => ({
  local: { type: localType, protocol: 'udp', address: '192.0.2.1', port: 1 },
  remote: { type: 'host', protocol: 'udp', address, port: 2 },
});
const change: HostNetworkChange = { type: 'ip_change', detail: 'test', cause: 'addresses' };
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function scene() {
  const clock = new TestClock();
  const schedule = (fn: () => void, delayMs: number): (() => void) => {
    const timer = clock.setTimeout(fn, delayMs);
    return () => clock.clearTimeout(timer);
  };
  const pacing = { now: () => clock.nowMs, schedule };
  const limits = () => ({ perSecond: 10, burst: 100 });
  const routes = new Map<string, string | null>();
  /** Servers behind a relayed address. */
  const relays = new Map<string, string[]>();
  /** Remotes that the routing cannot be asked about. */
  const broken = new Set<string>();
  const pacer = new RestartPacer({ limits, clock: pacing, random: () => 0 });
  let during: () => Promise<void> | void = () => undefined;
  /** Tubes that know that their way is what it was. */
  const sure: string[] = [];
  const told: { tubeId: string; event: Extract<TubeEvent, { type: 'tube.networkChanged' }> }[] = [];
  const judged: RouteCounts[] = [];
  const host = new HostNetwork({
    sourcesTo: async (remotes) => {
      const asked = [...remotes].filter((remote) => !broken.has(remote));
      await during();
      return new Map(asked.map((remote) => [remote, routes.get(remote) ?? null]));
    },
    relaysOf: (relayed) => Promise.resolve(relays.get(relayed) ?? []),
    pacer,
    clock: pacing,
    nowMs: () => clock.nowMs,
    deliver: (tubeId, event) => {
      if (event.type === 'tube.networkChanged') told.push({ tubeId, event });
      if (event.type === 'tube.nodeChanged' && event.node.route === 'same') sure.push(tubeId);
    },
    judged: (_, counts) => void judged.push(counts),
  });
  const routesTold = (): string[] => told.splice(0).map(({ tubeId, event }) => `${tubeId} ${String(event.route)}`);
  const whileAsked = (work: () => Promise<void> | void): void => {
    during = async () => {
      during = () => undefined;
      await work();
    };
  };
  return { clock, host, routes, relays, broken, pacer, whileAsked, sure, told, judged, routesTold };
}

describe('a path that came up', () => {
  test('is known to leave as it did, once its way is measured', async () => {
    const it = scene();
    it.routes.set('198.51.100.1', '192.0.2.1');
    it.host.pathFound('one', pairTo('198.51.100.1'));
    it.host.pathFound('relayed', pairTo('198.51.100.1', 'relay'));
    it.host.pathFound('unseen', pairTo('198.51.100.2'));
    await settled();
    expect(it.sure).toEqual(['one']);
  });

  test('is not, when there is another path or another way before that', async () => {
    const it = scene();
    it.routes.set('198.51.100.1', '192.0.2.1').set('198.51.100.2', '192.0.2.1');
    it.whileAsked(() => it.host.forget('gone'));
    it.host.pathFound('gone', pairTo('198.51.100.1'));
    await settled();
    expect(it.sure).toEqual([]);
  });
});

describe('a change of the network of this host', () => {
  let it: ReturnType<typeof scene>;
  beforeEach(async () => {
    it = scene();
    it.routes.set('198.51.100.1', '192.0.2.1').set('203.0.113.1', '192.0.2.65');
    it.host.pathFound('one', pairTo('198.51.100.1'));
    it.host.pathFound('two', pairTo('203.0.113.1'));
    await settled();
  });

  test('that does not touch the way of any tube is told to none', async () => {
    await it.host.changed(change);
    expect(it.told).toEqual([]);
    expect(it.judged).toEqual([{ unknown: 0, same: 2, moved: 0, none: 0 }]);
  });

  test('is told to the tubes whose packets would leave from elsewhere', async () => {
    it.routes.set('198.51.100.1', '192.0.2.99');
    await it.host.changed(change);
    expect(it.told).toMatchObject([
      { tubeId: 'one', event: { route: 'moved', source: 'host', change: 'ip_change', detail: 'test' } },
    ]);
  });

  test('is told once, and again only when it is news', async () => {
    it.routes.set('198.51.100.1', '192.0.2.99');
    await it.host.changed(change);
    await it.host.changed(change);
    expect(it.routesTold()).toEqual(['one moved']);
    it.routes.set('198.51.100.1', '192.0.2.98');
    await it.host.changed(change);
    expect(it.routesTold()).toEqual(['one moved']);
    it.routes.set('198.51.100.1', '192.0.2.1');
    await it.host.changed(change);
    expect(it.routesTold()).toEqual(['one same']);
  });

  test('that leaves no way is told, and its return is seen though nobody says a word', async () => {
    it.routes.set('198.51.100.1', null);
    await it.host.changed(change);
    expect(it.routesTold()).toEqual(['one none']);
    for (let n = 0; n < 5; n += 1) {
      it.clock.advance(2000);
      await settled();
    }
    expect(it.routesTold()).toEqual([]);
    it.routes.set('198.51.100.1', '192.0.2.1');
    it.clock.advance(2000);
    await settled();
    expect(it.routesTold()).toEqual(['one same']);
    await settled();
    expect(it.clock.pending).toBe(0);
  });

  test('is measured anew from the next pair on', async () => {
    it.routes.set('198.51.100.1', '192.0.2.99');
    await it.host.changed(change);
    it.routesTold();
    it.host.pathFound('one', pairTo('198.51.100.1'));
    await settled();
    await it.host.changed(change);
    expect(it.told).toEqual([]);
    expect(it.judged.at(-1)).toMatchObject({ same: 2 });
  });

  test('is told to a relayed tube when the way to its TURN server is another one', async () => {
    it.relays.set('192.0.2.1', ['203.0.113.1']);
    it.host.pathFound('three', pairTo('198.51.100.77', 'relay'));
    await settled();
    expect(it.sure).toContain('three');
    await it.host.changed(change);
    expect(it.told).toEqual([]);
    it.routes.set('203.0.113.1', null);
    await it.host.changed(change);
    it.routes.set('203.0.113.1', '192.0.2.99');
    await it.host.changed(change);
    expect(it.routesTold().filter((told) => told.startsWith('three'))).toEqual(['three none', 'three moved']);
  });

  test('concerns a tube that one of several servers may relay when the way to any of them is another one', async () => {
    it.relays.set('192.0.2.1', ['198.51.100.1', '2001:db8::1', '203.0.113.1']);
    it.host.forget('one');
    it.host.forget('two');
    it.host.pathFound('three', pairTo('198.51.100.77', 'relay'));
    await settled();
    it.routes.set('2001:db8::1', '2001:db8::2');
    await it.host.changed(change);
    expect(it.told).toEqual([]);
    it.routes.set('203.0.113.1', null);
    await it.host.changed(change);
    it.routes.set('198.51.100.1', null);
    await it.host.changed(change);
    expect(it.routesTold()).toEqual(['three moved', 'three none']);
  });

  test('makes a relayed tube look whose server is not known', async () => {
    it.host.pathFound('three', pairTo('203.0.113.9', 'relay'));
    await settled();
    await it.host.changed(change);
    expect(it.routesTold()).toEqual(['three unknown']);
  });

  test('by which the host wakes up makes every tube look', async () => {
    await it.host.changed({ ...change, cause: 'wake' });
    expect(it.routesTold()).toEqual(['one same', 'two same']);
  });

  test('no longer concerns a tube that is gone', async () => {
    it.host.forget('one');
    it.routes.set('198.51.100.1', '192.0.2.99');
    await it.host.changed(change);
    expect(it.told).toEqual([]);
  });

  test('says nothing of a path that was found while the routing was asked', async () => {
    it.routes.set('198.51.100.77', '192.0.2.1');
    it.whileAsked(async () => {
      it.host.pathFound('new', pairTo('198.51.100.77'));
      await settled();
    });
    await it.host.changed(change);
    expect(it.told).toEqual([]);
  });

  test('says nothing of a way that could not be asked about', async () => {
    it.broken.add('198.51.100.1');
    await it.host.changed(change);
    expect(it.told).toEqual([]);
  });

  test('is not told to a tube that has another path by the time it is its turn', async () => {
    for (let n = 0; n < 100; n += 1) it.pacer.run('storm', `other-${String(n)}`, () => undefined);
    it.routes.set('198.51.100.1', '192.0.2.99');
    await it.host.changed(change);
    it.host.pathFound('one', pairTo('198.51.100.1'));
    await settled();
    it.clock.advance(60_000);
    expect(it.told).toEqual([]);
  });

  test('is told in the order of what happened, though a way that is gone is told at once', async () => {
    for (let n = 0; n < 100; n += 1) it.pacer.run('storm', `other-${String(n)}`, () => undefined);
    it.routes.set('198.51.100.1', '192.0.2.99');
    await it.host.changed(change);
    it.routes.set('198.51.100.1', null);
    await it.host.changed(change);
    it.clock.advance(1500);
    expect(it.routesTold()).toEqual(['one none']);
  });

  test('is judged one at a time, and of those that come meanwhile the last one counts', async () => {
    const runs = Array.from({ length: 50 }, () => it.host.changed(change));
    await Promise.all(runs);
    expect(it.judged.length).toBeLessThanOrEqual(3);
  });
});
