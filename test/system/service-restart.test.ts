/** The process of the service ends, killed or asked to, and another one starts on the same port and folder: the tubes are there again. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chromium, type Browser } from 'playwright-core';
import { createPeer, type HoldfastPeer } from '../../src/peer/node.js';
import { chromiumFlags } from '../support/chromium.js';
import { LastingService, otherToken } from '../support/lasting-service.js';
import { startPeerProcess } from '../support/peer-process.js';
import { PlainPeer } from '../support/plain-page.js';
import { describeWith, pathOf } from '../support/require.js';
import { startService, type Controller, type Signal } from '../support/service.js';
import { sleep, until } from '../support/until.js';

/** Ended in any case, the last first. */
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

let service: LastingService;
let control: Controller;

beforeEach(async () => {
  service = await LastingService.start(['--control-calls-per-second', '5000', '--bind-address', '127.0.0.1']);
  endings.push(() => service.end());
  control = await service.controller();
  endings.push(() => control.close());
});

interface Opened {
  readonly tubeId: string;
  readonly token: string;
}

const create = async (fields: object = {}): Promise<Opened> => {
  const tube = await control.ok('create_tube', { conversation_id: 'lasting', trickle_ice: true, ...fields });
  return { tubeId: String(tube['tube_id']), token: String(tube['peer_token']) };
};

const connect = async (token: string): Promise<HoldfastPeer> => {
  const peer = createPeer({ url: service.url, token });
  endings.push(() => peer.close());
  await peer.connect();
  await peer.opened('data');
  return peer;
};

/** Whether it has come already or not. */
const seen = (fits: (signal: Signal) => boolean): Promise<Signal> => {
  const known = control.signals.find(fits);
  return known === undefined ? control.next(fits, 20_000) : Promise.resolve(known);
};

const isOfferOf =
  (tubeId: string) =>
  ({ kind, tube_id: id, progress_flag: flag }: Signal): boolean =>
    kind === 'ice_restart_offer' && id === tubeId && flag === 2;

const payloadOf = ({ data }: Signal): string => (data as { payload: string }).payload;
const isMessage = (tubeId: string) => (signal: Signal) => signal.kind === 'message' && signal.tube_id === tubeId;

/** A stream each way, every 10 ms, of numbers from 1. */
class Streams {
  readonly fromPeer: number[] = [];
  readonly fromService: number[] = [];
  sentByPeer = 0;
  /** Numbers that the service has taken. */
  readonly accepted: number[] = [];
  readonly #timer: NodeJS.Timeout;
  #sent = 0;

  constructor(tubeId: string, peer: HoldfastPeer) {
    control.onSignal((signal) => {
      if (isMessage(tubeId)(signal)) this.fromPeer.push(Number(payloadOf(signal)));
    });
    peer.on('message', ({ data }) => this.fromService.push(Number(data)));
    this.#timer = setInterval(() => {
      this.sentByPeer += 1;
      peer.send('data', String(this.sentByPeer));
      void this.#sendFromService(tubeId);
    }, 10);
    endings.push(() => clearInterval(this.#timer));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #sendFromService(tubeId: string): Promise<void> {
    if (!control.socket.connected) return;
    const number = (this.#sent += 1);
    const answer = await control.call('send', { tube_id: tubeId, data: String(number) }).catch(() => null);
    if (answer?.ok === true) this.accepted.push(number);
  }
}

const missing = (got: readonly number[], upTo: number): number[] => {
  const there = new Set(got);
  return Array.from({ length: upTo }, (_, index) => index + 1).filter((number) => !there.has(number));
};
const repeated = (got: readonly number[]): number => got.length - new Set(got).size;

/** Milliseconds from the start of the next process until a message of the peer came, and one to it. */
async function comeBack(tubeId: string, peer: HoldfastPeer): Promise<{ listensMs: number; bothWaysMs: number }> {
  const startedAtMs = performance.now();
  await service.startAgain();
  const listensMs = performance.now() - startedAtMs;
  const fromPeer = control.next(isMessage(tubeId), 30_000);
  const toPeer = new Promise((resolve) => peer.on('message', resolve));
  const timer = setInterval(() => {
    peer.send('data', '0');
    if (control.socket.connected) control.socket.emit('send', { tube_id: tubeId, data: '0' });
  }, 20);
  await Promise.all([fromPeer, toPeer]).finally(() => clearInterval(timer));
  return { listensMs, bothWaysMs: performance.now() - startedAtMs };
}

describe('our library and a service that is restarted', () => {
  it('loses nothing of the peer when the service is killed', async () => {
    const { tubeId, token } = await create();
    const peer = await connect(token);
    const streams = new Streams(tubeId, peer);
    await sleep(300);
    const killedAtMs = performance.now();
    await service.kill();
    await sleep(2500);
    const startedAtMs = performance.now();
    await service.startAgain();
    const arrivedBefore = streams.fromPeer.length;
    await until(() => streams.fromPeer.length > arrivedBefore + 20, 30_000);
    const backMs = performance.now() - startedAtMs;
    await sleep(500);
    streams.stop();
    await until(() => missing(streams.fromPeer, streams.sentByPeer).length === 0, 10_000);
    await until(() => streams.fromService.includes(streams.accepted.at(-1) ?? 0), 10_000);
    // What a dead process had accepted may be lost; nothing of it comes twice.
    const lost = streams.accepted.filter((number) => !streams.fromService.includes(number));
    console.log(
      `killed: the peer's messages flowed ${backMs.toFixed(0)} ms after the start of the next process; ${String(streams.sentByPeer)} sent, ${String(repeated(streams.fromPeer))} twice; of ${String(streams.accepted.length)} to the peer ${String(lost.length)} were lost`,
    );
    expect(repeated(streams.fromService)).toBe(0);
    // Their acknowledgements, due after 20 ms, went with the process.
    expect(repeated(streams.fromPeer)).toBeLessThan(50);
    expect(lost.length).toBeLessThan(100);
    expect(backMs).toBeLessThan(20_000);
    const view = await control.ok('get_tube', { tube_id: tubeId });
    expect(view).toMatchObject({ state: 'connected', conversation_id: 'lasting', peer_kind: 'overlap' });
    // Of all of it, also of the time in which there was no service: its last sign of life is up to 2 s old.
    const recovered = control.signals.find(({ kind, tube_id: id }) => kind === 'recovered' && id === tubeId);
    const { outage_ms: outageMs } = recovered?.data as { outage_ms: number };
    expect(outageMs).toBeGreaterThan(2500);
    expect(outageMs).toBeLessThan(startedAtMs - killedAtMs + backMs + 2500);
  }, 60_000);

  it('counts no message as lost when somebody sends and closes at once', async () => {
    const { tubeId, token } = await create();
    await connect(token);
    // The peer's end is open a moment before ours.
    await seen(
      ({ kind, tube_id: id, data }) =>
        kind === 'channel_opened' && id === tubeId && (data as { label: string }).label === 'data',
    );
    const sent = control.call('send', { tube_id: tubeId, data: 'last words' });
    const closed = control.call('close_tube', { tube_id: tubeId });
    expect([(await sent).ok, (await closed).ok]).toEqual([true, true]);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toContain('holdfast_data_channel_drops_total{kind="reliable",cause="closed"} 1');
    expect(metrics).toContain('holdfast_continuity_lost_messages_total 0');
  }, 60_000);

  it('loses and repeats nothing, either way, when the service is stopped', async () => {
    const { tubeId, token } = await create();
    const peer = await connect(token);
    const closed: unknown[] = [];
    peer.on('state', ({ state }) => state === 'closed' && closed.push(state));
    const streams = new Streams(tubeId, peer);
    await sleep(300);
    const startedAtMs = performance.now();
    expect(await service.stop()).toBe(0);
    const stoppedMs = performance.now() - startedAtMs;
    await service.startAgain();
    const arrivedBefore = streams.fromPeer.length;
    await until(() => streams.fromPeer.length > arrivedBefore + 20, 30_000);
    const backMs = performance.now() - startedAtMs;
    await sleep(500);
    streams.stop();
    await until(() => missing(streams.fromPeer, streams.sentByPeer).length === 0, 10_000);
    await until(() => streams.accepted.every((number) => streams.fromService.includes(number)), 10_000);
    console.log(
      `stopped: it took ${stoppedMs.toFixed(0)} ms; the peer's messages flowed ${backMs.toFixed(0)} ms after SIGTERM; ${String(streams.sentByPeer)} from and ${String(streams.accepted.length)} to the peer`,
    );
    expect([repeated(streams.fromPeer), repeated(streams.fromService)]).toEqual([0, 0]);
    expect(streams.fromPeer).toEqual([...streams.fromPeer].sort((a, b) => a - b));
    expect(closed).toEqual([]);
    expect(control.signals.some(({ kind, data }) => kind === 'connection_state_changed' && data === 'closed')).toBe(
      false,
    );
  }, 60_000);

  it('keeps what the peer sends until a controller follows the tube again', async () => {
    const { tubeId, token } = await create();
    const peer = await connect(token);
    control.close();
    await service.kill();
    await service.startAgain();
    for (const text of ['1', '2', '3']) peer.send('data', text);
    const asked = new Promise((resolve) =>
      peer.on('signalling', ({ status }) => status === 'online' && resolve(status)),
    );
    await asked;
    peer.requestRestart('there is no path');
    await sleep(1500);
    expect(peer.state).not.toBe('closed');
    control = await service.controller();
    endings.push(() => control.close());
    const heard: string[] = [];
    control.onSignal((signal) => isMessage(tubeId)(signal) && heard.push(payloadOf(signal)));
    await control.ok('subscribe', { all: true });
    await until(() => heard.length === 3, 20_000);
    expect(heard).toEqual(['1', '2', '3']);
  }, 60_000);

  it('lives through ten restarts, killed and stopped by turns', async () => {
    const { tubeId, token } = await create();
    const peer = await connect(token);
    const times: string[] = [];
    for (let round = 0; round < 10; round += 1) {
      if (round % 2 === 0) await service.kill();
      else expect(await service.stop()).toBe(0);
      const { listensMs, bothWaysMs } = await comeBack(tubeId, peer);
      times.push(`${listensMs.toFixed(0)}/${bothWaysMs.toFixed(0)}`);
    }
    console.log(`listens / data both ways, ms after the start of the process: ${times.join(', ')}`);
    const { tubes } = await control.ok('list_tubes', {});
    expect(tubes).toMatchObject([{ tube_id: tubeId, state: 'connected' }]);
    expect(peer.state).toBe('connected');
  }, 180_000);

  it('waits for a peer that is away, and offers a new process of it what it needs', async () => {
    const { tubeId, token } = await create();
    const first = await startPeerProcess(service.url, token);
    await until(() => control.signals.some(({ kind }) => kind === 'channel_opened'));
    await first.kill();
    await service.kill();
    await service.startAgain();
    await until(() => control.socket.connected, 20_000);
    await sleep(1000);
    const away = await control.ok('get_tube', { tube_id: tubeId });
    // The peer had a socket of its own, so nothing is offered to nobody.
    expect(away).toMatchObject({ state: 'degraded', generation: 1, incident: { trigger: 'service_restart' } });
    expect((await control.call('send', { tube_id: tubeId, data: 'x' })).error?.code).toBe('channel_not_open');
    expect(await control.ok('get_connection_stats', { tube_id: tubeId })).toMatchObject({ bytes_sent: 0 });
    const second = await connect(token);
    const heard = control.next(isMessage(tubeId));
    second.send('data', 'here again');
    expect(payloadOf(await heard)).toBe('here again');
  }, 60_000);
});

describe('a controller and a service that is restarted', () => {
  const sessionOf = (): Promise<unknown> => new Promise((resolve) => control.socket.once('session', resolve));

  it('is told of the hole, finds its tubes, and makes none twice', async () => {
    const fields = { idempotency_key: 'once' };
    const { tubeId, token } = await create(fields);
    const answered = await create({ conversation_id: 'other' });
    await connect(answered.token);
    const gone = await create();
    await control.ok('close_tube', { tube_id: gone.tubeId });
    const session = sessionOf();
    await service.kill();
    await service.startAgain();
    expect(await session).toMatchObject({ recovered: false, hole: true });
    const { tubes } = await control.ok('list_tubes', {});
    expect((tubes as { tube_id: string }[]).map(({ tube_id }) => tube_id)).toEqual([tubeId, answered.tubeId]);
    expect(await create(fields)).toEqual({ tubeId, token });
    expect((await create({ ...fields, conversation_id: 'other' })).tubeId).not.toBe(tubeId);
    const offered = await seen(isOfferOf(tubeId));
    const repeatedCall = await control.ok('create_tube', { conversation_id: 'lasting', ...fields });
    expect(repeatedCall['offer']).toBe(offered.data);
    expect(repeatedCall['generation']).toBe(offered.generation);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toContain('holdfast_tubes_created_total{origin="restored"} 2');
    expect(metrics).toMatch(/holdfast_store_operation_duration_seconds_count\{op="write",outcome="ok"\} [1-9]/);
  }, 60_000);

  it('sees only tubes of its own tenant', async () => {
    const { tubeId } = await create();
    await service.kill();
    await service.startAgain();
    const stranger = await service.controller(otherToken);
    endings.push(() => stranger.close());
    expect((await stranger.ok('list_tubes', {}))['tubes']).toEqual([]);
    expect((await stranger.call('get_tube', { tube_id: tubeId })).error?.code).toBe('tube_unknown');
    await seen(isOfferOf(tubeId));
    expect(stranger.signals).toEqual([]);
  }, 60_000);

  it('finds all of its tubes, also those that a lower limit would refuse by now', async () => {
    const small = await LastingService.start(['--max-concurrent-ice-agents', '2', '--bind-address', '127.0.0.1']);
    endings.push(() => small.end());
    const controller = await small.controller();
    endings.push(() => controller.close());
    await controller.ok('set_resource_limits', { max_concurrent_ice_agents: 10 });
    const creates = Array.from({ length: 4 }, () =>
      controller.ok('create_tube', { conversation_id: 'x', trickle_ice: true }),
    );
    const tubeIds = (await Promise.all(creates)).map((tube) => tube['tube_id']);
    await controller.ok('set_resource_limits', { max_concurrent_ice_agents: 2 });
    const session = new Promise((resolve) => controller.socket.once('session', resolve));
    await small.stop();
    await small.startAgain();
    await session;
    const { tubes } = await controller.ok('list_tubes', {});
    expect((tubes as { tube_id: string }[]).map(({ tube_id }) => tube_id).sort()).toEqual(tubeIds.sort());
    const refused = await controller.call('create_tube', { conversation_id: 'x', trickle_ice: true });
    expect(refused.error?.code).toBe('limit_ice_agents');
  }, 60_000);

  it('is served by one process at a time', async () => {
    const other = startService(['--data-dir', service.folder]);
    await expect(other).rejects.toThrow(/ended with 69: .*in use by another process/s);
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  }, 30_000);
});

describeWith('chromium', 'a plain page and a service that is restarted', () => {
  let browser: Browser;
  let page: PlainPeer;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: pathOf('chromium'), args: chromiumFlags });
  }, 60_000);
  afterAll(() => browser.close());
  beforeEach(async () => {
    page = await PlainPeer.open(browser, control, service.url);
    endings.push(() => page.close());
    await page.connectAsAnswerer();
    await page.waitForChannel('data');
    await page.openChannel('mine');
    await page.waitForChannel('mine');
    await echoes('before', 'mine');
  });

  /** A message to the page and its answer; repeated, because a page has no continuity and the first may be too early. */
  const echoes = async (text: string, channel = 'data'): Promise<void> => {
    const echoed = control.next((signal) => isMessage(page.tubeId)(signal) && payloadOf(signal) === text, 30_000);
    const timer = setInterval(() => {
      if (control.socket.connected)
        control.socket.emit('send', { tube_id: page.tubeId, channel, data: `echo ${text}` });
    }, 50);
    await echoed.finally(() => clearInterval(timer));
  };

  const endService = async (how: 'killed' | 'stopped'): Promise<void> => {
    if (how === 'killed') await service.kill();
    else expect(await service.stop()).toBe(0);
  };

  it.each<['killed' | 'stopped', number]>([
    ['killed', 0],
    ['stopped', 0],
    ['stopped', 10_000],
  ])(
    'keeps its connection and its channels when the service is %s and is away for %i ms more',
    async (how, awayMs) => {
      const times: string[] = [];
      for (let round = 0; round < (awayMs > 0 ? 1 : 3); round += 1) {
        // A channel that was opened a moment ago is on disk a moment later.
        await sleep(1000);
        await endService(how);
        await sleep(awayMs);
        const startedAtMs = performance.now();
        await service.startAgain();
        const listensMs = performance.now() - startedAtMs;
        await echoes(`after ${String(round)}`);
        await echoes(`on its own channel after ${String(round)}`, 'mine');
        times.push(`${listensMs.toFixed(0)}/${(performance.now() - startedAtMs).toFixed(0)}`);
      }
      console.log(
        `plain page, ${how}, away ${String(awayMs)} ms more: listens / data both ways after ${times.join(', ')} ms`,
      );
      const { closes, connection, channels } = await page.look();
      expect({ closes, connection, channels }).toEqual({
        closes: 0,
        connection: 'connected',
        channels: { control: 'open', data: 'open', mine: 'open' },
      });
      expect(page.errors).toEqual([]);
    },
    120_000,
  );

  it('is given its channels anew when it was reloaded meanwhile', async () => {
    await service.kill();
    await page.replaceConnection();
    await service.startAgain();
    await page.waitForChannel('data');
    await echoes('on another connection');
  }, 60_000);
});
