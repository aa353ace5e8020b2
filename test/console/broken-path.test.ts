// The black hole of the console swallows what it should, and only that: otherwise what the page shows would be a trick.
import { expect, test } from '@jest/globals';
import type {
  ChannelHandlers,
  Connection,
  ConnectionFactory,
  ConnectionHandlers,
} from '../../src/channels/connection.port.js';
import { BreakablePaths } from '../../src/console/try/broken-path.js';
import { FakeNetwork } from '../support/fake-connection.js';

const config = { iceServers: [], maxMessageBytes: 1000 };
const network = new FakeNetwork();
const settled = async (): Promise<void> => {
  for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve));
};

/** The two ends of one path with a channel, and what each of them heard. */
async function connect(createHere: ConnectionFactory) {
  const heard = { here: [] as string[], there: [] as string[] };
  const channelHandlers = (side: 'here' | 'there'): ChannelHandlers => ({
    open: () => heard[side].push('open'),
    closed: () => heard[side].push('channel closed'),
    message: (data) => heard[side].push(String(data)),
    drained: () => undefined,
  });
  const handlers = (side: 'here' | 'there', other: () => Connection): ConnectionHandlers => ({
    localDescription: ({ type, sdp }) => void (type === 'offer' ? other().applyOffer(sdp) : other().applyAnswer(sdp)),
    localCandidate: () => undefined,
    iceConnected: () => undefined,
    stateChanged: (state) => heard[side].push(state),
    remoteChannel: () => channelHandlers(side),
  });
  const here: Connection = createHere(
    config,
    handlers('here', () => there),
  );
  const there: Connection = network.createConnection(
    config,
    handlers('there', () => here),
  );
  const init = { label: 'data', class: 'reliable', negotiatedId: 1 } as const;
  const channel = here.createChannel(init, channelHandlers('here'));
  const otherChannel = there.createChannel(init, channelHandlers('there'));
  await there.offer();
  await settled();
  await here.addCandidate('candidate:1 1 UDP 2122252543 127.0.0.1 9 typ host', '0');
  await settled();
  return {
    here,
    there,
    channel,
    otherChannel,
    take: () => ({ here: heard.here.splice(0), there: heard.there.splice(0) }),
  };
}

test('a broken connection drops everything in both directions and tells nobody; a later one works', async () => {
  const paths = new BreakablePaths(network.createConnection);
  expect(paths.isWhole).toBe(false);
  const first = await connect(paths.createConnection);
  expect(paths.isWhole).toBe(true);
  expect(first.take().here).toContain('connected');
  first.channel.send('to there');
  first.otherChannel.send('to here');
  await settled();
  expect(first.take()).toEqual({ here: ['to here'], there: ['to there'] });

  paths.breakAll();
  expect(paths.isWhole).toBe(false);
  expect(first.channel.send('into the dark')).toBe(true);
  expect(first.otherChannel.send('out of the dark')).toBe(true);
  await settled();
  expect(first.take()).toEqual({ here: [], there: [] });

  const second = await connect(paths.createConnection);
  expect(paths.isWhole).toBe(true);
  second.take();
  second.channel.send('light');
  second.otherChannel.send('light');
  first.there.close();
  await settled();
  expect(second.take()).toEqual({ here: ['light'], there: ['light'] });
  // Not even that the other end has gone is heard through a black hole; that we close it ourselves is.
  expect(first.take().here).toEqual([]);
  paths.breakAll();
  second.here.close();
  await settled();
  expect(second.take().here).toContain('closed');
});
