// export_history of the real service: nothing secret is in it, it stays behind the wall between tenants, outlives its tube, and plays again.
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseFlight } from '../../src/replay/flight-file.js';
import { replayFlight } from '../../src/replay/replay-flight.js';
import { startPeerProcess, type PeerProcess } from '../support/peer-process.js';
import { command } from '../support/command-line.js';
import { Controller, controlToken, startService, type Answer, type Service } from '../support/service.js';
import { sleep } from '../support/until.js';

const otherToken = 'other-token';
const usual = [
  '--control-tokens',
  `${controlToken},other=${otherToken}`,
  '--drain-delay-ms',
  '0',
  '--log-level',
  'warn',
];

describe('the flight of a tube of the real service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-flight-'));
  let service: Service;
  let control: Controller;
  let peer: PeerProcess;
  let created: Answer;
  let tubeId: string;
  const flightOf = async (who = control): Promise<unknown> =>
    (await who.ok('export_history', { tube_id: tubeId }))['flight'];

  beforeAll(async () => {
    service = await startService([], usual);
    control = await Controller.connect(service.url);
    created = await control.ok('create_tube', {
      conversation_id: 'SECRET-CONVERSATION',
      callback_token: 'SECRET-CALLBACK',
      settings: { ping_interval_ms: 500, suspect_ping_interval_ms: 500 },
    });
    tubeId = String(created['tube_id']);
    peer = await startPeerProcess(service.url, String(created['peer_token']));
    peer.send('SECRET-PAYLOAD');
    await sleep(1500);
    await peer.kill();
    await control.next(({ kind, data }) => kind === 'connection_state_changed' && data === 'degraded', 30_000);
    // The third ping is missed by now: which of two things in the same moment came first is more than a flight can tell.
    await sleep(1200);
    const recovered = control.next(({ kind }) => kind === 'recovered', 60_000);
    peer = await startPeerProcess(service.url, String(created['peer_token']));
    await recovered;
    await sleep(500);
  }, 120_000);
  afterAll(async () => {
    control.close();
    await peer.kill();
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('has no description, credential, candidate, token, payload or name in it', async () => {
    const text = JSON.stringify(await flightOf());
    const offers = control.signals.filter(({ kind, data }) => kind === 'ice_restart_offer' && data !== '');
    const sdps = [created['offer'], ...offers.map(({ data }) => data)].map((sdp) =>
      Buffer.from(String(sdp), 'base64').toString(),
    );
    expect(sdps.length).toBeGreaterThan(1);
    const secrets = sdps.flatMap((sdp) =>
      [...sdp.matchAll(/a=(?:ice-ufrag|ice-pwd|fingerprint):(.+)\r?$/gm)].map(([, value]) => value ?? ''),
    );
    const candidates = control.signals.flatMap(({ kind, data }) =>
      kind === 'icecandidate' && data !== '' ? [String(data)] : [],
    );
    expect(secrets.length).toBeGreaterThanOrEqual(6);
    expect(candidates.length).toBeGreaterThan(0);
    const digest = String(created['peer_token']).split('.')[1] ?? '';
    expect(digest.length).toBeGreaterThan(10);
    for (const secret of [...secrets, ...candidates, digest, controlToken, 'SECRET', 'v=0', 'candidate:', 'ice-pwd'])
      expect(text).not.toContain(secret);
  });

  test('is played again to the same end', async () => {
    const replay = replayFlight(parseFlight(await flightOf()));
    expect(replay.divergences).toEqual([]);
    expect(replay.states.slice(-3)).toEqual(['connected', 'degraded', 'connected']);
  });

  test('is not there for another tenant', async () => {
    const other = await Controller.connect(service.url, otherToken);
    expect((await other.call('export_history', { tube_id: tubeId })).error?.code).toBe('tube_unknown');
    other.close();
  });

  test('is played by the command line, from a file and from the service', async () => {
    const path = join(folder, 'flight.json');
    writeFileSync(path, JSON.stringify(await flightOf()));
    const svg = join(folder, 'flight.svg');
    const fromFile = await command(['replay', path, '--svg', svg]);
    expect(fromFile).toMatchObject({ code: 0, err: '' });
    expect(fromFile.out).toContain('agrees with what was recorded');
    const env = { HOLDFAST_URL: service.url, HOLDFAST_TOKEN: controlToken };
    const fromService = await command(['replay', '--tube', tubeId.slice(0, 8), '--save', path, '--json'], { env });
    expect(fromService).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(fromService.out)).toMatchObject({ tube_id: tubeId, agrees: true });
  }, 60_000);

  test('outlives its tube, with its end in it', async () => {
    await control.ok('close_tube', { tube_id: tubeId });
    const flight = parseFlight(await flightOf());
    expect(flight.state).toBe('closed');
    expect(flight.entries.at(-1)).toMatchObject({ kind: 'closed', reason: 'requested' });
    const replay = replayFlight(flight);
    expect(replay.divergences).toEqual([]);
    expect(replay.states.at(-1)).toBe('closed');
    expect((await control.call('get_tube', { tube_id: tubeId })).error?.code).toBe('tube_closed');
    const other = await Controller.connect(service.url, otherToken);
    expect((await other.call('export_history', { tube_id: tubeId })).error?.code).toBe('tube_unknown');
    other.close();
  });
});
