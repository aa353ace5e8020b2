import { describe, expect, test } from '@jest/globals';
import { controlChannel, dataChannel, identity, TubeHarness } from '../support/tube-harness.js';
import { defaultSettings } from '../support/settings.js';

const seconds = 1_000;

describe('a tube that offers', () => {
  test('builds generation 1, is connecting when it is described and connected when the control channel is open', () => {
    const tube = new TubeHarness();
    expect(tube.path).toBe('initializing');
    tube.begin();
    expect(tube.transports.get(1)?.input).toEqual({
      tubeId: identity.tubeId,
      generation: 1,
      mode: { kind: 'offer' },
      channels: [],
      dtlsRole: null,
      peerKind: 'plain',
      peerSession: null,
      settings: defaultSettings,
    });
    tube.described();
    expect(tube.path).toBe('connecting');
    expect(tube.of('description')).toMatchObject([
      { generation: 1, description: { type: 'offer', sdp: 'offer 1' }, purpose: 'initial', requestId: null },
    ]);
    tube.advance(200);
    const call = tube.answer();
    expect(tube.of('accepted')).toMatchObject([{ requestId: call, generation: 1 }]);
    expect(tube.transports.get(1)?.commands).toMatchObject([
      { type: 'transport.applyAnswer', requestId: call, sdp: 'answer of the peer' },
    ]);
    tube.advance(300);
    tube.up();
    expect(tube.path).toBe('connected');
    expect(tube.states).toEqual(['initializing', 'connecting', 'connected']);
    expect(tube.of('cutOver')).toMatchObject([{ generation: 1, from: null }]);
    expect(tube.of('attemptStarted')).toEqual([]);
    expect(tube.of('recovered')).toEqual([]);
    expect(tube.commands(1)).toEqual(['applyAnswer@200', 'activate@500']);
    expect(tube.children).toEqual(['health', 'keepalive', 'transport.1']);
  });

  test('writes its record at the start, at the answer, for every channel and at the cut-over', () => {
    const tube = TubeHarness.connected('overlap');
    expect(tube.of('record').map(({ record }) => [record.activeGeneration, record.channels.length])).toEqual([
      [null, 0],
      [null, 0],
      [null, 1],
      [null, 2],
      [1, 2],
    ]);
    expect(tube.last('record')?.record).toEqual({
      ...identity,
      settings: defaultSettings,
      generation: 1,
      activeGeneration: 1,
      peerKind: 'overlap',
      dtlsRole: 'active',
      channels: [controlChannel, dataChannel],
      peerSession: null,
      signalling: 'relayed',
    });
    tube.report(1, { type: 'transport.channelClosed', label: 'data', id: 2, reason: 'closed by the peer' });
    expect(tube.last('channelClosed')).toMatchObject({ label: 'data', id: 2, reason: 'closed by the peer' });
    expect(tube.last('record')?.record.channels).toEqual([controlChannel]);
  });

  test('records channels that are on their way when it is up: the peer may know them already', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.described();
    tube.answer();
    tube.report(1, { type: 'transport.channelOpened', channel: controlChannel });
    tube.report(1, { type: 'transport.up', channels: [controlChannel, dataChannel] });
    expect(tube.last('record')?.record).toMatchObject({
      activeGeneration: 1,
      channels: [controlChannel, dataChannel],
    });
    expect(tube.of('channelOpened')).toMatchObject([{ channel: controlChannel }]);
  });

  test('passes its candidates on at once, the end of candidates too', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.described();
    tube.report(1, { type: 'transport.candidate', candidate: 'candidate:1', mid: '0' });
    tube.report(1, { type: 'transport.candidate', candidate: '', mid: '0' });
    expect(tube.of('candidate')).toMatchObject([
      { generation: 1, candidate: 'candidate:1', mid: '0' },
      { generation: 1, candidate: '', mid: '0' },
    ]);
  });

  test('fails when its transport cannot be built', () => {
    for (const [code, reason] of [
      ['transport_init', 'internal'],
      ['transport_gather_timeout', 'gather_timeout'],
    ] as const) {
      const tube = new TubeHarness();
      tube.begin();
      tube.report(1, { type: 'transport.failed', failure: { code, detail: 'x' } });
      expect(tube.path).toBe('failed');
      expect(tube.of('failure')).toMatchObject([{ failure: { code, detail: 'x' }, generation: 1 }]);
      expect(tube.commands(1)).toEqual(['close@0']);
      tube.advance(120 * seconds);
      expect(tube.of('closed')).toMatchObject([{ reason }]);
    }
  });

  test('fails when its connection is lost before it is described', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.down(1, 'closed');
    tube.report(1, { type: 'transport.closed' });
    expect(tube.path).toBe('failed');
  });

  test('fails when nothing is described in the time for gathering and connecting', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.advance(59_999);
    expect(tube.path).toBe('initializing');
    tube.advance(1);
    expect(tube.path).toBe('failed');
    tube.advance(120 * seconds);
    expect(tube.of('closed')).toMatchObject([{ reason: 'gather_timeout' }]);
  });
});

describe('a tube that answers', () => {
  test('describes its answer to the call that brought the offer', () => {
    const tube = new TubeHarness();
    tube.begin(true);
    expect(tube.transports.get(1)?.input.mode).toEqual({
      kind: 'answer',
      sdp: 'offer of the peer',
      requestId: 'call-1',
    });
    tube.applied('overlap', 1, false, 'call-1');
    tube.described(1, 'answer');
    expect(tube.path).toBe('connecting');
    expect(tube.of('description')).toMatchObject([
      { generation: 1, description: { type: 'answer' }, purpose: 'initial', requestId: 'call-1' },
    ]);
    tube.up();
    expect(tube.path).toBe('connected');
    expect(tube.context.peer).toMatchObject({ kind: 'overlap', dtlsRole: 'active' });
  });

  test('refuses an answer: it waits for none', () => {
    const tube = new TubeHarness();
    tube.begin(true);
    tube.described(1, 'answer');
    expect(tube.refusal(tube.describe('answer'))).toBe('signalling_unexpected_answer');
  });
});

describe('connecting', () => {
  function connecting(answered: boolean): TubeHarness {
    const tube = new TubeHarness();
    tube.begin();
    tube.described();
    if (answered) tube.answer();
    return tube;
  }

  test('fails after 30 s without an answer, and is closed after 120 s more', () => {
    const tube = connecting(false);
    tube.advance(29_999);
    expect(tube.path).toBe('connecting');
    tube.advance(1);
    expect(tube.path).toBe('failed');
    expect(tube.commands(1)).toEqual(['close@30000']);
    expect(tube.context.live).toEqual([]);
    tube.advance(119_999);
    expect(tube.path).toBe('failed');
    tube.advance(1);
    expect(tube.states).toEqual(['initializing', 'connecting', 'failed', 'closed']);
    expect(tube.of('closed')).toMatchObject([{ reason: 'connect_timeout', sinceStartMs: 150_000 }]);
    expect(tube.ended).toEqual(['xstate.done.actor']);
    expect(tube.clock.pending).toBe(0);
  });

  test('fails after 30 s also when its connection has closed itself meanwhile', () => {
    const tube = connecting(false);
    tube.report(1, { type: 'transport.closed' });
    tube.advance(30 * seconds);
    expect(tube.path).toBe('failed');
    expect(tube.ended).toEqual([]);
  });

  test('is recovered by generation 2, channels opened in-band, when it was answered but not up after 30 s', () => {
    const tube = connecting(true);
    tube.advance(30 * seconds);
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.transports.get(2)?.input).toMatchObject({ mode: { kind: 'offer' }, channels: [], dtlsRole: 'active' });
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'close@30000']);
    tube.complete();
    expect(tube.path).toBe('connected');
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1, trigger: 'transport_failure', outageMs: 30_000 }]);
  });

  test('is recovered at once when the first handshake fails after the answer', () => {
    const tube = connecting(true);
    tube.advance(700);
    tube.down(1);
    expect(tube.path).toBe('degraded.restarting.pathless');
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 2, attempt: 1, sinceStartMs: 700 }]);
  });

  test('fails when the connection is lost before the answer', () => {
    const tube = connecting(false);
    tube.down(1);
    expect(tube.path).toBe('failed');
  });

  test('fails without trickle, answered or not', () => {
    const tube = new TubeHarness({ settings: { trickleIce: false } });
    tube.begin();
    tube.described();
    tube.answer();
    tube.advance(30 * seconds);
    expect(tube.path).toBe('failed');
  });

  test.each(['initializing', 'connecting'])('refuses a restart while %s: the first offer stands', (state) => {
    const tube = new TubeHarness();
    tube.begin();
    if (state === 'connecting') tube.described();
    expect(tube.refusal(tube.restart())).toBe('restart_in_progress');
    expect(tube.last('decision')?.decision).toMatchObject({ action: 'skip', trigger: 'manual', attempt: 0 });
    expect(tube.path).toBe(state);
  });

  test('refuses the offer of a peer that should answer ours', () => {
    const tube = connecting(false);
    expect(tube.refusal(tube.describe('offer'))).toBe('signalling_unexpected_offer');
    expect(tube.newest).toBe(1);
  });
});

describe('what the peer sends', () => {
  test('an answer of another generation is stale, a second one unexpected; neither changes anything', () => {
    const tube = new TubeHarness();
    tube.begin();
    expect(tube.refusal(tube.describe('answer', 1))).toBe('signalling_unexpected_answer');
    tube.described();
    expect(tube.refusal(tube.describe('answer', 2))).toBe('signalling_stale_generation');
    tube.answer();
    expect(tube.refusal(tube.describe('answer', 1))).toBe('signalling_unexpected_answer');
    tube.up();
    expect(tube.refusal(tube.describe('answer', 1))).toBe('signalling_stale_generation');
    expect(tube.refusal(tube.describe('answer'))).toBe('signalling_unexpected_answer');
    expect(tube.path).toBe('connected');
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0']);
  });

  test('an answer that names no generation is taken for the one that waits', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.described();
    tube.describe('answer', null);
    expect(tube.commands(1)).toEqual(['applyAnswer@0']);
  });

  test('an answer that the transport refuses is refused, and another may come', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.described();
    const call = tube.describe('answer');
    tube.report(1, { type: 'transport.refused', requestId: call, failure: { code: 'input_sdp', detail: '' } });
    expect(tube.refusal(call)).toBe('input_sdp');
    tube.describe('answer');
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'applyAnswer@0']);
  });

  test('an answer that is applied after its generation was dropped is refused', () => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    tube.described();
    const call = tube.describe('answer', 2);
    tube.advance(15 * seconds);
    tube.applied('overlap', 2, false, call);
    expect(tube.refusal(call)).toBe('signalling_stale_generation');
  });

  test('candidates go to their generation, or to the one that comes up', () => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    tube.described();
    const calls = [tube.candidate(1), tube.candidate(2), tube.candidate(null)];
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0', 'addCandidate@0']);
    expect(tube.commands(2)).toEqual(['addCandidate@0', 'addCandidate@0']);
    expect(tube.transports.get(2)?.commands.map((command) => 'requestId' in command && command.requestId)).toEqual(
      calls.slice(1),
    );
    tube.report(2, { type: 'transport.candidateAccepted', requestId: calls[1]! });
    expect(tube.last('accepted')).toMatchObject({ requestId: calls[1], generation: 2 });
  });

  test('candidates of a dead or unknown generation are refused as stale', () => {
    const tube = TubeHarness.connected();
    tube.restart();
    tube.complete();
    for (const generation of [0, 1, 3, -1]) {
      expect(tube.refusal(tube.candidate(generation))).toBe('signalling_stale_generation');
    }
    expect(tube.refusal(tube.candidate(2))).toBeUndefined();
  });

  test('candidates are refused when there is no generation at all', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.advance(180 * seconds - 1);
    expect(tube.path).toBe('failed');
    expect(tube.refusal(tube.candidate(null))).toBe('signalling_stale_generation');
  });

  test.each([
    ['a candidate', (tube: TubeHarness) => tube.candidate(null)],
    ['an offer', (tube: TubeHarness) => tube.describe('offer')],
    ['its signalling socket', (tube: TubeHarness) => tube.signalling(true)],
    ['update_activity', (tube: TubeHarness) => tube.send({ type: 'tube.activity', atMs: tube.clock.nowMs })],
    ['data', (tube: TubeHarness) => tube.heard(true)],
    ['anything on the control channel', (tube: TubeHarness) => tube.heard(false)],
  ])('%s is activity', (_, show) => {
    const tube = TubeHarness.connected();
    tube.ponging = false;
    tube.advance(4 * seconds);
    show(tube);
    expect(tube.context.lastActivityAtMs).toBe(tube.clock.nowMs);
  });
});

describe('keepalive', () => {
  test('two missed pings degrade, a pong restores: recovered with no attempt, the connection untouched', () => {
    const tube = TubeHarness.connected();
    tube.advance(seconds);
    tube.ponging = false;
    tube.advance(5_999);
    expect(tube.path).toBe('connected');
    tube.advance(1);
    expect(tube.path).toBe('degraded.doubted');
    expect(tube.of('ping').map(({ outcome }) => outcome)).toEqual(['pong', 'missed', 'missed']);
    tube.ponging = true;
    tube.advance(seconds);
    expect(tube.path).toBe('connected');
    // The ping after the two that were missed is answered.
    expect(tube.of('recovered')).toMatchObject([{ attempts: 0, trigger: 'missed_pings', outageMs: 8_000 }]);
    expect(tube.of('decision')).toEqual([]);
    expect(tube.commands(1)).toEqual(['applyAnswer@0', 'activate@0']);
    tube.advance(60 * seconds);
    expect(tube.context.incident).toBeNull();
    expect(tube.children).toEqual(['health', 'keepalive', 'transport.1']);
  });

  test('data restores as well as a pong', () => {
    const tube = TubeHarness.connected();
    tube.advance(seconds);
    tube.ponging = false;
    tube.advance(7 * seconds);
    expect(tube.path).toBe('degraded.doubted');
    tube.heard(true);
    expect(tube.path).toBe('connected');
  });

  test('data over a generation that lingers, or comes up, does not', () => {
    const tube = TubeHarness.connected('overlap', { settings: { generationLingerMs: 60_000 } });
    tube.restart();
    tube.complete('overlap');
    tube.ponging = false;
    tube.report(2, { type: 'transport.pong', seq: null, rttMs: 20 });
    tube.advance(8 * seconds);
    expect(tube.path).toBe('degraded.doubted');
    tube.heard(true, 1);
    expect(tube.path).toBe('degraded.doubted');
    expect(tube.context.lastActivityAtMs).toBe(tube.clock.nowMs);
    tube.restart();
    tube.heard(true, 3);
    expect(tube.path).toBe('degraded.restarting.doubtful');
    tube.heard(true, 2);
    expect(tube.path).toBe('degraded.restarting.overlapping');
  });

  test('signals every 300 s while connected, with the last activity', () => {
    const tube = TubeHarness.connected();
    tube.advance(299_999);
    expect(tube.of('keepalive')).toEqual([]);
    tube.advance(1);
    tube.advance(600 * seconds);
    expect(tube.of('keepalive').map(({ sinceStartMs }) => sinceStartMs)).toEqual([300_000, 600_000, 900_000]);
    expect(tube.of('keepalive')[0]?.lastActivityAtMs).toBe(tube.startMs + 295_000);
  });

  test('signals nothing while degraded, and goes on afterwards', () => {
    const tube = TubeHarness.connected('plain', { settings: { incidentDeadlineMs: 3_000_000 } });
    tube.advance(299 * seconds);
    tube.signalling(false);
    tube.down(1);
    tube.advance(2 * seconds);
    expect(tube.of('keepalive')).toEqual([]);
    tube.signalling(true);
    tube.complete();
    tube.advance(299 * seconds);
    expect(tube.of('keepalive').map(({ sinceStartMs }) => sinceStartMs)).toEqual([600_000]);
  });

  test('a peer that never answers pings is not judged by them', () => {
    const tube = new TubeHarness();
    tube.ponging = false;
    tube.begin();
    tube.described();
    tube.answer();
    tube.up();
    tube.advance(1_000 * seconds);
    expect(tube.states).toEqual(['initializing', 'connecting', 'connected']);
  });

  test('pongs of a generation that is not active count for nothing', () => {
    const tube = TubeHarness.connected('overlap');
    tube.ponging = false;
    tube.advance(8 * seconds);
    tube.report(99, { type: 'transport.pong', seq: 1, rttMs: 1 });
    expect(tube.path).toBe('degraded.doubted');
  });
});

describe('the session', () => {
  test('is warned of after 19 min without data and closed after 1 h', () => {
    const tube = TubeHarness.connected();
    tube.advance(19 * 60 * seconds - 1);
    expect(tube.of('sessionWarning')).toEqual([]);
    tube.advance(1);
    expect(tube.of('sessionWarning')).toMatchObject([{ leftMs: 41 * 60 * seconds }]);
    tube.advance(41 * 60 * seconds - 1);
    expect(tube.path).toBe('connected');
    tube.advance(1);
    expect(tube.path).toBe('closed');
    expect(tube.of('closed')).toMatchObject([{ reason: 'session_timeout', sinceStartMs: 3_600_000 }]);
    expect(tube.clock.pending).toBe(0);
  });

  test('is reset by data, not by pongs or signalling', () => {
    const tube = TubeHarness.connected();
    tube.advance(18 * 60 * seconds);
    tube.heard(true);
    tube.advance(18 * 60 * seconds);
    tube.heard(false);
    tube.candidate(null);
    expect(tube.of('sessionWarning')).toEqual([]);
    tube.advance(60 * seconds);
    expect(tube.of('sessionWarning')).toHaveLength(1);
    tube.heard(true);
    tube.advance(19 * 60 * seconds);
    expect(tube.of('sessionWarning')).toHaveLength(2);
    tube.advance(41 * 60 * seconds);
    expect(tube.of('closed')).toMatchObject([{ reason: 'session_timeout', sinceStartMs: (37 + 60) * 60 * seconds }]);
  });

  test('is reset by data of ours, and by data over a generation that lingers', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(18 * 60 * seconds);
    tube.send({ type: 'tube.dataSent', atMs: tube.clock.nowMs });
    tube.advance(18 * 60 * seconds);
    tube.restart();
    tube.complete('overlap');
    tube.heard(true, 1);
    tube.advance(19 * 60 * seconds - 1);
    expect(tube.of('sessionWarning')).toEqual([]);
    tube.advance(1);
    expect(tube.of('sessionWarning')).toHaveLength(1);
    tube.send({ type: 'tube.dataSent', atMs: tube.clock.nowMs });
    tube.advance(3_599 * seconds);
    expect(tube.path).toBe('connected');
    tube.advance(seconds);
    expect(tube.of('closed')).toMatchObject([{ reason: 'session_timeout' }]);
  });

  test('is all that data of ours touches: it shows nothing of the peer', () => {
    const tube = TubeHarness.connected();
    tube.ponging = false;
    tube.advance(8 * seconds);
    const { lastActivityAtMs } = tube.context;
    tube.send({ type: 'tube.dataSent', atMs: tube.clock.nowMs });
    expect(tube.path).toBe('degraded.doubted');
    expect(tube.context.lastActivityAtMs).toBe(lastActivityAtMs);
    tube.advance(2 * seconds);
    expect(tube.path).toBe('degraded.restarting.doubtful');
  });

  test('and the keepalive signal are there also when the first connection came about by a restart', () => {
    const tube = new TubeHarness();
    tube.begin();
    tube.described();
    tube.answer();
    tube.down(1);
    tube.complete();
    expect(tube.path).toBe('connected');
    tube.advance(300 * seconds);
    expect(tube.of('keepalive')).toHaveLength(1);
    tube.advance(3_300 * seconds);
    expect(tube.of('closed')).toMatchObject([{ reason: 'session_timeout' }]);
  });

  test('goes on through a restart', () => {
    const tube = TubeHarness.connected();
    tube.advance(10 * 60 * seconds);
    tube.restart();
    tube.complete();
    tube.advance(9 * 60 * seconds);
    expect(tube.of('sessionWarning')).toHaveLength(1);
  });
});

describe('health', () => {
  const sample = (rttMs: number) => ({
    type: 'transport.sampled' as const,
    sample: {
      bytesSent: 1,
      bytesReceived: 1,
      bufferedBytes: 0,
      pingsSent: 100,
      pongsReceived: 100,
      probes: null,
      rttMs,
      selectedPair: null,
    },
  });
  const samples = (tube: TubeHarness, generation: number): number =>
    tube.transports.get(generation)!.commands.filter(({ type }) => type === 'transport.sample').length;

  test('is polled every 120 s, and every 5 s while degraded', () => {
    const tube = TubeHarness.connected('overlap');
    tube.advance(119_999);
    expect(samples(tube, 1)).toBe(0);
    tube.advance(1);
    expect(samples(tube, 1)).toBe(1);
    tube.report(1, sample(20));
    expect(tube.of('sampled')).toHaveLength(1);
    tube.restart();
    tube.advance(5 * seconds);
    expect(samples(tube, 1)).toBe(2);
  });

  test('three poor polls in a row start an overlapping restart', () => {
    const tube = TubeHarness.connected('overlap');
    for (let n = 1; n <= 3; n += 1) {
      expect(tube.path).toBe('connected');
      tube.advance(120 * seconds);
      tube.report(1, sample(900));
    }
    expect(tube.of('quality')).toMatchObject([{ verdict: 'poor', score: 0.5, rttMs: 900, lossRatio: 0 }]);
    expect(tube.of('polled')).toHaveLength(3);
    expect(tube.path).toBe('degraded.restarting.overlapping');
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 2, trigger: 'poor_quality' }]);
    tube.complete('overlap');
    expect(tube.of('recovered')).toMatchObject([{ attempts: 1, trigger: 'poor_quality', outageMs: 0 }]);
  });

  test('the ping that is on its way is not counted as lost', () => {
    const tube = TubeHarness.connected();
    tube.advance(120 * seconds);
    const { sample: base, type } = sample(20);
    tube.report(1, { type, sample: { ...base, pingsSent: 25, pongsReceived: 24 } });
    expect(tube.of('quality')).toEqual([]);
    tube.advance(120 * seconds);
    tube.report(1, { type, sample: { ...base, pingsSent: 50, pongsReceived: 48 } });
    expect(tube.of('quality')).toMatchObject([{ verdict: 'warning', lossRatio: 0.04 }]);
  });

  test('a sample of the generation before is told but not judged', () => {
    const tube = TubeHarness.connected('overlap');
    tube.restart();
    tube.complete('overlap');
    tube.advance(120 * seconds);
    tube.report(1, sample(900));
    expect(tube.of('sampled')).toMatchObject([{ generation: 1 }]);
    expect(tube.of('quality')).toEqual([]);
    tube.report(2, sample(900));
    expect(tube.of('quality')).toMatchObject([{ verdict: 'poor' }]);
  });

  test('loss is not known for a peer that never answered a ping', () => {
    const tube = TubeHarness.connected();
    tube.advance(120 * seconds);
    const { sample: base, type } = sample(310);
    tube.report(1, { type, sample: { ...base, pongsReceived: 0 } });
    expect(tube.of('quality')).toMatchObject([{ verdict: 'warning', lossRatio: null, rttMs: 310 }]);
  });

  test('four failed operations in 10 s of silence start a restart, whoever the peer is', () => {
    const tube = new TubeHarness();
    tube.ponging = false;
    tube.begin();
    tube.described();
    tube.answer();
    tube.up();
    for (let n = 0; n < 4; n += 1) tube.send({ type: 'tube.operationFailed', atMs: tube.clock.nowMs });
    tube.advance(9_999);
    expect(tube.path).toBe('connected');
    tube.advance(1);
    expect(tube.path).toBe('degraded.restarting.overlapping');
    expect(tube.of('attemptStarted')).toMatchObject([{ generation: 2, trigger: 'unhealthy' }]);
  });

  test('nothing is advised without trickle', () => {
    const tube = TubeHarness.connected('plain', { settings: { trickleIce: false } });
    for (let n = 0; n < 3; n += 1) {
      tube.advance(120 * seconds);
      tube.report(1, sample(900));
    }
    expect(tube.path).toBe('connected');
  });
});

describe('closing', () => {
  const everyState: Record<string, () => TubeHarness> = {
    initializing: () => new TubeHarness(),
    'initializing begun': () => {
      const tube = new TubeHarness();
      tube.begin();
      return tube;
    },
    connecting: () => {
      const tube = new TubeHarness();
      tube.begin();
      tube.described();
      return tube;
    },
    connected: () => TubeHarness.connected(),
    doubted: () => {
      const tube = TubeHarness.connected();
      tube.ponging = false;
      tube.advance(8 * seconds);
      return tube;
    },
    restarting: () => {
      const tube = TubeHarness.connected();
      tube.restart();
      return tube;
    },
    lingering: () => {
      const tube = TubeHarness.connected('overlap');
      tube.restart();
      tube.complete('overlap');
      return tube;
    },
    failed: () => {
      const tube = new TubeHarness();
      tube.begin();
      tube.advance(60 * seconds);
      return tube;
    },
  };

  test.each(Object.keys(everyState))('from %s ends every child and leaves no timer', (name) => {
    const tube = everyState[name]!();
    tube.close();
    expect(tube.state).toBe('closed');
    expect(tube.emissions.slice(-2)).toMatchObject([
      { type: 'state', state: 'closed' },
      { type: 'closed', reason: 'requested' },
    ]);
    expect(tube.ended).toEqual(['xstate.done.actor']);
    expect(tube.children).toEqual([]);
    expect([...tube.transports.values()].every(({ stopped }) => stopped)).toBe(true);
    expect(tube.clock.pending).toBe(0);
  });
});
