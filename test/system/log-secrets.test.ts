/**
 * The log of a real service with every target at its most talkative, over a whole life of a tube: nothing secret is in it, libdatachannel's own log is,
 * and every line is what the house says that a line is.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createPeer, type OutgoingMessage, type Signalling, type SignallingHandlers } from '../../src/peer/node.js';
import { SocketSignalling } from '../../src/peer/signalling.js';
import { logTargets } from '../../src/config/log-targets.js';
import { Controller, startService } from '../support/service.js';
import { sleep, until } from '../support/until.js';

const token = 'c0ntr0l-t0ken-that-nobody-else-has';
const wrongToken = 'wr0ng-t0ken-that-nobody-has-at-all';
const bearer = 'b3arer-that-a-proxy-might-send-along';
const turnSecret = 'turn-s3cret-shared-with-a-server';
const payload = 'p4yload-of-a-message-between-two-ends';

/** The library's own signalling, and every description that goes over it. */
class Overheard implements Signalling {
  readonly descriptions: string[] = [];
  readonly #inner: Signalling;

  constructor(url: string, peerToken: string) {
    const schedule = (fn: () => void, delayMs: number): (() => void) => {
      const timer = setTimeout(fn, delayMs);
      return () => clearTimeout(timer);
    };
    this.#inner = new SocketSignalling({ url, token: peerToken, schedule });
  }

  start(handlers: SignallingHandlers): void {
    const receive: SignallingHandlers['receive'] = (event, data) => {
      this.#note(data);
      handlers.receive(event, data);
    };
    this.#inner.start({ ...handlers, receive });
  }

  send(message: OutgoingMessage): void {
    this.#note(message.data);
    this.#inner.send(message);
  }

  stop(): void {
    this.#inner.stop();
  }

  #note(data: unknown): void {
    const { sdp } = (data ?? {}) as { sdp?: unknown };
    if (typeof sdp === 'string') this.descriptions.push(sdp);
  }
}

interface Line {
  readonly level: string;
  readonly time: string;
  readonly target: string;
  readonly msg: string;
  readonly text?: string;
}

describe('the log at level trace', () => {
  let output = '';
  let peerToken = '';
  let descriptions: readonly string[] = [];
  const credentials = new Set<string>();

  beforeAll(async () => {
    const flags = ['--turn-urls', 'turn:127.0.0.1:9', '--turn-secret', turnSecret, '--profile', 'low_latency'];
    const service = await startService(flags, [
      '--control-tokens',
      token,
      '--drain-delay-ms',
      '0',
      '--log-level',
      'trace',
    ]);
    // All of it: the support keeps the end only.
    service.process.stdout?.on('data', (chunk: string) => (output += chunk));
    service.process.stderr?.on('data', (chunk: string) => (output += chunk));
    await fetch(`${service.url}/api/v1/info`, {
      headers: { Authorization: `Bearer ${bearer}`, Cookie: `session=${bearer}` },
    });
    await Controller.connect(service.url, wrongToken).catch(() => undefined);
    const control = await Controller.connect(service.url, token);
    const created = await control.ok('create_tube', {
      conversation_id: 'logged',
      settings: {},
      trickle_ice: true,
      callback_token: bearer,
    });
    peerToken = String(created['peer_token']);
    for (const { credential } of created['ice_servers'] as { credential: string }[]) credentials.add(credential);
    const overheard = new Overheard(service.url, peerToken);
    descriptions = overheard.descriptions;
    const peer = createPeer({ signalling: overheard });
    peer.on('message', ({ data }) => peer.send('data', data));
    await peer.connect();
    await peer.opened('data');
    const tube_id = created['tube_id'];
    while ((await control.ok('get_connection_state', { tube_id }))['state'] !== 'connected') await sleep(20);
    const echoed = control.next(({ kind }) => kind === 'message');
    await control.ok('send', { tube_id, data: payload });
    await echoed;
    const recovered = control.next(({ kind }) => kind === 'recovered');
    await control.ok('restart_ice', { tube_id });
    await recovered;
    // Nonsense of a client is quoted in some lines.
    await control.call('set_remote_description', { tube_id, sdp: descriptions[0], is_answer: true });
    await control.call('create_tube', { conversation_id: 7, token, password: bearer });
    await until(() => /health poll/.test(output), 20_000);
    // What is logged as it comes: texts of controllers.
    const [spoken = ''] = /a=ice-pwd:\S+/.exec(descriptions[0] ?? '') ?? [];
    await control.ok('report_network_change', { tube_id, type: 'ip_change', data: { password: bearer, said: spoken } });
    await control.ok('close_tube', { tube_id, reason: `token=${bearer}` });
    peer.close();
    control.close();
    await service.stop();
  }, 60_000);

  afterAll(() => {
    descriptions = [];
  });

  const lines = (): Line[] =>
    output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);

  it('has no token, secret, credential, header or payload', () => {
    expect(credentials.size).toBeGreaterThan(0);
    const secrets = [token, wrongToken, bearer, turnSecret, payload, peerToken.split('.')[1] ?? '', ...credentials];
    expect(secrets.filter((secret) => secret === '' || output.includes(secret))).toEqual([]);
    expect(
      secrets.filter((secret) => output.includes(Buffer.from(secret).toString('base64').replace(/=+$/, ''))),
    ).toEqual([]);
  });

  it('has no ICE user fragment, ICE password or description of either end', () => {
    const found = (name: string): string[] =>
      descriptions.flatMap((sdp) => new RegExp(`a=ice-${name}:(\\S+)`).exec(sdp)?.[1] ?? []);
    // Two generations, two ends.
    expect(new Set(found('pwd')).size).toBe(4);
    expect(found('pwd').filter((password) => output.includes(password))).toEqual([]);
    // Four characters may be in anything: only where they are said to be one.
    expect(
      found('ufrag').filter((ufrag) => new RegExp(`ufrag\\W{1,4}${ufrag.replaceAll(/\W/g, '\\$&')}`).test(output)),
    ).toEqual([]);
    expect(output).not.toMatch(/v=0\\[rn]|dj0wDQ/);
  });

  it('has the lines of libdatachannel under a target of their own', () => {
    const native = lines().filter(({ target }) => target === 'webrtc_native');
    expect(native.length).toBeGreaterThan(10);
    for (const { msg, text } of native) expect([msg, typeof text]).toEqual(['native log', 'string']);
    expect(native.some(({ text }) => text?.includes('juice') === true)).toBe(true);
  });

  it('has lines of level, time, known target and constant text', () => {
    expect(lines().length).toBeGreaterThan(50);
    for (const { level, time, target, msg } of lines()) {
      expect(['trace', 'debug', 'info', 'warn', 'error']).toContain(level);
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
      expect(logTargets).toContain(target);
      expect(msg).not.toMatch(/\d{3}|[0-9a-f]{8}-/);
    }
    const heard = new Set(lines().map(({ target }) => target));
    const expected = logTargets.filter((target) => target !== 'resource_management');
    expect(expected.filter((target) => !heard.has(target))).toEqual([]);
  });
});
