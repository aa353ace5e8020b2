import { beforeEach, describe, expect, it } from '@jest/globals';
import type { SelectedPair } from '../../machines/ports/transport.port.js';
import type { NetworkChange as HostChange, NetworkWatcherOptions } from '../../src/network/network-watcher.js';
import type { NetworkWatch } from '../../src/peer/environment.port.js';
import { NodeNetwork } from '../../src/peer/node-network.js';
import { FakeClock } from './fake-clock.js';

const pairTo = (address: string, localType = 'host'): SelectedPair => ({
  local: { type: localType, protocol: 'udp', address: '192.0.2.200', port: 1 },
  remote: { type: 'host', protocol: 'udp', address, port: 2 },
});

function scene() {
  const clock = new FakeClock();
  const routes = new Map<string, string | null>();
  let snapshot: string[] = ['eth0 192.0.2.1'];
  let onChange: NetworkWatcherOptions['onChange'] = () => undefined;
  let watching = 0;
  const network = new NodeNetwork({
    watcher: (options) => {
      onChange = options.onChange;
      return {
        start: () => void (watching = 1),
        stop: () => void (watching = 0),
        get snapshot() {
          return snapshot;
        },
      };
    },
    sourcesTo: (remotes) =>
      Promise.resolve(new Map([...remotes].map((remote) => [remote, routes.get(remote) ?? null]))),
    schedule: clock.schedule,
  });
  const told: string[] = [];
  const peer = (name: string): NetworkWatch =>
    network.watch(({ type }, concernsPath) => void told.push(`${name} ${type}${concernsPath ? '' : ' unconcerned'}`));
  /** The host's addresses from now on, or as they are. */
  const changes = async (change: Partial<HostChange> = {}, addresses = snapshot): Promise<string[]> => {
    snapshot = addresses;
    onChange({ type: 'interface_change', cause: 'addresses', added: [], removed: [], detail: '', atMs: 0, ...change });
    await clock.advance(0);
    return told.splice(0);
  };
  return { clock, routes, told, peer, changes, watching: () => watching };
}

describe('a change of the network of a peer in Node', () => {
  let on: ReturnType<typeof scene>;
  let one: NetworkWatch;
  beforeEach(async () => {
    on = scene();
    on.routes.set('198.51.100.1', '192.0.2.1');
    one = on.peer('one');
    one.pathFound?.(pairTo('198.51.100.1'), []);
    await on.clock.advance(0);
  });

  it('that does not touch its way does not concern its path', async () => {
    for (let n = 0; n < 3; n += 1) {
      expect(await on.changes({}, ['eth0 192.0.2.1', `veth${n} 10.0.0.1`])).toEqual([
        'one connection_type unconcerned',
      ]);
    }
  });

  it('concerns it when packets would leave from another address', async () => {
    on.routes.set('198.51.100.1', '192.0.2.7');
    expect(await on.changes({ type: 'ip_change' })).toEqual(['one ip_change']);
    expect(await on.changes()).toEqual(['one connection_type unconcerned']);
  });

  it('that takes its way, and brings it back, concerns it both times', async () => {
    on.routes.set('198.51.100.1', null);
    expect(await on.changes({}, [])).toEqual(['one offline']);
    on.routes.set('198.51.100.1', '192.0.2.1');
    expect(await on.changes({}, ['eth0 192.0.2.1'])).toEqual(['one online']);
  });

  it('that takes its way is over when the way is back, though the system says nothing', async () => {
    on.routes.set('198.51.100.1', null);
    expect(await on.changes()).toEqual(['one connection_type']);
    await on.clock.advance(2000);
    expect(on.told).toEqual([]);
    on.routes.set('198.51.100.1', '192.0.2.1');
    await on.clock.advance(2000);
    expect(on.told).toEqual(['one online']);
  });

  it('concerns everybody after a sleep', async () => {
    expect(await on.changes({ cause: 'wake' })).toEqual(['one online']);
  });

  it('concerns a peer that has no path yet, and each by its own way', async () => {
    const two = on.peer('two');
    on.routes.set('203.0.113.1', '192.0.2.65');
    two.pathFound?.(pairTo('203.0.113.1'), []);
    on.peer('new');
    await on.clock.advance(0);
    on.routes.set('203.0.113.1', '192.0.2.66');
    expect((await on.changes()).sort()).toEqual([
      'new connection_type',
      'one connection_type unconcerned',
      'two connection_type',
    ]);
  });

  it('concerns a relayed path by the way to its TURN server', async () => {
    on.routes.set('203.0.113.9', '192.0.2.1');
    one.pathFound?.(pairTo('198.51.100.1', 'relay'), [{ urls: ['stun:203.0.113.8', 'turn:203.0.113.9:3478'] }]);
    await on.clock.advance(0);
    on.routes.set('198.51.100.1', '192.0.2.7');
    expect(await on.changes()).toEqual(['one connection_type unconcerned']);
    on.routes.set('203.0.113.9', '192.0.2.7');
    expect(await on.changes()).toEqual(['one connection_type']);
  });

  it('is watched while there are peers', async () => {
    const two = on.peer('two');
    one.stop();
    one.stop();
    expect(on.watching()).toBe(1);
    expect(await on.changes()).toEqual(['two connection_type']);
    two.stop();
    expect(on.watching()).toBe(0);
  });
});
