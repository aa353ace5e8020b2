import { describe, expect, it } from '@jest/globals';
import { turnServerAddresses } from '../../src/network/turn-server-addresses.js';

const relayed = '192.0.2.200';

describe('the way of a relayed path leads first to', () => {
  it.each<[string, string[], string[]]>([
    ['its server', ['turn:198.51.100.1:3478'], ['198.51.100.1']],
    ['its server, by IPv6', ['turn:[2001:db8::1]?transport=udp'], ['2001:db8::1']],
    ['every server that it may be', ['turn:198.51.100.1', 'turn:198.51.100.2:5349'], ['198.51.100.1', '198.51.100.2']],
    ['the one whose own address is relayed', ['turn:198.51.100.1', `turn:${relayed}`], [relayed]],
    [
      'no server of another kind',
      ['stun:198.51.100.1', 'turns:198.51.100.2', 'turn:198.51.100.3?transport=tcp'],
      [relayed],
    ],
    ['the relayed address, when nothing else is known', [], [relayed]],
    ['the relayed address, when the server has no address', ['turn:nobody.invalid'], [relayed]],
  ])('%s', async (_, urls, expected) => {
    expect(await turnServerAddresses(relayed, urls)).toEqual(expected);
  });

  it('what the name of its server stands for', async () => {
    expect(await turnServerAddresses(relayed, ['turn:localhost'])).toContain('127.0.0.1');
    expect(await turnServerAddresses('127.0.0.1', ['turn:localhost', 'turn:198.51.100.1'])).toEqual(['127.0.0.1']);
  });
});
