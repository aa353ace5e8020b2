// The mapping from what a tube says to the wire signal, as a table.
import { describe, expect, test } from '@jest/globals';
import { evidenceOf } from '../support/evidence.js';
import type { TubeEmission, TubeIdentity } from '../../machines/events.js';
import {
  isShown,
  messageSignal,
  nextStates,
  progress,
  toSignal,
  toWire,
  type SignalDraft,
  type ToldStates,
} from '../../src/gateway/signals.js';
import type { TubeNotice } from '../../src/registry/notice.js';
import { fakeSdp } from '../support/fake-tubes.js';

const identity: TubeIdentity = {
  tubeId: 'tube',
  conversationId: 'talk',
  tenant: 'acme',
  peerTokenDigest: '',
  createdAtMs: 0,
};
const told: ToldStates = { state: 'connected', previousState: 'connecting', transportState: 'connected' };
const sdp = fakeSdp('x');
const base64 = Buffer.from(sdp).toString('base64');

const noticeOf = (emission: TubeEmission): TubeNotice => ({
  identity,
  generation: 2,
  atMs: 100_000,
  previousState: 'connecting',
  emission,
});

const noServers = (): readonly [] => [];

function signalOf(emission: TubeEmission, iceServers: Parameters<typeof toSignal>[2] = noServers): SignalDraft | null {
  const notice = noticeOf(emission);
  return toSignal(notice, nextStates(told, notice), iceServers);
}

describe('signals', () => {
  test.each<[string, TubeEmission, Partial<SignalDraft>]>([
    [
      'a state',
      { type: 'state', state: 'degraded', reason: 'missed pings' },
      {
        kind: 'connection_state_changed',
        data: 'degraded',
        generation: 2,
        flag: progress.progress,
        extra: { transport_state: 'connected', previous_state: 'connected', reason: 'missed pings' },
      },
    ],
    ['the failed state', { type: 'state', state: 'failed', reason: '' }, { data: 'failed', flag: progress.fail }],
    ['connected', { type: 'state', state: 'connected', reason: '' }, { data: 'connected', flag: progress.complete }],
    [
      'a transport state',
      { type: 'transportState', generation: 2, state: 'disconnected' },
      {
        kind: 'connection_state_changed',
        data: 'connected',
        extra: { transport_state: 'disconnected', previous_state: 'connected', reason: '' },
      },
    ],
    [
      'a requested close',
      { type: 'closed', reason: 'requested' },
      {
        data: 'closed',
        flag: progress.complete,
        status: 'closed: requested',
        extra: { transport_state: 'closed', previous_state: 'connected', reason: 'requested' },
      },
    ],
    ['a bad close', { type: 'closed', reason: 'restart_exhausted' }, { data: 'closed', flag: progress.fail }],
    [
      'a restart offer',
      { type: 'description', generation: 2, description: { type: 'offer', sdp }, purpose: 'restart', requestId: null },
      {
        kind: 'ice_restart_offer',
        data: base64,
        flag: progress.progress,
        status: 'ICE restart offer sent, awaiting answer',
      },
    ],
    [
      'a candidate',
      { type: 'candidate', generation: 2, candidate: 'c', mid: '0' },
      { kind: 'icecandidate', data: 'c', extra: { sdp_mid: '0' } },
    ],
    [
      'a skipped restart',
      {
        type: 'decision',
        decision: {
          action: 'skip',
          code: 'restart_in_progress',
          why: 'because',
          trigger: 'manual',
          attempt: 1,
          delayMs: 0,
          verdict: null,
          evidence: evidenceOf(),
        },
      },
      {
        kind: 'ice_restart_offer',
        data: '',
        flag: progress.skip,
        status: 'ICE restart already in progress, skipping duplicate request',
        extra: { trigger: 'manual' },
      },
    ],
    [
      'a skipped restart without a code',
      {
        type: 'decision',
        decision: {
          action: 'skip',
          code: null,
          why: 'because',
          trigger: 'manual',
          attempt: 1,
          delayMs: 0,
          verdict: null,
          evidence: evidenceOf(),
        },
      },
      { kind: 'ice_restart_offer', data: '', flag: progress.skip, status: 'because' },
    ],
    [
      'a given up restart',
      {
        type: 'decision',
        decision: {
          action: 'give_up',
          code: 'restart_exhausted',
          why: 'trickle',
          trigger: 'missed_pings',
          attempt: 1,
          delayMs: 0,
          verdict: null,
          evidence: evidenceOf(),
        },
      },
      { kind: 'ice_restart_offer', data: '', flag: progress.fail, status: 'trickle' },
    ],
    [
      'a failed attempt',
      {
        type: 'attemptEnded',
        generation: 3,
        trigger: 'manual',
        outcome: 'failure',
        failure: { code: 'transport_answer_timeout', detail: '' },
        durationMs: 1,
      },
      {
        kind: 'ice_restart_offer',
        data: '',
        generation: 3,
        flag: progress.fail,
        status: 'ICE restart answer timeout - no response from remote peer after 15s',
      },
    ],
    [
      'a failed attempt that waited otherwise than usual',
      {
        type: 'attemptEnded',
        generation: 3,
        trigger: 'manual',
        outcome: 'failure',
        failure: { code: 'transport_answer_timeout', detail: 'no response after 2s' },
        durationMs: 1,
      },
      { kind: 'ice_restart_offer', data: '', flag: progress.fail, status: 'no response after 2s' },
    ],
    [
      'an attempt that a newer one supersedes, which is no failure',
      {
        type: 'attemptEnded',
        generation: 3,
        trigger: 'ip_change',
        outcome: 'failure',
        failure: { code: 'restart_in_progress', detail: '' },
        durationMs: 1,
      },
      {
        kind: 'ice_restart_offer',
        data: '',
        generation: 3,
        flag: progress.skip,
        status: 'ICE restart superseded by a newer one',
      },
    ],
    [
      'a successful attempt',
      { type: 'attemptEnded', generation: 3, trigger: 'manual', outcome: 'success', failure: null, durationMs: 1 },
      { kind: 'ice_restart_offer', data: '', flag: progress.complete, status: 'ICE restart complete' },
    ],
    [
      'a recovery',
      { type: 'recovered', attempts: 2, trigger: 'manual', outageMs: 300 },
      { kind: 'recovered', data: { attempts: 2, trigger: 'manual', outage_ms: 300 }, flag: progress.complete },
    ],
    [
      'a keepalive',
      { type: 'keepalive', lastActivityAtMs: 58_000 },
      { kind: 'keepalive', data: 42, flag: progress.absent },
    ],
    ['a session warning', { type: 'sessionWarning', leftMs: 60_500 }, { kind: 'session_timeout_warning', data: 61 }],
    [
      'an opened channel',
      { type: 'channelOpened', channel: { label: 'data', id: 2, class: 'reliable' } },
      { kind: 'channel_opened', data: { label: 'data', id: 2 } },
    ],
    [
      'a closed channel',
      { type: 'channelClosed', label: 'data', id: 2, reason: 'peer' },
      { kind: 'channel_closed', data: { label: 'data', id: 2, reason: 'peer' } },
    ],
    [
      'quality',
      { type: 'quality', verdict: 'poor', score: 0.5, lossRatio: 0.1, rttMs: 900 },
      { kind: 'quality', data: { verdict: 'poor', score: 0.5, loss: 0.1, rtt_ms: 900 } },
    ],
  ])('%s', (_name, emission, expected) => {
    expect(signalOf(emission)).toMatchObject(expected);
  });

  test.each<[string, TubeEmission]>([
    ['the closed state, because the close itself is told', { type: 'state', state: 'closed', reason: '' }],
    [
      'the first offer',
      { type: 'description', generation: 1, description: { type: 'offer', sdp }, purpose: 'initial', requestId: null },
    ],
    [
      'an answer',
      { type: 'description', generation: 2, description: { type: 'answer', sdp }, purpose: 'restart', requestId: 'r' },
    ],
    [
      'a decision to wait',
      {
        type: 'decision',
        decision: {
          action: 'wait',
          code: null,
          why: '',
          trigger: 'manual',
          attempt: 1,
          delayMs: 9,
          verdict: null,
          evidence: evidenceOf(),
        },
      },
    ],
    [
      'a network change that needs no restart',
      {
        type: 'decision',
        decision: {
          action: 'skip',
          code: null,
          why: 'the way to the peer is as it was',
          trigger: 'ip_change',
          attempt: 0,
          delayMs: 0,
          verdict: 'leave_alone',
          evidence: evidenceOf({ source: 'host', route: 'same' }),
        },
      },
    ],
    ['a ping', { type: 'ping', outcome: 'pong', rttMs: 1 }],
    ['a health poll', { type: 'polled', verdict: 'poor', score: 0.5, lossRatio: 0.1, rttMs: 900 }],
    [
      'the channel that probes the path',
      { type: 'channelOpened', channel: { label: 'holdfast-probe', id: 6, class: 'latest' } },
    ],
    ['its end', { type: 'channelClosed', label: 'holdfast-probe', id: 6, reason: 'peer' }],
  ])('is silent about %s', (_name, emission) => expect(signalOf(emission)).toBeNull());

  test('a restart offer brings ICE servers, and nothing else asks for any', () => {
    let asked = 0;
    const servers = (): [{ urls: string[]; username: string }] => {
      asked += 1;
      return [{ urls: ['turn:t'], username: 'u' }];
    };
    const offer: TubeEmission = {
      type: 'description',
      generation: 2,
      description: { type: 'offer', sdp },
      purpose: 'restart',
      requestId: null,
    };
    expect(signalOf(offer, servers)?.extra).toEqual({ ice_servers: [{ urls: ['turn:t'], username: 'u' }] });
    expect(signalOf(offer)?.extra).toEqual({});
    signalOf({ ...offer, purpose: 'initial' }, servers);
    signalOf({ type: 'candidate', generation: 2, candidate: '', mid: '0' }, servers);
    const ended = { generation: 2, trigger: 'manual', outcome: 'success', failure: null, durationMs: 1 } as const;
    expect(signalOf({ type: 'attemptEnded', ...ended }, servers)?.extra).toEqual({ trigger: 'manual' });
    expect(asked).toBe(1);
  });

  test('the states that are told before and after each other', () => {
    const steps: TubeEmission[] = [
      { type: 'state', state: 'initializing', reason: 'created' },
      { type: 'state', state: 'connecting', reason: '' },
      { type: 'state', state: 'connecting', reason: 'again' },
      { type: 'state', state: 'closed', reason: '' },
      { type: 'closed', reason: 'requested' },
    ];
    let states: ToldStates = { state: 'initializing', previousState: null, transportState: 'new' };
    const seen = steps.flatMap((emission) => {
      states = nextStates(states, noticeOf(emission));
      return toSignal(noticeOf(emission), states, noServers) ?? [];
    });
    expect(seen.map(({ data, extra }) => [extra['previous_state'], data])).toEqual([
      [null, 'initializing'],
      ['initializing', 'connecting'],
      ['initializing', 'connecting'],
      ['connecting', 'closed'],
    ]);
  });

  test.each([
    ['the only one', 1, 1, null, true],
    ['the newest while none carries data', 2, 2, null, true],
    ['an older one while none carries data', 1, 2, null, false],
    ['the one that carries data', 1, 2, 1, true],
    ['an attempt beside it', 2, 2, 1, false],
    ['the one before it', 1, 2, 2, false],
  ])('of transport states: %s', (_name, generation, newest, active, expected) =>
    expect(isShown(generation, newest, active)).toBe(expected),
  );

  test('a cut-over means a transport that is connected', () => {
    const lost = { ...told, transportState: 'failed' as const };
    expect(nextStates(lost, noticeOf({ type: 'cutOver', generation: 2, from: null })).transportState).toBe('connected');
  });

  test('a message keeps text as text and encodes bytes', () => {
    expect(messageSignal(1, 'data', 'hi').data).toEqual({ channel: 'data', payload: 'hi', encoding: 'utf8' });
    expect(messageSignal(1, 'data', new Uint8Array([0, 1])).data).toEqual({
      channel: 'data',
      payload: 'AAE=',
      encoding: 'base64',
    });
  });

  test('the wire form', () => {
    expect(toWire(messageSignal(1, 'data', 'hi'), identity, 7, 99)).toEqual({
      tube_id: 'tube',
      conversation_id: 'talk',
      kind: 'message',
      data: { channel: 'data', payload: 'hi', encoding: 'utf8' },
      generation: 1,
      at: 99,
      seq: 7,
      progress_flag: 4,
      progress_status: '',
      is_ok: true,
    });
  });
});
