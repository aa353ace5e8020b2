/** The bytes and SDP lines that both sides agree on, and the frames of application channels. */
import { describe, expect, test } from '@jest/globals';
import type { ChannelRecord } from '../../machines/ports/transport.port.js';
import {
  ackFrame,
  byteLength,
  packMessage,
  readFrame,
  serialAdd,
  serialDistance,
  unpackMessage,
  writeSeq,
} from '../../src/channels/frame.js';
import { decodeControl, encodeControl, markSdp, readMark } from '../../src/channels/wire.js';

describe('control frames', () => {
  test('are the bytes of the contract', () => {
    expect([...encodeControl({ kind: 'ping', seq: null })]).toEqual([0x00, 0x50, 0x49, 0x4e, 0x47]);
    expect([...encodeControl({ kind: 'pong', seq: 0x01020304 })]).toEqual([0x00, 0x50, 0x4f, 0x4e, 0x47, 1, 2, 3, 4]);
  });

  test.each([null, 0, 1, 0xffffffff])('carry sequence number %p there and back', (seq) => {
    for (const kind of ['ping', 'pong'] as const) {
      expect(decodeControl(encodeControl({ kind, seq }))).toEqual({ kind, seq });
      expect(decodeControl(String.fromCharCode(...encodeControl({ kind, seq })))).toEqual({ kind, seq });
    }
  });

  test('carry probes and echoes as docs/protocol.md says', () => {
    const probe = { kind: 'probe', burst: 2, index: 0x01020304 } as const;
    expect([...encodeControl(probe)]).toEqual([0, 0x50, 0x52, 0x4f, 0x42, 0, 0, 0, 2, 1, 2, 3, 4]);
    expect(decodeControl(encodeControl(probe))).toEqual(probe);
    const echo = { kind: 'echo', burst: 0xffffffff, index: 99, received: 98 } as const;
    expect(String.fromCharCode(...encodeControl(echo).subarray(0, 5))).toBe('\0ECHO');
    expect(decodeControl(encodeControl(echo))).toEqual(echo);
  });

  test.each([
    [''],
    ['\0PIN'],
    ['\0PINGx'],
    ['\0PENG'],
    ['\0PING12345678'],
    ['\0PROB1234'],
    ['\0ECHO12345678'],
    ['\0ECHO1234567890123456'],
    [new Uint8Array(9)],
  ])('%p is none', (data) => {
    expect(decodeControl(data)).toBeNull();
  });

  test('are read out of the middle of a buffer', () => {
    const bytes = new Uint8Array(20);
    bytes.set(encodeControl({ kind: 'ping', seq: 7 }), 5);
    expect(decodeControl(bytes.subarray(5, 14))).toEqual({ kind: 'ping', seq: 7 });
  });
});

describe('marks', () => {
  const sdp = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n';
  const channels: ChannelRecord[] = [
    { label: 'control', id: 0, class: 'reliable' },
    { label: 'žluť 🐎', id: 3, class: 'latest' },
  ];

  test('come before the media line and back unchanged', () => {
    const marked = markSdp(sdp, { instance: 'abc-1', channels });
    expect(marked.indexOf('a=x-holdfast:')).toBeLessThan(marked.indexOf('m='));
    expect(readMark(marked)).toEqual({ instance: 'abc-1', remote: null, channels, probes: false });
    expect(readMark(markSdp(sdp, { instance: 'abc-1', remote: 'xyz-2', channels: [] }))?.remote).toBe('xyz-2');
    expect(readMark(markSdp(sdp, { instance: 'abc-1', channels: [], probes: true }))?.probes).toBe(true);
    expect(readMark(sdp)).toBeNull();
  });

  test('with broken channel lists read as empty lists', () => {
    for (const encoded of [
      '!!!!',
      'AAAA',
      Buffer.from('{"a":1}').toString('base64url'),
      Buffer.from('[{"label":1},null,{"label":"x","id":70000,"class":"reliable"}]').toString('base64url'),
    ]) {
      const marked = `v=0\r\na=x-holdfast:overlap i\r\na=x-holdfast-channels:${encoded}\r\n`;
      expect(readMark(marked)).toEqual({ instance: 'i', remote: null, channels: [], probes: false });
    }
    expect(readMark(`a=x-holdfast:overlap ${'i'.repeat(65)}\r\n`)).toBeNull();
  });
});

describe('message frames', () => {
  test.each(['', 'text', 'žluťoučký 🐎', '\uFEFFbyte order mark', new Uint8Array(0), Uint8Array.of(1, 0, 255)])(
    '%p comes back as it was',
    (data) => {
      const frame = writeSeq(packMessage(data), 0xfedcba98);
      const read = readFrame(frame);
      expect(read).toMatchObject({ kind: typeof data === 'string' ? 'text' : 'binary', seq: 0xfedcba98 });
      expect(unpackMessage(frame)).toEqual(data);
      expect(frame.length).toBe(5 + byteLength(data));
    },
  );

  test('are laid out as docs/protocol.md says', () => {
    expect([...writeSeq(packMessage('A'), 258)]).toEqual([1, 0, 0, 1, 2, 65]);
    expect([...writeSeq(packMessage(Uint8Array.of(7)), 1)]).toEqual([2, 0, 0, 0, 1, 7]);
    expect([...ackFrame(5)]).toEqual([3, 0, 0, 0, 5]);
  });

  test.each([
    ['text'],
    [new Uint8Array(4)],
    [Uint8Array.of(0, 0, 0, 0, 0)],
    [Uint8Array.of(4, 0, 0, 0, 0)],
    [Uint8Array.of(3, 0, 0, 0, 0, 1)],
  ])('%p is none', (data) => {
    expect(readFrame(data)).toBeNull();
  });

  test('count around the circle of 2^32', () => {
    expect(serialAdd(0xffffffff, 1)).toBe(0);
    expect(serialDistance(2, 0xfffffffe)).toBe(4);
    expect(serialDistance(0xfffffffe, 2)).toBe(-4);
  });

  test.each(['a', 'é', '€', '🐎', '\uD83D', '\uDC0E', '\uDC0E\uD83D', 'a\uD83Db', ''])(
    'byteLength(%j) is that of its encoding',
    (text) => {
      expect(byteLength(text)).toBe(new TextEncoder().encode(text).length);
    },
  );
});
