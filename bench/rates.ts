/**
 * Connection rates: raw node-datachannel pairs against supervised tubes with our library as the peer (chart, gateway, socket.io and all), the
 * same number at once and both ends in one process, so that the ratio says what supervision costs.
 */
import native from 'node-datachannel';
import { io } from 'socket.io-client';
import { createApp } from '../src/app.js';
import { loadConfig } from '../src/config/load.js';
import { createPeer } from '../src/peer/node.js';

/** Runs `count` jobs, `atOnce` of them at a time; jobs per second. */
async function rate(count: number, atOnce: number, job: () => Promise<void>): Promise<number> {
  let left = count;
  const startedAtMs = performance.now();
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await job();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return (count * 1000) / (performance.now() - startedAtMs);
}

const kept = new Set<unknown>();

type Candidate = readonly [candidate: string, mid: string];

/** One pair: offer, answer, candidates of both sides once the answer is applied, channel open, closed. */
function rawPair(): Promise<void> {
  return new Promise((resolve) => {
    const config = { iceServers: [], bindAddress: '127.0.0.1' };
    const left = new native.PeerConnection('left', config);
    const right = new native.PeerConnection('right', config);
    kept.add(left).add(right);
    const waiting: (() => void)[] = [];
    let answered = false;
    const deliver = (to: typeof left, ...[candidate, mid]: Candidate): void => {
      if (answered) to.addRemoteCandidate(candidate, mid);
      else waiting.push(() => to.addRemoteCandidate(candidate, mid));
    };
    left.onLocalCandidate((...candidate) => deliver(right, ...candidate));
    right.onLocalCandidate((...candidate) => deliver(left, ...candidate));
    left.onLocalDescription((sdp) => right.setRemoteDescription(sdp, 'offer'));
    right.onLocalDescription((sdp) => {
      left.setRemoteDescription(sdp, 'answer');
      answered = true;
      for (const add of waiting.splice(0)) add();
    });
    right.onDataChannel((channel) => kept.add(channel));
    const channel = left.createDataChannel('data');
    kept.add(channel);
    channel.onOpen(() => {
      left.close();
      right.close();
      resolve();
    });
  });
}

export const rawPairsPerSecond = (count: number, atOnce: number): Promise<number> => rate(count, atOnce, rawPair);

export async function supervisedTubesPerSecond(count: number, atOnce: number): Promise<number> {
  const flags = [
    '--port',
    '0',
    '--control-tokens',
    'bench',
    '--bind-address',
    '127.0.0.1',
    '--log-level',
    'error',
    '--drain-delay-ms',
    '0',
  ];
  const generous = [
    '--control-calls-per-second',
    '100000',
    '--connections-per10s',
    '100000',
    '--max-concurrent-ice-agents',
    '10000',
  ];
  const app = createApp(loadConfig({ argv: [...flags, ...generous], env: {}, readFile: () => '' }));
  const { port } = await app.start();
  const url = `http://127.0.0.1:${String(port)}`;
  const control = io(`${url}/control`, { auth: { token: 'bench' }, transports: ['websocket'] });
  const perSecond = await rate(count, atOnce, async () => {
    const created = (await control.emitWithAck('create_tube', {
      conversation_id: 'bench',
      settings: {},
      trickle_ice: true,
    })) as { tube_id: string; peer_token: string };
    const peer = createPeer({ url, token: created.peer_token });
    await peer.connect();
    await peer.opened('data');
    peer.close();
    await control.emitWithAck('close_tube', { tube_id: created.tube_id });
  });
  control.disconnect();
  await app.stop();
  return perSecond;
}
