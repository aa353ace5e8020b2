/** What an outage is counted from, and a peer that is replaced: what users read in `recovered`. */
import { describe, expect, test } from '@jest/globals';
import { TubeHarness } from '../support/tube-harness.js';

/** Brings generation `generation` up, answered by our library. */
function comeUp(tube: TubeHarness): void {
  tube.described();
  tube.answer('overlap');
  tube.up();
}

function waitFor(tube: TubeHarness, path: string): void {
  while (tube.path !== path) tube.advance(100);
}

describe('an outage', () => {
  test('goes on through failed, until the tube recovers after all', () => {
    const tube = TubeHarness.connected('overlap', { settings: { incidentDeadlineMs: 5_000 } });
    tube.advance(1_000);
    tube.down(1);
    tube.advance(5_000);
    expect(tube.path).toBe('failed');
    expect(tube.last('state')).toMatchObject({ state: 'failed', reason: 'restart_exhausted' });
    tube.advance(2_000);
    tube.signalling(true);
    comeUp(tube);
    expect(tube.path).toBe('connected');
    expect(tube.of('recovered')).toMatchObject([{ trigger: 'peer_request', outageMs: 7_000 }]);
  });

  test('is told by the recovery that ends it, with the attempts it took', () => {
    const tube = TubeHarness.connected('overlap');
    for (const _ of [1, 2, 3]) {
      tube.restart('manual');
      comeUp(tube);
    }
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1 }, { attempts: 1 }, { attempts: 1 }]);
  });

  test('is counted from the last that was heard over the path, whatever came by signalling since', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(5_000);
    tube.ponging = false;
    tube.advance(3_000);
    tube.send({ type: 'tube.activity', atMs: tube.clock.nowMs });
    tube.advance(7_000);
    comeUp(tube);
    expect(tube.of('recovered')).toMatchObject([{ trigger: 'missed_pings', outageMs: 10_000 }]);
  });
});

describe('a path that comes and goes', () => {
  test('for twenty minutes, back within three seconds each time, is neither restarted nor given up', () => {
    const tube = TubeHarness.connected('overlap');
    for (let round = 0; round < 160; round += 1) {
      tube.advance(2_000);
      tube.ponging = false;
      waitFor(tube, 'degraded.doubted');
      tube.ponging = true;
      waitFor(tube, 'connected');
    }
    expect(tube.elapsedMs).toBeGreaterThan(1_200_000);
    expect(tube.of('attemptStarted')).toEqual([]);
    expect(tube.of('state').map(({ state }) => state)).not.toContain('failed');
    expect(tube.context.active).toBe(1);
  });
});

describe('a path that is lost while a generation comes up', () => {
  test('asks for nothing more', () => {
    const tube = TubeHarness.connected('plain');
    tube.restart('manual');
    tube.described();
    tube.clear();
    tube.down(1);
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.of('decision')).toEqual([]);
    tube.answer('plain');
    tube.up();
    expect(tube.path).toBe('connected');
  });
});

describe('a peer that was replaced', () => {
  test('ends the old path at once and is offered a new generation; the outage began when the old one fell silent', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(5_000);
    tube.ponging = false;
    tube.advance(2_500);
    tube.send({ type: 'tube.peerReplaced', atMs: tube.clock.nowMs });
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.commands(1).at(-1)).toMatch(/^close@/);
    tube.ponging = true;
    comeUp(tube);
    expect(tube.path).toBe('connected');
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1, trigger: 'peer_request', outageMs: 2_500 }]);
  });

  test('means nothing to a tube that has no path, and the end of one without trickle', () => {
    const connecting = new TubeHarness();
    connecting.begin();
    connecting.send({ type: 'tube.peerReplaced', atMs: connecting.clock.nowMs });
    expect(connecting.path).toBe('initializing');
    const tube = TubeHarness.connected('overlap', { settings: { trickleIce: false } });
    tube.send({ type: 'tube.peerReplaced', atMs: tube.clock.nowMs });
    expect(tube.of('closed')).toMatchObject([{ reason: 'trickle_disabled' }]);
  });
});
