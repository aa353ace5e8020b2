import { evidenceOf } from '../support/evidence.js';
import { describe, expect, test } from '@jest/globals';
import type { NetworkChangeType } from '../../machines/policies/recovery.js';
import { TubeHarness } from '../support/tube-harness.js';

const seconds = 1_000;

/** A tube that has been quiet and well for a while. */
function settled(peer: 'plain' | 'overlap' = 'overlap', options = {}): TubeHarness {
  const tube = TubeHarness.connected(peer, options);
  tube.advance(2 * seconds);
  tube.clear();
  return tube;
}

const decisions = (tube: TubeHarness) =>
  tube.of('decision').map(({ decision: { action, verdict, trigger } }) => ({ action, verdict, trigger }));

describe('a change of the network of this host', () => {
  test('that moves the way to the peer is answered with a new generation after 250 ms', () => {
    const tube = settled();
    tube.networkChanged('interface_change', 'host', 'moved');
    expect(tube.path).toBe('degraded.restarting.doubtful');
    expect(tube.of('networkChange')).toMatchObject([
      {
        change: 'interface_change',
        source: 'host',
        detail: 'test',
        evidence: { trigger: 'interface_change', route: 'moved', path: 'doubted' },
      },
    ]);
    tube.ponging = false;
    tube.advance(249);
    expect(tube.of('attemptStarted')).toEqual([]);
    tube.advance(1);
    expect(decisions(tube)).toEqual([{ action: 'do', verdict: 'restart_now', trigger: 'interface_change' }]);
    tube.complete('overlap');
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1, trigger: 'interface_change', outageMs: 250 }]);
  });

  test('keeps its place when the transport is lost meanwhile, though a restart went before', () => {
    const tube = settled();
    tube.restart();
    tube.complete('overlap');
    tube.advance(seconds);
    tube.clear();
    const atMs = tube.elapsedMs;
    tube.networkChanged('interface_change', 'host', 'moved');
    tube.advance(100);
    tube.down(2);
    expect(tube.path).toBe('degraded.restarting.pathless');
    tube.advance(150);
    expect(tube.of('attemptStarted')).toMatchObject([{ trigger: 'interface_change', sinceStartMs: atMs + 250 }]);
    tube.complete('overlap');
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1, outageMs: 250 }]);
  });

  test('that does not concern the way to the peer is left alone, and the path is asked at once', () => {
    const tube = settled();
    const pings = (): number => tube.transports.get(1)!.commands.filter(({ type }) => type === 'transport.ping').length;
    const before = pings();
    tube.networkChanged('ip_change', 'host', 'same');
    expect(tube.path).toBe('connected');
    expect(decisions(tube)).toEqual([{ action: 'skip', verdict: 'leave_alone', trigger: 'ip_change' }]);
    expect(pings()).toBe(before + 1);
    expect(tube.context.incident).toBeNull();
  });

  test('that leaves no way is waited out, without burning attempts, and its return is answered at once', () => {
    const tube = settled();
    tube.ponging = false;
    tube.networkChanged('interface_change', 'host', 'none');
    expect(decisions(tube)).toEqual([{ action: 'wait', verdict: 'wait_for_network', trigger: 'interface_change' }]);
    tube.advance(120 * seconds);
    expect(tube.of('attemptStarted')).toEqual([]);
    expect(tube.path).toBe('degraded.restarting.doubtful');
    tube.networkChanged('interface_change', 'host', 'same');
    tube.advance(250);
    expect(tube.of('attemptStarted')).toMatchObject([{ attempt: 1, trigger: 'interface_change' }]);
    expect(tube.restartChild?.value).toEqual({ attempting: 'offering' });
    tube.complete('overlap');
    expect(tube.path).toBe('connected');
    expect(tube.of('attemptStarted')).toHaveLength(1);
  });

  test('that is over before anything was missed stands down by the first pong', () => {
    const tube = settled();
    tube.ponging = false;
    tube.networkChanged('interface_change', 'host', 'none');
    tube.advance(500);
    tube.report(1, { type: 'transport.pong', seq: 9, rttMs: 20 });
    expect(tube.path).toBe('connected');
    expect(tube.of('attemptStarted')).toEqual([]);
  });

  test('is restarted for only once while the attempt runs, and again when it moves again', () => {
    const tube = settled();
    tube.ponging = false;
    for (const waitMs of [1000, 1000, 500, 1000, 2000]) {
      tube.networkChanged('ip_change', 'host', 'moved');
      tube.advance(waitMs);
      expect(tube.context.live.filter((generation) => generation !== 1)).toHaveLength(1);
    }
    tube.complete('overlap');
    expect(tube.path).toBe('connected');
    expect(tube.of('attemptEnded').at(-1)).toMatchObject({ outcome: 'success' });
    expect(tube.context.breaker).toMatchObject({ kind: 'closed', failures: 0 });
  });

  test('goes ahead of the backoff', () => {
    const tube = settled();
    tube.ponging = false;
    tube.advance(9 * seconds);
    tube.described();
    tube.advance(16 * seconds);
    expect(tube.restartChild?.value).toBe('backoff');
    tube.networkChanged('ip_change', 'host', 'moved');
    tube.advance(250);
    expect(tube.of('attemptStarted')).toMatchObject([{ attempt: 1 }, { attempt: 2, trigger: 'ip_change' }]);
  });

  test('never ends a tube whose path still works, however often the restarts for it fail', () => {
    const tube = settled('overlap', { settings: { maxRestartAttempts: 2, restartBackoffMs: [100] } });
    tube.networkChanged('interface_change', 'host', 'moved');
    for (let n = 0; n < 30 && tube.path !== 'connected'; n += 1) {
      tube.described();
      tube.advance(16 * seconds);
    }
    expect(tube.path).toBe('connected');
    expect(tube.context.active).toBe(1);
    expect(tube.states).not.toContain('failed');
  });

  test('without trickle ICE is refused with a clear decision', () => {
    const tube = settled('overlap', { settings: { trickleIce: false } });
    tube.networkChanged('interface_change', 'host', 'moved');
    expect(tube.path).toBe('connected');
    expect(tube.last('decision')).toMatchObject({ decision: { action: 'skip', code: 'restart_trickle_disabled' } });
  });

  test('before the first connection only the way is noted', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.described();
    tube.networkChanged('interface_change', 'host', 'moved');
    expect(tube.path).toBe('connecting');
    expect(tube.of('decision')).toEqual([]);
  });
});

describe('restarts that work', () => {
  test('never use a tube up, however many there are and however few may fail', () => {
    const tube = settled('overlap', { settings: { maxRestartAttempts: 3 } });
    for (let n = 0; n < 12; n += 1) {
      tube.networkChanged('interface_change', 'host', 'moved');
      tube.advance(250);
      tube.complete('overlap');
      tube.advance(20 * seconds);
    }
    expect(tube.path).toBe('connected');
    expect(tube.states).not.toContain('failed');
  });
});

describe('a network change that somebody reports', () => {
  test.each<[NetworkChangeType, string]>([
    ['interface_change', 'interface_change'],
    ['ip_change', 'ip_change'],
    ['connection_timeout', 'missed_pings'],
    ['ice_failure', 'transport_failure'],
    ['quality_degradation', 'poor_quality'],
  ])('as %s restarts, overlapping, for %s', (change, trigger) => {
    const tube = settled();
    tube.networkChanged(change, 'controller');
    expect(tube.path).toBe('degraded.restarting.overlapping');
    tube.advance(250);
    expect(tube.of('attemptStarted')).toMatchObject([{ trigger }]);
    expect(tube.of('networkChange')).toMatchObject([{ change, source: 'controller' }]);
    tube.complete('overlap');
    expect(tube.of('recovered')).toMatchObject([{ outageMs: 0 }]);
  });

  test('waits for the peer whose signalling is down, and goes when it is back', () => {
    const tube = settled();
    tube.signalling(false);
    tube.networkChanged('interface_change', 'peer');
    expect(tube.last('decision')).toMatchObject({ decision: { action: 'wait', verdict: 'wait_for_peer' } });
    tube.signalling(true);
    tube.advance(250);
    expect(tube.of('attemptStarted')).toHaveLength(1);
  });
});

describe('the way to the peer', () => {
  test('that was gone is not remembered once the path is another pair', () => {
    const tube = settled();
    tube.ponging = false;
    tube.networkChanged('interface_change', 'host', 'none');
    tube.advance(500);
    tube.report(1, { type: 'transport.pong', seq: 9, rttMs: 20 });
    tube.pair(1);
    expect(tube.path).toBe('connected');
    expect(tube.context.node.route).toBe('unknown');
    tube.advance(10 * seconds);
    expect(tube.of('attemptStarted')).toHaveLength(1);
  });
});

describe('a storm', () => {
  test('holds the restart of a silent tube until the node lets it go', () => {
    const tube = settled('overlap');
    tube.ponging = false;
    tube.advance(6 * seconds);
    expect(tube.path).toBe('degraded.doubted');
    tube.node({ held: true, suspectShare: 0.8 });
    tube.advance(10 * seconds);
    expect(tube.last('decision')).toMatchObject({
      decision: {
        action: 'wait',
        verdict: 'wait_for_network',
        evidence: { held: true, suspectShare: 0.8, missedPings: 3 },
      },
    });
    expect(tube.of('attemptStarted')).toEqual([]);
    const before = tube.context.missedSeqs;
    tube.node({ held: false });
    expect(tube.of('attemptStarted')).toMatchObject([{ attempt: 1, trigger: 'missed_pings' }]);
    const { missedPings, missedSeqs } = tube.last('decision')?.decision.evidence ?? evidenceOf();
    expect(missedSeqs).toEqual(before);
    expect(missedSeqs).toHaveLength(missedPings);
    expect(missedSeqs.map((seq, index) => seq - index)).toEqual(missedSeqs.map(() => missedSeqs[0]));
    tube.node({ held: true });
    tube.advance(120 * seconds);
    expect(tube.context.missedSeqs.length).toBeLessThanOrEqual(10);
  });

  test('names in its evidence no ping that was missed before the path was heard again', () => {
    const tube = settled('overlap');
    tube.ponging = false;
    tube.advance(6 * seconds);
    expect(tube.context.missedSeqs.length).toBeGreaterThan(0);
    tube.ponging = true;
    tube.advance(10 * seconds);
    expect(tube.context.missedSeqs).toEqual([]);
  });

  test('that is over changes nothing for a tube that is well', () => {
    const tube = settled();
    tube.node({ held: true, suspectShare: 0.5 });
    tube.node({ held: false, suspectShare: 0 });
    expect(tube.emissions).toEqual([]);
  });
});

describe('who sends and hears nothing', () => {
  test('is pinged for at once: lost within five seconds of the cut', () => {
    const tube = TubeHarness.connected('overlap', { settings: { pingIntervalMs: 60_000 } });
    tube.advance(10 * seconds);
    tube.heard(true);
    tube.ponging = false;
    for (let ms = 0; ms < 5_500; ms += 500) {
      tube.advance(500);
      if (ms % 1_000 === 500) tube.send({ type: 'tube.dataSent', atMs: tube.clock.nowMs });
    }
    expect(tube.of('attemptStarted')).toHaveLength(1);
  });

  test('is not pinged for while something comes back', () => {
    const tube = TubeHarness.connected('overlap', { settings: { pingIntervalMs: 60_000 } });
    const pings = (): number => tube.transports.get(1)!.commands.filter(({ type }) => type === 'transport.ping').length;
    const before = pings();
    for (let n = 0; n < 30; n += 1) {
      tube.advance(1_000);
      tube.heard(n % 2 === 0);
      tube.send({ type: 'tube.dataSent', atMs: tube.clock.nowMs });
    }
    expect(pings()).toBe(before);
  });
});

describe('TURN credentials', () => {
  const ttl = { settings: { turnCredentialTtlMs: 600_000 } };

  test('of a relayed path are renewed by an overlapping restart at half of their life, again and again', () => {
    const tube = TubeHarness.connected('overlap', ttl);
    tube.pair(1, 'relay');
    tube.advance(299_999);
    expect(tube.path).toBe('connected');
    tube.advance(1);
    expect(tube.path).toBe('degraded.restarting.overlapping');
    expect(tube.of('attemptStarted')).toMatchObject([{ trigger: 'turn_expiry', attempt: 1 }]);
    tube.complete('overlap');
    expect(tube.of('recovered')).toMatchObject([{ trigger: 'turn_expiry', outageMs: 0 }]);
    tube.pair(2, 'relay');
    tube.advance(300_000);
    expect(tube.of('attemptStarted')).toHaveLength(2);
  });

  test('are tried again when the renewal fails, and the path is kept meanwhile', () => {
    const tube = TubeHarness.connected('overlap', ttl);
    tube.pair(1, 'relay');
    tube.advance(300_000);
    tube.described();
    tube.advance(250_000);
    expect(tube.of('attemptStarted').length).toBeGreaterThan(2);
    expect(tube.context.active).toBe(1);
  });

  test.each([
    ['of a direct path', ttl, 'host'],
    ['that never expire', { settings: { turnCredentialTtlMs: 0 } }, 'relay'],
  ])('%s are no reason for a restart', (_, options, type) => {
    const tube = TubeHarness.connected('overlap', options);
    tube.pair(1, type);
    tube.advance(3_000_000);
    expect(tube.of('attemptStarted')).toEqual([]);
  });

  test('of a plain peer are left alone: a restart would cost it a pause, and the allocation lives on', () => {
    const tube = TubeHarness.connected('plain', ttl);
    tube.pair(1, 'relay');
    tube.advance(3_000_000);
    expect(tube.of('attemptStarted')).toEqual([]);
  });

  test('are not made younger by another pair of the same generation', () => {
    const tube = TubeHarness.connected('overlap', ttl);
    for (let n = 0; n < 3; n += 1) {
      tube.pair(1, 'relay');
      tube.advance(100_000);
    }
    expect(tube.of('attemptStarted')).toMatchObject([{ trigger: 'turn_expiry' }]);
  });

  test('of a generation that lingers say nothing', () => {
    const tube = TubeHarness.connected('overlap', ttl);
    tube.restart();
    tube.complete('overlap');
    tube.pair(1, 'relay');
    tube.advance(3_000_000);
    expect(tube.of('attemptStarted')).toHaveLength(1);
  });
});
