/** The charts of a real tube as /inspect streams them, while its path is cut and comes back. Needs a build. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import type { InspectAbout, InspectMessage } from '../../src/operator/inspection.types.js';
import { InspectedStream } from '../support/inspected-stream.js';
import { Controller, controlToken, startService, type Service } from '../support/service.js';
import { until } from '../support/until.js';

const peerFile = fileURLToPath(new URL('../../dist/src/demo/demo-peer.js', import.meta.url));

describe('the stream of a real tube', () => {
  let service: Service;
  let control: Controller;
  let peer: ChildProcess;
  let inspect: Socket;
  let tubeId: string;
  let token: string;
  const stream = new InspectedStream();
  const about: InspectAbout[] = [];

  beforeAll(async () => {
    service = await startService(['--bind-address', '127.0.0.1', '--profile', 'low_latency']);
    control = await Controller.connect(service.url);
    inspect = io(`${service.url}/inspect`, { auth: { token: controlToken }, transports: ['websocket'] });
    inspect.on('inspect', (messages: readonly InspectMessage[], note: InspectAbout) => {
      about.push(note);
      stream.take(messages);
    });
    const created = await control.ok('create_tube', { conversation_id: 'inspected', trickle_ice: true });
    tubeId = String(created['tube_id']);
    token = String(created['peer_token']);
    const answer = (await inspect.timeout(5000).emitWithAck('watch', { tube_id: tubeId })) as { ok: boolean };
    expect(answer.ok).toBe(true);
  }, 30_000);

  afterAll(async () => {
    inspect?.disconnect();
    control?.close();
    if (peer?.connected) {
      peer.send('stop');
      await once(peer, 'exit');
    }
    await service?.stop();
  }, 30_000);

  it('walks from connecting to connected, through trouble and back', async () => {
    const connected = control.next(({ kind, data }) => kind === 'connection_state_changed' && data === 'connected');
    peer = fork(peerFile, [service.url, token], { execArgv: [] });
    await connected;
    await until(() => stream.walk('keepalive').includes('"resting"'), 10_000);
    const recovered = control.next(({ kind }) => kind === 'recovered', 30_000);
    peer.send('cut');
    await recovered;
    await until(() => stream.walk('tube').filter((state) => state === '"connected"').length === 2, 5000);
    const states = stream.walk('tube');
    expect(states.slice(0, 2)).toEqual(['"connecting"', '"connected"']);
    expect(states).toContain('{"degraded":"doubted"}');
    expect(states).toContain('{"degraded":{"restarting":"doubtful"}}');
    expect(states.at(-1)).toBe('"connected"');
    expect(stream.walk('restart')).toContain('{"attempting":"awaitingAnswer"}');
    expect(stream.actors.map(({ name }) => name)).toEqual(expect.arrayContaining(['transport.1', 'transport.2']));
  }, 60_000);

  it("is taken by @statelyai/inspect's own receiver as it is", () => {
    expect(stream.flaws()).toEqual([]);
    expect(stream.sent.length).toBeGreaterThan(50);
    expect(stream.received).toEqual(stream.sent);
    expect(about.every(({ tube_id, skipped }) => tube_id === tubeId && skipped === 0)).toBe(true);
  });

  it('has nothing in it that opens a connection or tells where it leads', () => {
    const told = JSON.stringify(stream.sent);
    expect(told).toContain('(sdp)');
    expect(told).toMatch(/\((host|srflx|prflx) candidate\)/);
    for (const pattern of [
      /v=0/,
      /ice-ufrag/,
      /ice-pwd/,
      /ufrag/,
      /fingerprint/,
      /candidate:\d+ \d/,
      /typ host/,
      /TokenDigest/,
    ])
      expect(told).not.toMatch(pattern);
    expect(told).not.toContain(token);
    expect(told).not.toContain(token.split('.')[1]);
    expect(told).not.toContain(controlToken);
  });

  it('ends with the tube', async () => {
    await control.ok('close_tube', { tube_id: tubeId });
    await until(() => about.at(-1)?.ended === true, 5000);
    expect(stream.snapshots('tube').at(-1)?.snapshot).toMatchObject({ status: 'done', value: 'closed' });
  });
});
