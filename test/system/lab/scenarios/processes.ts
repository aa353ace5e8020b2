/** Processes and helpers that go away: the peer's, the service's, signalling, the controller, the credentials of TURN. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';
import { sleep } from '../time.js';
import { turnFlags, turnTtlMs } from '../turn.js';

const messageEveryMs = 20;

async function restartPeer(stage: Stage) {
  const happening = await stage.happens(() => Promise.all(stage.peers.map((peer) => peer.kill())));
  await Promise.all(stage.peers.map((peer) => peer.start()));
  for (const peer of stage.peers) peer.stream(messageEveryMs);
  return happening;
}

async function restartService(stage: Stage, signal: 'SIGTERM' | 'SIGKILL') {
  const happening = await stage.happens(() => stage.service.end(signal));
  await stage.service.start();
  return happening;
}

async function cutSignalling(stage: Stage, whose: 'peer' | 'controller', ms: number) {
  const happening = await stage.happens(() => stage.topology.signalling('down', whose));
  await sleep(ms);
  await stage.topology.signalling('up', whose);
  return happening;
}

/** A controller that knows that it is cut off sends nothing; what the page sends meanwhile comes when it is back. */
async function cutController(stage: Stage) {
  for (const track of stage.tracks) track.stop();
  await sleep(200);
  const happening = await cutSignalling(stage, 'controller', 30_000);
  const { socket } = stage.control;
  const endMs = Date.now() + 30_000;
  while (Date.now() < endMs && !socket.connected) await sleep(100);
  for (const track of stage.tracks) track.stream(messageEveryMs);
  return happening;
}

const outliveCredentials = async (stage: Stage) => {
  const happening = await stage.happens(async () => undefined);
  await sleep(2.5 * turnTtlMs);
  return happening;
};

/** Where the service keeps its tubes: made when the laboratory starts, gone when it ends. */
function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hflab-data-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const noRestart = (_: Stage, { attempts }: { attempts: number }) => ({
  faults: attempts === 0 ? [] : [`${String(attempts)} restarts of a good path`],
});

export const processScenarios: readonly Scenario[] = [
  {
    name: 'peer-restart',
    what: "The peer's process is killed and started again with the same token; a page is loaded again, and its controller asks for a fresh offer.",
    mayLose:
      'What the killed process had taken and not yet said is lost with it, and what it had not acknowledged may come twice.',
    targets: { library: { ms: 3000, ours: true }, chromium: { ms: 3000, ours: true } },
    happen: restartPeer,
  },
  {
    name: 'service-restart-kill',
    what: 'The service is killed (SIGKILL) and started again on the same address, with a data folder.',
    flags: ['--data-dir', dataFolder()],
    mayLose: 'What the killed process had taken is lost with it.',
    giveUpMs: 20_000,
    targets: { library: { ms: 10_000, ours: true }, chromium: { ms: 10_000, ours: true } },
    happen: (stage) => restartService(stage, 'SIGKILL'),
  },
  {
    name: 'service-restart-term',
    what: 'The service is stopped (SIGTERM) and started again on the same address, with a data folder.',
    flags: ['--data-dir', dataFolder()],
    mayLose: 'What the stopped process had taken may be lost with it.',
    giveUpMs: 20_000,
    targets: { library: { ms: 10_000, ours: true }, chromium: { ms: 10_000, ours: true } },
    happen: (stage) => restartService(stage, 'SIGTERM'),
  },
  {
    name: 'signalling-loss',
    what: "The peer's way to the service's signalling is cut for 30 s while the path is good: nothing may happen. (The library would report the interface that was cut; it does not here.)",
    unreported: true,
    runs: 3,
    targets: { library: { ms: 200, of: 'outageMs', ours: true } },
    happen: (stage) => cutSignalling(stage, 'peer', 30_000),
    check: noRestart,
  },
  {
    name: 'controller-loss',
    what: 'The controller is cut off for 30 s while the path is good: nothing may happen, and what the peer sent meanwhile arrives.',
    runs: 3,
    targets: { library: null, chromium: null },
    happen: cutController,
    check: noRestart,
  },
  {
    name: 'turn-expiry',
    what: `Both ends reach each other only through a TURN server whose credentials live for ${String(turnTtlMs / 1000)} s; after two and a half lives data still flows.`,
    turn: true,
    flags: turnFlags,
    targets: { library: { ms: 500, of: 'outageMs' }, chromium: { ms: 500, of: 'outageMs' } },
    happen: outliveCredentials,
    // A plain page is left alone (docs/turn.md).
    check: ({ kind }, { attempts }) => ({
      faults: kind === 'chromium' || attempts >= 2 ? [] : ['the credentials were not renewed by restarts'],
    }),
  },
];
