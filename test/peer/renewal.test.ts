/** A peer that another instance replaced for a while: what it tells the service when it is the peer again. */
import { beforeEach, expect, it } from '@jest/globals';
import { markSdp, readMark } from '../../src/channels/wire.js';
import { HoldfastPeer } from '../../src/peer/peer.js';
import { FakeClock } from './fake-clock.js';
import { FakeService } from './fake-service.js';

let clock: FakeClock;
let service: FakeService;
let peer: HoldfastPeer;
let heard: string[];

beforeEach(() => {
  clock = new FakeClock();
  service = new FakeService(clock);
  peer = new HoldfastPeer({ signalling: service.signalling }, service.environment);
  heard = [];
  peer.on('message', ({ data }) => heard.push(String(data)));
});

/** An offer as the service makes it when its numbers belong to `remote`. */
function offer(generation: number, remote: string | null, text = ''): void {
  const sdp = `v=0\r\no=offer ${generation} ${text}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n`;
  const channels = generation === 1 ? [] : service.records;
  service.signalling.handlers?.receive('offer', {
    type: 'offer',
    sdp: markSdp(sdp, { instance: 'service-1', remote, channels }),
    generation,
    tube_id: 'tube',
    trickle_ice: true,
    ice_servers: [],
  });
}

async function up(generation: number, remote: string | null): Promise<void> {
  offer(generation, remote);
  await clock.advance(1);
  await service.bringUp(generation);
}

const answered = (): string | undefined => readMark(service.signalling.of('answer').at(-1)?.sdp ?? '')?.instance;

it('it answers under a new name, and messages flow both ways again', async () => {
  void peer.connect();
  const first = peer.instance;
  await up(1, null);
  for (const text of ['1', '2', '3']) {
    peer.send('data', `p${text}`);
    service.link.send('data', `s${text}`);
  }
  await clock.advance(100);
  // Meanwhile another instance was the peer, and the service's numbers are its.
  service.cut(1);
  service.link.setRemote('other');
  service.link.detach(1);
  peer.send('data', 'p4');
  await up(5, 'other');
  expect(peer.instance).not.toBe(first);
  expect(answered()).toBe(peer.instance);
  expect((await peer.stats()).instance).toBe(peer.instance);
  expect(service.signalling.handlers?.hello().instance).toBe(peer.instance);
  peer.send('data', 'p5');
  service.link.send('data', 's4');
  await clock.advance(100);
  expect(service.received).toEqual(['p1', 'p2', 'p3', 'p4', 'p5']);
  expect(heard).toEqual(['s1', 's2', 's3', 's4']);
});

it('it keeps its name while the service knows it, and when it answers for the first time', async () => {
  void peer.connect();
  const first = peer.instance;
  await up(3, 'a page that was closed');
  expect(answered()).toBe(first);
  await up(4, first);
  expect(answered()).toBe(first);
  offer(4, 'other');
  offer(2, 'other');
  await clock.advance(1);
  expect(peer.instance).toBe(first);
});
