// The namespace /inspect over loopback: who is let in, whose tubes are seen, what a socket may watch. The streams are made up.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../src/errors.js';
import type { InspectionSource } from '../../src/gateway/inspect.js';
import type { InspectAbout, InspectMessage } from '../../src/operator/inspection.types.js';
import { acmeToken, Harness, otherToken, until, type Reply, type TestController } from '../support/gateway-harness.js';

type Send = Parameters<InspectionSource['watch']>[1];

const message = { type: '@xstate.event', sessionId: 'x:1' } as unknown as InspectMessage;

/** Streams that say something when they are told to. */
class FakeStreams implements InspectionSource {
  readonly live = new Map<Send, string>();
  refusal: AppError | null = null;
  /** Held back until it is resolved. */
  ready: Promise<void> = Promise.resolve();

  async watch(tubeId: string, send: Send): Promise<() => void> {
    await this.ready;
    if (this.refusal !== null) throw this.refusal;
    this.live.set(send, tubeId);
    return () => void this.live.delete(send);
  }

  say(tubeId: string, ended = false): void {
    for (const [send, id] of [...this.live]) if (id === tubeId) send({ messages: [message], skipped: 3, ended });
  }

  get tubes(): string[] {
    return [...this.live.values()];
  }
}

/** A socket on /inspect. */
class Spectator {
  readonly told: [readonly InspectMessage[], InspectAbout][] = [];

  constructor(readonly socket: ReturnType<Harness['client']>) {
    socket.on('inspect', (messages: readonly InspectMessage[], about: InspectAbout) =>
      this.told.push([messages, about]),
    );
  }

  call(event: string, ...args: unknown[]): Promise<Reply> {
    return this.socket.timeout(5000).emitWithAck(event, ...args) as Promise<Reply>;
  }
}

let harness: Harness;
let streams: FakeStreams;
let control: TestController;
let tubeId: string;

beforeEach(async () => {
  streams = new FakeStreams();
  harness = await new Harness({ inspection: streams }).start();
  control = await harness.controller();
  ({ tubeId } = await control.createTube());
});
afterEach(() => harness.stop());

async function spectator(token = acmeToken): Promise<Spectator> {
  const socket = harness.client('/inspect', { token });
  const connected = new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  socket.connect();
  await connected;
  return new Spectator(socket);
}

describe('/inspect', () => {
  test.each([
    [{}, 'auth_missing'],
    [{ token: 'wrong' }, 'auth_invalid'],
  ])('a handshake with %j is refused: %s', async (auth, code) => {
    expect(await harness.refusedHandshake('/inspect', auth)).toMatchObject({ code });
  });

  test('the token of a peer does not open it', async () => {
    const { peerToken } = await control.createTube({ conversation_id: 'another' });
    expect(await harness.refusedHandshake('/inspect', { token: peerToken })).toMatchObject({ code: 'auth_invalid' });
  });

  test('streams a tube of the tenant, and says which', async () => {
    const watcher = await spectator();
    expect(await watcher.call('watch', { tube_id: tubeId })).toEqual({ ok: true, tube_id: tubeId });
    streams.say(tubeId);
    await until(() => watcher.told.length === 1);
    expect(watcher.told).toEqual([[[message], { tube_id: tubeId, skipped: 3, ended: false }]]);
  });

  test('a tube of another tenant does not exist', async () => {
    const stranger = await spectator(otherToken);
    const refused = await stranger.call('watch', { tube_id: tubeId });
    expect(refused.error?.code).toBe('tube_unknown');
    expect(refused).toEqual(await stranger.call('watch', { tube_id: '7c9e6679-7425-40de-944b-e07fc1f90ae7' }));
    expect(streams.tubes).toEqual([]);
  });

  test('a tube that was closed is told to be', async () => {
    await control.call('close_tube', { tube_id: tubeId });
    expect((await (await spectator()).call('watch', { tube_id: tubeId })).error?.code).toBe('tube_closed');
  });

  test.each([[{}], [{ tube_id: 'no uuid' }], [{ tube_id: '7c9e6679-7425-40de-944b-e07fc1f90ae7', more: 1 }], [7]])(
    'watch %j is refused by its schema',
    async (payload) => {
      expect((await (await spectator()).call('watch', payload)).error?.code).toBe('input_schema');
    },
  );

  test('calls of other namespaces are not here', async () => {
    expect((await (await spectator()).call('close_tube', { tube_id: tubeId })).error?.code).toBe('input_unknown_event');
  });

  test('unwatch ends the stream, and may be repeated', async () => {
    const watcher = await spectator();
    await watcher.call('watch', { tube_id: tubeId });
    expect(await watcher.call('unwatch', { tube_id: tubeId })).toEqual({ ok: true });
    expect(streams.tubes).toEqual([]);
    expect(await watcher.call('unwatch', { tube_id: tubeId })).toEqual({ ok: true });
  });

  test('to watch again begins anew, and nothing comes twice', async () => {
    const watcher = await spectator();
    await watcher.call('watch', { tube_id: tubeId });
    await watcher.call('watch', { tube_id: tubeId });
    expect(streams.tubes).toEqual([tubeId]);
    streams.say(tubeId);
    await until(() => watcher.told.length > 0);
    expect(watcher.told.length).toBe(1);
  });

  test('a socket that goes away leaves no stream behind, even one that was just asked for', async () => {
    const watcher = await spectator();
    await watcher.call('watch', { tube_id: tubeId });
    let letGo = (): void => undefined;
    streams.ready = new Promise((resolve) => (letGo = resolve));
    const { tubeId: second } = await control.createTube({ conversation_id: 'second' });
    watcher.socket.emit('watch', { tube_id: second });
    // Its frames are taken in order: once this one is answered, the one before it has begun.
    await watcher.call('unwatch', { tube_id: second }).catch(() => undefined);
    watcher.socket.disconnect();
    letGo();
    await until(() => streams.tubes.length === 0);
  });

  test('a socket watches four tubes at most; one that has ended makes room', async () => {
    const watcher = await spectator();
    const tubes = [tubeId];
    for (let n = 0; n < 4; n += 1) tubes.push((await control.createTube({ conversation_id: `talk ${n}` })).tubeId);
    const answers = await watcher.call(
      'watch',
      tubes.map((id) => ({ tube_id: id })),
    );
    expect((answers as unknown as Reply[]).map(({ ok, error }) => (ok ? 'ok' : error?.code))).toEqual([
      ...['ok', 'ok', 'ok', 'ok', 'limit_subscriptions'],
    ]);
    streams.say(tubeId, true);
    await until(() => watcher.told.at(-1)?.[1].ended === true);
    expect((await watcher.call('watch', { tube_id: tubes.at(-1) })).ok).toBe(true);
  });

  test('a tenant cannot take all that a node can bear', async () => {
    const tubes: string[] = [];
    for (let n = 0; n < 4; n += 1) tubes.push((await control.createTube({ conversation_id: `talk ${n}` })).tubeId);
    for (let n = 0; n < 4; n += 1) {
      const watcher = await spectator();
      for (const id of tubes) expect((await watcher.call('watch', { tube_id: id })).ok).toBe(true);
    }
    const late = await spectator();
    expect((await late.call('watch', { tube_id: tubeId })).error?.code).toBe('limit_subscriptions');
    const { tubeId: foreign } = await (await harness.controller(otherToken)).createTube();
    expect((await (await spectator(otherToken)).call('watch', { tube_id: foreign })).ok).toBe(true);
  });

  test('a socket that does not read is ended, and its stream with it', async () => {
    const tight = await new Harness({ inspection: streams, maxSocketBufferBytes: 512 * 1024 }).start();
    try {
      const { tubeId: watched } = await (await tight.controller()).createTube();
      const socket = tight.client('/inspect', { token: acmeToken });
      await new Promise<void>((resolve) => void socket.once('connect', () => resolve()).connect());
      await socket.emitWithAck('watch', { tube_id: watched });
      socket.io.reconnection(false);
      const { ws } = socket.io.engine.transport as unknown as { ws: { _socket: { pause(): void; destroy(): void } } };
      const tcp = ws._socket;
      tcp.pause();
      const large = { ...message, note: 'x'.repeat(64 * 1024) };
      for (let n = 0; n < 200; n += 1) {
        for (const [send] of streams.live) send({ messages: [large], skipped: 0, ended: false });
        await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => streams.tubes.length === 0, 'the end of the stream');
      expect(tight.seen.logged.join('')).toContain('reads too slowly');
      tcp.destroy();
    } finally {
      await tight.stop();
    }
  });

  test('what the streams refuse is told', async () => {
    streams.refusal = new AppError('limit_subscriptions');
    const watcher = await spectator();
    expect((await watcher.call('watch', { tube_id: tubeId })).error).toMatchObject({ code: 'limit_subscriptions' });
    streams.refusal = null;
    expect((await watcher.call('watch', { tube_id: tubeId })).ok).toBe(true);
  });
});
