/**
 * What every connection behind src/channels/connection.port.ts must do, fake and native alike. One suite, called by fake.test.ts and
 * native.test.ts with their factory.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Description, TransportState } from '../../machines/ports/transport.port.js';
import type {
  Channel,
  ChannelHandlers,
  ChannelInit,
  Connection,
  ConnectionFactory,
} from '../../src/channels/connection.port.js';
import { checkCandidate, checkDescription, withSetup } from '../../src/transport/sdp.js';
import { sleep, until } from '../support/until.js';

interface Recorded {
  readonly channel: Channel;
  readonly messages: (string | Uint8Array)[];
  readonly events: string[];
}

interface Side {
  readonly connection: Connection;
  readonly descriptions: Description[];
  readonly candidates: { candidate: string; mid: string }[];
  readonly states: TransportState[];
  readonly channels: Map<string, Recorded>;
  iceConnected: number;
  /** Calls of handlers that came while a method was running. */
  reentered: number;
  open(init: Partial<ChannelInit> & { label: string }): Recorded;
  inside<Result>(call: () => Result): Result;
}

const hello = Uint8Array.of(0, 1, 254, 255);

export function describeConnection(name: string, createConnection: ConnectionFactory): void {
  const sides: Side[] = [];

  function makeSide(refuse: (label: string) => boolean = () => false): Side {
    let depth = 0;
    const called = (): void => {
      if (depth > 0) side.reentered += 1;
    };
    const record = (channel: Channel): { recorded: Recorded; handlers: ChannelHandlers } => {
      const recorded: Recorded = { channel, messages: [], events: [] };
      const note = (event: string) => () => {
        called();
        recorded.events.push(event);
      };
      const message = (data: string | Uint8Array): void => {
        called();
        recorded.events.push('message');
        recorded.messages.push(data);
      };
      return { recorded, handlers: { open: note('open'), closed: note('closed'), drained: note('drained'), message } };
    };
    const connection = createConnection(
      { iceServers: [], maxMessageBytes: 65_536, bindAddress: '127.0.0.1' },
      {
        localDescription: (description) => (called(), void side.descriptions.push(description)),
        localCandidate: (candidate, mid) => (called(), void side.candidates.push({ candidate, mid })),
        stateChanged: (state) => (called(), void side.states.push(state)),
        iceConnected: () => (called(), void (side.iceConnected += 1)),
        remoteChannel: (channel) => {
          called();
          if (refuse(channel.label)) return null;
          const { recorded, handlers } = record(channel);
          side.channels.set(channel.label, recorded);
          return handlers;
        },
      },
    );
    const side: Side = {
      connection,
      descriptions: [],
      candidates: [],
      states: [],
      channels: new Map(),
      iceConnected: 0,
      reentered: 0,
      inside: (call) => {
        depth += 1;
        try {
          return call();
        } finally {
          depth -= 1;
        }
      },
      open: (init) => {
        const late: { of: ChannelHandlers | null } = { of: null };
        const channel = side.inside(() =>
          connection.createChannel(
            { class: 'reliable', negotiatedId: null, ...init },
            {
              open: () => late.of?.open(),
              closed: () => late.of?.closed(),
              message: (data) => late.of?.message(data),
              drained: () => late.of?.drained(),
            },
          ),
        );
        const { recorded, handlers } = record(channel);
        late.of = handlers;
        side.channels.set(init.label, recorded);
        return recorded;
      },
    };
    sides.push(side);
    return side;
  }

  const isOpen = (side: Side, label: string) => (): boolean => side.channels.get(label)?.channel.isOpen() === true;
  const gathered = (side: Side) => (): boolean => side.candidates.some(({ candidate }) => candidate === '');

  async function connect(a: Side, b: Side, edit: (sdp: string) => string = (sdp) => sdp): Promise<void> {
    await a.inside(() => a.connection.offer());
    await until(() => a.descriptions.length === 1 && gathered(a)());
    await b.inside(() => b.connection.applyOffer(edit(a.descriptions[0]!.sdp)));
    await until(() => b.descriptions.length === 1 && gathered(b)());
    await a.inside(() => a.connection.applyAnswer(b.descriptions[0]!.sdp));
    // The DTLS client's checks come second, or its first flight is lost now and then and costs a second (see generation.ts).
    const order = edit('a=setup:actpass').endsWith(':active')
      ? [
          [a, b],
          [b, a],
        ]
      : [
          [b, a],
          [a, b],
        ];
    for (const [from, to] of order as [Side, Side][]) {
      for (const { candidate, mid } of from.candidates)
        await to.inside(() => to.connection.addCandidate(candidate, mid));
      await sleep(60);
    }
  }

  async function connected(): Promise<[Side, Side, Recorded, Recorded]> {
    const [a, b] = [makeSide(), makeSide()];
    const ours = a.open({ label: 'data' });
    await connect(a, b);
    await until(() => isOpen(a, 'data')() && isOpen(b, 'data')());
    return [a, b, ours, b.channels.get('data')!];
  }

  describe(name, () => {
    afterEach(async () => {
      for (const side of sides) side.connection.close();
      await until(() => sides.every(({ states }) => states.includes('closed')));
      for (const side of sides.splice(0)) expect(side.reentered).toBe(0);
    });

    test('describes itself with an offer that passes our own checks, then candidates, then their end', async () => {
      const side = makeSide();
      side.open({ label: 'data' });
      expect(side.connection.localDescription()).toBeNull();
      await side.inside(() => side.connection.offer());
      await until(gathered(side));
      expect(side.descriptions).toHaveLength(1);
      const { type, sdp } = side.descriptions[0]!;
      expect(type).toBe('offer');
      expect(checkDescription('offer', sdp)).toBeNull();
      expect(side.candidates.at(-1)?.candidate).toBe('');
      for (const { candidate, mid } of side.candidates) {
        expect(mid).toBe('0');
        expect(checkCandidate(candidate)).toBeNull();
        expect(candidate).toMatch(/^(candidate:|$)/);
      }
      expect(side.connection.localDescription()?.sdp).toContain('a=candidate:');
    });

    test('connects, opens the channel on both sides and reports states once each', async () => {
      const [a, b] = await connected();
      await until(() => a.states.includes('connected') && b.states.includes('connected'));
      expect([a.iceConnected, b.iceConnected]).toEqual([1, 1]);
      expect(a.connection.state()).toBe('connected');
      expect(new Set(a.states).size).toBe(a.states.length);
      expect((await a.connection.stats()).selectedPair).toMatchObject({ local: { type: 'host', protocol: 'udp' } });
    });

    test('carries text and binary both ways, unchanged, empty ones too', async () => {
      const [, , ours, theirs] = await connected();
      const sent = ['text', 'žluťoučký kůň 🐎', hello, '', new Uint8Array(0)];
      for (const data of sent) {
        expect(ours.channel.send(data)).toBe(true);
        expect(theirs.channel.send(data)).toBe(true);
      }
      await until(() => ours.messages.length === 5 && theirs.messages.length === 5);
      expect(theirs.messages).toEqual(sent);
      expect(ours.messages).toEqual(sent);
      expect(ours.events[0]).toBe('open');
      expect(theirs.events[0]).toBe('open');
    });

    test('copies what it sends', async () => {
      const [, , ours, theirs] = await connected();
      const bytes = Uint8Array.of(1, 2, 3);
      ours.channel.send(bytes);
      bytes.fill(9);
      await until(() => theirs.messages.length === 1);
      expect(theirs.messages[0]).toEqual(Uint8Array.of(1, 2, 3));
    });

    test('opens negotiated channels without a word to the other side', async () => {
      const [a, b] = [makeSide(), makeSide()];
      for (const side of [a, b]) side.open({ label: 'agreed', negotiatedId: 4 });
      await connect(a, b);
      await until(() => isOpen(a, 'agreed')() && isOpen(b, 'agreed')());
      a.channels.get('agreed')!.channel.send('x');
      await until(() => b.channels.get('agreed')!.messages.length === 1);
      expect(a.channels.get('agreed')!.channel.id()).toBe(4);
    });

    test('gives in-band channels even stream ids when it offered to be active', async () => {
      const [a, b] = [makeSide(), makeSide()];
      a.open({ label: 'one' });
      a.open({ label: 'two' });
      await connect(a, b, (sdp) => withSetup(sdp, 'active'));
      await until(() => isOpen(b, 'one')() && isOpen(b, 'two')() && isOpen(a, 'two')());
      expect([a.channels.get('one')!.channel.id(), a.channels.get('two')!.channel.id()]).toEqual([0, 2]);
      expect(b.channels.get('two')!.channel.id()).toBe(2);
    });

    test('opens more channels while connected, from either side', async () => {
      const [a, b] = await connected();
      b.open({ label: 'late' });
      await until(() => isOpen(a, 'late')() && isOpen(b, 'late')());
      b.channels.get('late')!.channel.send('x');
      await until(() => a.channels.get('late')!.messages.length === 1);
    });

    test('tells the class of a channel to the other side', async () => {
      const [a, b] = [makeSide(), makeSide()];
      a.open({ label: 'quick', class: 'latest' });
      await connect(a, b);
      await until(isOpen(b, 'quick'));
      expect(b.channels.get('quick')!.channel.class).toBe('latest');
    });

    test('closes a channel that its other side refuses', async () => {
      const [a, b] = [makeSide(), makeSide((label) => label === 'unwanted')];
      a.open({ label: 'data' });
      const unwanted = a.open({ label: 'unwanted' });
      await connect(a, b);
      await until(() => unwanted.events.includes('closed'));
      expect(a.connection.state()).toBe('connected');
    });

    test('reports a closed channel once on both sides, and sends nothing on it', async () => {
      const [, , ours, theirs] = await connected();
      ours.channel.close();
      ours.channel.close();
      expect(ours.channel.send('x')).toBe(false);
      await until(() => ours.events.includes('closed') && theirs.events.includes('closed'));
      expect(ours.events.filter((event) => event === 'closed')).toHaveLength(1);
      expect(theirs.channel.send('x')).toBe(false);
      expect(theirs.channel.isOpen()).toBe(false);
      expect(theirs.channel.bufferedBytes()).toBe(0);
    });

    test('delivers what was sent before a channel closed', async () => {
      const [, , ours, theirs] = await connected();
      for (let index = 0; index < 100; index++) ours.channel.send(String(index));
      await until(() => theirs.messages.length === 100);
      ours.channel.close();
      await until(() => theirs.events.includes('closed'));
      expect(theirs.messages).toHaveLength(100);
      expect(theirs.events.at(-1)).toBe('closed');
    });

    test('reports a drained buffer', async () => {
      const [, , ours, theirs] = await connected();
      ours.channel.setLowWaterBytes(16 * 1024);
      for (let index = 0; index < 100; index++) expect(ours.channel.send(new Uint8Array(32 * 1024))).toBe(true);
      expect(ours.channel.bufferedBytes()).toBeGreaterThan(16 * 1024);
      await until(() => theirs.messages.length === 100 && ours.events.includes('drained'));
      expect(ours.channel.bufferedBytes()).toBeLessThanOrEqual(16 * 1024);
    });

    test('refuses what is too large, before it is open and afterwards', async () => {
      const [a, b] = [makeSide(), makeSide()];
      const ours = a.open({ label: 'data' });
      expect(ours.channel.send('early')).toBe(false);
      await connect(a, b);
      await until(isOpen(a, 'data'));
      expect(ours.channel.send(new Uint8Array(65_537))).toBe(false);
      expect(ours.channel.send('ž'.repeat(40_000))).toBe(false);
      expect(ours.channel.send(new Uint8Array(65_536))).toBe(true);
    });

    test('misuse rejects with a message and changes nothing', async () => {
      const [a, b] = [makeSide(), makeSide()];
      await expect(a.connection.offer()).rejects.toThrow('at least one channel');
      await expect(a.connection.applyAnswer('v=0')).rejects.toThrow('signalling state');
      await expect(a.connection.addCandidate('candidate:1 1 UDP 1 127.0.0.1 1 typ host', '0')).rejects.toThrow(
        'before the remote',
      );
      expect(() => a.open({ label: 'bad', negotiatedId: 70_000 })).toThrow('stream id');
      a.open({ label: 'data' });
      await connect(a, b);
      await expect(a.connection.offer()).rejects.toThrow('signalling state');
      await expect(a.connection.applyAnswer(b.descriptions[0]!.sdp)).rejects.toThrow('signalling state');
      await expect(b.connection.applyOffer(a.descriptions[0]!.sdp)).rejects.toThrow('signalling state');
      await expect(a.connection.addCandidate('nonsense', '0')).rejects.toThrow();
      await until(() => isOpen(a, 'data')() && isOpen(b, 'data')());
    });

    test('a description without credentials is refused, and a good one afterwards is taken', async () => {
      const [a, b] = [makeSide(), makeSide()];
      a.open({ label: 'data' });
      await a.connection.offer();
      await until(() => a.descriptions.length === 1 && gathered(a)());
      const { sdp } = a.descriptions[0]!;
      await expect(b.connection.applyOffer(sdp.replace(/a=ice-ufrag.*\r\n/, ''))).rejects.toThrow();
      await b.connection.applyOffer(sdp);
      await until(() => b.descriptions.length === 1);
    });

    test('close is idempotent, reports closed once and nothing after it', async () => {
      const [a, b, ours] = await connected();
      a.inside(() => {
        a.connection.close();
        a.connection.close();
      });
      expect(a.connection.state()).toBe('closed');
      await until(() => a.states.includes('closed') && b.states.includes('closed'));
      await expect(a.connection.offer()).rejects.toThrow('closed');
      await expect(a.connection.applyAnswer('v=0')).rejects.toThrow('closed');
      await expect(a.connection.addCandidate('', '0')).rejects.toThrow('closed');
      expect(() => a.connection.createChannel({ label: 'x', class: 'reliable', negotiatedId: null }, silent)).toThrow(
        'closed',
      );
      expect(await a.connection.stats()).toMatchObject({ selectedPair: null });
      expect(a.states.at(-1)).toBe('closed');
      expect(a.states.filter((state) => state === 'closed')).toHaveLength(1);
      expect(ours.events.at(-1)).toBe('closed');
      expect([ours.channel.id(), ours.channel.bufferedBytes(), ours.channel.isOpen()]).toEqual([null, 0, false]);
    });

    test('a connection that was never used closes too', async () => {
      const side = makeSide();
      const ours = side.open({ label: 'data' });
      side.connection.close();
      await until(() => side.states.includes('closed'));
      expect(ours.events).toEqual(['closed']);
    });

    test('closing in the middle of an offer or answer rejects or ends, never more', async () => {
      const [a, b] = [makeSide(), makeSide()];
      a.open({ label: 'data' });
      const offer = a.connection.offer().catch(() => undefined);
      a.connection.close();
      await offer;
      const c = makeSide();
      c.open({ label: 'data' });
      await c.connection.offer();
      await until(() => c.descriptions.length === 1);
      const answer = b.connection.applyOffer(c.descriptions[0]!.sdp).catch(() => undefined);
      b.connection.close();
      await answer;
      await until(() => a.states.includes('closed') && b.states.includes('closed'));
    });
  });
}

const silent: ChannelHandlers = {
  open: () => undefined,
  closed: () => undefined,
  message: () => undefined,
  drained: () => undefined,
};
