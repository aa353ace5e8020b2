// What a TURN server with a shared secret takes; that coturn agrees is shown by test/system/turn.test.ts.
import { describe, expect, test } from '@jest/globals';
import { iceServersFor, turnCredentials } from '../../src/transport/turn-credentials.js';

const tubeId = '6f2c1b1e-5c0a-4a53-9f6a-6c1f0d9d4c11';
const turn = { iceServers: [], turnUrls: ['turn:t:3478', 'turns:t'], turnSecret: 'north' };
const nowMs = 1_000_000_000_000;

test('credentials are the expiry with the tube, and its HMAC', () => {
  // printf 1433895918:6f2c… | openssl dgst -sha1 -hmac north -binary | base64
  expect(turnCredentials('north', tubeId, 1_433_895_918_000)).toEqual({
    username: `1433895918:${tubeId}`,
    credential: 'uf5AAn63WBTDhEldpsqIK3TQ4js=',
  });
});

test('a part of a second counts as a whole one', () => {
  expect(turnCredentials('s', 't', 1001).username).toBe('2:t');
  expect(turnCredentials('s', 't', 1000).username).toBe('1:t');
});

describe('ICE servers', () => {
  test('are those of the configuration without a secret', () => {
    const iceServers = [{ urls: ['turn:own'], username: 'u', credential: 'c' }];
    expect(iceServersFor({ iceServers, turnUrls: [], turnSecret: null }, tubeId, 1000, nowMs)).toBe(iceServers);
    expect(iceServersFor({ ...turn, iceServers, turnUrls: [] }, tubeId, 1000, nowMs)).toBe(iceServers);
  });

  test('end with the TURN servers, which take credentials of this tube for the time to live', () => {
    const iceServers = [{ urls: ['stun:s'] }];
    expect(iceServersFor({ ...turn, iceServers }, tubeId, 3_600_000, nowMs)).toEqual([
      { urls: ['stun:s'] },
      { urls: turn.turnUrls, ...turnCredentials('north', tubeId, nowMs + 3_600_000) },
    ]);
  });

  test('take credentials for a week where they are not renewed', () => {
    expect(iceServersFor(turn, tubeId, 0, nowMs)[0]?.username).toBe(
      `${String((nowMs + 604_800_000) / 1000)}:${tubeId}`,
    );
  });
});
