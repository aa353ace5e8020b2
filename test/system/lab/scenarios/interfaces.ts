/** Interface and address changes, of the service's host and of the peer's, one and many. */
import type { Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';
import { sleep } from '../time.js';
import { otherUplink, type Uplink } from '../topology.js';
import { turnFlags } from '../turn.js';

const rapidGapsMs = [1000, 1000, 500, 1000, 2000];

/** The change after the last gap is the one that counts. */
async function changeRapidly(stage: Stage) {
  const since = Date.now();
  const { service } = stage.topology;
  let up: Uplink = 'eth0';
  let last = { beganAtMs: since, doneAtMs: since };
  for (const gapMs of rapidGapsMs) {
    await sleep(gapMs);
    const from: Uplink = up;
    up = otherUplink[from];
    last = await stage.happens(() => service.handOver(from, up));
  }
  return { ...last, since };
}

/** The old cell is gone, there is nothing for a moment, and the new one is slower and loses packets. */
async function handOff(stage: Stage) {
  const since = Date.now();
  await stage.topology.peer.down('eth0');
  await stage.path.conditions({ delayMs: 60, jitterMs: 40, lossRatio: 0.05 });
  await sleep(700);
  return { ...(await stage.happens(() => stage.topology.peer.up('wlan0'))), since };
}

/** As of containers or a VPN: they have addresses, and no packet of a tube takes them. */
async function comeAndGo(stage: Stage) {
  const { namespace } = stage.topology.peer;
  const happening = await stage.happens(() => namespace.ip('link add other0 type veth peer name other1'));
  for (const n of [0, 1]) {
    await namespace.ip(`addr add 10.99.${String(n)}.1/24 dev other${String(n)}`, `link set other${String(n)} up`);
    await sleep(700);
  }
  await namespace.ip('link del other0');
  return happening;
}

export const interfaceScenarios: readonly Scenario[] = [
  {
    name: 'ethernet-to-wifi',
    what: "The service's host loses its cable; its Wi-Fi comes up in the same moment and takes the default route.",
    targets: { library: { ms: 1000 }, chromium: { ms: 2000 } },
    happen: (stage) => stage.happens(() => stage.topology.service.handOver('eth0', 'wlan0')),
  },
  {
    name: 'ethernet-to-wifi-turn',
    what: 'The same, while both ends reach each other only through a TURN server.',
    turn: true,
    flags: turnFlags,
    targets: { library: { ms: 1000 }, chromium: { ms: 2000 } },
    happen: (stage) => stage.happens(() => stage.topology.service.handOver('eth0', 'wlan0')),
  },
  {
    name: 'ip-change',
    what: "The service's host gets another address on the same interface.",
    targets: { library: { ms: 1000 }, chromium: { ms: 2000 } },
    happen: (stage) => stage.happens(() => stage.topology.service.replaceAddress('eth0')),
  },
  {
    name: 'peer-ethernet-to-wifi',
    what: "The peer's host moves from cable to Wi-Fi, and the library says so.",
    targets: { library: { ms: 1000 } },
    happen: (stage) => stage.happens(() => stage.topology.peer.handOver('eth0', 'wlan0')),
  },
  {
    name: 'peer-ip-change',
    what: "The peer's host gets another address on the same interface, and the library says so.",
    targets: { library: { ms: 1000 } },
    happen: (stage) => stage.happens(() => stage.topology.peer.replaceAddress('eth0')),
  },
  {
    name: 'peer-other-interfaces',
    what: "Interfaces that no packet of the tube takes come and go on the peer's host; its library has nothing to report.",
    targets: { library: { ms: 500, of: 'outageMs', ours: true } },
    happen: comeAndGo,
    check: (_, { attempts }) => ({ faults: attempts === 0 ? [] : ['the tube restarted for nothing'] }),
  },
  {
    name: 'peer-ethernet-to-wifi-unreported',
    what: "The peer's host moves from cable to Wi-Fi, and nobody tells the service.",
    unreported: true,
    targets: { library: { ms: 6000 }, chromium: { ms: 8000 } },
    happen: (stage) => stage.happens(() => stage.topology.peer.handOver('eth0', 'wlan0')),
  },
  {
    name: 'peer-ip-change-unreported',
    what: "The peer's host gets another address on the same interface, and nobody tells the service.",
    unreported: true,
    targets: { library: { ms: 6000 }, chromium: { ms: 8000 } },
    happen: (stage) => stage.happens(() => stage.topology.peer.replaceAddress('eth0')),
  },
  {
    name: 'peer-ip-change-fallback',
    what: "A plain page's host gets another address and its controller asks for a restart at once; the browser clings to the old path, so the page makes a new RTCPeerConnection after 1.5 s (docs/peer.md).",
    fallbackAfterMs: 1500,
    targets: { chromium: { ms: 8000 } },
    happen: (stage) =>
      stage.happens(async () => {
        await stage.topology.peer.replaceAddress('eth0');
        await Promise.all(stage.tracks.map(({ tubeId }) => stage.control.call('restart_ice', { tube_id: tubeId })));
      }),
  },
  {
    name: 'mobile-handoff',
    what: 'The peer changes the mast: 0.7 s without a network, then another address behind 60 to 100 ms of delay each way and 5 % loss.',
    profile: 'mobile',
    path: { delayMs: 25, jitterMs: 15 },
    targets: { library: { ms: 3000, ours: true }, chromium: { ms: 12_000, ours: true } },
    happen: handOff,
  },
  {
    name: 'rapid-changes',
    what: "The service's host changes between cable and Wi-Fi after 1, 1, 0.5, 1 and 2 s; measured from the last change.",
    targets: { library: { ms: 3000 }, chromium: { ms: 3000 } },
    happen: changeRapidly,
  },
];
