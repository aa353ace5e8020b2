// The schemas: what is let in, and with which code and words the rest is refused.
import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../src/errors.js';
import * as control from '../../src/gateway/control-wire.js';
import * as peer from '../../src/gateway/peer-wire.js';
import { controlSdp, decodeBase64, detailOf, encodeBase64, parse } from '../../src/gateway/wire.js';
import type { NetworkChangeType } from '../../src/peer/signalling.port.js';
import { fakeSdp } from '../support/fake-tubes.js';

const id = '6f2c1b1e-0a55-4d0c-9a53-1c1f0d6a7f10';
const sdp = fakeSdp('x');

function refusalOf(body: () => unknown): AppError {
  try {
    body();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('SDP on /control', () => {
  test('is taken raw', () => expect(parse(controlSdp, sdp)).toBe(sdp));
  test('is taken in base64', () => expect(parse(controlSdp, encodeBase64(sdp))).toBe(sdp));
  test('may be wrapped base64', () =>
    expect(parse(controlSdp, encodeBase64(sdp).replace(/(.{20})/g, '$1\n'))).toBe(sdp));

  test.each([
    ['text', 'hello world', 'input_sdp'],
    ['base64 of something else', encodeBase64('hello'), 'input_sdp'],
    ['base64 of no text', encodeBase64(new Uint8Array([0x76, 0x3d, 0xff, 0xfe])), 'input_sdp'],
    ['nothing', '', 'input_sdp'],
    ['a raw SDP over the cap', `v=${'x'.repeat(65 * 1024)}`, 'input_too_large'],
    ['an encoded SDP over the cap', encodeBase64(`v=${'x'.repeat(65 * 1024)}`), 'input_too_large'],
    ['a number', 5, 'input_schema'],
  ])('refuses %s', (_name, given, code) => {
    expect(refusalOf(() => parse(controlSdp, given)).code).toBe(code);
  });
});

describe('base64', () => {
  test('round trip', () =>
    expect(decodeBase64(encodeBase64(new Uint8Array([0, 255, 7])))).toEqual(new Uint8Array([0, 255, 7])));
  test('empty is empty', () => expect(decodeBase64('')).toEqual(new Uint8Array(0)));
  test.each(['a', 'a b', '%%%%', '====', 'abcde'])('%j is none', (text) => expect(decodeBase64(text)).toBeNull());
});

describe('candidates', () => {
  const add = (candidate: unknown, more: object = {}): unknown =>
    parse(control.addIceCandidate, { tube_id: id, candidate, ...more });
  const fields = { tubeId: id, generation: null };

  test('as a string', () => expect(add('candidate:1')).toEqual({ ...fields, candidate: 'candidate:1', mid: '0' }));
  test('the end', () => expect(add('')).toEqual({ ...fields, candidate: '', mid: '0' }));
  test('as RTCIceCandidate.toJSON() gives it', () => {
    const candidate = { candidate: 'candidate:1', sdpMid: '7', sdpMLineIndex: 0, usernameFragment: 'uf' };
    expect(add(candidate)).toEqual({ ...fields, candidate: 'candidate:1', mid: '7' });
  });
  test('with sdp_mid and generation', () => {
    expect(add('candidate:1', { sdp_mid: 'a', generation: 3 })).toEqual({
      tubeId: id,
      candidate: 'candidate:1',
      mid: 'a',
      generation: 3,
    });
  });
  test('an upper-case tube id means the same tube', () => {
    expect(parse(control.oneTube, { tube_id: id.toUpperCase() })).toEqual({ tubeId: id });
  });

  test.each([
    ['too long', 'c'.repeat(1025), 'input_too_large'],
    ['two lines', 'candidate:1\r\na=evil', 'input_candidate'],
    ['a number', 7, 'input_schema'],
    ['an array', [], 'input_schema'],
    ['null', null, 'input_schema'],
    ['an object without candidate', { sdpMid: '0' }, 'input_schema'],
    ['an object with more', { candidate: '', foo: 1 }, 'input_schema'],
  ])('refuses %s', (_name, candidate, code) => {
    expect(refusalOf(() => add(candidate)).code).toBe(code);
  });
});

describe('refusals', () => {
  test('name the unknown field', () => {
    const error = refusalOf(() => parse(control.createTube, { conversation_id: 'c', tricle_ice: true }));
    expect(error.code).toBe('input_schema');
    expect(error.message).toContain('tricle_ice');
  });
  test('name the wrong field and what was expected', () => {
    const error = refusalOf(() => parse(control.oneTube, { tube_id: 'x' }));
    expect(error.message).toContain('tube_id: must be a UUID');
  });
  test('do not repeat values', () => {
    const error = refusalOf(() =>
      parse(control.createTube, { conversation_id: 'c', callback_token: ['secret-value'] }),
    );
    expect(error.message).not.toContain('secret-value');
  });
  test('a forged __proto__ field changes nothing', () => {
    const forged: unknown = JSON.parse(`{"tube_id":"${id}","__proto__":{"polluted":true}}`);
    expect(refusalOf(() => parse(control.oneTube, forged)).code).toBe('input_schema');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
  test.each([
    ['conversation_id', { conversation_id: 'x'.repeat(257) }, 'input_too_large'],
    ['empty conversation_id', { conversation_id: '' }, 'input_schema'],
    ['no conversation_id', {}, 'input_schema'],
    ['trickle_ice', { conversation_id: 'c', trickle_ice: 'yes' }, 'input_schema'],
    ['null', null, 'input_schema'],
    ['text', 'conversation', 'input_schema'],
  ])('create_tube: %s', (_name, payload, code) => {
    expect(refusalOf(() => parse(control.createTube, payload)).code).toBe(code);
  });
});

describe('create_tube', () => {
  test('drops the fields of other products', () => {
    const call = {
      conversation_id: 'c',
      callback_token: 't',
      krelay_server: 'k',
      client_version: 'v',
      ksm_config: { a: 1 },
    };
    expect(parse(control.createTube, call)).toEqual({
      conversationId: 'c',
      settings: {},
      trickleIce: true,
      offer: null,
      profile: undefined,
      idempotencyKey: null,
    });
  });
});

describe('subscribe', () => {
  test.each([
    [{ tube_id: id }, { kind: 'tube', tubeId: id }],
    [{ conversation_id: 'c' }, { kind: 'conversation', conversationId: 'c' }],
    [{ all: true }, { kind: 'all' }],
  ])('%j', (call, parsed) => expect(parse(control.subscription, call)).toEqual(parsed));
  test.each([[{}], [{ tube_id: id, all: true }], [{ all: false }]])('refuses %j', (call) => {
    expect(refusalOf(() => parse(control.subscription, call)).code).toBe('input_schema');
  });
});

describe('/peer', () => {
  test('takes raw SDP only', () => {
    expect(parse(peer.answer, { type: 'answer', sdp, generation: 2 })).toEqual({
      description: { type: 'answer', sdp },
      generation: 2,
    });
    expect(refusalOf(() => parse(peer.answer, { type: 'answer', sdp: encodeBase64(sdp) })).code).toBe('input_sdp');
  });
  test('refuses an answer that calls itself an offer', () => {
    expect(refusalOf(() => parse(peer.answer, { type: 'offer', sdp })).code).toBe('input_schema');
  });
  test('takes a candidate as the browser gives it', () => {
    const event = {
      candidate: 'candidate:1',
      sdpMid: null,
      sdpMLineIndex: null,
      usernameFragment: null,
      generation: 1,
    };
    expect(parse(peer.icecandidate, event)).toEqual({ candidate: 'candidate:1', mid: '0', generation: 1 });
  });
  test.each<NetworkChangeType>(['online', 'offline', 'connection_type', 'ip_change'])(
    'takes the network change %s of our library',
    (type) => {
      expect(parse(peer.networkChange, { type, data: 'wlan0' })).toEqual({ type, data: 'wlan0' });
    },
  );
});

test('of any data a short line of plain text is kept', () => {
  const deep = Array.from({ length: 50_000 }).reduce<unknown>((inner) => [inner], null);
  const given = [
    'x'.repeat(100_000),
    { list: Array(9999).fill(1) },
    undefined,
    null,
    0,
    false,
    [],
    deep,
    '\u2028\u0000a\u001b[31m\n',
  ];
  const details = given.map(detailOf);
  expect(details.map(({ length }) => length)).toEqual([200, 200, 0, 4, 1, 5, 2, 0, 6]);
  for (const detail of details) expect(detail).toMatch(/^[ -~]{0,200}$/);
});
