/** A tube whose link is full for half a minute, in both directions: slow, and in nobody's eyes broken. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PeerEnvironment } from '../../src/peer/environment.port.js';
import { HoldfastPeer } from '../../src/peer/peer.js';
import { SocketSignalling } from '../../src/peer/signalling.js';
import { createNativeConnection } from '../../src/transport/native-connection.js';
import { shutdown } from '../../src/transport/native-runtime.js';
import { RoughLink } from '../support/rough-link.js';
import { Controller, startService, type Service } from '../support/service.js';
import { sleep, until } from '../support/until.js';

const schedule = (fn: () => void, delayMs: number): (() => void) => {
  const timer = setTimeout(fn, delayMs);
  return () => clearTimeout(timer);
};
/** That of Node, without an eye on the network: other tests change the interfaces of this machine. */
const environment: PeerEnvironment = {
  createConnection: createNativeConnection,
  schedule,
  now: () => performance.now(),
  random: Math.random,
};
const messageBytes = 16_384;

describe('a full link', () => {
  let service: Service;
  let control: Controller;
  let link: RoughLink;
  let peer: HoldfastPeer;

  beforeAll(async () => {
    service = await startService(['--control-calls-per-second', '5000', '--bind-address', '127.0.0.1']);
  }, 30_000);
  afterEach(() => {
    peer.close();
    link.close();
    control.close();
  });
  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    await shutdown();
  });

  async function open(profile: string): Promise<string> {
    control = await Controller.connect(service.url);
    const created = await control.ok('create_tube', {
      conversation_id: 'full link',
      settings: {},
      trickle_ice: true,
      profile,
    });
    link = new RoughLink();
    const inner = new SocketSignalling({ url: service.url, token: String(created['peer_token']), schedule });
    peer = new HoldfastPeer({ signalling: link.signalling(inner) }, environment);
    await peer.connect();
    await peer.opened('data');
    return String(created['tube_id']);
  }

  it.each([
    ['production', 1],
    ['low_latency', 10],
  ])(
    'never makes a tube of profile %s degraded at %d Mbit/s, and loses nothing',
    async (profile, rate) => {
      const tubeId = await open(profile);
      link.toPeer.mbitPerSecond = link.toService.mbitPerSecond = rate;
      const count = { toPeer: 0, atPeer: 0, toService: 0, atService: 0 };
      peer.on('message', () => (count.atPeer += 1));
      control.onSignal(({ kind }) => (count.atService += Number(kind === 'message')));
      const bytes = new Uint8Array(messageBytes);
      const text = 'x'.repeat(messageBytes);
      const endsAtMs = performance.now() + 20_000;
      const fromPeer = setInterval(() => {
        if (performance.now() > endsAtMs) return clearInterval(fromPeer);
        try {
          for (;;) {
            peer.send('data', bytes);
            count.toService += 1;
          }
        } catch {
          // Full: later.
        }
      }, 20);
      while (performance.now() < endsAtMs) {
        const { ok } = await control.call('send', { tube_id: tubeId, data: text });
        count.toPeer += Number(ok);
        if (!ok) await sleep(50);
      }
      const stats = await control.ok('get_connection_stats', { tube_id: tubeId });
      console.log(
        `full link, ${profile}, ${rate} Mbit/s: ${JSON.stringify(count)} rtt ${Number(stats['rtt_ms'])} ${JSON.stringify(stats['quality'])}`,
      );
      const states = control.signals.filter(({ kind }) => kind === 'connection_state_changed').map(({ data }) => data);
      expect(states).toContain('connected');
      expect(states).not.toContain('degraded');
      expect(control.signals.filter(({ kind }) => kind === 'ice_restart_offer')).toEqual([]);
      link.toPeer.mbitPerSecond = link.toService.mbitPerSecond = 0;
      await until(() => count.atPeer === count.toPeer && count.atService === count.toService, 20_000);
    },
    60_000,
  );
});
