/** The message link: order, exactly once across cut-overs, holding for plain peers, back pressure and bounds. */
import { describe, expect, test } from '@jest/globals';
import { ackFrame, packMessage, writeSeq } from '../../src/channels/frame.js';
import { Random } from '../support/random.js';
import { LinkPair, type Party } from './link-pair.js';

function framedPair(options: Parameters<LinkPair['party']>[0] = {}): { pair: LinkPair; a: Party; b: Party } {
  const pair = new LinkPair();
  const [a, b] = [pair.party(options), pair.party(options)];
  a.link.setRemote('b1');
  b.link.setRemote('a1');
  return { pair, a, b };
}

function openPath(pair: LinkPair, generation: number, a: Party, b: Party, kind: 'reliable' | 'latest' = 'reliable') {
  const ends = pair.path(generation, a, b, kind);
  for (const end of ends) end.open();
  for (const party of [a, b]) party.link.activate(generation);
  return ends;
}

const dataStats = (party: Party) => party.link.stats()[0]!;

describe('what send answers', () => {
  test('channel_unknown, channel_not_open, channel_message_too_large, then null', () => {
    const { pair, a, b } = framedPair({ maxMessageBytes: 10 });
    expect(a.link.send('data', 'x')).toBe('channel_unknown');
    const ends = pair.path(1, a, b);
    expect(a.link.send('data', 'x')).toBe('channel_not_open');
    a.link.activate(1);
    expect(a.link.send('data', 'early')).toBeNull();
    for (const end of ends) end.open();
    pair.time.advance(10);
    expect(b.received).toEqual(['early']);
    expect(a.link.send('data', 'ž'.repeat(6))).toBe('channel_message_too_large');
    expect(a.link.send('data', 'ž'.repeat(5))).toBeNull();
  });

  test('channel_full when the replay buffer is, and null again when it drained', () => {
    const { pair, a, b } = framedPair({ replayBufferBytes: 10_000 });
    openPath(pair, 1, a, b);
    let accepted = 0;
    while (a.link.send('data', new Uint8Array(1000)) === null) accepted += 1;
    expect(accepted).toBe(9);
    expect(dataStats(a).queuedBytes).toBeLessThanOrEqual(10_000);
    pair.time.advance(100);
    expect(b.received).toHaveLength(9);
    expect(a.link.send('data', 'x')).toBeNull();
  });

  test('empty messages are bounded too', () => {
    const { pair, a, b } = framedPair({ replayBufferBytes: 10_000 });
    openPath(pair, 1, a, b);
    let accepted = 0;
    while (a.link.send('data', '') === null) accepted += 1;
    expect(accepted).toBeLessThan(200);
  });

  test('a peer that takes less than we do limits what is accepted', () => {
    const { pair, a, b } = framedPair();
    a.link.setRemote('b1', 1000);
    openPath(pair, 1, a, b);
    expect(a.link.send('data', new Uint8Array(996))).toBe('channel_message_too_large');
    expect(a.link.send('data', new Uint8Array(995))).toBeNull();
  });
});

describe('plain peers', () => {
  test('get messages as they are, in both directions', () => {
    const pair = new LinkPair();
    const [a, b] = [pair.party(), pair.party()];
    const [end] = openPath(pair, 1, a, b);
    const raw: (string | Uint8Array)[] = [];
    end.peer!.handlers = { open() {}, closed() {}, drained() {}, message: (data) => raw.push(data) };
    a.link.send('data', 'text');
    a.link.send('data', Uint8Array.of(1, 2));
    pair.time.advance(10);
    expect(raw).toEqual(['text', Uint8Array.of(1, 2)]);
  });

  test('outgoing messages wait during a hold, bounded, and go out in order at the cut-over', () => {
    const pair = new LinkPair();
    const [a, b] = [pair.party({ replayBufferBytes: 1000 }), pair.party()];
    openPath(pair, 1, a, b);
    a.link.send('data', '0');
    pair.time.advance(10);
    a.link.hold();
    let count = 1;
    while (a.link.send('data', String(count)) === null) count += 1;
    expect(a.link.send('data', 'x')).toBe('channel_full');
    pair.time.advance(10);
    expect(b.received).toEqual(['0']);
    pair.kill(1);
    a.link.detach(1);
    openPath(pair, 2, a, b);
    pair.time.advance(10);
    expect(b.received).toEqual(Array.from({ length: count }, (_, index) => String(index)));
  });

  test('a hold that ends without a cut-over goes on over the old path', () => {
    const pair = new LinkPair();
    const [a, b] = [pair.party(), pair.party()];
    openPath(pair, 1, a, b);
    a.link.hold();
    a.link.send('data', 'kept');
    a.link.release();
    a.link.send('data', 'next');
    pair.time.advance(10);
    expect(b.received).toEqual(['kept', 'next']);
  });

  test('messages sent while there is no path wait for the next one, binary as binary', () => {
    const pair = new LinkPair();
    const [a, b] = [pair.party(), pair.party()];
    openPath(pair, 1, a, b);
    pair.kill(1);
    a.link.detach(1);
    expect(a.link.send('data', 'text')).toBeNull();
    expect(a.link.send('data', Uint8Array.of(9))).toBeNull();
    openPath(pair, 2, a, b);
    pair.time.advance(10);
    expect(b.received).toEqual(['text', Uint8Array.of(9)]);
  });
});

describe('our own kind', () => {
  test('nothing is lost, doubled or reordered when a path dies with messages in flight', () => {
    const { pair, a, b } = framedPair();
    pair.delayMs = () => 50;
    openPath(pair, 1, a, b);
    for (let index = 0; index < 100; index++) a.link.send('data', String(index));
    pair.time.advance(50);
    for (let index = 100; index < 200; index++) a.link.send('data', String(index));
    pair.time.advance(20);
    pair.kill(1);
    for (let index = 200; index < 250; index++) expect(a.link.send('data', String(index))).toBeNull();
    openPath(pair, 2, a, b);
    pair.time.advance(500);
    expect(b.received).toEqual(Array.from({ length: 250 }, (_, index) => String(index)));
    expect(dataStats(a)).toMatchObject({ queuedBytes: 0, messagesSent: 250 });
    expect(dataStats(b).duplicates + dataStats(a).replayed).toBeGreaterThan(0);
  });

  test('what goes out once more is told, once for all of it, and what goes out first is not', () => {
    const { pair, a, b } = framedPair();
    pair.delayMs = () => 50;
    openPath(pair, 1, a, b);
    for (let index = 0; index < 20; index++) a.link.send('data', String(index));
    pair.kill(1);
    for (let index = 20; index < 25; index++) a.link.send('data', String(index));
    expect(a.replays).toEqual([]);
    openPath(pair, 2, a, b);
    pair.time.advance(500);
    expect(a.replays).toEqual([20]);
    expect(dataStats(a).replayed).toBe(20);
    expect(b.received).toHaveLength(25);
  });

  test('what the paths carry is counted as often as they do, acknowledgements not', () => {
    const { pair, a, b } = framedPair();
    pair.delayMs = () => 50;
    openPath(pair, 1, a, b);
    const bytes = packMessage('x'.repeat(100)).length;
    for (let index = 0; index < 20; index++) a.link.send('data', 'x'.repeat(100));
    expect(a.carried).toEqual({ in: 0, out: 20 * bytes });
    pair.kill(1);
    a.link.send('data', 'x'.repeat(100));
    expect(a.carried.out).toBe(20 * bytes);
    openPath(pair, 2, a, b);
    pair.time.advance(500);
    expect([a.carried, b.carried]).toEqual([
      { in: 0, out: 41 * bytes },
      { in: 21 * bytes, out: 0 },
    ]);
  });

  test('acknowledgements come after 32 messages, 64 KiB or 20 ms', () => {
    const { pair, a, b } = framedPair();
    pair.delayMs = () => 0;
    openPath(pair, 1, a, b);
    a.link.send('data', 'x');
    pair.time.advance(19);
    expect(dataStats(a).queuedBytes).toBeGreaterThan(0);
    pair.time.advance(1);
    expect(dataStats(a).queuedBytes).toBe(0);
    for (let index = 0; index < 32; index++) a.link.send('data', 'x');
    pair.time.advance(0);
    expect(dataStats(a).queuedBytes).toBe(0);
    a.link.send('data', new Uint8Array(65_536));
    pair.time.advance(0);
    expect(dataStats(a).queuedBytes).toBe(0);
  });

  test('a restarted peer starts at 0, gets what its predecessor had not acknowledged, and late frames of that one are still taken', () => {
    const { pair, a, b } = framedPair();
    pair.delayMs = () => 30;
    const [, oldEnd] = openPath(pair, 1, a, b);
    for (let index = 0; index < 40; index++) a.link.send('data', `a${index}`);
    b.link.send('data', 'b0');
    pair.time.advance(100);
    b.link.send('data', 'late');
    a.link.send('data', 'unacknowledged');
    const next = pair.party();
    next.link.setRemote('a1');
    a.link.setRemote('b2');
    const ends = pair.path(2, a, next);
    for (const end of ends) end.open();
    pair.time.advance(30);
    expect(a.received).toEqual(['b0', 'late']);
    a.link.activate(2);
    next.link.activate(2);
    next.link.send('data', 'hello');
    pair.time.advance(200);
    expect(next.received).toEqual(['unacknowledged']);
    expect(a.received).toEqual(['b0', 'late', 'hello']);
    oldEnd.handlers?.message(writeSeq(packMessage('x'), 77));
    expect(dataStats(a)).toMatchObject({ queuedBytes: 0 });
  });

  test('frames that overtook others wait for their turn', () => {
    const { pair, a, b } = framedPair();
    const [end] = openPath(pair, 1, a, b);
    for (const seq of [3, 1, 1, 2, 0, 0, 5]) end.handlers?.message(writeSeq(packMessage(String(seq)), seq));
    expect(a.received).toEqual(['0', '1', '2', '3']);
    end.handlers?.message(writeSeq(packMessage('4'), 4));
    expect(a.received).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(dataStats(a)).toMatchObject({ duplicates: 2, dropped: { gap: 0 } });
    pair.time.advance(50);
  });

  test('malformed frames, too many of the future and wrong acknowledgements are counted and change nothing', () => {
    const { pair, a, b } = framedPair({ replayBufferBytes: 100 });
    const [end] = openPath(pair, 1, a, b);
    end.handlers?.message('text');
    end.handlers?.message(Uint8Array.of(9, 9, 9, 9, 9, 9));
    end.handlers?.message(writeSeq(packMessage('future'), 5));
    end.handlers?.message(writeSeq(packMessage('future'), 6));
    end.handlers?.message(ackFrame(3));
    expect(dataStats(a).dropped).toMatchObject({ malformed: 3, gap: 1 });
    a.link.send('data', 'x');
    b.link.send('data', 'y');
    pair.time.advance(50);
    expect([a.received, b.received]).toEqual([['y'], ['x']]);
  });

  test('a deaf side takes nothing, settles what it sent, and leaves the rest to its successor', () => {
    const { pair, a, b } = framedPair();
    openPath(pair, 1, a, b);
    for (const text of ['1', '2']) b.link.send('data', text);
    pair.time.advance(50);
    a.link.send('data', 'last words');
    expect(a.link.isSettled).toBe(false);
    a.link.deafen();
    for (const text of ['3', '4']) b.link.send('data', text);
    pair.time.advance(200);
    expect([a.received, b.received]).toEqual([['1', '2'], ['last words']]);
    expect([a.link.isSettled, b.link.isSettled]).toEqual([true, false]);
    const successor = pair.party();
    successor.link.setRemote('b1');
    b.link.setRemote('a2');
    openPath(pair, 2, successor, b);
    pair.time.advance(200);
    expect([successor.received, b.received]).toEqual([['3', '4'], ['last words']]);
    expect(b.link.isSettled).toBe(true);
  });

  test('a side that is deaf to a plain peer drops what comes', () => {
    const pair = new LinkPair();
    const [a, b] = [pair.party(), pair.party()];
    openPath(pair, 1, a, b);
    a.link.deafen();
    b.link.send('data', 'x');
    pair.time.advance(100);
    expect(a.received).toEqual([]);
  });

  test('sequence numbers wrap around', () => {
    const { pair, a, b } = framedPair();
    openPath(pair, 1, a, b);
    for (const party of [a, b]) startNumbersAt(party, 0xfffffff0);
    const expected = Array.from({ length: 100 }, (_, index) => String(index));
    for (const text of expected) a.link.send('data', text);
    pair.time.advance(5);
    openPath(pair, 2, a, b);
    pair.time.advance(200);
    expect(b.received).toEqual(expected);
    expect(dataStats(a).queuedBytes).toBe(0);
  });

  test('a closing channel that refuses while it looks open loses nothing', () => {
    const { pair, a, b } = framedPair();
    const [end] = openPath(pair, 1, a, b);
    end.stuck = true;
    a.link.send('data', 'x');
    openPath(pair, 2, a, b);
    pair.time.advance(50);
    expect(b.received).toEqual(['x']);
  });

  test('a native buffer that says so is filled less, and goes on from a quarter', () => {
    const { pair, a, b } = framedPair();
    const [end] = pair.path(1, a, b);
    const small = Object.assign(end, { highWaterBytes: 10_000 });
    small.open();
    end.peer!.open();
    for (const party of [a, b]) party.link.activate(1);
    for (let index = 0; index < 60; index++) a.link.send('data', new Uint8Array(1000));
    expect(end.bufferedBytes()).toBe(10 * 1005);
    pair.time.advance(1000);
    expect(b.received).toHaveLength(60);
  });

  test.each(['reliable', 'latest'] as const)(
    'every 16 KiB in large messages on a %s channel a small frame gives other channels their turn',
    (kind) => {
      const { pair, a, b } = framedPair();
      const [end] = openPath(pair, 1, a, b, kind);
      const sizes: number[] = [];
      const { send } = end;
      end.send = (data) => send.call(end, data) && sizes.push(data.length) > 0;
      for (let index = 0; index < 9; index++) a.link.send('data', new Uint8Array(4096));
      const turn = [4101, 4101, 4101, 4101, 5];
      expect(sizes).toEqual([...turn, ...turn, 4101]);
      sizes.length = 0;
      // A message of one chunk is as good.
      for (let index = 0; index < 20; index++) a.link.send('data', new Uint8Array(index % 3 === 2 ? 100 : 4096));
      expect(sizes).not.toContain(5);
      pair.time.advance(1000);
      expect(b.received).toHaveLength(29);
      expect([...a.drops, ...b.drops]).toEqual([]);
    },
  );

  test('the native buffer is filled to 1 MiB and no further', () => {
    const { pair, a, b } = framedPair({ replayBufferBytes: 8 * 1024 * 1024 });
    const [end] = openPath(pair, 1, a, b);
    for (let index = 0; index < 60; index++) expect(a.link.send('data', new Uint8Array(65_536))).toBeNull();
    expect(end.bufferedBytes()).toBeLessThan(1024 * 1024 + 70_000);
    pair.time.advance(1000);
    expect(b.received).toHaveLength(60);
  });

  test('close stops timers, counts what waits and is idempotent', () => {
    const { pair, a, b } = framedPair();
    openPath(pair, 1, a, b);
    b.link.send('data', 'x');
    pair.time.advance(1);
    a.link.send('data', 'lost');
    a.link.close();
    a.link.close();
    b.link.close();
    pair.time.advance(10);
    expect(pair.time.pending).toBe(0);
    expect(a.drops).toEqual([['closed', 1]]);
    expect(a.link.send('data', 'x')).toBe('channel_unknown');
  });

  test('what waits when a tube is given up is counted apart from what waits when somebody closes it', () => {
    const { pair, a, b } = framedPair();
    openPath(pair, 1, a, b);
    a.link.send('data', 'lost');
    a.link.close('given_up');
    expect(a.drops).toEqual([['given_up', 1]]);
  });

  test('a peer that turned plain gets what waits without frames', () => {
    const { pair, a, b } = framedPair();
    openPath(pair, 1, a, b);
    pair.kill(1);
    a.link.send('data', 'kept');
    a.link.setRemote(null);
    b.link.setRemote(null);
    openPath(pair, 2, a, b);
    pair.time.advance(50);
    expect(b.received).toEqual(['kept']);
  });
});

describe('latest channels', () => {
  test.each(['b1', null])('drop the oldest above the limit and count them (peer %p)', (instance) => {
    const pair = new LinkPair();
    const [a, b] = [pair.party({ dropAboveBufferedBytes: 10_000 }), pair.party()];
    a.link.setRemote(instance);
    b.link.setRemote(instance);
    openPath(pair, 1, a, b, 'latest');
    pair.kill(1);
    for (let index = 0; index < 20; index++) expect(a.link.send('data', `${index}`.padEnd(1000))).toBeNull();
    expect(dataStats(a).queuedBytes).toBeLessThanOrEqual(10_000);
    openPath(pair, 2, a, b, 'latest');
    pair.time.advance(50);
    expect(b.received.map((data) => Number(data))).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(dataStats(a).dropped.overflow).toBe(11);
  });

  test('are not repeated at a cut-over', () => {
    const { pair, a, b } = framedPair();
    openPath(pair, 1, a, b, 'latest');
    a.link.send('data', 'once');
    openPath(pair, 2, a, b, 'latest');
    pair.time.advance(50);
    expect(b.received).toEqual(['once']);
    expect(dataStats(a).queuedBytes).toBe(0);
  });
});

describe('random cut-overs', () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'seed %i: exactly once and in order, in bounded memory',
    (seed) => {
      const random = new Random(seed);
      const { pair, a, b } = framedPair({ replayBufferBytes: 50_000 });
      pair.delayMs = () => random.below(40);
      const sent: [string[], string[]] = [[], []];
      let generation = 0;
      let peak = 0;
      openPath(pair, ++generation, a, b);
      for (let step = 0; step < 400; step++) {
        const side = random.below(2);
        const party = side === 0 ? a : b;
        const text = `${sent[side]!.length}${'.'.repeat(random.below(300))}`;
        if (random.chance(0.8) && party.link.send('data', text) === null) sent[side]!.push(text);
        if (random.chance(0.05)) cutOver(random, pair, a, b, ++generation);
        pair.time.advance(random.below(10));
        peak = Math.max(peak, dataStats(a).queuedBytes, dataStats(b).queuedBytes);
      }
      openPath(pair, generation + 1, a, b);
      pair.time.advance(2000);
      expect(b.received).toEqual(sent[0]);
      expect(a.received).toEqual(sent[1]);
      expect(peak).toBeLessThanOrEqual(50_000);
      expect([dataStats(a).queuedBytes, dataStats(b).queuedBytes]).toEqual([0, 0]);
      expect([a.drops, b.drops]).toEqual([[], []]);
    },
  );
});

/** The old path dies before, during or after the cut-over, or lives on; the two sides cut over at different times. */
function cutOver(random: Random, pair: LinkPair, a: Party, b: Party, generation: number): void {
  const old = generation - 1;
  if (random.chance(0.3)) pair.kill(old);
  const ends = pair.path(generation, a, b);
  const order = random.chance(0.5) ? [0, 1] : [1, 0];
  for (const index of order) {
    ends[index]!.open();
    [a, b][index]!.link.activate(generation);
    if (random.chance(0.5)) pair.time.advance(random.below(30));
  }
  if (random.chance(0.3)) pair.kill(old);
  // The old generation lingers, then is closed.
  if (random.chance(0.5)) {
    pair.time.advance(random.below(60));
    pair.kill(old);
    for (const party of [a, b]) party.link.detach(old);
  }
}

/** Reaches into the link, because nobody sends four thousand million messages in a test. */
function startNumbersAt(party: Party, seq: number): void {
  const { lanes } = party.link as unknown as {
    lanes: Map<string, { outbox: { base: number }; inbox: { expected: number } }>;
  };
  for (const lane of lanes.values()) {
    lane.outbox.base = seq;
    lane.inbox.expected = seq;
  }
}
