/**
 * Can the ICE agent open its socket? Asked just before, because the answer of the library to a missing bind address, a used-up port range or a lack of
 * file descriptors is to abort the process (measured: `Failed to gather local ICE candidates`, thrown through setLocalDescription).
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { ConnectionConfig } from '../channels/connection.port.js';

/** Descriptors that the agent needs at once, at most: its socket, the poll pipe, the list of interfaces. */
const neededDescriptors = 4;

/**
 * Resolves in the turn of the event loop in which the probed port was let go: go on without awaiting anything else.
 * @throws Error saying why no socket can be opened
 */
export async function probeSocket(config: ConnectionConfig): Promise<void> {
  const address = config.bindAddress;
  const spare: Socket[] = [];
  try {
    for (let count = 1; count < neededDescriptors; count++) spare.push(await bind(0, address));
    spare.push(await bindInRange(config));
  } finally {
    for (const socket of spare) socket.close();
  }
}

async function bindInRange(config: ConnectionConfig): Promise<Socket> {
  const range = config.portRange;
  if (range === undefined) return bind(0, config.bindAddress);
  const size = range.end - range.begin + 1;
  const start = Math.floor(Math.random() * size);
  let last: unknown = null;
  for (let step = 0; step < size; step++) {
    try {
      return await bind(range.begin + ((start + step) % size), config.bindAddress);
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`no free UDP port in ${range.begin}-${range.end}: ${String(last)}`);
}

/** The agent binds to both families where it can, else to IPv4. */
async function bind(port: number, address: string | undefined): Promise<Socket> {
  if (address !== undefined) return bindOne(isIPv6(address) ? 'udp6' : 'udp4', port, address);
  return bindOne('udp6', port, '::').catch(() => bindOne('udp4', port, '0.0.0.0'));
}

function bindOne(type: 'udp4' | 'udp6', port: number, address: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(type);
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, address, exclusive: true }, () => resolve(socket));
  });
}
