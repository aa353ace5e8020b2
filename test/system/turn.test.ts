/**
 * TURN with credentials that expire, over a real coturn: who is let in, and tubes that live longer than their credentials and allocations.
 * The two ends learn only of each other's relays, and have nothing but these between them.
 */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { chromium, type Browser } from 'playwright-core';
import type { IceServer } from '../../src/channels/connection.port.js';
import { turnCredentials } from '../../src/transport/turn-credentials.js';
import { HoldfastPeer, type PeerEnvironment } from '../../src/peer/node.js';
import { createNativeConnection } from '../../src/transport/native-connection.js';
import { chromiumFlags } from '../support/chromium.js';
import { PlainPeer } from '../support/plain-page.js';
import { RelaySignalling } from '../support/relay-signalling.js';
import { describeWith, pathOf } from '../support/require.js';
import { Controller, controlToken, startService, type Service, type Signal } from '../support/service.js';
import { StreamCheck } from '../support/stream.js';
import { startTurnServer, TurnClient, type TurnServer } from '../support/turn-server.js';
import { sleep, until } from '../support/until.js';

const secret = 'shared-with-coturn';
const ttlMs = 6000;
/** The path of a generation ends after this: coturn grants no more, and libjuice does not ask again sooner than after 540 s. */
const allocationLifeMs = 8000;

const environment: PeerEnvironment = {
  createConnection: (config, handlers) => createNativeConnection({ ...config, bindAddress: '127.0.0.3' }, handlers),
  schedule: (fn, delayMs) => {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
  now: () => performance.now(),
  random: Math.random,
};

interface Pair {
  readonly local: { readonly type: string };
  readonly remote: { readonly type: string };
}

/** Numbered messages each way, one every 20 ms. */
class Traffic {
  readonly fromPeer = new StreamCheck();
  readonly fromService = new StreamCheck();
  sent = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(control: Controller, peer: HoldfastPeer, tubeId: string) {
    control.onSignal(({ kind, data }) => {
      if (kind === 'message') this.fromPeer.take(Number((data as { payload: string }).payload));
    });
    peer.on('message', ({ data }) => this.fromService.take(Number(data)));
    this.#timer = setInterval(() => {
      this.sent += 1;
      peer.send('data', String(this.sent));
      control.socket.emit('send', { tube_id: tubeId, channel: 'data', data: String(this.sent) });
    }, 20);
  }

  /** Until everything has arrived. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await until(() => this.fromPeer.received >= this.sent && this.fromService.received >= this.sent, 10_000);
  }
}

describeWith('coturn', 'a TURN server', () => {
  let turn: TurnServer;

  beforeAll(async () => {
    turn = await startTurnServer({ secret });
  }, 30_000);
  afterAll(() => turn.stop());

  it('takes our credentials until they expire, and no others', async () => {
    const ask = async (credentials: { username: string; credential: string }): Promise<number> => {
      const client = await TurnClient.open(turn.port);
      const code = await client.allocate(credentials);
      client.close();
      return code;
    };
    const soon = turnCredentials(secret, 'tube', Date.now() + 1000);
    expect(await ask(soon)).toBe(0);
    expect(await ask(turnCredentials('another secret', 'tube', Date.now() + ttlMs))).toBe(401);
    expect(await ask({ ...soon, username: `9${soon.username}` })).toBe(401);
    await sleep(3000);
    expect(await ask(soon)).toBe(401);
    expect(await ask(turnCredentials(secret, 'tube', Date.now() + ttlMs))).toBe(0);
  }, 20_000);
});

describeWith('coturn', 'a tube over TURN', () => {
  let turn: TurnServer;
  let service: Service;
  let control: Controller;
  let tubeId: string;
  let signalling: RelaySignalling;
  /** Of the service, all of it. */
  let output: string;
  const peers: HoldfastPeer[] = [];

  /** A service with an address that is nobody else's, and a controller of it. */
  const serve = async (...flags: string[]): Promise<void> => {
    service = await startService([...flags, '--bind-address', '127.0.0.2', '--control-tokens', controlToken], []);
    output = service.output();
    service.process.stdout?.on('data', (chunk: string) => (output += chunk));
    control = await Controller.connect(service.url);
  };
  const shared = (known = secret): string[] => [
    ...['--turn-urls', `${turn.url},turns:turn.example`, '--turn-secret', known],
    ...['--turn-credential-ttl-ms', String(ttlMs), '--log-level', 'warn'],
  ];
  /** A tube whose ends find each other through coturn or not at all. */
  const open = async (settings: object = {}): Promise<HoldfastPeer> => {
    const created = await control.ok('create_tube', { conversation_id: 'turn', settings, trickle_ice: true });
    tubeId = String(created['tube_id']);
    signalling = new RelaySignalling(service.url, String(created['peer_token']));
    const peer = new HoldfastPeer({ signalling }, environment);
    peers.push(peer);
    void peer.connect();
    return peer;
  };
  /** Both ends agree that the tube is connected: the peer's channel opens a moment before the service hears of it. */
  const connect = async (settings: object = {}): Promise<HoldfastPeer> => {
    const peer = await open(settings);
    await peer.opened('data');
    while ((await control.ok('get_connection_state', { tube_id: tubeId }))['state'] !== 'connected') await sleep(10);
    return peer;
  };
  const signals = (kind: string): Signal[] =>
    control.signals.filter((signal) => signal.kind === kind && signal.tube_id === tubeId);
  const pair = async (): Promise<Pair> =>
    (await control.ok('get_connection_stats', { tube_id: tubeId }))['selected_pair'] as Pair;

  beforeAll(async () => {
    turn = await startTurnServer({ secret, maxAllocateLifetimeS: allocationLifeMs / 1000 });
  }, 30_000);
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.close();
    control.close();
    expect(await service.stop()).toBe(0);
  }, 60_000);
  afterAll(() => turn.stop());

  it('lives through many lives of its credentials, without a gap', async () => {
    await serve(...shared());
    const before = turn.output().length;
    const peer = await connect();
    expect(await pair()).toMatchObject({ local: { type: 'relay' }, remote: { type: 'relay' } });
    const traffic = new Traffic(control, peer, tubeId);
    await sleep(4 * ttlMs);
    await traffic.stop();
    const recoveries = signals('recovered').map(({ data }) => data);
    const { fromPeer, fromService, sent } = traffic;
    console.log(
      `TURN, credentials for ${String(ttlMs)} ms: ${String(recoveries.length)} renewals in ${String(4 * ttlMs)} ms, ${String(sent)} messages each way, ` +
        `longest gap ${fromPeer.longestGapMs.toFixed(0)} and ${fromService.longestGapMs.toFixed(0)} ms`,
    );
    expect([fromPeer.received, fromPeer.outOfOrder]).toEqual([sent, 0]);
    expect([fromService.received, fromService.outOfOrder]).toEqual([sent, 0]);
    // One per half of a life, a little later each time: it takes a moment until the new path is up.
    expect(recoveries.length).toBeGreaterThanOrEqual(4);
    expect(recoveries.length).toBeLessThanOrEqual(8);
    for (const recovery of recoveries) expect(recovery).toEqual({ attempts: 1, trigger: 'turn_expiry', outage_ms: 0 });
    expect(await pair()).toMatchObject({ local: { type: 'relay' }, remote: { type: 'relay' } });
    const usernames = signalling.offers.map(({ ice_servers: [server] }) => server?.username);
    expect(new Set(usernames).size).toBe(usernames.length);
    expect(Math.max(fromPeer.longestGapMs, fromService.longestGapMs)).toBeLessThan(2000);
    expect(turn.output().slice(before)).not.toMatch(/credentials are incorrect|Cannot find credentials/);
  }, 60_000);

  it('is not renewed for credentials that do not expire, and survives the end of its allocation all the same', async () => {
    const iceServers = [{ urls: [turn.url], ...turnCredentials(secret, 'static', Date.now() + 3_600_000) }];
    await serve('--ice-servers', JSON.stringify(iceServers), '--turn-credential-ttl-ms', String(ttlMs));
    const peer = await connect({ ping_interval_ms: 1000 });
    expect(await pair()).toMatchObject({ local: { type: 'relay' }, remote: { type: 'relay' } });
    const traffic = new Traffic(control, peer, tubeId);
    const recovered = await control.next(({ kind }) => kind === 'recovered', 40_000);
    await traffic.stop();
    expect((recovered.data as { trigger: string }).trigger).toMatch(/^(missed_pings|transport_failure)$/);
    const { fromPeer, fromService, sent } = traffic;
    expect([fromPeer.received, fromPeer.outOfOrder]).toEqual([sent, 0]);
    expect([fromService.received, fromService.outOfOrder]).toEqual([sent, 0]);
    expect(Math.max(fromPeer.longestGapMs, fromService.longestGapMs)).toBeGreaterThan(500);
  }, 60_000);

  it('does not come about with a secret that the TURN server does not know', async () => {
    await serve(...shared(`not-${secret}`));
    await open();
    const refused = (): boolean =>
      turn
        .output()
        .includes(`Cannot find credentials of user <${String(signalling.offers[0]?.ice_servers[0]?.username)}>`);
    await until(refused, 10_000);
    await until(() => signals('icecandidate').some(({ data }) => data === ''), 10_000);
    await sleep(1000);
    expect(signals('icecandidate').filter(({ data }) => String(data).includes(' typ relay'))).toEqual([]);
    expect((await control.ok('get_connection_state', { tube_id: tubeId }))['state']).toBe('connecting');
  }, 60_000);

  it('keeps its credentials out of logs and metrics, whatever the level', async () => {
    await serve(...shared().slice(0, -2), '--log-level', 'trace');
    await connect();
    const restarted = await control.ok('restart_ice', { tube_id: tubeId });
    await until(() => signals('recovered').length > 0, 20_000);
    const told = [...signalling.offers, ...signals('ice_restart_offer'), restarted] as { ice_servers?: IceServer[] }[];
    const credentials = told.flatMap(({ ice_servers: servers = [] }) => servers.map(({ credential }) => credential));
    expect(credentials.length).toBeGreaterThanOrEqual(4);
    const shown = output + (await (await fetch(`${service.url}/metrics`)).text());
    for (const written of ['"level":"trace"', '["turns:turn.example"],"msg":"ICE servers for peers only'])
      expect([written, shown.includes(written)]).toEqual([written, true]);
    for (const hidden of [secret, ...credentials])
      expect([hidden, shown.includes(String(hidden))]).toEqual([hidden, false]);
  }, 60_000);

  describeWith('chromium', 'of a page that may use nothing else', () => {
    let browser: Browser;

    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
    }, 60_000);
    afterAll(() => browser.close(), 30_000);

    it('outlives its credentials untouched, and is restarted with those that come with the offer', async () => {
      await serve(...shared());
      const page = await PlainPeer.open(browser, control, service.url, 'relay');
      await page.connectAsAnswerer();
      tubeId = page.tubeId;
      await page.waitForChannel('data');
      const echo = async (text: string): Promise<void> => {
        const echoed = control.next(
          ({ kind, data }) => kind === 'message' && (data as { payload: string }).payload === text,
        );
        await control.ok('send', { tube_id: tubeId, channel: 'data', data: `echo ${text}` });
        await echoed;
      };
      const endMs = Date.now() + 2.5 * ttlMs;
      for (let n = 1; Date.now() < endMs; n += 1) {
        await echo(`n ${n}`);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      // Our own end needs no relay; that the page's does is known by what it said of its address.
      expect(await pair()).toMatchObject({ remote: { type: 'relay' } });
      expect(signals('recovered')).toEqual([]);
      const recovered = control.next(({ kind }) => kind === 'recovered', 10_000);
      await control.ok('restart_ice', { tube_id: tubeId });
      await recovered;
      await echo('after the restart');
      const { closes, connection } = await page.look();
      expect([closes, connection, page.errors]).toEqual([0, 'connected', []]);
      await page.close();
    }, 60_000);
  });
});
