/**
 * What one generation of the library answers to the questions of the service about its path: pongs to pings, echoes to probes, each with the number of
 * probes that have come. It asks nothing itself; generation.ts drives it.
 */
import type { Channel } from '../channels/connection.port.js';
import { decodeControl, encodeControl } from '../channels/wire.js';

export class PathAnswers {
  #burst = -1;
  #received = 0;

  /** @returns what was asked, whether it could be answered or not; null when it is no question */
  answer(channel: Pick<Channel, 'send'>, data: string | Uint8Array): 'ping' | 'probe' | null {
    const frame = decodeControl(data);
    if (frame?.kind === 'ping') channel.send(encodeControl({ kind: 'pong', seq: frame.seq }));
    else if (frame?.kind === 'probe') this.#echo(channel, frame);
    else return null;
    return frame.kind;
  }

  #echo(channel: Pick<Channel, 'send'>, { burst, index }: { readonly burst: number; readonly index: number }): void {
    // A straggler of a burst that is over.
    if (burst < this.#burst) return;
    if (burst > this.#burst) this.#received = 0;
    this.#burst = burst;
    this.#received += 1;
    channel.send(encodeControl({ kind: 'echo', burst, index, received: this.#received }));
  }
}
