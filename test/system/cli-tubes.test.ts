/** `holdfast tubes` as a process against the real service, with a real peer; and what it says when there is no service, or an older one. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Server } from 'socket.io';
import { createPeer, type HoldfastPeer } from '../../src/peer/node.js';
import { command, startCommand } from '../support/command-line.js';
import { Controller, controlToken, startService, type Service } from '../support/service.js';
import { sleep, until } from '../support/until.js';

const rows = (out: string): string[] => out.trimEnd().split('\n');

describe('with the real service', () => {
  let service: Service;
  let control: Controller;
  let env: Record<string, string>;
  let ids: string[];
  let tokens: string[];
  const peers: HoldfastPeer[] = [];
  const tubes = (...args: string[]) => command(['tubes', ...args], { env });

  beforeAll(async () => {
    service = await startService();
    env = { HOLDFAST_URL: service.url, HOLDFAST_TOKEN: controlToken };
  }, 30_000);
  beforeEach(async () => {
    control = await Controller.connect(service.url);
    const made = await Promise.all(
      ['first', 'second'].map((name) =>
        control.ok('create_tube', { conversation_id: name, settings: {}, trickle_ice: true }),
      ),
    );
    ids = made.map((answer) => String(answer['tube_id']));
    tokens = made.map((answer) => String(answer['peer_token']));
  });
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.close();
    for (const id of ids) await control.call('close_tube', { tube_id: id });
    control.close();
  });
  afterAll(async () => {
    expect(await service.stop()).toBe(0);
  });

  const connect = async (at: number): Promise<void> => {
    const peer = createPeer({ url: service.url, token: tokens[at] ?? '' });
    peers.push(peer);
    await peer.connect();
    const state = async () => (await control.ok('get_connection_state', { tube_id: ids[at] }))['state'];
    while ((await state()) !== 'connected') await sleep(20);
  };

  it('lists tubes, those that fit, and as JSON', async () => {
    const all = await tubes('ls');
    expect([all.code, all.err]).toEqual([0, '2 tubes: 2 connecting\n']);
    expect(rows(all.out)[0]).toMatch(/^TUBE +CONVERSATION +STATE/);
    expect(
      rows(all.out)
        .slice(1)
        .map((line) => line.split(/ +/).slice(0, 3))
        .sort(),
    ).toEqual(
      [
        [ids[0], 'first', 'connecting'],
        [ids[1], 'second', 'connecting'],
      ].sort(),
    );
    const one = await tubes('ls', '--conversation', 'second', '--state', 'connecting', '--json');
    expect(JSON.parse(one.out)).toMatchObject([{ tube_id: ids[1], conversation_id: 'second' }]);
    const none = await tubes('ls', '--state', 'failed');
    expect([none.code, none.out, none.err]).toEqual([0, '', 'No tube fits.\n']);
    const wrong = await tubes('ls', '--state', 'conected');
    expect([wrong.code, wrong.err]).toEqual([64, expect.stringContaining('did you mean connected?')]);
  }, 30_000);

  it('shows a tube by the beginning of its id', async () => {
    await connect(0);
    const { code, out } = await tubes('show', String(ids[0]).slice(0, 8));
    expect(code).toBe(0);
    expect(out).toContain(`${ids[0]}  first`);
    for (const words of [
      /state +connected/,
      /peer +our library/,
      /path +\w+ .* → /,
      /generations +1 connected \(active\)/,
      /channels +data \(reliable/,
    ])
      expect(out).toMatch(words);
    const json = JSON.parse((await tubes('show', String(ids[0]), '--json')).out) as object;
    expect(json).toMatchObject({
      tube_id: ids[0],
      tube: { state: 'connected' },
      stats: { generations: [{ generation: 1 }] },
    });
    const unknown = await tubes('show', 'ffffffff-0000-4000-8000-000000000000');
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining('tube_unknown')]);
    expect((await tubes('show', 'zz')).code).toBe(64);
  }, 30_000);

  it('restarts a tube and waits until the new generation carries the data', async () => {
    await connect(0);
    const { code, out } = await tubes('restart', String(ids[0]), '--wait');
    expect([code, out]).toEqual([0, expect.stringMatching(/generation 2 carries the data after \d+/)]);
    expect(await control.ok('get_tube', { tube_id: ids[0] })).toMatchObject({ generation: 2, active_generation: 2 });
    const without = await tubes('restart', String(ids[0]), '--json');
    expect(JSON.parse(without.out)).toEqual([{ tube_id: ids[0], ok: true, generation: 3, already_in_progress: false }]);
  }, 30_000);

  it('tells which tubes could not be restarted, and restarts the others', async () => {
    await connect(0);
    await control.ok('close_tube', { tube_id: ids[1] });
    const { code, out, err } = await tubes('restart', String(ids[1]), String(ids[0]));
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`^${ids[0]} .*generation 2`));
    expect(err).toMatch(new RegExp(`${ids[1]}: .*tube_closed`));
    const json = await tubes('restart', String(ids[1]), String(ids[0]), '--json');
    expect([json.code, JSON.parse(json.out)]).toMatchObject([
      1,
      [
        { tube_id: ids[1], ok: false, error: { code: 'tube_closed' } },
        { tube_id: ids[0], ok: true },
      ],
    ]);
    const unknown = await tubes('show', 'ffffffff-0000-4000-8000-000000000000', '--json');
    expect([unknown.code, JSON.parse(unknown.out)]).toMatchObject([1, { ok: false, error: { code: 'tube_unknown' } }]);
  }, 30_000);

  it('closes a tube, but not without being told to', async () => {
    const asked = await tubes('close', String(ids[0]));
    expect([asked.code, asked.err]).toEqual([64, expect.stringContaining('--yes')]);
    expect((await control.call('get_tube', { tube_id: ids[0] })).ok).toBe(true);
    const closed = await tubes('close', String(ids[0]), '--yes', '--reason', 'a test');
    expect([closed.code, closed.out]).toEqual([0, `${ids[0]}  closed\n`]);
    expect((await control.call('get_tube', { tube_id: ids[0] })).error?.code).toBe('tube_closed');
    expect((await tubes('close', String(ids[0]), '--yes')).out).toContain('was closed already');
  }, 30_000);

  it('shows the incidents of a tube with their phases, also after its end', async () => {
    await connect(0);
    await tubes('restart', String(ids[0]), '--wait');
    const incident =
      /Incident 1 .*recovered\n +asked for by hand; generation 1 → 2; attempts 1[^]*PHASE +TOOK +WHAT\n +decide [^]*signal [^]*connect /;
    expect((await tubes('show', String(ids[0]))).out).toMatch(incident);
    await tubes('close', String(ids[0]), '--yes');
    const { code, out } = await tubes('show', String(ids[0]).slice(0, 13));
    expect([code, out]).toEqual([0, expect.stringContaining(`Tube ${ids[0]} is closed.`)]);
    expect(out).toMatch(incident);
    const { out: listed } = await tubes('ls', '--closed', '--json');
    expect((JSON.parse(listed) as object[])[0]).toMatchObject({ tube_id: ids[0], reason: 'requested' });
    expect((await tubes('ls', '--closed')).out).toMatch(new RegExp(`^${ids[0]} +first .*requested$`, 'm'));
  }, 40_000);

  it('follows changes until it is interrupted', async () => {
    await connect(0);
    const lines = startCommand(['tubes', 'watch', '--conversation', 'first'], { env });
    const json = startCommand(['tubes', 'watch', '--json'], { env });
    const told = () =>
      rows(json.out())
        .filter((line) => line !== '')
        .map(
          (line) =>
            JSON.parse(line) as { tube?: { tube_id: string; generation: number; state: string }; gone?: string },
        );
    await until(() => told().length >= 2, 10_000);
    await tubes('restart', String(ids[0]), '--wait');
    const recovered = () =>
      told().some(({ tube }) => tube?.tube_id === ids[0] && tube?.generation === 2 && tube.state === 'connected');
    await until(recovered, 10_000, json.out());
    await tubes('close', String(ids[0]), '--yes');
    await until(() => told().some(({ gone }) => gone === ids[0]), 10_000);
    await until(() => lines.out().includes('ended'), 10_000);
    for (const running of [lines, json]) running.process.kill('SIGINT');
    expect((await json.ended).code).toBe(0);
    const { code, out, err } = await lines.ended;
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}  ${ids[0]}  first  .*generation 2`, 'm'));
    expect(out).not.toContain(ids[1]);
  }, 40_000);

  it('says who is not let in, and what to do', async () => {
    const wrong = await command(['tubes', 'ls', '--url', service.url, '--token-file', '-'], { input: 'wrong-token\n' });
    expect([wrong.code, wrong.err]).toEqual([
      1,
      expect.stringMatching(/refused the connection: .*--token-file or HOLDFAST_TOKEN \(auth_invalid\)/),
    ]);
    const none = await command(['tubes', 'ls', '--url', service.url], { env: { HOLDFAST_TOKEN: '' } });
    expect([none.code, none.err]).toEqual([64, expect.stringMatching(/a control token is needed/)]);
    const fromFile = await command(['tubes', 'ls', '--url', service.url, '--token-file', '-'], {
      input: `# mine\ndefault=${controlToken}\n`,
    });
    expect(fromFile.code).toBe(0);
    expect((wrong.err + wrong.out).includes('wrong-token')).toBe(false);
    const checked = await command(['token', 'check', '--url', service.url, '--json'], { env });
    expect([checked.code, JSON.parse(checked.out)]).toMatchObject([0, { valid: true }]);
    const unknown = await command(['token', 'check', '--url', service.url], { env: { HOLDFAST_TOKEN: 'wrong-token' } });
    expect([unknown.code, unknown.out]).toEqual([1, expect.stringContaining('does not accept it')]);
  }, 30_000);
});

it('goes on watching over a restart of the service', async () => {
  const first = await startService();
  const { port } = new URL(first.url);
  const watching = startCommand(['tubes', 'watch', '--json'], {
    env: { HOLDFAST_URL: first.url, HOLDFAST_TOKEN: controlToken },
  });
  const create = async (url: string, name: string): Promise<string> => {
    const control = await Controller.connect(url);
    const created = await control.ok('create_tube', { conversation_id: name, settings: {}, trickle_ice: true });
    control.close();
    return String(created['tube_id']);
  };
  const before = await create(first.url, 'before');
  await until(() => watching.out().includes(before), 10_000);
  await first.stop();
  await until(() => watching.err().includes('the connection is lost'), 10_000);
  const second = await startService(['--port', port]);
  try {
    await until(() => watching.err().includes('connected again'), 20_000);
    const after = await create(second.url, 'after');
    await until(() => watching.out().includes(after), 10_000);
    // Without a data folder the first one is gone, and that is told.
    expect(watching.out()).toContain(`"gone":"${before}"`);
    watching.process.kill('SIGINT');
    expect((await watching.ended).code).toBe(0);
  } finally {
    watching.process.kill('SIGKILL');
    expect(await second.stop()).toBe(0);
  }
}, 60_000);

it('says that no service answers, with exit code 69', async () => {
  const { code, out, err } = await command(['tubes', 'ls', '--url', 'http://127.0.0.1:9', '--token', 'x']);
  expect([code, out]).toEqual([69, '']);
  expect(err).toMatch(
    /^holdfast: no service answers at http:\/\/127\.0\.0\.1:9 \(.*ECONNREFUSED.*\); start one with holdfast serve[^\n]*\n$/,
  );
}, 20_000);

describe('with an older service', () => {
  const web = createServer();
  let url = '';
  const tube = {
    tube_id: '2dc34487-6522-4559-9839-28be982f1f46',
    conversation_id: 'room',
    state: 'connected',
    transport_state: 'connected',
    generation: 1,
  };
  const refusal = { ok: false, error: { code: 'input_unknown_event', message: 'There is no such event.' } };

  beforeAll(async () => {
    const page = (from: number) =>
      Array.from({ length: 1000 }, (_, at) => ({
        ...tube,
        tube_id: String(from + at),
        incident: null,
        created_at_ms: 0,
        last_activity_at_ms: 0,
      }));
    new Server(web).of('/control').on('connection', (socket) => {
      socket.onAny((event: string, fields: { cursor?: string }, answer: (value: object) => void) => {
        if (event === 'list_tubes')
          answer({
            ok: true,
            tubes: page(Number(fields.cursor ?? 0)),
            next_cursor: fields.cursor === '2000' ? null : String(Number(fields.cursor ?? 0) + 1000),
          });
        else answer(refusal);
      });
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    web.close();
    web.closeAllConnections();
  });

  it('says that it is older, with exit code 69', async () => {
    const { code, err } = await command(['tubes', 'watch', '--url', url, '--token', 'x']);
    expect([code, err]).toEqual([69, expect.stringMatching(/does not know the call watch_tubes: it is older/)]);
  }, 20_000);

  it('reads all pages of a long list, and bears a reader that has seen enough', async () => {
    const all = await command(['tubes', 'ls', '--url', url, '--token', 'x', '--json']);
    expect(JSON.parse(all.out)).toHaveLength(3000);
    const listing = startCommand(['tubes', 'ls', '--url', url, '--token', 'x']);
    listing.process.stdout?.once('data', () => listing.process.stdout?.destroy());
    const { code, err } = await listing.ended;
    expect([code, err]).toEqual([0, expect.not.stringMatching(/EPIPE|error/)]);
  }, 30_000);
});
