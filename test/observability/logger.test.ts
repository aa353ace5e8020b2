// Levels that change at run time, the shape of a line, and what must never be in one.
import { describe, expect, jest, test } from '@jest/globals';
import { logTargets } from '../../src/config/log-targets.js';
import { Logging, nativeLevelFor, nativeLog, type LoggingOptions } from '../../src/observability/logger.js';
import { redactText } from '../../src/free-text.js';
import { sdp } from './notices.js';

function capture(options: Partial<LoggingOptions> = {}) {
  const written: string[] = [];
  const output = { write: (line: string) => void written.push(line) };
  const logging = new Logging({ level: 'info', pretty: 'off', output, ...options });
  return { logging, written, line: () => JSON.parse(written.at(-1) ?? '{}') as Record<string, unknown> };
}

describe('a line', () => {
  test('has level, time, target, node and constant text', () => {
    const { logging, line } = capture({ nodeId: 'n1' });
    logging.target('webrtc_lifecycle').info({ tube_id: 't', duration_ms: 5 }, 'tube connected');
    expect(line()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      node_id: 'n1',
      target: 'webrtc_lifecycle',
      tube_id: 't',
      duration_ms: 5,
      msg: 'tube connected',
    });
  });

  test('is text for people when asked, and JSON when the output is no terminal', () => {
    const pretty = capture({ pretty: 'on' });
    pretty.logging.target('service').warn({ port: 1 }, 'listening');
    expect(pretty.written.join('')).toMatch(/WARN.*listening.*"port":1/s);
    const auto = capture({ pretty: 'auto' });
    auto.logging.target('service').warn({}, 'listening');
    expect(auto.line()).toMatchObject({ msg: 'listening' });
  });

  test('has an error as code and message', () => {
    const { logging, line } = capture();
    const cause = new Error('password=hunter2 refused');
    const err = Object.assign(new Error('no', { cause }), { code: 'service_internal' });
    logging.target('service').error({ err }, 'failed');
    expect(line()['err']).toMatchObject({ type: 'Error', code: 'service_internal', message: 'no' });
    expect(JSON.stringify(line())).not.toContain('hunter2');
  });
});

describe('levels', () => {
  test('start as configured and are the own of each target', () => {
    const { logging, written } = capture({ level: 'warn', levels: { webrtc_ice: 'trace' } });
    logging.target('webrtc_activity').info({}, 'no');
    logging.target('webrtc_ice').trace({}, 'yes');
    expect(written).toHaveLength(1);
    expect(logging.levels()).toMatchObject({ webrtc_ice: 'trace', service: 'warn' });
    expect(Object.keys(logging.levels()).sort()).toEqual([...logTargets].sort());
  });

  test('change for those who hold the logger already', () => {
    const { logging, written } = capture();
    const held = logging.target('webrtc_keepalive');
    held.debug({}, 'no');
    logging.setLevel('webrtc_keepalive', 'debug');
    held.debug({}, 'yes');
    logging.setLevel('webrtc_keepalive', 'silent');
    held.error({}, 'no');
    expect(written).toHaveLength(1);
    expect(logging.levels().webrtc_keepalive).toBe('silent');
  });

  test('may be lent for a while, and go back by themselves, which is logged', () => {
    jest.useFakeTimers();
    try {
      const { logging, line } = capture({ level: 'info' });
      logging.setLevel('webrtc_keepalive', 'debug', 60_000);
      expect(logging.rows().find(({ target }) => target === 'webrtc_keepalive')).toEqual({
        target: 'webrtc_keepalive',
        level: 'debug',
        until_ms: Date.now() + 60_000,
        base: 'info',
      });
      jest.advanceTimersByTime(59_999);
      expect(logging.levels().webrtc_keepalive).toBe('debug');
      jest.advanceTimersByTime(1);
      expect(logging.levels().webrtc_keepalive).toBe('info');
      expect(line()).toMatchObject({ target: 'service', log_target: 'webrtc_keepalive', log_level: 'info' });
      expect(logging.rows().every(({ until_ms, level, base }) => until_ms === null && level === base)).toBe(true);
    } finally {
      jest.useRealTimers();
    }
  });

  test('that are lent again count from then, with one timer; one that is set for good ends the loan', () => {
    jest.useFakeTimers();
    try {
      const { logging } = capture({ level: 'info' });
      for (let count = 0; count < 100; count += 1) logging.setLevel('service', 'debug', 60_000);
      expect(jest.getTimerCount()).toBe(1);
      jest.advanceTimersByTime(30_000);
      logging.setLevel('service', 'trace', 60_000);
      jest.advanceTimersByTime(59_000);
      expect(logging.levels().service).toBe('trace');
      logging.setLevel('service', 'warn');
      expect(jest.getTimerCount()).toBe(0);
      expect(logging.rows().find(({ target }) => target === 'service')).toMatchObject({ level: 'warn', base: 'warn' });
    } finally {
      jest.useRealTimers();
    }
  });

  test('that are lent stay while the configuration is read again, and go back to what it says then', () => {
    jest.useFakeTimers();
    try {
      const { logging } = capture({ level: 'info' });
      const changed: string[] = [];
      logging.changed = (target) => changed.push(target);
      logging.setLevel('webrtc_native', 'trace', 60_000);
      logging.setBase('webrtc_native', 'warn');
      logging.setBase('webrtc_ice', 'info');
      expect(logging.levels().webrtc_native).toBe('trace');
      jest.advanceTimersByTime(60_000);
      expect(logging.levels().webrtc_native).toBe('warn');
      expect(changed).toEqual(['webrtc_native', 'webrtc_native']);
    } finally {
      jest.useRealTimers();
    }
  });

  test('of the native log are one lower', () => {
    const { logging, line, written } = capture({ levels: { webrtc_native: 'trace' } });
    const write = nativeLog(logging.target('webrtc_native'));
    write('Error', 'Connection lost');
    expect(line()).toMatchObject({
      level: 'warn',
      target: 'webrtc_native',
      text: 'Connection lost',
      msg: 'native log',
    });
    write('Verbose', 'a=ice-pwd:abcdefghij');
    expect(written.join('')).not.toContain('abcdefghij');
    expect(nativeLevelFor('info')).toBe('Warning');
  });
});

describe('secrets', () => {
  const secret = 'p4sSw0rdp4sSw0rdp4sSw0';
  test.each([
    ['a token', { token: secret }],
    ['any kind of token', { peer_token: secret, callbackToken: secret, 'x-token': secret }],
    ['a TURN credential', { ice_servers: [{ urls: ['turn:t'], username: 'u', credential: secret }] }],
    ['ICE servers in text', { text: `{"urls":["turn:t"],"username":"1:t","credential":"${secret}"}` }],
    ['the secret of TURN servers', { config: { turnUrls: ['turn:t'], turnSecret: secret } }],
    ['an authorization header', { headers: { Authorization: `Bearer ${secret}` } }],
    ['a header in text', { text: `Authorization: Bearer ${secret}` }],
    ['a description', { sdp }],
    ['a description deep inside', { call: { args: [{ description: { sdp } }] } }],
    ['a description in base64', { sdp: Buffer.from(sdp).toString('base64') }],
    ['a JSON text', { text: `{"ice-pwd": "${secret}", "peer_token":"${secret}"}` }],
    ['a query', { url: `wss://h/?token=${secret}&x=1` }],
    ['a payload', { payload: secret }],
    ['a map', { map: new Map([['a', { password: secret }]]) }],
    ['bytes', { bytes: Buffer.from(secret) }],
  ])('%s is not written', (_, fields) => {
    const { logging, written } = capture();
    logging.target('signalling').info(fields, 'frame');
    expect(written).toHaveLength(1);
    expect(written[0]).not.toContain(secret);
    expect(written[0]).not.toContain(Buffer.from(sdp).toString('base64').slice(10, 60));
    expect(written[0]).not.toContain('uFr4');
  });

  test('are not in the text either', () => {
    const { logging, written } = capture();
    logging.target('signalling').info({}, `token=${secret}`);
    expect(written[0]).not.toContain(secret);
  });

  test('a candidate keeps its address and loses its ufrag', () => {
    const candidate = 'candidate:1 1 UDP 1 192.0.2.7 40001 typ host ufrag uFr4 network-cost 10';
    expect(redactText(candidate)).toBe('candidate:1 1 UDP 1 192.0.2.7 40001 typ host ufrag (hidden) network-cost 10');
  });

  test('circles, depth and length end somewhere', () => {
    const { logging, written } = capture();
    const circle: Record<string, unknown> = { big: 10n, text: 'x'.repeat(100_000) };
    circle['self'] = circle;
    logging.target('service').info(circle, 'round');
    expect(written[0]?.length).toBeLessThan(40_000);
  });
});
