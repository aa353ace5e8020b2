// How long candidates took to gather, and what became of the question for a relay.
import { expect, test } from '@jest/globals';
import { Gathering } from '../../src/transport/gathering.js';

const turn = { urls: ['turn:192.0.2.1:3478'], username: 'u', credential: 'c' };
const host = 'candidate:1 1 UDP 2122317823 192.0.2.7 40001 typ host';
const relay = 'candidate:2 1 UDP 16777215 192.0.2.1 50000 typ relay raddr 192.0.2.7 rport 40001';

function gather(servers: (typeof turn)[] | { urls: string[] }[], candidates: readonly string[], tookMs: number) {
  let nowMs = 500;
  const told: [number, string][] = [];
  const gathering = new Gathering(
    () => nowMs,
    servers,
    (durationMs, outcome) => void told.push([durationMs, outcome]),
  );
  nowMs += tookMs;
  for (const candidate of candidates) gathering.candidate(candidate);
  return told;
}

test.each([
  ['no server was asked', [], [host, ''], 20, 'unused'],
  ['a STUN server is not asked for relays', [{ urls: ['stun:192.0.2.1'] }], [host, ''], 20, 'unused'],
  [
    'one for browsers only is not asked',
    [{ urls: ['turns:192.0.2.1', 'turn:192.0.2.1?transport=tcp'] }],
    [''],
    20,
    'unused',
  ],
  ['a relay was given', [turn], [host, relay, ''], 120, 'allocated'],
  ['the server said no', [turn], [host, ''], 120, 'refused'],
  ['no server answered', [turn], [host, ''], 39_000, 'unreachable'],
] as const)('%s', (_, servers, candidates, tookMs, outcome) => {
  expect(gather([...servers] as (typeof turn)[], candidates, tookMs)).toEqual([[tookMs, outcome]]);
});

test('the end is told once, and nothing before it', () => {
  expect(gather([turn], [host, relay], 10)).toEqual([]);
  expect(gather([], ['', '', host], 10)).toHaveLength(1);
});
