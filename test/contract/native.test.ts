/** The native connection keeps the contract; and what only it can get wrong: configuration, sockets, its registry of wrappers. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { createSocket } from 'node:dgram';
import type { ConnectionConfig, ConnectionHandlers } from '../../src/channels/connection.port.js';
import { createNativeConnection } from '../../src/transport/native-connection.js';
import { liveCounts, shutdown } from '../../src/transport/native-runtime.js';
import { until } from '../support/until.js';
import { Scene, ScenePeer } from '../transport/scene.js';
import { describeConnection } from './connection-contract.js';

describeConnection('native connection', createNativeConnection);

const nothing = (): void => undefined;
const handlers: ConnectionHandlers = {
  localDescription: nothing,
  localCandidate: nothing,
  stateChanged: nothing,
  iceConnected: nothing,
  remoteChannel: () => null,
};
const config = (extra: Partial<ConnectionConfig>): ConnectionConfig => ({
  iceServers: [],
  maxMessageBytes: 65_536,
  ...extra,
});

async function offerWith(extra: Partial<ConnectionConfig>): Promise<void> {
  const connection = createNativeConnection(config(extra), handlers);
  connection.createChannel(
    { label: 'data', class: 'reliable', negotiatedId: null },
    { open: nothing, closed: nothing, message: nothing, drained: nothing },
  );
  try {
    await connection.offer();
  } finally {
    connection.close();
  }
}

test('a close reaches the peer channel by channel while the connection still stands', async () => {
  const scene = new Scene(createNativeConnection, new ScenePeer('overlap', createNativeConnection));
  await scene.restart(1);
  const { connection, channels } = scene.peer.of(1);
  await until(() => [...channels.values()].every((channel) => channel.isOpen()));
  scene.command(1, 'transport.close');
  await until(() => [...channels.values()].every((channel) => !channel.isOpen()));
  expect(connection.state()).toBe('connected');
  await scene.event('transport.closed', 1);
  await until(() => connection.state() === 'closed');
  await scene.end();
});

describe('native configuration', () => {
  afterAll(shutdown);

  test('an address that this host does not have rejects instead of aborting the process', async () => {
    await expect(offerWith({ bindAddress: '203.0.113.9' })).rejects.toThrow('EADDRNOTAVAIL');
  });

  test('a port range without a free port rejects instead of aborting the process', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    const extra = { bindAddress: '127.0.0.1', portRange: { begin: port, end: port } };
    await expect(offerWith(extra)).rejects.toThrow('no free UDP port');
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    await offerWith(extra);
  });

  test.each([
    [{ bindAddress: 'localhost' }, 'is not an IP address'],
    [{ portRange: { begin: 80, end: 90 } }, 'is not within'],
    [{ portRange: { begin: 5000, end: 4000 } }, 'is not within'],
    [{ iceServers: [{ urls: ['http://stun.example.org'] }] }, 'expected stun:'],
    [{ iceServers: [{ urls: ['turn:turn.example.org'] }] }, 'needs username and credential'],
  ])('%j is refused', (extra, why) => {
    expect(() => createNativeConnection(config(extra), handlers)).toThrow(why);
  });

  test('no wrapper is left when everything is closed', async () => {
    await until(() => liveCounts().peerConnections === 0 && liveCounts().dataChannels === 0, 3000).catch(() =>
      console.log(liveCounts()),
    );
    expect(liveCounts().throws).toBe(0);
  });
});
