// One notice of every kind, as the registry would publish them.
import type { TubeEmission, TubeIdentity, TubeState } from '../../machines/events.js';
import { configSchema } from '../../src/config/schema.js';
import type { TubeNotice } from '../../src/registry/notice.js';
import { evidenceOf } from '../support/evidence.js';

export const identity: TubeIdentity = {
  tubeId: '5f0c9a52-8f0e-4b53-9f6f-1c1d6a4d3a10',
  conversationId: 'call-7',
  tenant: 'default',
  peerTokenDigest: 'd1ge57',
  createdAtMs: 1000,
};

export interface At {
  readonly atMs?: number;
  readonly from?: TubeState;
  readonly generation?: number;
}

export function noticeOf(
  emission: TubeEmission,
  { atMs = 1000, from = 'connected', generation = 1 }: At = {},
): TubeNotice {
  return { identity, generation, atMs, previousState: from, emission };
}

export const sdp = ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 'a=ice-ufrag:uFr4', 'a=ice-pwd:p4sSw0rdp4sSw0rdp4sSw0', ''].join(
  '\r\n',
);

const sample = {
  bytesSent: 10,
  bytesReceived: 20,
  bufferedBytes: 0,
  pingsSent: 1,
  pongsReceived: 1,
  probes: { sent: 100, arrived: 99, echoed: 98 },
  rttMs: 12,
  selectedPair: { local: 'host', remote: 'srflx' },
};
const channel = { label: 'data', id: 2, class: 'reliable' } as const;
const { channels, ...numbers } = configSchema.parse({});

/** Keyed by kind, so that a new kind does not compile until it is here. */
export const emissions: { readonly [T in TubeEmission['type']]: Extract<TubeEmission, { type: T }> } = {
  state: { type: 'state', state: 'degraded', reason: 'trouble or restart' },
  transportState: { type: 'transportState', generation: 1, state: 'disconnected' },
  description: {
    type: 'description',
    generation: 2,
    description: { type: 'offer', sdp },
    purpose: 'restart',
    requestId: null,
  },
  candidate: {
    type: 'candidate',
    generation: 1,
    candidate: 'candidate:1 1 UDP 2122317823 192.0.2.7 40001 typ host generation 0 ufrag uFr4',
    mid: '0',
  },
  accepted: { type: 'accepted', what: 'answer', requestId: 'r', generation: 1 },
  refused: { type: 'refused', requestId: 'r', failure: { code: 'restart_in_progress', detail: '' } },
  decision: {
    type: 'decision',
    decision: {
      action: 'wait',
      code: null,
      why: 'backoff',
      trigger: 'missed_pings',
      attempt: 1,
      delayMs: 5000,
      verdict: null,
      evidence: evidenceOf({ missedPings: 3, silentMs: 9000 }),
    },
  },
  attemptStarted: { type: 'attemptStarted', generation: 2, attempt: 1, trigger: 'missed_pings' },
  attemptEnded: {
    type: 'attemptEnded',
    generation: 2,
    trigger: 'missed_pings',
    outcome: 'failure',
    failure: { code: 'transport_answer_timeout', detail: '' },
    durationMs: 15_000,
  },
  networkChange: {
    type: 'networkChange',
    change: 'ip_change',
    source: 'host',
    detail: '+eth0 192.0.2.9',
    evidence: evidenceOf({ trigger: 'ip_change', source: 'host', route: 'moved' }),
  },
  selectedPair: {
    type: 'selectedPair',
    generation: 2,
    pair: {
      local: { type: 'host', protocol: 'udp', address: '192.0.2.9', port: 40001 },
      remote: { type: 'prflx', protocol: 'udp', address: '198.51.100.7', port: 40002 },
    },
  },
  cutOver: { type: 'cutOver', generation: 2, from: 1 },
  generationClosed: { type: 'generationClosed', generation: 1 },
  recovered: { type: 'recovered', attempts: 1, trigger: 'missed_pings', outageMs: 900 },
  keepalive: { type: 'keepalive', lastActivityAtMs: 500 },
  ping: { type: 'ping', outcome: 'missed', rttMs: null },
  sessionWarning: { type: 'sessionWarning', leftMs: 60_000 },
  channelOpened: { type: 'channelOpened', channel },
  channelClosed: { type: 'channelClosed', label: 'data', id: 2, reason: 'closed by the peer' },
  quality: { type: 'quality', verdict: 'poor', score: 0.4, lossRatio: 0.1, rttMs: 900 },
  polled: { type: 'polled', verdict: 'poor', score: 0.4, lossRatio: 0.1, rttMs: 900 },
  sampled: { type: 'sampled', generation: 1, sample },
  breaker: { type: 'breaker', breaker: { kind: 'open' } },
  record: {
    type: 'record',
    record: {
      ...identity,
      settings: { ...numbers, channels, trickleIce: true },
      generation: 1,
      activeGeneration: 1,
      peerKind: 'plain',
      peerSession: null,
      signalling: 'relayed',
      dtlsRole: 'active',
      channels: [channel],
    },
  },
  failure: { type: 'failure', failure: { code: 'transport_init', detail: 'no sockets' }, generation: 1 },
  closed: { type: 'closed', reason: 'requested' },
};
