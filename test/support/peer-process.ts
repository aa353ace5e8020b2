/** Starts test/system/children/peer.ts and kills it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { bundle } from './run-child.js';

export interface PeerProcess {
  /** On the channel `data`. */
  send(text: string): void;
  /** It stands still, as a laptop that sleeps, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** As a crash ends it: without a word. Idempotent. */
  kill(): Promise<void>;
}

/** Resolves when its channel is open. */
export async function startPeerProcess(url: string, token: string): Promise<PeerProcess> {
  const child = fork(await bundle('test/system/children/peer.ts'), [url, token], { execArgv: [] });
  const exited = once(child, 'exit');
  await Promise.race([
    once(child, 'message'),
    exited.then(([code]) => Promise.reject(new Error(`the peer's process ended with ${String(code)}`))),
  ]);
  return {
    send: (text) => void child.send(text),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
