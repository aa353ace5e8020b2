/** Bursts of probes: what they find on paths that lose, delay, reorder and die; and how a generation makes and tells them. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Channel } from '../../src/channels/connection.port.js';
import { decodeControl, probeLabel, readMark } from '../../src/channels/wire.js';
import { PathAnswers } from '../../src/peer/path-answers.js';
import { Prober, type ProbeReport } from '../../src/transport/prober.js';
import { FakeTime } from '../channels/link-pair.js';
import { FakeNetwork } from '../support/fake-connection.js';
import { Random } from '../support/random.js';
import { sleep, until } from '../support/until.js';
import { Scene, ScenePeer } from './scene.js';

/** A probe channel to a peer of our kind over a path that loses and delays, on a clock of its own. */
class ProbePath {
  readonly time = new FakeTime();
  readonly random = new Random(7);
  lossThere = 0;
  lossBack = 0;
  delayMs = (): number => 25;
  answers = true;
  open = true;
  buffered = 0;
  sent = 0;
  reports: (ProbeReport | null)[] = [];
  readonly prober: Prober;

  constructor() {
    const peer = new PathAnswers();
    const later = (fn: () => void): void => void this.time.schedule(fn, this.delayMs());
    const back = (data: string | Uint8Array): boolean => {
      if (!this.random.chance(this.lossBack)) {
        later(() => {
          const frame = decodeControl(data);
          if (frame?.kind === 'echo') this.prober.echoed(frame);
        });
      }
      return true;
    };
    const channel: Pick<Channel, 'send' | 'bufferedBytes'> = {
      bufferedBytes: () => this.buffered,
      send: (data) => {
        this.sent += 1;
        if (!this.random.chance(this.lossThere)) later(() => this.answers && peer.answer({ send: back }, data));
        return true;
      },
    };
    this.prober = new Prober({
      channel: () => (this.open ? (channel as Channel) : null),
      monotonicMs: () => this.time.nowMs,
      schedule: this.time.schedule,
    });
  }

  /** One burst; its report. */
  burst(forMs = 10_000): ProbeReport | null {
    this.prober.run((report) => this.reports.push(report));
    this.time.advance(forMs);
    expect(this.prober.isRunning).toBe(false);
    return this.reports.at(-1) ?? null;
  }
}

describe('a burst', () => {
  test('is 100 probes in two seconds, and ends with the last echo', () => {
    const path = new ProbePath();
    path.prober.run((report) => path.reports.push(report));
    path.time.advance(2029);
    expect(path.reports).toEqual([]);
    path.time.advance(1);
    expect(path.reports).toEqual([{ sent: 100, arrived: 100, echoed: 100, rttMs: 50, jitterMs: 0 }]);
    expect(path.time.pending).toBe(0);
  });

  test('counts what is lost there and back apart, in burst after burst', () => {
    const path = new ProbePath();
    path.lossThere = 0.2;
    path.lossBack = 0.05;
    const sum = { sent: 0, arrived: 0, echoed: 0 };
    for (let n = 0; n < 50; n += 1) {
      const report = path.burst();
      for (const key of ['sent', 'arrived', 'echoed'] as const) sum[key] += report![key];
    }
    expect(sum.sent).toBe(5000);
    expect(1 - sum.arrived / sum.sent).toBeCloseTo(0.2, 1.5);
    expect(1 - sum.echoed / sum.arrived).toBeCloseTo(0.05, 1.5);
  });

  test('takes no disorder for loss', () => {
    const path = new ProbePath();
    path.delayMs = () => 10 + path.random.below(200);
    expect(path.burst()).toMatchObject({ sent: 100, arrived: 100, echoed: 100 });
    expect(path.prober.last!.rttMs).toBeGreaterThan(100);
    expect(path.prober.last!.jitterMs).toBeGreaterThan(20);
  });

  test('waits for echoes of a slow path', () => {
    const path = new ProbePath();
    path.delayMs = () => 450;
    expect(path.burst()).toMatchObject({ arrived: 100, echoed: 100, rttMs: 900 });
  });

  test('that nothing comes back of is total loss, told within 4.1 s', () => {
    const path = new ProbePath();
    expect(path.burst()).toMatchObject({ echoed: 100 });
    path.lossThere = 1;
    expect(path.burst(4100)).toEqual({ sent: 100, arrived: 0, echoed: 0, rttMs: null, jitterMs: null });
  });

  test('says nothing of a peer that has never answered one', () => {
    const path = new ProbePath();
    path.answers = false;
    expect(path.burst()).toBeNull();
    expect(path.prober.last).toBeNull();
  });

  test('that cannot be made, or whose channel goes away, says nothing at once', () => {
    const path = new ProbePath();
    path.open = false;
    expect(path.burst(0)).toBeNull();
    path.open = true;
    path.prober.run((report) => path.reports.push(report));
    path.time.advance(500);
    path.open = false;
    path.time.advance(20);
    expect(path.reports).toEqual([null, null]);
    path.open = true;
    expect(path.burst()).toMatchObject({ echoed: 100 });
  });

  test('sends nothing behind our own queue, does not call that lost, and waits longer for the rest', () => {
    const path = new ProbePath();
    path.prober.run((report) => path.reports.push(report));
    path.time.advance(990);
    path.buffered = 1;
    path.delayMs = () => 4000;
    path.time.advance(10_000);
    expect(path.sent).toBe(50);
    expect(path.reports).toMatchObject([{ sent: 50, arrived: 50, echoed: 50 }]);
  });

  test('is not touched by echoes of another, of numbers never sent, or that count too much', () => {
    const path = new ProbePath();
    path.lossThere = 0.5;
    path.prober.run((report) => path.reports.push(report));
    path.time.advance(1000);
    path.prober.echoed({ burst: 9, index: 1, received: 100 });
    path.prober.echoed({ burst: 1, index: 99, received: 100 });
    path.prober.echoed({ burst: 1, index: 0, received: 1_000_000 });
    path.prober.echoed({ burst: 1, index: 0, received: 1 });
    path.time.advance(5000);
    expect(path.reports[0]!.arrived).toBe(100);
    expect(path.reports[0]!.echoed).toBeLessThan(80);
  });
});

const network = new FakeNetwork();
const scenes: Scene[] = [];

function scene(probes: boolean, kind: 'plain' | 'overlap' = 'overlap'): Scene {
  const made = new Scene(network.createConnection, new ScenePeer(kind, network.createConnection));
  made.peer.probes = probes;
  scenes.push(made);
  return made;
}

const isProbed = (s: Scene) => until(() => s.channels.some(({ label }) => label === probeLabel));

afterEach(async () => {
  network.heal();
  for (const each of scenes.splice(0)) {
    await each.end();
    expect(each.faults).toEqual([]);
  }
});

describe('a generation', () => {
  test('opens the probe channel in-band when the peer says that it answers probes, and by stream id afterwards', async () => {
    const s = scene(true);
    await s.restart(1);
    await isProbed(s);
    expect(s.channels.at(-1)).toEqual({ label: probeLabel, id: 4, class: 'latest' });
    expect(s.host.send('tube', probeLabel, 'x')).toBe('channel_unknown');
    await s.restart(2);
    expect(readMark(s.all('transport.described', 2)[0]!.description.sdp)?.channels).toEqual(s.channels);
    await until(() => s.all('transport.channelOpened', 2).some(({ channel }) => channel.label === probeLabel));
    expect(s.peer.of(2).channels.get(probeLabel)?.id()).toBe(4);
    s.command(2, 'transport.sample');
    expect((await s.event('transport.sampled', 2)).sample.probes).toEqual({ sent: 100, arrived: 100, echoed: 100 });
  });

  test.each(['plain', 'overlap'] as const)('never shows it to a %s peer that says nothing of probes', async (kind) => {
    const s = scene(false, kind);
    await s.restart(1);
    await sleep(50);
    expect([...s.peer.of(1).channels.keys()]).toEqual(['control', 'data']);
    s.command(1, 'transport.sample');
    expect((await s.event('transport.sampled', 1)).sample.probes).toBeNull();
  });

  test('refuses a channel of that name from the peer', async () => {
    const s = scene(false, 'plain');
    await s.restart(1);
    s.peer.open(1, probeLabel, null);
    await until(() => s.counts.get('channel_refused') === 1);
  });

  test('answers a sample with a burst of its own, two asked at once with one, and statistics without waiting', async () => {
    const s = scene(true);
    s.peer.losesProbe = (index) => index % 10 === 3;
    s.peer.losesEcho = (index) => index % 5 === 1;
    await s.restart(1);
    await isProbed(s);
    s.command(1, 'transport.sample');
    s.command(1, 'transport.sample');
    await sleep(500);
    expect(s.has('transport.sampled')).toBe(false);
    expect((await s.host.stats('tube'))?.loss).toBeNull();
    const { sample } = await s.event('transport.sampled', 1);
    expect(sample.probes).toEqual({ sent: 100, arrived: 90, echoed: 70 });
    await sleep(50);
    expect(s.all('transport.sampled')).toHaveLength(1);
    const loss = (await s.host.stats('tube'))?.loss;
    expect(loss).toMatchObject({ toPeer: 0.1, ratio: 20 / 90, fromPeer: 20 / 90 });
    expect(loss?.jitterMs).toBeGreaterThanOrEqual(0);

    // What is known stays known until the new path has a measurement of its own.
    await s.restart(2);
    s.command(1, 'transport.close');
    await s.event('transport.closed', 1);
    expect((await s.host.stats('tube'))?.loss).toEqual(loss);
    s.handles.get(2)!.command({ type: 'transport.ping', seq: 1 });
    await s.event('transport.pong', 2);
    expect((await s.host.stats('tube'))?.loss).toMatchObject({ ratio: 0, toPeer: null });
  });

  test('answers a sample also when nothing comes through any more in the middle of the burst', async () => {
    const s = scene(true);
    await s.restart(1);
    await isProbed(s);
    s.command(1, 'transport.sample');
    await sleep(200);
    s.peer.losesProbe = () => true;
    const { sample } = await s.event('transport.sampled', 1);
    expect(sample.probes?.echoed).toBeLessThan(20);
  }, 10_000);

  test('tells the selected pair once when it is up, and not again when a sample finds the same', async () => {
    const s = scene(false);
    await s.restart(1);
    const { pair } = await s.event('transport.selectedPair', 1);
    expect(pair.local).toEqual({ type: 'host', protocol: 'udp', address: '127.0.0.1', port: expect.any(Number) });
    s.command(1, 'transport.sample');
    await s.event('transport.sampled', 1);
    await sleep(20);
    expect(s.all('transport.selectedPair')).toHaveLength(1);
  });
});
