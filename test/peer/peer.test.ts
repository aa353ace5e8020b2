/** The peer library end to end, against a fake service and a fake clock: what an application sees and what the service is told. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { decodeControl, probeLabel, readMark } from '../../src/channels/wire.js';
import { HoldfastPeer } from '../../src/peer/peer.js';
import { PeerError } from '../../src/peer/peer-error.js';
import type { PeerEvents, PeerOptions, PeerState } from '../../src/peer/peer.types.js';
import { FakeClock } from './fake-clock.js';
import { FakeService } from './fake-service.js';

let clock: FakeClock;
let service: FakeService;
let peer: HoldfastPeer;
let states: PeerState[];
let errors: PeerError[];
let messages: string[];
let restarts: PeerEvents['restart'][];

function build(options: PeerOptions = {}): HoldfastPeer {
  const built = new HoldfastPeer({ signalling: service.signalling, ...options }, service.environment);
  states = [];
  errors = [];
  messages = [];
  restarts = [];
  built.on('state', ({ state }) => states.push(state));
  built.on('error', (error) => errors.push(error));
  built.on('message', ({ data }) => messages.push(String(data)));
  built.on('restart', (event) => restarts.push(event));
  return built;
}

async function connected(): Promise<void> {
  const connecting = peer.connect();
  service.offer(1);
  await clock.advance(1);
  await service.bringUp(1);
  await connecting;
}

async function restarted(generation: number): Promise<void> {
  service.offer(generation);
  await clock.advance(1);
  await service.bringUp(generation);
}

const codeOf = (fn: () => void): string => {
  try {
    fn();
    return 'nothing thrown';
  } catch (error) {
    return error instanceof PeerError ? error.code : 'not a PeerError';
  }
};

beforeEach(() => {
  clock = new FakeClock();
  service = new FakeService(clock);
  peer = build();
});

describe('the first generation', () => {
  it('is answered with our mark and ends in connected', async () => {
    expect(peer.state).toBe('new');
    await connected();
    expect(states).toEqual(['connecting', 'connected']);
    const [answer] = service.signalling.of('answer');
    expect(answer).toMatchObject({ type: 'answer', generation: 1 });
    expect(answer?.sdp).toContain(`a=x-holdfast:overlap ${peer.instance}\r\n`);
    expect(restarts).toEqual([]);
  });

  it('carries messages both ways, text as text and bytes as bytes', async () => {
    const seen: (string | Uint8Array)[] = [];
    peer.on('message', ({ data }) => seen.push(data));
    await connected();
    peer.send('data', 'grüße');
    service.link.send('data', 'hello');
    service.link.send('data', Uint8Array.of(0, 255));
    await clock.advance(5);
    expect(service.received).toEqual(['grüße']);
    expect(seen).toEqual(['hello', Uint8Array.of(0, 255)]);
  });

  it('answers a ping with a pong of the same sequence number, and a bare one with a bare one', async () => {
    await connected();
    service.ping(1, 77);
    service.ping(1, null);
    await clock.advance(5);
    expect(service.pongs.map((pong) => [...pong])).toEqual([
      [0, 0x50, 0x4f, 0x4e, 0x47, 0, 0, 0, 77],
      [0, 0x50, 0x4f, 0x4e, 0x47],
    ]);
    expect((await peer.stats()).pingsAnswered).toBe(2);
  });

  it('says that it answers probes, and echoes each with how many of its burst have come', async () => {
    const channels: string[] = [];
    peer.on('channel', ({ channel }) => channels.push(channel));
    service.records.push({ label: probeLabel, id: 4, class: 'latest' });
    await connected();
    expect(readMark(service.signalling.of('answer')[0]?.sdp ?? '')?.probes).toBe(true);
    for (const [burst, index] of [
      [1, 0],
      [1, 3],
      [1, 2],
      [2, 0],
      [1, 4],
    ] as const)
      service.ask(1, probeLabel, { kind: 'probe', burst, index });
    await clock.advance(5);
    expect(service.pongs.map(decodeControl)).toEqual([
      { kind: 'echo', burst: 1, index: 0, received: 1 },
      { kind: 'echo', burst: 1, index: 3, received: 2 },
      { kind: 'echo', burst: 1, index: 2, received: 3 },
      { kind: 'echo', burst: 2, index: 0, received: 1 },
    ]);
    expect(channels).toEqual(['data']);
    service.closeChannel(1, probeLabel);
    await clock.advance(2000);
    expect(peer.state).toBe('connected');
    expect(channels).toEqual(['data']);
  });

  it('answers a ping on each channel that it comes on, and counts it once', async () => {
    service.records.push({ label: probeLabel, id: 4, class: 'latest' });
    await connected();
    service.ping(1, 77);
    service.ask(1, probeLabel, { kind: 'ping', seq: 77 });
    await clock.advance(5);
    expect(service.pongs.map(decodeControl)).toEqual([
      { kind: 'pong', seq: 77 },
      { kind: 'pong', seq: 77 },
    ]);
    expect((await peer.stats()).pingsAnswered).toBe(1);
  });

  it('uses the ICE servers of the offer unless the application has its own', async () => {
    await connected();
    expect(service.connection(1).config.iceServers).toEqual([{ urls: ['stun:stun.example'] }]);
    peer = build({ iceServers: [{ urls: ['turn:own.example'], username: 'u', credential: 'c' }] });
    void peer.connect();
    service.offer(1);
    await clock.advance(1);
    expect(service.connection(1).config.iceServers[0]?.urls).toEqual(['turn:own.example']);
  });

  it('understands SDP in base64, as a relay finds it in a signal', async () => {
    void peer.connect();
    const sdp = 'v=0\r\no=offer 1 x\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n';
    service.signalling.handlers?.receive('offer', { type: 'offer', sdp: btoa(sdp), generation: 1 });
    await clock.advance(1);
    expect(service.connection(1).offerSdp).toBe(sdp);
  });

  it('without trickle is answered when gathering is complete, with the full description', async () => {
    void peer.connect();
    service.offer(1, { trickle: false });
    await clock.advance(5000);
    const connection = service.connection(1);
    connection.gathered = { type: 'answer', sdp: 'v=0\r\na=candidate:1\r\n' };
    expect(service.signalling.sent).toEqual([]);
    connection.handlers.localCandidate('', '0');
    expect(service.signalling.of('answer')[0]?.sdp).toContain('a=candidate:1');
    expect(service.signalling.of('icecandidate')).toEqual([]);
  });

  it('without trickle is answered after 10 s whatever was found until then', async () => {
    void peer.connect();
    service.offer(1, { trickle: false });
    await clock.advance(9999);
    expect(service.signalling.of('answer')).toHaveLength(0);
    await clock.advance(2);
    expect(service.signalling.of('answer')).toHaveLength(1);
  });

  it('trickles our candidates after the answer, never before', async () => {
    service.applyDelayMs = 100;
    void peer.connect();
    service.offer(1);
    await clock.advance(10);
    const [connection] = service.connections;
    connection?.handlers.localCandidate('candidate:early', '0');
    await clock.advance(100);
    connection?.handlers.localCandidate('', '0');
    expect(service.signalling.sent.map(({ event }) => event)).toEqual(['answer', 'icecandidate', 'icecandidate']);
    expect(service.signalling.of('icecandidate').map(({ candidate }) => candidate)).toEqual(['candidate:early', '']);
  });
});

describe('offers', () => {
  it('that come twice are answered twice with the same answer and one connection', async () => {
    void peer.connect();
    service.offer(1);
    await clock.advance(1);
    service.connection(1).handlers.localCandidate('candidate:a', '0');
    service.offer(1);
    await clock.advance(1);
    const answers = service.signalling.of('answer');
    expect(answers).toHaveLength(2);
    expect(answers[1]).toEqual(answers[0]);
    expect(service.connections).toHaveLength(1);
    expect(service.signalling.of('icecandidate')).toHaveLength(2);
  });

  it('that come twice before the answer exists are answered once', async () => {
    service.applyDelayMs = 50;
    void peer.connect();
    service.offer(1);
    service.offer(1);
    await clock.advance(60);
    expect(service.signalling.of('answer')).toHaveLength(1);
  });

  it('of an older generation are ignored and counted', async () => {
    await connected();
    await restarted(2);
    service.offer(1, { text: 'late' });
    await clock.advance(1);
    expect(service.connections).toHaveLength(2);
    expect((await peer.stats()).staleOffers).toBe(1);
  });

  it('supersede one that is still coming up, and the working generation is kept', async () => {
    await connected();
    service.offer(2);
    await clock.advance(1);
    service.offer(3);
    await clock.advance(1);
    expect(service.connection(2).closed).toBe(true);
    expect(service.connection(1).closed).toBe(false);
    await service.bringUp(3);
    expect(restarts.map(({ generation, phase, reason }) => [generation, phase, reason])).toEqual([
      [2, 'offered', undefined],
      [2, 'answered', undefined],
      [2, 'failed', 'superseded'],
      [3, 'offered', undefined],
      [3, 'answered', undefined],
      [3, 'up', undefined],
      [3, 'cut_over', undefined],
    ]);
  });

  it('of a generation that never worked may come anew, with another description or after it was given up', async () => {
    void peer.connect();
    service.offer(1);
    await clock.advance(1);
    service.offer(1, { text: 'again' });
    await clock.advance(1);
    expect(service.connections.map(({ closed }) => closed)).toEqual([true, false]);
    await clock.advance(20_000);
    expect(service.connections.map(({ closed }) => closed)).toEqual([true, true]);
    service.offer(1, { text: 'again' });
    await clock.advance(1);
    await service.bringUp(1);
    expect(peer.state).toBe('connected');
  });

  it('that cannot be used are reported and leave the working generation alone', async () => {
    await connected();
    service.offer(2, { text: 'unusable' });
    await clock.advance(1);
    service.refuseConnections = true;
    service.offer(3);
    expect(errors.map(({ code }) => code)).toEqual(['input_sdp', 'input_sdp']);
    expect(peer.state).toBe('connected');
    expect(restarts.at(-1)).toMatchObject({ generation: 3, phase: 'failed', reason: 'refused' });
  });

  it.each([null, 'text', {}, { sdp: 'v=0', generation: 0 }, { sdp: '%%%', generation: 1 }, { sdp: 1, generation: 1 }])(
    'that are malformed are reported and nothing else happens (%j)',
    (frame) => {
      void peer.connect();
      service.signalling.handlers?.receive('offer', frame);
      expect(errors.map(({ code }) => code)).toEqual(['signalling_malformed']);
      expect(service.connections).toHaveLength(0);
    },
  );
});

describe('candidates of the service', () => {
  it('are kept until the description of their generation is applied', async () => {
    service.applyDelayMs = 100;
    void peer.connect();
    service.candidate(1, 'before the offer');
    service.offer(1);
    service.candidate(1, 'before the description');
    await clock.advance(150);
    service.candidate(1, '');
    await clock.advance(1);
    expect(service.connection(1).candidates).toEqual(['before the offer', 'before the description', '']);
  });

  it('of dead generations are dropped and counted', async () => {
    await connected();
    await restarted(2);
    await clock.advance(3001);
    service.candidate(1, 'late');
    expect((await peer.stats()).staleCandidates).toBe(1);
  });

  it('are bounded: 64 per generation, 4 generations ahead', async () => {
    void peer.connect();
    for (let index = 0; index < 70; index++) service.candidate(1, `c${index}`);
    expect((await peer.stats()).droppedCandidates).toBe(6);
    for (let generation = 2; generation <= 6; generation++) service.candidate(generation, 'c');
    expect((await peer.stats()).droppedCandidates).toBe(8);
    service.offer(1);
    await clock.advance(1);
    expect(service.connection(1).candidates).toHaveLength(64);
  });

  it('that the connection refuses are counted, no more', async () => {
    await connected();
    service.connection(1).refuseCandidates = true;
    service.candidate(1, 'unusable');
    await clock.advance(1);
    expect((await peer.stats()).droppedCandidates).toBe(1);
    expect(errors).toEqual([]);
  });
});

describe('a restart', () => {
  it('cuts over when the new generation is up and closes the old one 3 s later', async () => {
    await connected();
    await restarted(2);
    expect(states).toEqual(['connecting', 'connected', 'restarting', 'connected']);
    await clock.advance(2990);
    expect(service.connection(1).closed).toBe(false);
    await clock.advance(20);
    expect(service.connection(1).closed).toBe(true);
    expect(service.connection(2).closed).toBe(false);
    expect(peer.state).toBe('connected');
    expect(restarts.map(({ phase }) => phase)).toEqual(['offered', 'answered', 'up', 'cut_over']);
    expect(await peer.stats()).toMatchObject({ generation: 2, restarts: 1 });
  });

  it('loses, repeats and reorders nothing, whoever sends while it runs and even when the old path is cut', async () => {
    await connected();
    let count = 0;
    const chat = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        peer.send('data', `p${count}`);
        service.link.send('data', `s${count++}`);
        await clock.advance(1);
      }
    };
    await chat(5);
    for (let generation = 2; generation <= 6; generation++) {
      service.offer(generation);
      await chat(5);
      if (generation % 2 === 0) service.cut(generation - 1);
      await chat(5);
      await service.bringUp(generation);
      await chat(5);
    }
    await clock.advance(100);
    const numbers = Array.from({ length: count }, (_, index) => index);
    expect(service.received).toEqual(numbers.map((index) => `p${index}`));
    expect(messages).toEqual(numbers.map((index) => `s${index}`));
  });

  it('that is not up in 20 s is given up and the working generation stays', async () => {
    await connected();
    service.offer(2);
    await clock.advance(19_999);
    expect(peer.state).toBe('restarting');
    await clock.advance(2);
    expect(peer.state).toBe('connected');
    expect(service.connection(2).closed).toBe(true);
    expect(restarts.at(-1)).toEqual({ generation: 2, phase: 'failed', durationMs: 20_000, reason: 'timeout' });
    peer.send('data', 'still there');
    await clock.advance(5);
    expect(service.received).toEqual(['still there']);
    expect(errors).toEqual([]);
  });

  it('ends the lingering generation early when a third one takes over or its connection closes', async () => {
    await connected();
    await restarted(2);
    await restarted(3);
    expect(service.connections.map(({ closed }) => closed)).toEqual([true, false, false]);
    service.connection(2).handlers.stateChanged('closed');
    expect(service.connection(2).closed).toBe(true);
    expect(peer.state).toBe('connected');
  });

  it('is asked for when the path is lost, once, and messages wait for it', async () => {
    await connected();
    service.connection(1).handlers.stateChanged('disconnected');
    expect(peer.state).toBe('disconnected');
    service.connection(1).handlers.stateChanged('failed');
    expect(service.connection(1).closed).toBe(true);
    expect(service.signalling.of('restart_request')).toEqual([
      { reason: 'transport_disconnected' },
      { reason: 'transport_lost' },
    ]);
    peer.send('data', 'waits');
    await restarted(2);
    await clock.advance(5);
    expect(service.received).toEqual(['waits']);
    expect(states).toEqual(['connecting', 'connected', 'disconnected', 'restarting', 'connected']);
  });

  it('is not asked for while one is running', async () => {
    await connected();
    service.offer(2);
    await clock.advance(1);
    service.connection(1).handlers.stateChanged('failed');
    expect(service.signalling.of('restart_request')).toEqual([]);
    expect(peer.state).toBe('restarting');
  });

  it('is not needed when a disconnected path comes back', async () => {
    await connected();
    service.connection(1).handlers.stateChanged('disconnected');
    service.connection(1).handlers.stateChanged('connected');
    expect(peer.state).toBe('connected');
  });

  it('may be asked for by the application', async () => {
    await connected();
    peer.requestRestart('the user pressed a button');
    expect(service.signalling.of('restart_request')).toEqual([{ reason: 'the user pressed a button' }]);
  });

  it('takes a control channel that closes as the end of its connection', async () => {
    await connected();
    service.closeChannel(1, 'control');
    expect(peer.state).toBe('disconnected');
  });
});

describe('channels', () => {
  it('are opened once, whatever generations come, and closed when the service gives one up', async () => {
    const seen: string[] = [];
    peer.on('channel', ({ channel, state }) => seen.push(`${channel} ${state}`));
    await connected();
    await restarted(2);
    await clock.advance(5000);
    expect(seen).toEqual(['data opened']);
    service.closeChannel(2, 'data');
    await clock.advance(1001);
    expect(seen).toEqual(['data opened', 'data closed']);
    expect(codeOf(() => peer.send('data', 'x'))).toBe('channel_unknown');
  });

  it('can be waited for', async () => {
    const order: string[] = [];
    const later = peer.opened('data').then(() => order.push('later'));
    await connected();
    await later;
    await peer.opened('data');
    expect(order).toEqual(['later']);
  });

  it('that we opened are opened again in a generation that was offered before the service knew them', async () => {
    await connected();
    service.offer(2);
    peer.openChannel('extra', 'latest');
    await clock.advance(1);
    await service.bringUp(2);
    const extra = service.connection(2).channels.find(({ label }) => label === 'extra');
    expect(extra).toMatchObject({ channelClass: 'latest', negotiatedId: null });
  });

  it('cannot be opened too early, too late, or with a name that cannot be one', async () => {
    expect(codeOf(() => peer.openChannel('extra'))).toBe('tube_state');
    await connected();
    expect(codeOf(() => peer.openChannel('control'))).toBe('input_schema');
    expect(codeOf(() => peer.openChannel(probeLabel))).toBe('input_schema');
    expect(codeOf(() => peer.openChannel(''))).toBe('input_schema');
    peer.close();
    expect(codeOf(() => peer.openChannel('extra'))).toBe('tube_closed');
  });

  it('refuse what they cannot take, by code', async () => {
    expect(codeOf(() => peer.send('data', 'x'))).toBe('channel_unknown');
    await connected();
    expect(codeOf(() => peer.send('other', 'x'))).toBe('channel_unknown');
    expect(codeOf(() => peer.send('data', 'x'.repeat(100_000)))).toBe('channel_message_too_large');
  });
});

describe('hooks', () => {
  it('that throw or reject are reported and harm nothing', async () => {
    const failing = (): never => {
      throw new Error('application bug');
    };
    for (const event of ['state', 'generation', 'message', 'channel', 'signalling', 'restart'] as const) {
      peer.on(event, failing);
    }
    peer.on('message', () => Promise.reject(new Error('later')));
    peer.on('error', failing);
    await connected();
    await restarted(2);
    service.link.send('data', 'hello');
    await clock.advance(5);
    expect(messages).toEqual(['hello']);
    expect(peer.state).toBe('connected');
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['handler_failed']));
    expect(errors.map(({ message }) => message)).toContain('handler_failed: message: later');
  });

  it('are not called after they were taken off', async () => {
    let calls = 0;
    const off = peer.on('message', () => calls++);
    off();
    off();
    await connected();
    service.link.send('data', 'hello');
    await clock.advance(5);
    expect(calls).toBe(0);
  });

  it('may close the peer from inside any event', async () => {
    for (const event of ['state', 'generation', 'channel', 'restart', 'signalling', 'message'] as const) {
      clock = new FakeClock();
      service = new FakeService(clock);
      peer = build();
      peer.on(event, () => peer.close());
      void peer.connect();
      service.offer(1);
      await clock.advance(1);
      if (service.connections.length > 0 && event !== 'signalling') await service.bringUp(1).catch(() => undefined);
      service.link.send('data', 'hello');
      service.offer(2);
      await clock.advance(30_000);
      expect([event, peer.state, clock.pendingTimers]).toEqual([event, 'closed', 0]);
      expect(service.connections.every(({ closed }) => closed)).toBe(true);
    }
  });

  it('of an own signalling that throws are reported', () => {
    service.signalling.start = () => {
      throw new Error('no relay');
    };
    void peer.connect();
    expect(errors.map(({ message }) => message)).toEqual(['handler_failed: signalling.start: no relay']);
  });
});

describe('close', () => {
  it('ends everything once, and nothing runs afterwards', async () => {
    await connected();
    await restarted(2);
    service.offer(3);
    await clock.advance(1);
    peer.close();
    peer.close();
    await clock.advance(60_000);
    expect(service.connections.every(({ closed }) => closed)).toBe(true);
    expect(service.signalling.stopped).toBe(1);
    expect(service.signalling.of('bye')).toEqual([{}]);
    expect(service.signalling.sent.at(-1)?.event).toBe('bye');
    expect(service.networkListener).toBeNull();
    expect(clock.pendingTimers).toBe(0);
    expect(states.filter((state) => state === 'closed')).toHaveLength(1);
    expect(codeOf(() => peer.send('data', 'x'))).toBe('tube_closed');
    expect(codeOf(() => peer.requestRestart('x'))).toBe('tube_closed');
    await expect(peer.opened('data')).rejects.toMatchObject({ code: 'tube_closed' });
  });

  it('by the service carries its reason and rejects a connect that still waits', async () => {
    const reasons: (string | null)[] = [];
    peer.on('state', ({ reason }) => reasons.push(reason));
    const connecting = peer.connect();
    service.signalling.handlers?.receive('closed', { reason: 'session_timeout' });
    await expect(connecting).rejects.toMatchObject({ code: 'tube_closed' });
    expect(reasons.at(-1)).toBe('session_timeout');
    peer.close();
    expect(service.signalling.of('bye')).toEqual([]);
    service.offer(1);
    expect(service.connections).toHaveLength(0);
  });

  it('by a refused token is reported first', async () => {
    const connecting = peer.connect();
    service.signalling.handlers?.fatal(new PeerError('auth_invalid', 'wrong token'));
    await expect(connecting).rejects.toMatchObject({ code: 'auth_invalid' });
    expect(errors.map(({ code }) => code)).toEqual(['auth_invalid']);
    expect(states).toEqual(['connecting', 'closed']);
  });

  it('before connect makes connect reject', async () => {
    peer.close();
    await expect(peer.connect()).rejects.toMatchObject({ code: 'tube_closed' });
    expect(service.signalling.handlers).toBeNull();
  });
});

describe('signalling and network', () => {
  it('says hello with the newest generation that it holds', async () => {
    void peer.connect();
    const hello = (): unknown => service.signalling.handlers?.hello();
    expect(hello()).toEqual({ instance: peer.instance, generation: 0, library: 'holdfast-peer/0.1.0' });
    service.offer(1);
    await clock.advance(1);
    expect(hello()).toMatchObject({ generation: 1 });
    await service.bringUp(1);
    await restarted(2);
    expect(hello()).toMatchObject({ generation: 2 });
    service.connection(2).handlers.stateChanged('failed');
    expect(hello()).toMatchObject({ generation: 0 });
  });

  it('tells the service of network changes and wakes signalling when there is a network', async () => {
    void peer.connect();
    service.networkListener?.({ type: 'connection_type', data: 'cellular' }, true);
    expect(service.signalling.sent.splice(0).map(({ event }) => event)).toEqual(['network_change']);
    service.signalling.networkBacks = 0;
    await connected();
    service.networkListener?.({ type: 'offline', data: '' }, true);
    expect(service.signalling.networkBacks).toBe(0);
    service.networkListener?.({ type: 'online', data: 'wifi' }, true);
    service.networkListener?.({ type: 'connection_type', data: 'cellular' }, true);
    service.networkListener?.({ type: 'ip_change', data: '192.0.2.7' }, true);
    expect(service.signalling.networkBacks).toBe(3);
    expect(service.signalling.of('network_change').map(({ type }) => type)).toEqual([
      'offline',
      'online',
      'connection_type',
      'ip_change',
    ]);
    // What follows from it is decided in one place, by the service.
    expect(service.signalling.of('restart_request')).toEqual([]);
  });

  it('keeps a change that does not concern its path to itself, and wakes signalling all the same', async () => {
    await connected();
    service.signalling.networkBacks = 0;
    service.networkListener?.({ type: 'connection_type', data: 'new: veth0 192.0.2.9' }, false);
    await clock.advance(10);
    expect(service.signalling.networkBacks).toBe(1);
    expect(service.signalling.of('network_change')).toEqual([]);
    expect(service.paths).toEqual(['192.0.2.2']);
  });

  it('tells a change all the same when its path leads elsewhere than the network knew', async () => {
    await connected();
    service.connection(1).remoteAddress = '192.0.2.3';
    service.networkListener?.({ type: 'connection_type', data: '' }, false);
    await clock.advance(10);
    expect(service.signalling.of('network_change')).toHaveLength(1);
    expect(service.paths).toEqual(['192.0.2.2', '192.0.2.3']);
  });

  it('passes on what the service says of itself', async () => {
    const seen: string[] = [];
    peer.on('signalling', ({ status }) => seen.push(status));
    await connected();
    service.signalling.handlers?.receive('draining', {});
    service.signalling.handlers?.receive('something_new', {});
    expect(seen).toEqual(['online', 'draining']);
    expect(errors).toEqual([]);
  });

  it('has an instance of its own per object, in letters that the mark allows', () => {
    let seed = 7;
    const other = new HoldfastPeer(
      { signalling: service.signalling },
      { ...service.environment, random: () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647 },
    );
    expect(peer.instance).toMatch(/^[a-z0-9]{26}$/);
    expect(other.instance).not.toBe(peer.instance);
  });

  it('needs an address and a token, or signalling', () => {
    const make = (options: PeerOptions) => () => new HoldfastPeer(options, service.environment);
    expect(codeOf(make({}))).toBe('input_schema');
    expect(codeOf(make({ url: 'nonsense', token: 't' }))).toBe('input_schema');
    expect(codeOf(make({ url: 'http://localhost', token: 't' }))).toBe('nothing thrown');
  });
});
