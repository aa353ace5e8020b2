/** Which descriptions and candidates the native library gets to see, and what is read off and written into them. */
import { describe, expect, test } from '@jest/globals';
import {
  candidatesOf,
  checkCandidate,
  checkDescription,
  dtlsRoleOfLocalAnswer,
  dtlsRoleOfRemoteAnswer,
  maxMessageBytesOf,
  sessionIdOf,
  setupOf,
  ufragOf,
  ufragOfCandidate,
  withoutCandidates,
  withoutTrickleOption,
  withSetup,
} from '../../src/transport/sdp.js';
import { isForBrowsers, parseIceServer } from '../../src/transport/ice-servers.js';
import { chromiumOffer, firefoxAnswer, libdatachannelOffer } from './descriptions.js';

const without = (sdp: string, line: RegExp): string =>
  sdp.replace(new RegExp(`${line.source}[^\\r\\n]*\\r\\n`, 'm'), '');

describe('descriptions', () => {
  test.each([
    ['Chromium', 'offer', chromiumOffer],
    ['Firefox', 'answer', firefoxAnswer],
    ['libdatachannel', 'offer', libdatachannelOffer],
    ['with bare newlines', 'offer', chromiumOffer.replaceAll('\r\n', '\n')],
    ['without a final newline', 'offer', chromiumOffer.trimEnd()],
    ['with unknown attributes', 'offer', chromiumOffer.replace('m=', 'a=x-something:ž\r\nm=')],
  ] as const)('of %s pass', (_name, type, sdp) => {
    expect(checkDescription(type, sdp)).toBeNull();
  });

  test.each<[string, string, string]>([
    ['empty', '', 'v=0'],
    ['no SDP', 'hello', 'v=0'],
    ['JSON', '{"type":"offer"}', 'v=0'],
    ['too long', chromiumOffer + 'a=x\r\n'.repeat(20_000), 'longer than'],
    ['a control character', chromiumOffer.replace('s=-', 's=\0'), 'line 3'],
    ['a line without type', chromiumOffer.replace('s=-', 'nonsense'), 'line 3'],
    ['no media line', chromiumOffer.slice(0, chromiumOffer.indexOf('m=')), '0 media lines'],
    ['audio too', `${chromiumOffer}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n`, '2 media lines'],
    ['audio only', chromiumOffer.replace(/m=application.*/, 'm=audio 9 UDP/TLS/RTP/SAVPF 111'), 'not application'],
    [
      'the old SCTP syntax',
      chromiumOffer.replace(/m=application.*/, 'm=application 9 DTLS/SCTP 5000'),
      'not application',
    ],
    ['a rejected media line', chromiumOffer.replace('m=application 9', 'm=application 0'), 'rejected'],
    ['no ufrag', without(chromiumOffer, /^a=ice-ufrag/), 'missing'],
    ['no password', without(chromiumOffer, /^a=ice-pwd/), 'missing'],
    ['a short ufrag', chromiumOffer.replace(/a=ice-ufrag:\S+/, 'a=ice-ufrag:abc'), 'ice-ufrag is not'],
    ['a ufrag of wrong characters', chromiumOffer.replace(/a=ice-ufrag:\S+/, 'a=ice-ufrag:ab cd'), 'ice-ufrag is not'],
    ['a long ufrag', chromiumOffer.replace(/a=ice-ufrag:\S+/, `a=ice-ufrag:${'a'.repeat(257)}`), 'ice-ufrag is not'],
    ['a short password', chromiumOffer.replace(/a=ice-pwd:\S+/, 'a=ice-pwd:short'), 'ice-pwd is not'],
    ['no fingerprint', without(chromiumOffer, /^a=fingerprint/), 'fingerprint is missing'],
    [
      'a short fingerprint',
      chromiumOffer.replace(/a=fingerprint:\S+ \S+/, 'a=fingerprint:sha-256 AB:CD'),
      'fingerprint is malformed',
    ],
    ['an unknown hash', chromiumOffer.replace('sha-256', 'md2'), 'fingerprint is malformed'],
    ['no setup', without(chromiumOffer, /^a=setup/), 'setup is missing'],
    ['setup holdconn', chromiumOffer.replace('setup:actpass', 'setup:holdconn'), 'setup is not'],
    ['two setups', chromiumOffer.replace('a=setup:actpass', 'a=setup:actpass\r\na=setup:active'), 'setup is not'],
    ['a bad sctp-port', chromiumOffer.replace('sctp-port:5000', 'sctp-port:70000'), 'sctp-port'],
    [
      'a bad max-message-size',
      chromiumOffer.replace('max-message-size:262144', 'max-message-size:-1'),
      'max-message-size',
    ],
    [
      '101 candidates',
      chromiumOffer + 'a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n'.repeat(101),
      'candidates, more than',
    ],
    ['a bad candidate', `${chromiumOffer}a=candidate:nonsense\r\n`, 'malformed candidate'],
  ])('with %s are refused', (_name, sdp, why) => {
    const failure = checkDescription('offer', sdp);
    expect(failure?.code).toBe('input_sdp');
    expect(failure?.detail).toContain(why);
  });

  test('actpass is no answer', () => {
    expect(checkDescription('answer', chromiumOffer)?.detail).toContain('setup is not one of active, passive');
  });

  test('the largest allowed text is checked quickly', () => {
    const hostile = `${chromiumOffer}${'a=candidate: '.repeat(4500)}`;
    const startMs = performance.now();
    checkDescription('offer', hostile.slice(0, 65_536));
    checkDescription('offer', `v=0\r\n${'a='.repeat(32_000)}`);
    expect(performance.now() - startMs).toBeLessThan(100);
  });
});

describe('candidates', () => {
  test.each([
    '',
    'candidate:1 1 UDP 2114977791 127.0.0.1 53376 typ host',
    'a=candidate:1 1 UDP 2114977791 127.0.0.1 53376 typ host',
    'candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag Xy/+ network-cost 999',
    'candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0 ufrag 4ZcD network-id 1',
    'candidate:0 1 UDP 2122252543 4d2f8e4a-1b2c-4d5e-8f90-123456789abc.local 50123 typ host',
    'candidate:1 1 udp 1 fe80::1%eth0 5000 typ host',
    'candidate:1 1 udp 1 2001:db8::1 5000 typ relay raddr 192.0.2.1 rport 9',
  ])('%p passes', (candidate) => {
    expect(checkCandidate(candidate)).toBeNull();
  });

  test.each([
    'nonsense',
    'candidate:',
    'candidate:1 1 UDP 1 127.0.0.1 70000 typ host',
    'candidate:1 1 UDP 99999999999 127.0.0.1 5000 typ host',
    'candidate:1 1 UDP 4294967296 127.0.0.1 5000 typ host',
    'candidate:1 1 UDP 1 127.0.0.1 5000',
    'candidate:1 1 UDP 1 $(reboot) 5000 typ host',
    'candidate:1 1 UDP 1 127.0.0.1 5000 typ host\r\na=x',
    `candidate:1 1 UDP 1 127.0.0.1 5000 typ host ${'x y '.repeat(300)}`,
    `candidate:${'1'.repeat(33)} 1 UDP 1 127.0.0.1 5000 typ host`,
  ])('%p is refused', (candidate) => {
    expect(checkCandidate(candidate)?.code).toBe('input_candidate');
  });
});

describe('what is read and written', () => {
  test('ufrag, session, setup, message size and candidates', () => {
    expect([ufragOf(chromiumOffer), sessionIdOf(chromiumOffer), setupOf(chromiumOffer)]).toEqual([
      'Xy/+',
      '4611731400430051336',
      'actpass',
    ]);
    expect([sessionIdOf(firefoxAnswer), setupOf(firefoxAnswer), maxMessageBytesOf(firefoxAnswer)]).toEqual([
      '5827434719134286093',
      'active',
      1073741823,
    ]);
    expect(maxMessageBytesOf(without(chromiumOffer, /^a=max-message-size/))).toBe(65_536);
    expect(maxMessageBytesOf(chromiumOffer.replace('262144', '0'))).toBe(Infinity);
    expect(ufragOfCandidate('candidate:1 1 udp 1 1.2.3.4 5 typ host ufrag Xy/+ network-cost 9')).toBe('Xy/+');
    expect(ufragOfCandidate('candidate:1 1 udp 1 1.2.3.4 5 typ host')).toBeNull();
    expect(candidatesOf(firefoxAnswer)).toEqual([
      { candidate: 'candidate:0 1 UDP 2122252543 192.0.2.9 50123 typ host', mid: '0' },
    ]);
    expect(candidatesOf(withoutCandidates(firefoxAnswer))).toEqual([]);
    expect(withoutCandidates(firefoxAnswer)).not.toContain('end-of-candidates');
    expect([ufragOf(''), sessionIdOf(''), setupOf('')]).toEqual([null, null, null]);
  });

  test('roles are two views of one setup', () => {
    expect(dtlsRoleOfRemoteAnswer(firefoxAnswer)).toBe('passive');
    expect(dtlsRoleOfLocalAnswer(firefoxAnswer)).toBe('active');
    expect(dtlsRoleOfRemoteAnswer(chromiumOffer)).toBeNull();
    expect(setupOf(withSetup(chromiumOffer, 'passive'))).toBe('passive');
    expect(checkDescription('offer', withSetup(chromiumOffer, 'active'))).toBeNull();
  });
});

describe('ICE servers', () => {
  test.each([
    ['stun:stun.example.org', { hostname: 'stun.example.org', port: 3478 }],
    ['stun:192.0.2.1:19302', { hostname: '192.0.2.1', port: 19302 }],
    ['stun:[2001:db8::1]:3479', { hostname: '2001:db8::1', port: 3479 }],
    [
      'turn:turn.example.org:3478?transport=udp',
      { hostname: 'turn.example.org', port: 3478, username: 'u', password: 'p@:/', relayType: 'TurnUdp' },
    ],
  ])('%s is understood', (url, expected) => {
    expect(parseIceServer({ urls: [url], username: 'u', credential: 'p@:/' })).toEqual([expected]);
  });

  test.each([
    ['garbage', 'expected stun:'],
    ['http://stun.example.org', 'expected stun:'],
    ['stun:', 'expected stun:'],
    ['stun:user@host', 'expected stun:'],
    ['stun:host:0', 'port must be'],
    ['stun:host:70000', 'port must be'],
    ['stun:[::zz]', 'expected stun:'],
    ['stun:[1:2]', 'not an IPv6'],
    ['turn:host?transport=sctp', 'only transport=udp'],
    ['stun:host?transport=udp', 'takes no transport'],
    ['turn:host', 'needs username'],
  ])('%s is refused with a reason', (url, why) => {
    expect(() => parseIceServer({ urls: [url] })).toThrow(why);
  });

  test('what only browsers can use is left out', () => {
    const urls = ['stuns:h', 'turns:h:443?transport=tcp', 'turn:h?transport=tcp', 'turns:h', 'turn:h'];
    const usable = parseIceServer({ urls, username: 'u', credential: 'c' });
    expect(usable).toEqual([{ hostname: 'h', port: 3478, username: 'u', password: 'c', relayType: 'TurnUdp' }]);
    expect(urls.filter((url) => !isForBrowsers(url))).toEqual(['turn:h']);
  });

  test('credentials never appear in the reason', () => {
    const refusal = (): unknown => parseIceServer({ urls: ['turn:h:0'], username: 'u', credential: 'hunter2' });
    expect(refusal).toThrow('port must be');
    expect(refusal).not.toThrow('hunter2');
  });
});

test.each([
  ['a=ice-options:trickle\r\n', ''],
  ['a=ice-options:ice2,trickle\r\n', 'a=ice-options:ice2\r\n'],
  ['a=ice-options:trickle ice2 renomination\n', 'a=ice-options:ice2 renomination\n'],
  ['a=ice-options:ice2\r\n', 'a=ice-options:ice2\r\n'],
])('%j without the option trickle is %j', (line, left) => {
  expect(withoutTrickleOption(`v=0\r\n${line}a=mid:0\r\n`)).toBe(`v=0\r\n${left}a=mid:0\r\n`);
});
