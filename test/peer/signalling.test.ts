/** SocketSignalling against fake sockets and a fake clock: when it connects, what it repeats, and when it stops. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PeerError } from '../../src/peer/peer-error.js';
import { SocketSignalling } from '../../src/peer/signalling.js';
import type { OutgoingMessage, SignallingStatus } from '../../src/peer/signalling.port.js';
import type { OpenSocket, RawSocketHandlers } from '../../src/peer/socket.js';
import { FakeClock } from './fake-clock.js';

interface Emitted {
  readonly event: string;
  readonly data: unknown;
  readonly acknowledge: (reply: unknown) => void;
}

class FakeSocket {
  readonly emitted: Emitted[] = [];
  closed = false;

  constructor(
    readonly atMs: number,
    readonly handlers: RawSocketHandlers,
  ) {}

  names(): string[] {
    return this.emitted.map(({ event }) => event);
  }

  acknowledge(event: string, reply: unknown = { ok: true }): void {
    for (const emitted of this.emitted.filter((entry) => entry.event === event)) emitted.acknowledge(reply);
  }

  /** The socket is connected and the service welcomes us. */
  welcome(): void {
    this.handlers.connected();
    this.acknowledge('hello');
  }
}

let clock: FakeClock;
let sockets: FakeSocket[];
let statuses: SignallingStatus[];
let errors: PeerError[];
let fatal: PeerError[];
let received: [string, unknown][];
let signalling: SocketSignalling;

const latest = (): FakeSocket => {
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error('no socket was opened');
  return socket;
};
const openSocket: OpenSocket = (_url, _token, handlers) => {
  const socket = new FakeSocket(clock.now(), handlers);
  sockets.push(socket);
  return {
    emit: (event, data, acknowledge) => {
      socket.emitted.push({ event, data, acknowledge });
    },
    close: () => {
      socket.closed = true;
    },
  };
};
const answer = (generation: number): OutgoingMessage => ({
  event: 'answer',
  data: { type: 'answer', sdp: `sdp ${generation}`, generation },
});
const ipChange = (data: string): OutgoingMessage => ({ event: 'network_change', data: { type: 'ip_change', data } });
const candidate = (generation: number, text: string): OutgoingMessage => ({
  event: 'icecandidate',
  data: { candidate: text, sdpMid: '0', generation },
});

beforeEach(() => {
  clock = new FakeClock();
  sockets = [];
  statuses = [];
  errors = [];
  fatal = [];
  received = [];
  signalling = new SocketSignalling({ url: 'http://service', token: 'secret', schedule: clock.schedule, openSocket });
});

function start(): void {
  signalling.start({
    receive: (event, data) => received.push([event, data]),
    status: (status) => statuses.push(status),
    error: (error) => errors.push(error),
    fatal: (error) => fatal.push(error),
    hello: () => ({ instance: 'me', generation: 7, library: 'holdfast-peer/test' }),
  });
}

describe('connecting', () => {
  it('says hello first and is online when the service has acknowledged it', () => {
    start();
    latest().handlers.connected();
    expect(latest().emitted[0]).toMatchObject({
      event: 'hello',
      data: { instance: 'me', generation: 7, library: 'holdfast-peer/test' },
    });
    expect(statuses).toEqual([]);
    latest().acknowledge('hello', { ok: true, tube_id: 't', generation: 7 });
    expect(statuses).toEqual([{ status: 'online' }]);
  });

  it('waits exactly 1, 2, 4, 8, 10, 10 s between attempts that fail', async () => {
    start();
    for (let attempt = 0; attempt < 6; attempt++) {
      latest().handlers.lost(null, 'refused');
      await clock.advance(10_000);
    }
    expect(statuses.map(({ attempt, delayMs }) => [attempt, delayMs])).toEqual([
      [1, 1000],
      [2, 2000],
      [3, 4000],
      [4, 8000],
      [5, 10_000],
      [6, 10_000],
    ]);
    // Each wait was measured from its own failure, 10 s apart.
    expect(sockets.map(({ atMs }) => atMs)).toEqual([0, 1000, 12_000, 24_000, 38_000, 50_000, 60_000]);
    expect(sockets.slice(0, -1).every(({ closed }) => closed)).toBe(true);
  });

  it('starts the table again after a success', async () => {
    start();
    for (let attempt = 0; attempt < 4; attempt++) {
      latest().handlers.lost(null, 'refused');
      await clock.advance(10_000);
    }
    latest().welcome();
    latest().handlers.lost(null, 'transport close');
    expect(statuses.slice(-3)).toEqual([
      { status: 'online' },
      { status: 'offline' },
      { status: 'reconnecting', attempt: 1, delayMs: 1000 },
    ]);
  });

  it('does not take a connection without hello for a success', async () => {
    start();
    latest().handlers.connected();
    latest().acknowledge('hello', { ok: false, error: { code: 'service_draining', message: '', retryable: true } });
    await clock.advance(1000);
    latest().handlers.connected();
    latest().acknowledge('hello', { ok: false, error: { code: 'rate_exceeded', message: '', retryable: true } });
    expect(statuses.map(({ delayMs }) => delayMs)).toEqual([1000, 2000]);
  });

  it('gives an attempt 10 s', async () => {
    start();
    latest().handlers.connected();
    await clock.advance(9999);
    expect(statuses).toEqual([]);
    await clock.advance(1);
    expect(statuses).toEqual([{ status: 'reconnecting', attempt: 1, delayMs: 1000 }]);
  });

  it('is done at once when the network is back, and the table starts again', async () => {
    start();
    for (let attempt = 0; attempt < 5; attempt++) {
      latest().handlers.lost(null, 'refused');
      await clock.advance(attempt < 4 ? 10_000 : 10);
    }
    signalling.networkBack();
    expect(sockets.at(-1)?.atMs).toBe(40_010);
    const hanging = latest();
    signalling.networkBack();
    expect(hanging.closed).toBe(true);
    latest().handlers.lost(null, 'refused');
    expect(statuses.at(-1)).toEqual({ status: 'reconnecting', attempt: 1, delayMs: 1000 });
  });

  it('is not disturbed by a network change while online', () => {
    start();
    latest().welcome();
    signalling.networkBack();
    expect(sockets).toHaveLength(1);
  });

  it.each(['auth_missing', 'auth_invalid', 'tube_unknown', 'tube_closed'])('ends for good on %s', async (code) => {
    start();
    latest().handlers.lost(code, 'The token is not accepted.');
    await clock.advance(60_000);
    expect(fatal.map((error) => error.code)).toEqual([code]);
    expect(sockets).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('goes on after a refusal that is not about the token', async () => {
    start();
    latest().handlers.lost('rate_exceeded', 'Too many requests.');
    await clock.advance(1000);
    expect(sockets).toHaveLength(2);
    expect(fatal).toEqual([]);
  });
});

describe('messages', () => {
  it('that were written while offline are sent after hello, in order', () => {
    start();
    signalling.send(answer(3));
    signalling.send(candidate(3, 'a'));
    signalling.send(candidate(3, ''));
    expect(latest().names()).toEqual([]);
    latest().welcome();
    expect(latest().names()).toEqual(['hello', 'answer', 'icecandidate', 'icecandidate']);
  });

  it('that were not acknowledged when the socket was lost are sent again, the others are not', async () => {
    start();
    latest().welcome();
    signalling.send(answer(3));
    latest().acknowledge('answer');
    signalling.send(candidate(3, 'a'));
    latest().handlers.lost(null, 'transport close');
    await clock.advance(1000);
    latest().welcome();
    expect(latest().names()).toEqual(['hello', 'icecandidate']);
  });

  it('of older generations are dropped when a newer answer or offer makes them pointless', () => {
    start();
    signalling.send(answer(3));
    signalling.send(candidate(3, 'a'));
    signalling.send({ event: 'restart_request', data: { reason: 'transport_lost' } });
    signalling.send(answer(4));
    signalling.send(candidate(4, 'b'));
    latest().handlers.frame('ice_restart_offer', { generation: 4 });
    latest().welcome();
    expect(
      latest()
        .emitted.slice(1)
        .map(({ data }) => data),
    ).toEqual([answer(4).data, candidate(4, 'b').data]);
  });

  it('that wait are bounded, and of requests and network changes only the newest is kept', () => {
    start();
    for (let index = 0; index < 500; index++) signalling.send(candidate(3, `c${index}`));
    for (const type of ['offline', 'online'] as const) {
      signalling.send({ event: 'network_change', data: { type, data: '' } });
      signalling.send({ event: 'restart_request', data: { reason: type } });
    }
    signalling.send(answer(3));
    latest().welcome();
    expect(latest().emitted).toHaveLength(129);
    expect(
      latest()
        .emitted.slice(-3)
        .map(({ data }) => data),
    ).toEqual([{ type: 'online', data: '' }, { reason: 'online' }, answer(3).data]);
  });

  it('without acknowledgement in 10 s mean that the socket is dead', async () => {
    start();
    latest().welcome();
    signalling.send(answer(3));
    await clock.advance(10_000);
    expect(statuses.slice(-2).map(({ status }) => status)).toEqual(['offline', 'reconnecting']);
    await clock.advance(1000);
    latest().welcome();
    expect(latest().names()).toEqual(['hello', 'answer']);
  });

  it('about the network find out within 1 s whether the socket still works, and go over a new one at once', async () => {
    start();
    latest().welcome();
    signalling.send(ipChange('first'));
    await clock.advance(999);
    expect(sockets).toHaveLength(1);
    await clock.advance(1);
    expect(statuses.slice(-2)).toEqual([{ status: 'offline' }, { status: 'reconnecting', attempt: 1, delayMs: 0 }]);
    expect(sockets.map(({ atMs }) => atMs)).toEqual([0, 1000]);
    latest().welcome();
    expect(latest().emitted.at(-1)).toMatchObject(ipChange('first'));
  });

  it('about a network that is gone do not give the socket up at once: it may be back in a moment', async () => {
    start();
    latest().welcome();
    signalling.send({ event: 'network_change', data: { type: 'offline', data: '' } });
    await clock.advance(9999);
    expect(statuses).toEqual([{ status: 'online' }]);
    signalling.send(ipChange('back'));
    latest().acknowledge('network_change');
    await clock.advance(60_000);
    expect(sockets).toHaveLength(1);
  });

  it('about the network do not find fault with a slow network for ever', async () => {
    start();
    latest().welcome();
    signalling.send(ipChange('first'));
    await clock.advance(1000);
    latest().welcome();
    await clock.advance(9999);
    expect(sockets).toHaveLength(2);
    latest().acknowledge('network_change');
    await clock.advance(60_000);
    expect(sockets).toHaveLength(2);
  });

  it('about the network reach the service however often the socket is made anew meanwhile, the newest only', async () => {
    start();
    latest().welcome();
    signalling.send(ipChange('first'));
    latest().handlers.lost(null, 'transport close');
    for (const detail of ['second', 'third', 'fourth']) {
      // As the peer does: signalling is told that there is a network, then given the message.
      signalling.networkBack();
      signalling.send(ipChange(detail));
      latest().handlers.connected();
      await clock.advance(100);
    }
    expect(sockets).toHaveLength(4);
    latest().acknowledge('hello');
    expect(latest().names()).toEqual(['hello', 'network_change']);
    expect(latest().emitted.at(-1)).toMatchObject(ipChange('fourth'));
    latest().acknowledge('network_change');
    latest().handlers.lost(null, 'transport close');
    await clock.advance(1000);
    latest().welcome();
    expect(latest().names()).toEqual(['hello']);
  });

  it('that are refused for now are sent again after the advised time, at most three times', async () => {
    start();
    latest().welcome();
    signalling.send(answer(3));
    const later = {
      ok: false,
      error: { code: 'rate_exceeded', message: 'slow', retryable: true, suggested_delay_ms: 200 },
    };
    for (let round = 0; round < 4; round++) {
      latest().emitted.at(-1)?.acknowledge(later);
      await clock.advance(200);
    }
    expect(latest().names()).toEqual(['hello', 'answer', 'answer', 'answer', 'answer']);
    expect(errors.map(({ code }) => code)).toEqual(['rate_exceeded']);
  });

  it('that are refused for good are reported; a repeated or stale one is not worth a word', () => {
    start();
    latest().welcome();
    const refuse = (message: OutgoingMessage, code: string): void => {
      signalling.send(message);
      latest()
        .emitted.at(-1)
        ?.acknowledge({ ok: false, error: { code, message: 'no', retryable: false } });
    };
    refuse(answer(3), 'signalling_stale_generation');
    refuse(answer(3), 'signalling_unexpected_answer');
    refuse(answer(3), 'input_sdp');
    signalling.send({ event: 'restart_request', data: { reason: 'x' } });
    latest().acknowledge('restart_request', { ok: false, error: { code: 'restart_in_progress', retryable: true } });
    expect(errors.map(({ code }) => code)).toEqual(['input_sdp']);
  });

  it('from the service are passed on as they are', () => {
    start();
    latest().welcome();
    latest().handlers.frame('closed', { reason: 'requested' });
    latest().handlers.frame('offer', null);
    expect(received).toEqual([
      ['closed', { reason: 'requested' }],
      ['offer', null],
    ]);
  });
});

describe('bye', () => {
  const bye: OutgoingMessage = { event: 'bye', data: {} };

  it('goes out at once when the socket is there, and never again', async () => {
    start();
    latest().welcome();
    signalling.send(bye);
    expect(latest().names()).toEqual(['hello', 'bye']);
    expect(latest().closed).toBe(false);
    latest().handlers.lost(null, 'transport close');
    await clock.advance(1000);
    latest().welcome();
    expect(latest().names()).toEqual(['hello']);
  });

  it('is not kept for a socket that is not there', async () => {
    start();
    signalling.send(bye);
    latest().handlers.lost(null, 'refused');
    signalling.send(bye);
    await clock.advance(1000);
    latest().welcome();
    expect(latest().names()).toEqual(['hello']);
  });
});

describe('stop', () => {
  it('closes the socket and leaves no timer, in every phase, more than once', async () => {
    const phases: (() => void | Promise<void>)[] = [
      () => undefined,
      () => latest().handlers.connected(),
      () => latest().welcome(),
      () => latest().handlers.lost(null, 'refused'),
    ];
    for (const reach of phases) {
      signalling = new SocketSignalling({ url: 'http://service', token: 't', schedule: clock.schedule, openSocket });
      start();
      await reach();
      signalling.send(answer(1));
      signalling.stop();
      signalling.stop();
      signalling.networkBack();
      signalling.send(answer(2));
      expect(latest().closed).toBe(true);
      expect(clock.pendingTimers).toBe(0);
    }
    expect(sockets).toHaveLength(4);
  });
});
