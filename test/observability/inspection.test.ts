// Live inspection over a real registry with real charts on a test clock; the transports only describe themselves.
import { describe, expect, test } from '@jest/globals';
import { fromCallback } from 'xstate';
import type { TubeEvent } from '../../machines/events.js';
import type { TransportCommand, TransportEvent, TransportInput } from '../../machines/ports/transport.port.js';
import { tubeMachine } from '../../machines/tube.machine.js';
import { machines } from '../../src/charts/machines.js';
import { walk } from '../../src/charts/walk.js';
import { Inspection, type InspectBatch } from '../../src/observability/inspection.js';
import { TubeRegistry } from '../../src/registry/tube-registry.js';
import { InspectedStream } from '../support/inspected-stream.js';
import { defaultSettings } from '../support/settings.js';
import { TestClock } from '../support/test-clock.js';
import { identity } from '../support/tube-harness.js';

const { tubeId } = identity;
const otherId = 'b7f9a2f0-0000-4000-8000-000000000001';

const secret = {
  digest: 'f00dfeed'.repeat(8),
  ufrag: 'UFRAGsecret',
  pwd: 'PWDsecretPWDsecretPWDsecret',
  fingerprint: 'AB:CD:EF:01',
  address: '203.0.113.77',
  address6: '2001:db8::77',
};
const sdp = [
  'v=0',
  'o=- 4711004711 1 IN IP4 127.0.0.1',
  `a=ice-ufrag:${secret.ufrag}`,
  `a=ice-pwd:${secret.pwd}`,
  `a=fingerprint:sha-256 ${secret.fingerprint}`,
  '',
].join('\r\n');
const candidate = `candidate:1 1 UDP 2122 ${secret.address} 5000 typ host ufrag ${secret.ufrag}`;

function run() {
  const clock = new TestClock();
  const bugs: unknown[] = [];
  let throwsOn: TransportCommand['type'] | null = null;
  const transport = fromCallback<TransportCommand, TransportInput>(({ input, sendBack, receive }) => {
    const origin = { generation: input.generation, atMs: clock.nowMs };
    sendBack({ type: 'transport.described', description: { type: 'offer', sdp }, ...origin } satisfies TransportEvent);
    receive(({ type }) => {
      if (type !== throwsOn) return;
      throwsOn = null;
      throw new Error('thrown by the test');
    });
  });
  const registry = new TubeRegistry({
    tubeLogic: tubeMachine.provide({ actors: { transport } }),
    crashRestarts: 5,
    crashWindowMs: 30_000,
    now: clock.now,
    clock,
    release: () => undefined,
    crashed: () => undefined,
    bug: (where, error) => void bugs.push([where, error]),
  });
  const inspection = new Inspection({
    root: registry.root,
    tube: (id) => registry.entries.get(id)?.ref,
    schedule: (work, delayMs) => void clock.setTimeout(work, delayMs),
    bug: (where, error) => void bugs.push([where, error]),
  });
  const send = (event: { type: TubeEvent['type'] } & Record<string, unknown>, id = tubeId): void => {
    registry.deliver(id, { ...event, atMs: clock.nowMs } as TubeEvent);
  };
  const open = (id = tubeId): void =>
    registry.open(
      {
        kind: 'create',
        identity: { ...identity, tubeId: id, peerTokenDigest: secret.digest },
        settings: defaultSettings,
        atMs: clock.nowMs,
      },
      null,
    );
  const connect = (): void => {
    send({ type: 'tube.remoteCandidate', requestId: 'call', candidate, mid: '0', generation: 1 });
    send({ type: 'tube.remoteDescription', requestId: 'call', description: { type: 'answer', sdp }, generation: 1 });
    const remote = { peerKind: 'overlap', sameConnection: false, newConnection: false, dtlsRole: 'active' };
    send({ type: 'transport.remoteApplied', generation: 1, requestId: 'call', ...remote, session: '4711004711' });
    send({ type: 'transport.candidate', generation: 1, candidate, mid: '0' });
    send({ type: 'transport.up', generation: 1 });
  };
  const batches: InspectBatch[] = [];
  const stream = new InspectedStream();
  const take = (batch: InspectBatch): void => {
    batches.push(batch);
    stream.take(batch.messages);
  };
  const crashOn = (type: TransportCommand['type']): void => void (throwsOn = type);
  return { clock, bugs, registry, inspection, send, open, connect, batches, stream, take, crashOn };
}

describe('inspection', () => {
  test('begins with the actors of the tube and where they are, parents first', async () => {
    const { clock, inspection, open, connect, stream, take, bugs } = run();
    open();
    connect();
    await inspection.watch(tubeId, take);
    clock.advance(50);
    expect(stream.actors.map(({ name }) => name)).toEqual(['tube', 'transport.1', 'keepalive', 'health']);
    expect(stream.walk('tube')).toEqual(['"connected"']);
    expect(stream.walk('keepalive')).toEqual(['"awaitingPong"']);
    expect(stream.walk('health')).toEqual(['{"polling":"resting","activity":"active"}']);
    expect(stream.flaws()).toEqual([]);
    expect(bugs).toEqual([]);
  });

  test('follows the tube through an incident, with the children that come and go', async () => {
    const { clock, inspection, open, connect, send, stream, take, bugs } = run();
    open();
    await inspection.watch(tubeId, take);
    connect();
    send({ type: 'transport.pong', generation: 1, seq: 1, rttMs: 20 });
    clock.advance(20_000);
    send({ type: 'tube.remoteDescription', requestId: 'call', description: { type: 'answer', sdp }, generation: 2 });
    const remote = { peerKind: 'overlap', sameConnection: false, newConnection: false, dtlsRole: 'active' };
    send({ type: 'transport.remoteApplied', generation: 2, requestId: 'call', ...remote });
    send({ type: 'transport.up', generation: 2 });
    clock.advance(50);
    expect(stream.walk('tube')).toEqual([
      '"connecting"',
      '"connected"',
      '{"degraded":"doubted"}',
      '{"degraded":{"restarting":"doubtful"}}',
      '"connected"',
    ]);
    expect(stream.walk('restart')).toEqual([
      '"resting"',
      '{"attempting":"offering"}',
      '{"attempting":"awaitingAnswer"}',
      '{"attempting":"verifying"}',
      '"resting"',
    ]);
    // The path is another one: so are those who watch it.
    expect(stream.actors.map(({ name }) => name)).toEqual([
      ...['tube', 'transport.1', 'keepalive', 'health', 'restart', 'transport.2', 'keepalive', 'health'],
    ]);
    expect(stream.flaws()).toEqual([]);
    expect(bugs).toEqual([]);
  });

  test('names the transitions as the drawing of the chart does', async () => {
    const { clock, inspection, open, connect, stream, take } = run();
    open();
    await inspection.watch(tubeId, take);
    connect();
    clock.advance(60_000);
    const drawn = new Set(Object.values(machines).flatMap((machine) => walk(machine).transitions.map(({ id }) => id)));
    const taken = stream.sent.flatMap((message) => (message.type === '@xstate.snapshot' ? message.transitions : []));
    expect(taken).toContain('tube.connecting:transport.up:0');
    expect(taken).toContain('keepalive.awaitingPong:xstate.after.pongTimeout.keepalive.awaitingPong:0');
    expect(taken.filter((id) => !drawn.has(id))).toEqual([]);
  });

  test("is what @statelyai/inspect's own receiver takes, all of it", async () => {
    const { clock, inspection, open, connect, stream, take } = run();
    open();
    await inspection.watch(tubeId, take);
    connect();
    clock.advance(60_000);
    expect(stream.greetings).toEqual([{ type: '@statelyai.connected' }]);
    expect(stream.sent.length).toBeGreaterThan(50);
    expect(stream.received).toEqual(stream.sent);
  });

  test('shows no description, candidate, address, password, session, token digest, settings, conversation, tenant or text', async () => {
    const { clock, inspection, open, connect, send, stream, take } = run();
    open();
    await inspection.watch(tubeId, take);
    connect();
    send({
      type: 'tube.networkChanged',
      change: 'ip_change',
      source: 'peer',
      detail: `${sdp}${candidate}`,
      route: null,
    });
    const end = { type: 'host', protocol: 'udp', port: 9 };
    const pair = { local: { ...end, address: secret.address }, remote: { ...end, address: secret.address6 } };
    send({ type: 'transport.selectedPair', generation: 1, pair });
    const detail = `eth0 ${secret.address}/24 and ${secret.address6} are gone`;
    send({ type: 'tube.networkChanged', change: 'ip_change', source: 'host', detail, route: 'moved' });
    clock.advance(60_000);
    const told = JSON.stringify(stream.sent.map((message) => ({ ...message, definition: '' })));
    expect(told).toContain('"detail":"(text)"');
    expect(told).toContain('(sdp)');
    expect(told).toContain('(host candidate)');
    expect(told).toContain(tubeId);
    for (const named of ['conversation-1', identity.tenant, 'eth0'])
      expect(told).not.toContain(JSON.stringify(named).slice(1, -1));
    for (const value of Object.values(secret)) expect(told).not.toContain(value);
    for (const word of ['v=0', 'ice-pwd', '4711004711', 'pingIntervalMs', 'TokenDigest'])
      expect(told).not.toContain(word);
  });

  test('tells nothing of other tubes', async () => {
    const { clock, inspection, open, stream, take, send } = run();
    open();
    await inspection.watch(tubeId, take);
    open(otherId);
    send({ type: 'tube.close', reason: 'requested' }, otherId);
    clock.advance(50);
    expect(JSON.stringify(stream.sent)).not.toContain(otherId);
    expect(stream.actors.map(({ name }) => name)).toEqual(['tube', 'transport.1']);
  });

  test('follows a tube that crashed to its successor', async () => {
    const { clock, inspection, open, connect, send, stream, take, crashOn, bugs } = run();
    open();
    connect();
    await inspection.watch(tubeId, take);
    crashOn('transport.ping');
    send({ type: 'keepalive.ping', seq: 9 });
    clock.advance(50);
    expect(stream.snapshots('tube').map(({ snapshot }) => snapshot.status)).toContain('error');
    expect(stream.actors.filter(({ name }) => name === 'tube').length).toBe(2);
    expect(stream.walk('tube').at(-1)).toBe('{"degraded":{"restarting":"overlapping"}}');
    expect(stream.flaws()).toEqual([]);
    expect(bugs).toEqual([]);
  });

  test('ends with the tube, and then listens to nothing', async () => {
    const { clock, inspection, open, send, batches, stream, take } = run();
    open();
    await inspection.watch(tubeId, take);
    clock.advance(50);
    expect(batches.at(-1)?.ended).toBe(false);
    send({ type: 'tube.close', reason: 'requested' });
    clock.advance(50);
    expect(batches.at(-1)?.ended).toBe(true);
    expect(stream.snapshots('tube').at(-1)?.snapshot.status).toBe('done');
    expect(inspection.isListening).toBe(false);
    const before = batches.length;
    clock.advance(1000);
    expect(batches.length).toBe(before);
  });

  test('listens to the actors only while somebody watches', async () => {
    const { inspection, open, registry, send, take } = run();
    open();
    const { system } = registry.root;
    let observers = 0;
    const inspect = system.inspect.bind(system);
    system.inspect = (observer) => {
      observers += 1;
      const subscription = inspect(observer);
      return { unsubscribe: () => ((observers -= 1), subscription.unsubscribe()) };
    };
    expect([inspection.isListening, observers]).toEqual([false, 0]);
    const stop = await inspection.watch(tubeId, take);
    const stopOther = await inspection.watch(tubeId, take);
    expect([inspection.isListening, observers]).toEqual([true, 1]);
    stop();
    stop();
    expect([inspection.isListening, observers]).toEqual([true, 1]);
    stopOther();
    expect([inspection.isListening, observers]).toEqual([false, 0]);
    send({ type: 'tube.activity' });
  });

  test('a second watcher gets its own beginning, and the same from then on', async () => {
    const { clock, inspection, open, connect, take, stream } = run();
    open();
    connect();
    await inspection.watch(tubeId, take);
    clock.advance(50);
    const late = new InspectedStream();
    await inspection.watch(tubeId, ({ messages }) => late.take(messages));
    clock.advance(10_000);
    expect(late.flaws()).toEqual([]);
    expect(late.walk('keepalive')).toEqual(stream.walk('keepalive'));
    expect(late.actors.length).toBe(4);
  });

  test('leaves out what is too much, counts it, and ends the batch with how things are', async () => {
    const { clock, inspection, open, send, batches, stream, take } = run();
    open();
    await inspection.watch(tubeId, take);
    clock.advance(50);
    for (let n = 0; n < 500; n += 1) send({ type: 'tube.activity' });
    send({ type: 'tube.peerSignalling', online: true });
    clock.advance(50);
    const { messages, skipped } = batches.at(-1) ?? { messages: [], skipped: 0 };
    expect(messages.length).toBeLessThanOrEqual(110);
    expect(skipped).toBeGreaterThan(800);
    const last = stream.snapshots('tube').at(-1)?.snapshot.context as { signalling: string };
    expect(last.signalling).toBe('online');
    expect(stream.flaws()).toEqual([]);
  });

  test('refuses a tube that is not there, and more watchers than a node can bear', async () => {
    const { inspection, open, take } = run();
    await expect(inspection.watch(tubeId, take)).rejects.toMatchObject({ code: 'tube_unknown' });
    open();
    const watches = Array.from({ length: 33 }, () => inspection.watch(tubeId, take));
    const outcomes = await Promise.allSettled(watches);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([
      { status: 'rejected', reason: expect.objectContaining({ code: 'limit_subscriptions' }) },
    ]);
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') outcome.value();
    expect(inspection.isListening).toBe(false);
    await expect(inspection.watch(tubeId, take)).resolves.toEqual(expect.any(Function));
  });

  test('what is not wanted any more when it could begin takes no place', async () => {
    const { inspection, open, take } = run();
    open();
    let newest = 0;
    const watches = Array.from({ length: 60 }, (_, call) => {
      newest = call;
      return inspection.watch(tubeId, take, () => newest === call);
    });
    const stops = await Promise.all(watches);
    await Promise.all(Array.from({ length: 31 }, () => inspection.watch(tubeId, take)));
    await expect(inspection.watch(tubeId, take)).rejects.toMatchObject({ code: 'limit_subscriptions' });
    for (const stop of stops.slice(0, 59)) stop();
    await expect(inspection.watch(tubeId, take)).rejects.toMatchObject({ code: 'limit_subscriptions' });
    stops[59]!();
    await inspection.watch(tubeId, take);
  });

  test('a watcher that throws harms nobody', async () => {
    const { clock, inspection, open, send, bugs, stream, take } = run();
    open();
    await inspection.watch(tubeId, () => {
      throw new Error('thrown by the test');
    });
    await inspection.watch(tubeId, take);
    clock.advance(50);
    send({ type: 'tube.activity' });
    clock.advance(50);
    expect(bugs).toEqual([
      ['a watcher', expect.any(Error)],
      ['a watcher', expect.any(Error)],
    ]);
    expect(stream.walk('tube')).toEqual(['"connecting"']);
  });
});
