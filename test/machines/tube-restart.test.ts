import { describe, expect, test } from '@jest/globals';
import type { TubeRecord } from '../../machines/events.js';
import { controlChannel, dataChannel, TubeHarness } from '../support/tube-harness.js';

const seconds = 1_000;

/** Connected and then silent: after 8 s doubted, after 10 s lost. */
function silent(peer: 'plain' | 'overlap', ms: number): TubeHarness {
  const tube = TubeHarness.connected(peer);
  tube.ponging = false;
  tube.advance(ms);
  tube.clear();
  return tube;
}

/** Connected, and its path then lost while the peer is away, so that nothing is attempted. */
function pathless(options: ConstructorParameters<typeof TubeHarness>[0] = {}): TubeHarness {
  const tube = TubeHarness.connected('plain', options);
  tube.advance(seconds);
  tube.signalling(false);
  tube.down(1);
  tube.clear();
  return tube;
}

describe('a path that is lost', () => {
  test('after three missed pings is restarted at once, with the channels by their stream ids', () => {
    const tube = silent('overlap', 8_999);
    expect(tube.path).toBe('degraded.doubted');
    tube.advance(1);
    expect(tube.path).toBe('degraded.restarting.doubtful');
    expect(tube.of('decision')).toMatchObject([{ decision: { action: 'do', trigger: 'missed_pings', attempt: 1 } }]);
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 2, attempt: 1, trigger: 'missed_pings' }]);
    expect(tube.transports.get(2)?.input).toMatchObject({
      generation: 2,
      mode: { kind: 'offer' },
      channels: [controlChannel, dataChannel],
      dtlsRole: 'active',
      peerKind: 'overlap',
    });
    tube.described();
    expect(tube.of('description')).toMatchObject([
      { generation: 2, description: { type: 'offer' }, purpose: 'restart', requestId: null },
    ]);
    tube.advance(100);
    tube.answer('overlap');
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0']);
    tube.advance(50);
    tube.ponging = true;
    tube.up();
    expect(tube.path).toBe('connected');
    expect(tube.of('cutOver')).toMatchObject([{ generation: 2, from: 1 }]);
    expect(tube.of('attemptEnded')).toMatchObject([
      { generation: 2, trigger: 'missed_pings', outcome: 'success', failure: null, durationMs: 150 },
    ]);
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1, trigger: 'missed_pings', outageMs: 9_150 }]);
    expect(tube.children).toEqual(['health', 'keepalive', 'restart', 'transport.1', 'transport.2']);
  });

  test('is gone when the transport says so: no path, restarted at once', () => {
    for (const cause of ['disconnected', 'failed', 'closed'] as const) {
      const tube = TubeHarness.connected('overlap');
      tube.advance(seconds);
      tube.down(1, cause);
      expect(tube.path).toBe('degraded.restarting.pathless');
      expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0', 'close@1000']);
      expect(tube.last('record')?.record.activeGeneration).toBeNull();
      expect(tube.children).toEqual(['restart', 'transport.2']);
      tube.advance(500);
      tube.complete('overlap');
      expect(tube.of('recovered')).toMatchObject([{ attempts: 1, trigger: 'transport_failure', outageMs: 500 }]);
    }
  });

  test.each(['connected', 'doubted', 'restarting'])('is gone when its generation has closed itself, %s', (when) => {
    const tube = TubeHarness.connected('overlap');
    if (when === 'doubted') {
      tube.ponging = false;
      tube.advance(8 * seconds);
    }
    if (when === 'restarting') tube.restart();
    tube.report(1, { type: 'transport.closed' });
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.newest).toBe(2);
    expect(tube.context).toMatchObject({ active: null, live: [2], incident: { outageSinceMs: expect.any(Number) } });
    tube.complete('overlap');
    expect(tube.path).toBe('connected');
  });

  test('while a restart runs leaves that restart going', () => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    tube.described();
    tube.down(1);
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.newest).toBe(2);
    tube.advance(200);
    tube.answer('overlap');
    tube.up();
    expect(tube.of('recovered')).toMatchObject([{ trigger: 'manual', attempts: 1, outageMs: 200 }]);
  });

  test('that comes back while its restart is offered is kept until the cut-over, and the outage ends there and then', () => {
    const tube = silent('overlap', 9 * seconds);
    tube.described();
    tube.ponging = true;
    tube.advance(2 * seconds);
    expect(tube.path).toBe('degraded.restarting.overlapping');
    tube.advance(2 * seconds);
    tube.complete('overlap');
    // From the last pong, at 0 s, to the first one after the silence, at 10 s.
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1, outageMs: 10_000 }]);
  });

  test('that comes back between two attempts is taken as it is', () => {
    const tube = silent('overlap', 9 * seconds);
    tube.described();
    tube.down(2);
    expect(tube.path).toBe('degraded.restarting.doubtful');
    tube.ponging = true;
    tube.advance(2 * seconds);
    expect(tube.path).toBe('connected');
    expect(tube.of('recovered')).toHaveLength(1);
    tube.advance(59 * seconds);
    expect(tube.newest).toBe(2);
    expect(tube.path).toBe('connected');
  });
});

describe('the old generation', () => {
  test('of our library lingers for exactly 3 s after the cut-over', () => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    tube.complete('overlap');
    tube.advance(2_999);
    expect(tube.of('generationClosed')).toEqual([]);
    expect(tube.context.live).toEqual([1, 2]);
    tube.advance(1);
    expect(tube.commands(1).at(-1)).toBe('close@3000');
    expect(tube.of('generationClosed')).toMatchObject([{ generation: 1, sinceStartMs: 3_000 }]);
    expect(tube.context.live).toEqual([2]);
    expect(tube.transports.get(1)?.stopped).toBe(true);
  });

  test('of a plain peer is closed at the answer, not before, and what was sent waits for the new one', () => {
    const tube = TubeHarness.connected('plain');
    tube.advance(seconds);
    tube.restart();
    tube.described();
    tube.advance(seconds);
    expect(tube.path).toBe('degraded.restarting.overlapping');
    tube.describe('answer', 2);
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0']);
    tube.applied('plain', 2);
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0', 'close@2000']);
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.last('record')?.record.activeGeneration).toBeNull();
    tube.advance(300);
    tube.up();
    expect(tube.of('cutOver').at(-1)).toMatchObject({ generation: 2, from: null });
    expect(tube.of('recovered')).toMatchObject([{ outageMs: 300 }]);
  });

  test('of a plain peer with a new connection of its own lingers as well', () => {
    const tube = TubeHarness.connected('plain');
    tube.restart('manual', true);
    expect(tube.transports.get(2)?.input.channels).toEqual([]);
    tube.described();
    tube.describe('answer', 2);
    tube.applied('plain', 2, false);
    expect(tube.path).toBe('degraded.restarting.overlapping');
    tube.up();
    tube.advance(3 * seconds);
    expect(tube.commands(1).at(-1)).toBe('close@3000');
  });

  test('of two restarts within 3 s: each has its own 3 s', () => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    tube.complete('overlap');
    tube.advance(seconds);
    tube.restart();
    tube.complete('overlap');
    tube.advance(4 * seconds);
    expect(tube.of('generationClosed').map(({ generation, sinceStartMs }) => [generation, sinceStartMs])).toEqual([
      [1, 3_000],
      [2, 4_000],
    ]);
  });

  test('that ends while it lingers is no loss', () => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    tube.complete('overlap');
    tube.report(1, { type: 'transport.channelClosed', label: 'data', id: 2, reason: 'the connection ended' });
    tube.down(1);
    tube.report(1, { type: 'transport.closed' });
    expect(tube.path).toBe('connected');
    expect(tube.context.peer.channels).toEqual([controlChannel, dataChannel]);
    tube.advance(3 * seconds);
    expect(tube.of('generationClosed')).toHaveLength(1);
  });
});

describe('a restart offer of the peer', () => {
  test('of our library is answered with a new generation, and the old one lingers', () => {
    const tube = TubeHarness.connected('overlap');
    const call = tube.describe('offer');
    expect(tube.path).toBe('degraded.restarting.overlapping');
    expect(tube.transports.get(2)?.input).toMatchObject({
      mode: { kind: 'answer', sdp: 'offer of the peer', requestId: call },
      channels: [controlChannel, dataChannel],
    });
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 2, attempt: 1, trigger: 'peer_offer' }]);
    tube.applied('overlap', 2, false, call);
    tube.described(2, 'answer');
    expect(tube.of('description').at(-1)).toMatchObject({ generation: 2, purpose: 'restart', requestId: call });
    tube.report(2, { type: 'transport.iceConnected' });
    expect(tube.path).toBe('degraded.restarting.overlapping');
    tube.up();
    expect(tube.of('recovered')).toMatchObject([{ trigger: 'peer_offer', attempts: 1, outageMs: 0 }]);
    tube.advance(3 * seconds);
    expect(tube.commands(1).at(-1)).toBe('close@3000');
  });

  test('of a plain peer: the old generation is closed when ICE is connected, not before', () => {
    const tube = TubeHarness.connected('plain');
    const call = tube.describe('offer');
    tube.applied('plain', 2, true, call);
    tube.described(2, 'answer');
    tube.advance(100);
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0']);
    tube.report(2, { type: 'transport.iceConnected' });
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0', 'close@100']);
    expect(tube.path).toBe('degraded.restarting.pathless');
    tube.up();
    expect(tube.path).toBe('connected');
  });

  test('that cannot be used is refused and changes nothing on a sound path', () => {
    const tube = TubeHarness.connected('plain');
    tube.clear();
    const call = tube.describe('offer');
    tube.report(2, { type: 'transport.failed', failure: { code: 'input_sdp', detail: '' } });
    expect(tube.refusal(call)).toBe('input_sdp');
    expect(tube.path).toBe('connected');
    expect(tube.context).toMatchObject({ active: 1, pending: null, live: [1] });
    expect(tube.commands(2)).toEqual(['close@0']);
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0']);
    expect(tube.of('attemptStarted')).toHaveLength(1);
    expect(tube.of('attemptEnded')).toMatchObject([{ generation: 2, failure: { code: 'input_sdp' } }]);
    expect(tube.of('recovered')).toEqual([]);
    tube.advance(30 * seconds);
    expect(tube.path).toBe('connected');
    expect(tube.newest).toBe(2);
  });

  test('that cannot be used leaves a doubted path doubted: a third missed ping restarts', () => {
    const tube = silent('plain', 8 * seconds);
    tube.describe('offer');
    expect(tube.path).toBe('degraded.restarting.doubtful');
    tube.report(2, { type: 'transport.failed', failure: { code: 'input_sdp', detail: '' } });
    expect(tube.path).toBe('degraded.doubted');
    tube.advance(2 * seconds);
    expect(tube.path).toBe('degraded.restarting.doubtful');
    tube.advance(10 * seconds);
    expect(tube.of('attemptStarted').map(({ trigger }) => trigger)).toEqual(['peer_offer', 'missed_pings']);
  });

  test('that cannot be used while there is no path is followed by an offer of ours', () => {
    const tube = pathless();
    tube.describe('offer');
    tube.report(2, { type: 'transport.failed', failure: { code: 'input_sdp', detail: '' } });
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.transports.get(3)?.input.mode).toEqual({ kind: 'offer' });
  });

  test('is refused while our own offer is unanswered', () => {
    const tube = TubeHarness.connected('plain');
    tube.restart();
    tube.described();
    expect(tube.refusal(tube.describe('offer'))).toBe('signalling_unexpected_offer');
    expect(tube.newest).toBe(2);
    tube.answer();
    tube.up();
    expect(tube.path).toBe('connected');
  });

  test('replaces an attempt of ours that was answered but is not up', () => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    tube.described();
    tube.answer('overlap');
    tube.describe('offer');
    expect(tube.of('attemptEnded')).toMatchObject([{ generation: 2, outcome: 'failure' }]);
    expect(tube.commands(2).at(-1)).toBe('close@0');
    expect(tube.context.pending).toMatchObject({ generation: 3, as: 'answerer', attempt: 2 });
  });

  test('goes ahead of the backoff and of an open breaker', () => {
    const tube = pathless({ settings: { breakerFailureThreshold: 1 } });
    tube.signalling(true);
    tube.described();
    tube.advance(15 * seconds);
    expect(tube.context.breaker).toEqual({ kind: 'open' });
    tube.describe('offer');
    expect(tube.context.pending).toMatchObject({ generation: 3, as: 'answerer' });
    tube.applied('plain', 3, true);
    tube.described(3, 'answer');
    tube.up();
    expect(tube.context.breaker).toEqual({ kind: 'half_open', successes: 1 });
  });

  test('on a failed tube brings it back', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.described();
    tube.advance(30 * seconds);
    expect(tube.path).toBe('failed');
    tube.describe('offer');
    expect(tube.path).toBe('degraded.restarting.pathless');
    tube.applied('plain', 2, false);
    tube.described(2, 'answer');
    tube.up();
    expect(tube.path).toBe('connected');
  });
});

describe('an offer that is never answered', () => {
  test('on a manual restart keeps the sound path and is made again by backoff', () => {
    const tube = TubeHarness.connected('overlap');
    const call = tube.restart();
    tube.described();
    tube.advance(15 * seconds);
    expect(tube.path).toBe('degraded.restarting.overlapping');
    expect(tube.context).toMatchObject({ active: 1, pending: null });
    expect(tube.of('attemptEnded')).toMatchObject([
      { outcome: 'failure', failure: { code: 'transport_answer_timeout' }, durationMs: 15_000 },
    ]);
    expect(tube.commands(2)).toEqual(['close@15000']);
    const { delayMs } = tube.last('decision')!.decision;
    expect(delayMs).toBeGreaterThanOrEqual(2_500);
    expect(delayMs).toBeLessThanOrEqual(5_000);
    tube.advance(delayMs);
    expect(tube.of('attemptStarted').at(-1)).toMatchObject({ generation: 3, attempt: 2, trigger: 'manual' });
    expect(tube.refusal(call)).toBeUndefined();
  });

  test('on a mere suspicion, the path answering again, stands down: nothing more is sent', () => {
    const tube = silent('overlap', 9 * seconds);
    tube.described();
    tube.ponging = true;
    tube.advance(14_999);
    expect(tube.path).toBe('degraded.restarting.overlapping');
    tube.advance(1);
    expect(tube.path).toBe('connected');
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1, trigger: 'missed_pings', outageMs: 10_000 }]);
    expect(tube.context).toMatchObject({ active: 1, pending: null, incident: { outageSinceMs: null, outageMs: 0 } });
    tube.advance(59 * seconds);
    expect(tube.newest).toBe(2);
    tube.advance(seconds);
    expect(tube.context.incident).toBeNull();
  });

  test.each(['poor_quality', 'unhealthy'] as const)('on %s stands down as well', (trigger) => {
    const tube = TubeHarness.connected('overlap');
    tube.send({ type: 'health.restartAdvised', trigger });
    tube.described();
    tube.advance(15 * seconds);
    expect(tube.path).toBe('connected');
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1, trigger, outageMs: 0 }]);
  });

  test('closes the tube where answerTimeoutAction is close, also on a suspicion', () => {
    for (const trigger of ['unhealthy', 'manual'] as const) {
      const tube = TubeHarness.connected('overlap', { settings: { answerTimeoutAction: 'close' } });
      if (trigger === 'manual') tube.restart();
      else tube.send({ type: 'health.restartAdvised', trigger });
      tube.described();
      tube.advance(15 * seconds);
      expect(tube.path).toBe('closed');
      expect(tube.of('closed')).toMatchObject([{ reason: 'answer_timeout' }]);
      expect(tube.clock.pending).toBe(0);
    }
  });

  test('closes the tube where breakerAction is close and the breaker opens, also on a suspicion', () => {
    const tube = TubeHarness.connected('overlap', { settings: { breakerAction: 'close', breakerFailureThreshold: 1 } });
    tube.send({ type: 'health.restartAdvised', trigger: 'unhealthy' });
    tube.described();
    tube.advance(15 * seconds);
    expect(tube.of('closed')).toMatchObject([{ reason: 'breaker_open' }]);
  });

  test('for poor quality closes nothing and leaves the path of our library as it is, whatever the settings', () => {
    const settings = { answerTimeoutAction: 'close', breakerAction: 'close', breakerFailureThreshold: 1 } as const;
    const tube = TubeHarness.connected('overlap', { settings: { ...settings, maxRestartAttempts: 1 } });
    for (const isAnswered of [false, true, false, true]) {
      tube.send({ type: 'health.restartAdvised', trigger: 'poor_quality' });
      while (tube.context.pending === null) tube.advance(1);
      tube.described();
      if (isAnswered) tube.answer('overlap');
      while (tube.state !== 'connected') {
        tube.advance(seconds);
        if (isAnswered && tube.context.pending?.described === false) {
          tube.described();
          tube.answer('overlap');
        }
      }
      expect(tube.context).toMatchObject({ active: 1, pending: null, breaker: { kind: 'closed' } });
    }
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0']);
  });

  test('that was the last one keeps a sound path, and the next trouble begins a new incident', () => {
    for (const trigger of ['unhealthy', 'manual'] as const) {
      const tube = TubeHarness.connected('overlap', { settings: { maxRestartAttempts: 1 } });
      if (trigger === 'manual') tube.restart();
      else tube.send({ type: 'health.restartAdvised', trigger });
      tube.described();
      tube.advance(15 * seconds);
      expect(tube.path).toBe('connected');
      expect(tube.context.incident).toBeNull();
      tube.restart();
      expect(tube.of('attemptStarted').at(-1)).toMatchObject({ generation: 3, attempt: 1 });
    }
  });

  test('is superseded by a network change even on a suspicion: that restart is made', () => {
    const tube = TubeHarness.connected('overlap');
    tube.send({ type: 'health.restartAdvised', trigger: 'poor_quality' });
    tube.described();
    tube.advance(seconds);
    tube.restart('interface_change');
    expect(tube.path).toBe('degraded.restarting.overlapping');
    expect(tube.commands(2)).toEqual(['close@1000']);
    tube.advance(250);
    expect(tube.of('attemptStarted').at(-1)).toMatchObject({
      generation: 3,
      attempt: 1,
      trigger: 'interface_change',
      sinceStartMs: 1_250,
    });
  });
});

describe('a second request', () => {
  test('while a restart runs is skipped and refused with the same words in the log', () => {
    const tube = TubeHarness.connected();
    tube.restart();
    tube.described();
    const call = tube.restart();
    expect(tube.refusal(call)).toBe('restart_in_progress');
    expect(tube.last('decision')?.decision).toMatchObject({ action: 'skip', why: 'ICE restart already in progress' });
    expect(tube.newest).toBe(2);
  });

  test('while the peer is away is refused with restart_peer_away', () => {
    const tube = pathless();
    expect(tube.refusal(tube.restart())).toBe('restart_peer_away');
    tube.advance(100 * seconds);
    expect(tube.newest).toBe(1);
    tube.signalling(true);
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 2, attempt: 1 }]);
  });

  test('while the path is doubted restarts at once', () => {
    const tube = silent('overlap', 8 * seconds);
    tube.restart();
    expect(tube.path).toBe('degraded.restarting.doubtful');
    expect(tube.of('attemptStarted')).toMatchObject([{ trigger: 'manual' }]);
  });
});

describe('a plain peer that clings to its old path', () => {
  test('is offered another generation after 4 s within the same attempt', () => {
    const tube = TubeHarness.connected('plain');
    tube.restart();
    tube.described();
    tube.answer();
    tube.advance(4 * seconds);
    expect(tube.commands(2)).toEqual(['applyAnswer@0', 'close@4000']);
    expect(tube.context.pending).toMatchObject({ generation: 3, attempt: 1, answered: false });
    expect(tube.of('attemptEnded')).toEqual([]);
    tube.complete();
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1 }]);
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 2, attempt: 1 }]);
    expect(tube.of('attemptEnded')).toMatchObject([{ generation: 3, outcome: 'success' }]);
  });

  test.each(['plain', 'overlap'] as const)('has eight round trips where the way is long (%s)', (peer) => {
    const tube = TubeHarness.connected(peer);
    tube.ponging = false;
    for (let n = 0; n < 20; n += 1) tube.report(1, { type: 'transport.pong', seq: null, rttMs: 1_200 });
    // One that was held up is not the way.
    tube.report(1, { type: 'transport.pong', seq: null, rttMs: 9_000 });
    tube.restart();
    tube.described();
    tube.answer(peer);
    tube.advance(9 * seconds);
    expect(tube.newest).toBe(2);
    tube.up();
    expect(tube.of('attemptEnded')).toMatchObject([{ generation: 2, outcome: 'success' }]);
  });

  test('whose handshake fails is offered another at once', () => {
    const tube = TubeHarness.connected('plain');
    tube.restart();
    tube.described();
    tube.answer();
    tube.down(2);
    tube.report(2, { type: 'transport.closed' });
    expect(tube.context).toMatchObject({ pending: { generation: 3, attempt: 1 }, live: [3] });
  });

  test('never has two generations pending', () => {
    const tube = TubeHarness.connected('plain');
    tube.closing = false;
    tube.restart();
    for (let generation = 2; generation <= 4; generation += 1) {
      tube.described();
      tube.answer();
      expect(tube.newest).toBe(generation);
      for (let old = 2; old < generation; old += 1) expect(tube.commands(old).at(-1)).toMatch(/^close@/);
      tube.advance(Math.min(8, 4 * (generation - 1)) * seconds);
    }
    expect(tube.of('attemptEnded')).toMatchObject([{ outcome: 'failure', failure: { code: 'transport_timeout' } }]);
  });
});

describe('a plain peer whose page was reloaded', () => {
  test('is offered another generation with channels in-band, within the same attempt', () => {
    const tube = TubeHarness.connected('plain');
    tube.restart();
    tube.described();
    tube.describe('answer', 2);
    tube.applied('plain', 2, false);
    expect(tube.commands(2).at(-1)).toBe('close@0');
    expect(tube.transports.get(3)?.input.channels).toEqual([]);
    expect(tube.context.pending).toMatchObject({ generation: 3, attempt: 1 });
    tube.described();
    tube.describe('answer', 3);
    tube.applied('plain', 3, false);
    tube.up();
    expect(tube.path).toBe('connected');
    expect(tube.newest).toBe(3);
  });
});

describe('a generation that dies while it is offered', () => {
  test.each(['down', 'closed', 'failed'] as const)('(%s) fails the attempt, and the next waits the backoff', (how) => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    if (how !== 'failed') tube.described();
    if (how === 'down') tube.down(2);
    else if (how === 'closed') tube.report(2, { type: 'transport.closed' });
    else tube.report(2, { type: 'transport.failed', failure: { code: 'transport_init', detail: '' } });
    expect(tube.context.pending).toBeNull();
    expect(tube.of('attemptEnded')).toMatchObject([{ generation: 2, outcome: 'failure' }]);
    expect(tube.last('decision')?.decision).toMatchObject({ action: 'wait', why: 'backoff' });
    expect(tube.path).toBe('degraded.restarting.overlapping');
    if (how === 'failed') expect(tube.of('failure')).toMatchObject([{ failure: { code: 'transport_init' } }]);
  });
});

describe('without trickle', () => {
  const options = { settings: { trickleIce: false } };

  test('a restart is refused and logged, from connected and from doubt', () => {
    const tube = TubeHarness.connected('plain', options);
    expect(tube.refusal(tube.restart())).toBe('restart_trickle_disabled');
    expect(tube.last('decision')?.decision).toMatchObject({ action: 'skip', why: 'trickle ICE is off' });
    tube.ponging = false;
    tube.advance(8 * seconds);
    expect(tube.path).toBe('degraded.doubted');
    expect(tube.refusal(tube.restart())).toBe('restart_trickle_disabled');
    expect(tube.newest).toBe(1);
  });

  test('an offer of the peer is refused', () => {
    const tube = TubeHarness.connected('plain', options);
    expect(tube.refusal(tube.describe('offer'))).toBe('restart_trickle_disabled');
    expect(tube.path).toBe('connected');
  });

  test.each(['down', 'closed', 'lost', 'down in doubt', 'closed in doubt'])(
    'the tube is closed when its path is %s',
    (how) => {
      const tube = TubeHarness.connected('plain', options);
      if (how === 'lost' || how.endsWith('in doubt')) {
        tube.ponging = false;
        tube.advance(8 * seconds);
        expect(tube.path).toBe('degraded.doubted');
      }
      if (how === 'lost') tube.advance(2 * seconds);
      else if (how.startsWith('down')) tube.down(1);
      else tube.report(1, { type: 'transport.closed' });
      expect(tube.path).toBe('closed');
      expect(tube.of('closed')).toMatchObject([{ reason: 'trickle_disabled' }]);
      expect(tube.clock.pending).toBe(0);
    },
  );

  test('a failed tube is not brought back', () => {
    const tube = new TubeHarness(options);
    tube.begin();
    tube.described();
    tube.advance(30 * seconds);
    tube.signalling(true);
    expect(tube.refusal(tube.restart())).toBe('restart_trickle_disabled');
    expect(tube.refusal(tube.describe('offer'))).toBe('restart_trickle_disabled');
    expect(tube.path).toBe('failed');
  });
});

/** Without a path; every offer of ours stays unanswered until the tube gives up. */
function exhaust(tube: TubeHarness): void {
  tube.signalling(true);
  for (let guard = 0; tube.state === 'degraded' && guard < 2_000; guard += 1) {
    if (tube.context.pending?.described === false) tube.described();
    tube.advance(seconds);
  }
}

describe('giving up', () => {
  test('after ten attempts: failed, kept for 120 s, closed with restart_exhausted', () => {
    const tube = pathless({ settings: { incidentDeadlineMs: 3_600_000 } });
    exhaust(tube);
    expect(tube.of('attemptStarted').map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(tube.of('attemptEnded').every(({ outcome }) => outcome === 'failure')).toBe(true);
    expect(tube.path).toBe('failed');
    expect(tube.children).toEqual([]);
    const failedAtMs = tube.last('state')!.sinceStartMs;
    tube.advance(failedAtMs + 119_999 - tube.elapsedMs);
    expect(tube.path).toBe('failed');
    tube.advance(1);
    expect(tube.of('closed')).toMatchObject([{ reason: 'restart_exhausted', sinceStartMs: failedAtMs + 120_000 }]);
    expect(tube.clock.pending).toBe(0);
  });

  test('at the incident deadline of 600 s, while the peer is away', () => {
    const tube = pathless();
    tube.advance(599_999);
    expect(tube.path).toBe('degraded.restarting.pathless');
    tube.advance(1);
    expect(tube.path).toBe('failed');
    tube.advance(120 * seconds);
    expect(tube.of('closed')).toMatchObject([{ reason: 'restart_exhausted' }]);
  });

  test('at the incident deadline ends the attempt that runs', () => {
    const tube = pathless({ settings: { incidentDeadlineMs: 10_000 } });
    tube.signalling(true);
    tube.described();
    tube.advance(10 * seconds);
    expect(tube.path).toBe('failed');
    expect(tube.of('attemptStarted')).toHaveLength(1);
    expect(tube.of('attemptEnded')).toMatchObject([
      { generation: 2, outcome: 'failure', failure: { code: 'restart_exhausted' } },
    ]);
  });

  test('at the deadline keeps a path that is sound', () => {
    const tube = TubeHarness.connected('overlap');
    tube.signalling(false);
    tube.restart();
    tube.advance(600 * seconds);
    expect(tube.path).toBe('connected');
    expect(tube.context.incident).toBeNull();
    expect(tube.of('attemptStarted')).toEqual([]);
  });

  test('is undone by a manual restart', () => {
    const tube = pathless({ settings: { maxRestartAttempts: 1 } });
    exhaust(tube);
    expect(tube.path).toBe('failed');
    tube.advance(119 * seconds);
    tube.restart();
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.of('attemptStarted').at(-1)).toMatchObject({ attempt: 1, trigger: 'manual' });
    tube.complete();
    expect(tube.path).toBe('connected');
    tube.advance(120 * seconds);
    expect(tube.path).toBe('connected');
  });

  test('is undone when the signalling of the peer is back, not when it is lost', () => {
    const tube = pathless();
    tube.advance(600 * seconds);
    expect(tube.path).toBe('failed');
    tube.signalling(false);
    expect(tube.path).toBe('failed');
    tube.signalling(true);
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.of('attemptStarted').at(-1)).toMatchObject({ generation: 2, trigger: 'peer_request' });
  });
});

describe('an incident', () => {
  test('ends after 60 s without trouble: its counters are forgotten', () => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    tube.complete('overlap');
    tube.advance(59_999);
    expect(tube.children).toContain('restart');
    tube.restart();
    expect(tube.of('attemptStarted').at(-1)).toMatchObject({ attempt: 2 });
    tube.complete('overlap');
    tube.advance(60 * seconds);
    expect(tube.context.incident).toBeNull();
    expect(tube.children).not.toContain('restart');
    tube.restart();
    expect(tube.of('attemptStarted').at(-1)).toMatchObject({ attempt: 1 });
  });

  test('that goes on makes the next attempt wait', () => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    tube.complete('overlap');
    tube.advance(seconds);
    tube.down(2);
    expect(tube.last('decision')?.decision).toMatchObject({ action: 'wait', why: 'backoff', attempt: 1 });
    expect(tube.last('decision')?.decision.delayMs).toBeLessThanOrEqual(4_000);
  });

  test('leaves the breaker as it is to the next', () => {
    const tube = TubeHarness.connected('overlap', { settings: { maxRestartAttempts: 3 } });
    for (let incident = 0; incident < 2; incident += 1) {
      tube.restart();
      for (let guard = 0; tube.state === 'degraded' && guard < 200; guard += 1) {
        if (tube.context.pending?.described === false) tube.described();
        tube.advance(seconds);
      }
      expect(tube.path).toBe('connected');
      expect(tube.context.incident).toBeNull();
    }
    expect(tube.context.breaker).toEqual({ kind: 'open' });
    const call = tube.restart();
    expect(tube.refusal(call)).toBe('restart_breaker_open');
    expect(tube.last('decision')?.decision).toMatchObject({ action: 'wait', why: 'the circuit breaker is open' });
  });

  test('that left the breaker open: 30 s later it is half-open, on a tube that kept its path and on a failed one', () => {
    const settings = { maxRestartAttempts: 1, breakerFailureThreshold: 1 };
    const kept = TubeHarness.connected('overlap', { settings });
    kept.restart();
    kept.described();
    kept.advance(15 * seconds);
    expect(kept.path).toBe('connected');
    const failed = pathless({ settings });
    failed.signalling(true);
    failed.described();
    failed.advance(15 * seconds);
    expect(failed.path).toBe('failed');
    for (const tube of [kept, failed]) {
      tube.advance(29_999);
      expect(tube.context.breaker).toEqual({ kind: 'open' });
      tube.advance(1);
      expect(tube.last('breaker')?.breaker).toEqual({ kind: 'half_open', successes: 0 });
      tube.restart();
      expect(tube.newest).toBe(3);
    }
  });
});

const recordOf = (tube: TubeHarness): TubeRecord => JSON.parse(JSON.stringify(tube.last('record')?.record)) as never;

describe('a tube that is resumed from its record', () => {
  test('adopts the path that lives, restarts as the next generation and lets the old one linger', () => {
    const tube = new TubeHarness({ resume: recordOf(TubeHarness.connected('overlap')) });
    tube.begin();
    expect(tube.path).toBe('degraded.restarting.overlapping');
    expect(tube.transports.get(1)?.input).toMatchObject({ generation: 1, mode: { kind: 'adopt' } });
    expect(tube.transports.get(2)?.input).toMatchObject({
      generation: 2,
      mode: { kind: 'offer' },
      channels: [controlChannel, dataChannel],
      dtlsRole: 'active',
      peerKind: 'overlap',
    });
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 2, attempt: 1, trigger: 'crash' }]);
    // The host says how the adopted generation is.
    tube.report(1, { type: 'transport.stateChanged', state: 'connected' });
    tube.report(1, { type: 'transport.channelOpened', channel: controlChannel });
    tube.up(1);
    expect(tube.path).toBe('degraded.restarting.overlapping');
    tube.advance(500);
    tube.complete('overlap');
    expect(tube.path).toBe('connected');
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1, trigger: 'crash', outageMs: 0 }]);
    tube.advance(3 * seconds);
    expect(tube.commands(1)).toEqual(['close@3500']);
    expect(tube.states).toEqual(['initializing', 'degraded', 'connected']);
  });

  test('restarts without a path when there is nothing to adopt any more', () => {
    const tube = new TubeHarness({ resume: recordOf(TubeHarness.connected('plain')) });
    tube.begin();
    tube.down(1, 'closed');
    tube.report(1, { type: 'transport.closed' });
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.context.pending).toMatchObject({ generation: 2 });
    tube.advance(400);
    tube.complete();
    expect(tube.of('recovered')).toMatchObject([{ outageMs: 400 }]);
  });

  test('restarts without a path when it had none', () => {
    const before = TubeHarness.connected('plain');
    before.restart();
    before.described();
    before.answer();
    const record = recordOf(before);
    expect(record).toMatchObject({ generation: 2, activeGeneration: null });
    const tube = new TubeHarness({ resume: record });
    tube.begin();
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect([...tube.transports.keys()]).toEqual([3]);
    expect(tube.children).toEqual(['restart', 'transport.3']);
    tube.advance(300);
    tube.complete();
    expect(tube.of('recovered')).toMatchObject([{ outageMs: 300 }]);
  });

  test('makes no attempt while its peer is known to be away', () => {
    const tube = new TubeHarness({ resume: recordOf(TubeHarness.connected('overlap')), signalling: 'offline' });
    tube.begin();
    tube.advance(30 * seconds);
    expect(tube.path).toBe('degraded.restarting.overlapping');
    expect(tube.of('attemptStarted')).toEqual([]);
    tube.signalling(true);
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 2, attempt: 1, trigger: 'crash' }]);
  });

  test('has its session and keepalive signal, and its pings, from the start', () => {
    const tube = new TubeHarness({ resume: recordOf(TubeHarness.connected('overlap')) });
    tube.begin();
    tube.complete('overlap');
    tube.advance(300 * seconds);
    expect(tube.of('keepalive')).toHaveLength(1);
    tube.advance(3_300 * seconds);
    expect(tube.of('closed')).toMatchObject([{ reason: 'session_timeout' }]);
  });
});

describe('a tube of a process that is gone', () => {
  test('restarts as soon as the node lets it go, with nothing to adopt', () => {
    const tube = TubeHarness.afterProcess(recordOf(TubeHarness.connected('plain')));
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.of('state').map(({ reason }) => reason)).toEqual(['resumed', 'service_restart']);
    tube.advance(20 * seconds);
    expect(tube.transports.size).toBe(0);
    tube.node({ held: false });
    expect(tube.transports.get(2)?.input).toMatchObject({ mode: { kind: 'offer' }, dtlsRole: 'active' });
    expect(tube.transports.get(2)?.input.channels).toEqual([controlChannel, dataChannel]);
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 2, attempt: 1, trigger: 'service_restart' }]);
    tube.complete();
    expect(tube.of('recovered')).toMatchObject([{ trigger: 'service_restart', outageMs: 20 * seconds }]);
  });

  test('waits for a peer that has a socket of its own, held or not', () => {
    const before = TubeHarness.connected('overlap');
    before.signalling(true);
    before.restart();
    before.complete('overlap');
    const record = recordOf(before);
    expect(record.signalling).toBe('direct');
    const tube = TubeHarness.afterProcess(record, { signalling: 'offline' });
    tube.node({ held: false });
    tube.advance(60 * seconds);
    expect(tube.of('attemptStarted')).toEqual([]);
    tube.signalling(true);
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 3, attempt: 1 }]);
  });

  test('that never was connected is offered its channels in-band', () => {
    const before = new TubeHarness();
    before.begin();
    before.described();
    const tube = TubeHarness.afterProcess(recordOf(before), { held: false });
    expect(tube.transports.get(2)?.input).toMatchObject({ channels: [], dtlsRole: null });
    tube.complete();
    expect(tube.path).toBe('connected');
  });

  test('knows the connection of a plain peer by the session of its last description', () => {
    const before = TubeHarness.connected('plain');
    before.restart();
    before.described();
    const facts = { peerKind: 'plain', sameConnection: true, newConnection: false, dtlsRole: 'active' } as const;
    before.report(2, { type: 'transport.remoteApplied', requestId: 'r', ...facts, session: '4711' });
    expect(recordOf(before).peerSession).toBe('4711');
    const tube = TubeHarness.afterProcess(recordOf(before), { held: false });
    expect(tube.transports.get(3)?.input.peerSession).toBe('4711');
  });

  test('is closed when it cannot restart', () => {
    const before = TubeHarness.connected('plain', { settings: { trickleIce: false } });
    const tube = TubeHarness.afterProcess(recordOf(before));
    expect(tube.path).toBe('closed');
    expect(tube.of('closed')).toMatchObject([{ reason: 'trickle_disabled' }]);
    expect(tube.transports.size).toBe(0);
  });
});

describe('a crash', () => {
  test.each(['transport.activate', 'transport.applyAnswer', 'transport.ping'] as const)(
    'of the transport at %s ends the tube with an error, not the process',
    (command) => {
      const tube = new TubeHarness();
      tube.throwsOn = command;
      tube.begin();
      tube.described();
      tube.answer();
      tube.up();
      expect(tube.ended).toEqual(['xstate.error.actor']);
      expect(tube.snapshot.status).toBe('error');
    },
  );
});
