/** NetworkWatcher on a simulated clock, with a simulated system and monitor: what it reports, when, and what it survives. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Launch } from '../../src/network/monitor-process.js';
import type { NetworkState } from '../../src/network/network-state.js';
import { NetworkWatcher, type NetworkChange, type NetworkWatcherOptions } from '../../src/network/network-watcher.js';
import { TestClock } from '../support/test-clock.js';

interface Started {
  readonly atMs: number;
  readonly print: () => void;
  readonly end: (reason: string) => void;
  killed: boolean;
}

let clock: TestClock;
/** The wall clock is ahead of the other one by this. */
let aheadMs: number;
/** No timer ran for this long although they should have. */
let frozenMs: number;
let system: { addresses: string[]; routes: string[] };
let reads: number;
let monitors: Started[];
let changes: (NetworkChange & { readonly afterMs: number })[];
let troubles: string[];
let startMs: number;
let watcher: NetworkWatcher;

const read = (): NetworkState => {
  reads += 1;
  return { addresses: [...system.addresses], routes: [...system.routes] };
};
const launch: Launch = (_command, heard, ended) => {
  const started: Started = { atMs: clock.nowMs - startMs, print: heard, end: ended, killed: false };
  monitors.push(started);
  return () => {
    started.killed = true;
  };
};

function watch(options: Partial<NetworkWatcherOptions> = {}): NetworkWatcher {
  return new NetworkWatcher({
    onChange: (change) => changes.push({ ...change, afterMs: clock.nowMs - startMs }),
    onTrouble: (detail) => troubles.push(detail),
    monitorCommand: ['monitor'],
    read,
    launch,
    clock: {
      now: () => clock.nowMs + frozenMs + aheadMs,
      monotonicMs: () => clock.nowMs + frozenMs,
      schedule: (fn, delayMs) => {
        const id = clock.setTimeout(fn, delayMs);
        return () => clock.clearTimeout(id);
      },
    },
    ...options,
  });
}

const print = (): void => monitors.at(-1)?.print();
const seen = (): [string, string, number][] => changes.map(({ cause, type, afterMs }) => [cause, type, afterMs]);

beforeEach(() => {
  clock = new TestClock();
  startMs = clock.nowMs;
  aheadMs = 0;
  frozenMs = 0;
  system = { addresses: ['eth0 192.0.2.1'], routes: ['default via 192.0.2.254 dev eth0'] };
  reads = 0;
  monitors = [];
  changes = [];
  troubles = [];
  watcher = watch();
  watcher.start();
});

describe('changes', () => {
  it('that the system tells are reported 50 ms later', () => {
    clock.advance(500);
    system.addresses = ['eth0 192.0.2.2'];
    print();
    clock.advance(50);
    expect(changes).toEqual([
      {
        type: 'ip_change',
        cause: 'addresses',
        added: ['eth0 192.0.2.2'],
        removed: ['eth0 192.0.2.1'],
        detail: 'gone: eth0 192.0.2.1; new: eth0 192.0.2.2',
        atMs: startMs + 550,
        afterMs: 550,
      },
    ]);
    expect(watcher.snapshot).toEqual(['eth0 192.0.2.2']);
  });

  it('that come in parts are one report, when the system pauses', () => {
    for (const addresses of [[], ['wlan0 192.0.2.9'], ['wlan0 192.0.2.9', 'wlan0 2001:db8::9']]) {
      system.addresses = addresses;
      print();
      clock.advance(40);
    }
    clock.advance(10);
    expect(changes).toMatchObject([
      {
        type: 'interface_change',
        added: ['wlan0 192.0.2.9', 'wlan0 2001:db8::9'],
        removed: ['eth0 192.0.2.1'],
        afterMs: 130,
      },
    ]);
  });

  it('are reported 150 ms after the first word of a system that does not pause', () => {
    clock.advance(100);
    system.addresses = [];
    for (let step = 0; step < 100; step++) {
      print();
      clock.advance(2);
    }
    expect(seen()).toEqual([['addresses', 'interface_change', 250]]);
  });

  it('are found within 2 s where the system tells nothing', () => {
    watcher.stop();
    watcher = watch({ monitorCommand: null });
    watcher.start();
    clock.advance(100);
    system.addresses = ['eth0 192.0.2.1', 'wlan0 192.0.2.9'];
    clock.advance(1900);
    expect(seen()).toEqual([['addresses', 'interface_change', 2000]]);
    expect(monitors).toHaveLength(1);
  });

  it('that a poll would cut in half wait for the pause', () => {
    clock.advance(1990);
    system.addresses = [];
    print();
    clock.advance(20);
    system.addresses = ['wlan0 192.0.2.9'];
    print();
    clock.advance(50);
    expect(seen()).toEqual([['addresses', 'interface_change', 2060]]);
  });

  it('of which nothing is left are none', () => {
    system.addresses = [];
    print();
    clock.advance(20);
    system.addresses = ['eth0 192.0.2.1'];
    print();
    clock.advance(10_000);
    expect(changes).toEqual([]);
  });

  it('of routes are reported when the addresses are the same', () => {
    system.routes = ['default via 192.0.2.253 dev eth0'];
    print();
    clock.advance(50);
    expect(changes).toMatchObject([
      {
        type: 'interface_change',
        cause: 'routes',
        added: [],
        removed: [],
        detail: 'gone: default via 192.0.2.254 dev eth0; new: default via 192.0.2.253 dev eth0',
      },
    ]);
  });

  it('of addresses and routes together are one report, of the addresses', () => {
    system = { addresses: ['wlan0 192.0.2.9'], routes: ['default via 192.0.2.254 dev wlan0'] };
    print();
    clock.advance(4000);
    expect(seen()).toEqual([['addresses', 'interface_change', 50]]);
  });

  it('are found at once by refresh', () => {
    system.addresses = [];
    print();
    watcher.refresh();
    expect(seen()).toEqual([['addresses', 'interface_change', 0]]);
    expect(watcher.snapshot).toEqual([]);
    clock.advance(4000);
    expect(changes).toHaveLength(1);
  });

  it('before the start and after the end are not reported', () => {
    const idle = watch();
    idle.refresh();
    expect(idle.snapshot).toEqual([]);
    print();
    watcher.stop();
    system.addresses = [];
    print();
    watcher.refresh();
    clock.advance(60_000);
    expect(changes).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('during a pause between stop and start are not reported', () => {
    watcher.stop();
    system.addresses = ['wlan0 192.0.2.9'];
    watcher.start();
    watcher.start();
    clock.advance(10_000);
    expect(changes).toEqual([]);
    expect(watcher.snapshot).toEqual(['wlan0 192.0.2.9']);
    expect(monitors.map(({ killed }) => killed)).toEqual([true, false]);
  });

  it('have a bounded description', () => {
    system.addresses = Array.from({ length: 1000 }, (_, index) => `eth${index} 192.0.2.1`);
    print();
    clock.advance(50);
    expect(changes[0]?.detail).toHaveLength(512);
  });
});

describe('sleep', () => {
  it('is a wall clock that is more than 5 s ahead of the monotonic one', () => {
    clock.advance(3000);
    aheadMs += 5000;
    clock.advance(3000);
    expect(changes).toEqual([]);
    aheadMs += 5001;
    clock.advance(2000);
    expect(seen()).toEqual([['wake', 'interface_change', 8000]]);
    expect(changes[0]).toMatchObject({ added: [], removed: [], detail: '5 s passed in which nothing ran' });
    clock.advance(60_000);
    expect(changes).toHaveLength(1);
  });

  it('is a poll that is more than 5 s late on both clocks', () => {
    clock.advance(1000);
    frozenMs += 5001;
    clock.advance(10_000);
    expect(seen()).toEqual([['wake', 'interface_change', 2000]]);
  });

  it('is not a poll that is somewhat late', () => {
    frozenMs += 4900;
    clock.advance(10_000);
    expect(changes).toEqual([]);
  });

  it('is not a clock that was put back', () => {
    aheadMs -= 3_600_000;
    clock.advance(60_000);
    expect(changes).toEqual([]);
  });

  it('is noticed when the system tells something, before the next poll', () => {
    clock.advance(100);
    aheadMs += 3_600_000;
    print();
    clock.advance(50);
    expect(seen()).toEqual([['wake', 'interface_change', 150]]);
  });

  it('and what changed meanwhile are two reports', () => {
    aheadMs += 60_000;
    system.addresses = ['wlan0 192.0.2.9'];
    clock.advance(2000);
    expect(seen()).toEqual([
      ['wake', 'interface_change', 2000],
      ['addresses', 'interface_change', 2000],
    ]);
  });

  it('is the last report when the listener stops the watcher', () => {
    watcher.stop();
    watcher = watch({
      onChange: (change) => {
        changes.push({ ...change, afterMs: 0 });
        watcher.stop();
      },
    });
    watcher.start();
    aheadMs += 60_000;
    system.addresses = [];
    clock.advance(60_000);
    expect(seen()).toEqual([['wake', 'interface_change', 0]]);
    expect(clock.pending).toBe(0);
  });
});

describe('what it survives', () => {
  it('a monitor that ends is started again after 1, 2, 4 … 60 s, and polling goes on', () => {
    for (let count = 0; count < 9; count++) {
      monitors.at(-1)?.end('it ended with 1');
      clock.advance(60_000);
    }
    const waits = monitors.slice(1).map(({ atMs }, index) => atMs - index * 60_000);
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(troubles[0]).toBe('The monitor "monitor" is not there: it ended with 1.');
    expect(troubles).toHaveLength(9);
    system.addresses = [];
    clock.advance(2000);
    expect(changes).toHaveLength(1);
  });

  it('a monitor that ends after a long life is started again soon', () => {
    for (let count = 0; count < 5; count++) {
      clock.advance(61_001);
      monitors.at(-1)?.end('SIGTERM');
    }
    clock.advance(1000);
    expect(monitors.at(-1)?.atMs).toBe(5 * 61_001 + 1000);
  });

  it('a monitor that speaks or ends after its end', () => {
    const first = monitors[0];
    first?.end('once');
    first?.end('twice');
    first?.print();
    clock.advance(1500);
    expect(monitors).toHaveLength(2);
    expect(troubles).toHaveLength(1);
    expect(reads).toBe(1);
  });

  it('a monitor that floods: the system is looked at seven times in a second', () => {
    for (let step = 0; step < 1000; step++) {
      print();
      clock.advance(1);
    }
    expect(reads).toBeLessThanOrEqual(8);
    expect(clock.pending).toBeLessThanOrEqual(2);
  });

  it('stop while the monitor waits for its next start', () => {
    monitors[0]?.end('gone');
    watcher.stop();
    watcher.stop();
    clock.advance(600_000);
    expect(monitors).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('a system that does not answer for a while: nothing is made up', () => {
    watcher.stop();
    let fails = true;
    watcher = watch({
      read: () => {
        if (fails) throw new Error('EMFILE');
        return read();
      },
    });
    watcher.start();
    clock.advance(4000);
    expect(watcher.snapshot).toEqual([]);
    fails = false;
    clock.advance(2000);
    expect(watcher.snapshot).toEqual(['eth0 192.0.2.1']);
    fails = true;
    clock.advance(2000);
    expect(watcher.snapshot).toEqual(['eth0 192.0.2.1']);
    expect(changes).toEqual([]);
    expect(troubles).toContain('The system does not say its addresses: Error: EMFILE');
  });

  it('a listener that throws, and one that asks for a refresh', () => {
    watcher.stop();
    let calls = 0;
    watcher = watch({
      onChange: () => {
        calls += 1;
        watcher.refresh();
        throw new Error('handler');
      },
      onTrouble: () => {
        throw new Error('handler of trouble');
      },
    });
    watcher.start();
    system.addresses = [];
    clock.advance(10_000);
    expect(calls).toBe(1);
  });
});

it('says whether the system tells of changes, or polling alone finds them', () => {
  expect(watcher.isTold).toBe(true);
  monitors.at(-1)?.end('gone');
  expect(watcher.isTold).toBe(false);
  clock.advance(60_000);
  expect(watcher.isTold).toBe(true);
  watcher.stop();
  expect(watcher.isTold).toBe(false);
  expect(watch({ monitorCommand: null }).isTold).toBe(false);
});
