/**
 * `npm run demo`: the main job of Holdfast, shown. Starts the service and a peer, each in a process of its own, opens a tube as a controller does,
 * lets messages flow, cuts the path without telling anybody, and says in one line each what happens, with the time. Exits 0 when no message was lost.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { io, type Socket } from 'socket.io-client';
import type { PeerReport } from './demo-peer.js';

const token = 'demo-token';
const messageEveryMs = 20;
const quietMs = 3_000;
/** What is on its way may arrive. */
const settleMs = 500;
const giveUpMs = 90_000;

const startedAtMs = performance.now();
const say = (text: string): void => {
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(2).padStart(6);
  console.log(`${seconds} s  ${text}`);
};
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Signal {
  readonly kind: string;
  readonly data: unknown;
  readonly generation: number;
  /** 2: in progress (contract section 11). */
  readonly progress_flag: number;
}
type Answer = Record<string, unknown> & { ok: boolean };

function run(file: string, args: string[]): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  // However the demo ends, nothing of it is left behind.
  process.once('exit', () => child.kill());
  return child;
}

/** Starts the service on a free port with quick pings, and waits for its first line that names the address. */
async function startService(): Promise<{ service: ChildProcess; url: string }> {
  const flags = [
    '--port',
    '0',
    '--control-tokens',
    token,
    '--bind-address',
    '127.0.0.1',
    '--profile',
    'low_latency',
    '--log-level',
    'warn',
  ];
  const service = run('../main.js', flags);
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    service.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const found = /http:\/\/[\w.:[\]-]+/.exec(text)?.[0];
      if (found !== undefined) resolve(found);
    });
    service.once('exit', (code) => {
      reject(new Error(`the service ended with ${String(code)}: ${text}`));
    });
  });
  return { service, url };
}

class Traffic {
  sent = 0;
  echoed = 0;
  refused = 0;
  lastEchoAtMs = performance.now();
  longestGapMs = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(control: Socket, tubeId: string) {
    this.#timer = setInterval(() => {
      const number = this.sent + 1;
      this.sent = number;
      control.emit('send', { tube_id: tubeId, channel: 'data', data: String(number) }, (answer: Answer) => {
        if (!answer.ok) this.refused += 1;
      });
    }, messageEveryMs);
  }

  heard(): void {
    const nowMs = performance.now();
    this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.lastEchoAtMs);
    this.lastEchoAtMs = nowMs;
    this.echoed += 1;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

const explanations: Record<string, string> = {
  connected: 'connected: the control channel is open',
  degraded: 'degraded: pings go unanswered; the tube suspects its path (nobody told it anything)',
  failed: 'failed: given up',
  closed: 'closed',
};

/** The signal also comes when only the W3C state of the transport changes. */
let lastState: unknown = null;

function narrate(signal: Signal, traffic: () => Traffic | null): void {
  if (signal.kind === 'message') traffic()?.heard();
  else if (signal.kind === 'connection_state_changed') {
    const text = explanations[String(signal.data)];
    if (text !== undefined && signal.data !== lastState) say(`tube      ${text}`);
    lastState = signal.data;
  } else if (signal.kind === 'ice_restart_offer' && signal.progress_flag === 2) {
    say(`tube      offers generation ${String(signal.generation)} to the peer: a new connection beside the old one`);
  } else if (signal.kind === 'recovered') {
    const {
      attempts,
      trigger,
      outage_ms: outageMs,
    } = signal.data as { attempts: number; trigger: string; outage_ms: number };
    say(
      `tube      recovered after ${String(attempts)} attempt(s), trigger ${trigger}; without a path for ${String(Math.round(outageMs))} ms`,
    );
  }
}

function hear(report: PeerReport): void {
  if (report.kind === 'restart' && (report.phase === 'answered' || report.phase === 'cut_over')) {
    const what = report.phase === 'answered' ? 'answers with a second connection' : 'has moved its channels to';
    say(
      `peer      ${what} (generation ${String(report.generation)}, ${String(Math.round(report.durationMs))} ms after the offer)`,
    );
  }
}

async function ask(peer: ChildProcess): Promise<Extract<PeerReport, { kind: 'received' }>> {
  for (;;) {
    peer.send('count');
    const [report] = (await once(peer, 'message')) as [PeerReport];
    if (report.kind === 'received') return report;
  }
}

/** The three parties: the service, a controller with one tube, and the peer. */
interface Stage {
  readonly service: ChildProcess;
  readonly peer: ChildProcess;
  readonly control: Socket;
  readonly traffic: Traffic;
  /** The next signal that fits. */
  readonly next: (fits: (signal: Signal) => boolean) => Promise<void>;
}

async function openControl(url: string): Promise<Socket> {
  const control = io(`${url}/control`, { auth: { token }, transports: ['websocket'] });
  await new Promise<void>((resolve) => control.once('connect', () => resolve()));
  say('controller  connected to /control');
  return control;
}

async function setUp(): Promise<Stage> {
  say('starting the service …');
  const { service, url } = await startService();
  say(`service   listens on ${url} (profile low_latency: a ping every second)`);
  const control = await openControl(url);
  const waiting = new Set<(signal: Signal) => void>();
  let traffic: Traffic | null = null;
  control.on('signal', (batch: Signal | Signal[]) => {
    for (const signal of [batch].flat()) {
      narrate(signal, () => traffic);
      for (const hear of [...waiting]) hear(signal);
    }
  });
  const next: Stage['next'] = (fits) =>
    new Promise((resolve) => {
      const hear = (signal: Signal): void => {
        if (!fits(signal)) return;
        waiting.delete(hear);
        resolve();
      };
      waiting.add(hear);
    });
  const body = { conversation_id: 'demo', settings: {}, trickle_ice: true };
  const created = (await control.emitWithAck('create_tube', body)) as Answer;
  if (!created.ok) throw new Error(JSON.stringify(created));
  say(`controller  opened tube ${String(created.tube_id)}`);
  const connected = next(({ kind, data }) => kind === 'connection_state_changed' && data === 'connected');
  const peer = run('demo-peer.js', [url, String(created.peer_token)]);
  peer.on('message', hear);
  say(`peer      starts in process ${String(peer.pid)}, behind a network that can be cut`);
  await connected;
  traffic = new Traffic(control, String(created.tube_id));
  return { service, peer, control, traffic, next };
}

async function cutAndRecover({ peer, traffic, next }: Stage): Promise<void> {
  say(`controller  sends a numbered message every ${String(messageEveryMs)} ms; the peer echoes each`);
  await sleep(quietMs);
  say(`so far    ${String(traffic.sent)} sent, ${String(traffic.echoed)} echoed`);
  const recovered = next(({ kind }) => kind === 'recovered');
  say('CUT       the network drops every packet of this connection from now on, silently');
  peer.send('cut');
  await recovered;
  await sleep(quietMs);
  traffic.stop();
  await sleep(settleMs);
}

/** True when every message arrived once and in order, and everybody ended cleanly. */
async function countAndStop({ service, peer, control, traffic }: Stage): Promise<boolean> {
  const { count, outOfOrder } = await ask(peer);
  const lost = traffic.sent - traffic.refused - count;
  say(
    `result    ${String(traffic.sent)} sent, ${String(count)} arrived, ${String(traffic.echoed)} echoes came back; lost ${String(lost)}, out of order ${String(outOfOrder)}; longest silence ${String(Math.round(traffic.longestGapMs))} ms`,
  );
  peer.send('stop');
  await once(peer, 'exit');
  say('peer      stopped');
  control.disconnect();
  service.kill('SIGTERM');
  const [code] = (await once(service, 'exit')) as [number | null];
  say(`service   stopped cleanly with exit code ${String(code)}`);
  return lost === 0 && outOfOrder === 0 && traffic.echoed === count && code === 0;
}

async function demo(): Promise<boolean> {
  const stage = await setUp();
  await cutAndRecover(stage);
  return countAndStop(stage);
}

setTimeout(() => {
  say('this takes far too long: something is wrong here');
  process.exit(1);
}, giveUpMs).unref();
const good = await demo();
console.log(
  good
    ? '\nThe path was cut and nothing was lost. Next: README.md, or `npm start` and open the console.'
    : '\nSomething was lost: see above.',
);
process.exit(good ? 0 : 1);
