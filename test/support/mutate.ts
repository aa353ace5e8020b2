/** Session descriptions and candidates of real stacks, spoilt a little: one to three changes each, from a seed. */
import { chromiumOffer, firefoxAnswer, libdatachannelOffer } from '../transport/descriptions.js';
import type { Random } from './random.js';

const candidateBases = [
  'candidate:1 1 UDP 2114977791 127.0.0.1 53376 typ host',
  'candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag Xy/+ network-cost 999',
  'candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active',
  'candidate:1 1 udp 1 2001:db8::1 5000 typ relay raddr 192.0.2.1 rport 9',
];
const sdpBases = [chromiumOffer, libdatachannelOffer, firefoxAnswer.replace('setup:active', 'setup:actpass')];
const tokens = [
  '',
  ' ',
  '\r\n',
  '\0',
  '%n%s',
  '-1',
  '99999999999999999999',
  'a='.repeat(50),
  'ž',
  '🐎',
  ':',
  '/',
  '0',
  'sha-256',
  'active',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
];

export interface Mutator {
  readonly candidateBases: readonly string[];
  readonly sdpBases: readonly string[];
  /** One to three changes: characters, tokens, lines, numbers, values that stay well formed. */
  mutate(text: string): string;
}

export function createMutator(random: Random): Mutator {
  function mutateOnce(text: string): string {
    const at = random.below(text.length + 1);
    const lines = text.split('\r\n');
    const line = random.below(lines.length);
    switch (random.below(8)) {
      case 0:
        return text.slice(0, at) + text.slice(at + 1 + random.below(20));
      case 1:
        return text.slice(0, at) + random.pick(tokens) + text.slice(at);
      case 2:
        return lines.filter((_, index) => index !== line).join('\r\n');
      case 3:
        return [...lines.slice(0, line), lines[line], ...lines.slice(line)].join('\r\n');
      case 4:
        return text.replace(/\d+/g, (digits) => (random.chance(0.1) ? String(random.below(2 ** 31)) : digits));
      case 5:
        return text.replace(/[A-Za-z0-9+/]{4,}/g, (word) =>
          random.chance(0.05) ? [...word].reverse().join('') : word,
        );
      case 6:
        return text.slice(0, at) + String.fromCharCode(random.below(0x300)) + text.slice(at + 1);
      default:
        return text.replace(/a=candidate.*|$/, `a=${random.pick(candidateBases)}`);
    }
  }
  const mutate = (text: string): string => {
    let result = text;
    for (let count = 1 + random.below(3); count > 0; count--) result = mutateOnce(result);
    return result;
  };
  return { candidateBases, sdpBases, mutate };
}
