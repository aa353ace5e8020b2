import { describe, expect, test } from '@jest/globals';
import { keepaliveMachine } from '../../machines/keepalive.machine.js';
import { runChild } from '../support/child-harness.js';
import { defaultSettings } from '../support/settings.js';

const run = () => runChild(keepaliveMachine, { settings: defaultSettings });

describe('keepalive', () => {
  test('pings at once and then every five seconds while pongs come', () => {
    const { child, clock, told } = run();
    for (let n = 0; n < 4; n += 1) {
      child.send({ type: 'keepalive.pong', rttMs: 20 });
      clock.advance(5_000);
    }
    expect(told.filter(({ type }) => type === 'keepalive.ping').map(({ atMs, seq }) => [atMs, seq])).toEqual([
      [0, 1],
      [5_000, 2],
      [10_000, 3],
      [15_000, 4],
      [20_000, 5],
    ]);
  });

  test('a peer that never answered a ping is not judged by pings', () => {
    const { clock, types } = run();
    clock.advance(120_000);
    expect(new Set(types())).toEqual(new Set(['keepalive.ping']));
  });

  test('suspects after two missed pongs and is lost after three, at the faster pace', () => {
    const { child, clock, told } = run();
    child.send({ type: 'keepalive.pong', rttMs: 20 });
    clock.advance(10_000);
    expect(told.map(({ type, atMs }) => `${type}@${String(atMs)}`)).toEqual([
      'keepalive.ping@0',
      'keepalive.ping@5000',
      'keepalive.missed@6000',
      'keepalive.ping@6000',
      'keepalive.missed@7000',
      'keepalive.suspect@7000',
      'keepalive.ping@8000',
      'keepalive.missed@9000',
      'keepalive.lost@9000',
      'keepalive.ping@10000',
    ]);
  });

  test('pings at once for who wants to know, but not while one is out', () => {
    const { child, clock, told } = run();
    child.send({ type: 'keepalive.pong', rttMs: 20 });
    clock.advance(1_000);
    for (let n = 0; n < 5; n += 1) {
      child.send({ type: 'keepalive.look' });
      clock.advance(500);
    }
    const pings = told.filter(({ type }) => type === 'keepalive.ping').map(({ atMs }) => atMs);
    expect(pings).toEqual([0, 1_000, 2_000, 3_000]);
    expect(told.filter(({ type }) => type === 'keepalive.suspect')).toMatchObject([{ atMs: 3_000 }]);
  });

  test('a path that is doubted by others is pinged at once, and restored by a pong', () => {
    const { child, clock, take } = run();
    child.send({ type: 'keepalive.pong', rttMs: 20 });
    clock.advance(1_000);
    take();
    child.send({ type: 'keepalive.doubt' });
    expect(take()).toMatchObject([{ type: 'keepalive.ping' }]);
    child.send({ type: 'keepalive.pong', rttMs: 20 });
    expect(take()).toMatchObject([{ type: 'keepalive.restored' }]);
  });

  test('a doubted path that does not answer is lost with the first missed ping', () => {
    const { child, clock, types } = run();
    child.send({ type: 'keepalive.pong', rttMs: 20 });
    clock.advance(1_000);
    child.send({ type: 'keepalive.doubt' });
    clock.advance(1_000);
    expect(types()).toContain('keepalive.lost');
  });

  test('doubts of others about a peer that never answered change nothing', () => {
    const { child, clock, types } = run();
    child.send({ type: 'keepalive.doubt' });
    clock.advance(120_000);
    expect(new Set(types())).toEqual(new Set(['keepalive.ping']));
  });

  test('one lost ping is no suspicion', () => {
    const { child, clock, types } = run();
    child.send({ type: 'keepalive.pong', rttMs: 20 });
    clock.advance(6_500);
    child.send({ type: 'keepalive.pong', rttMs: 1_500 });
    clock.advance(4_000);
    expect(types()).not.toContain('keepalive.suspect');
  });

  test('a pong after suspicion restores and returns to the slow pace', () => {
    const { child, clock, take } = run();
    child.send({ type: 'keepalive.pong', rttMs: 20 });
    clock.advance(7_500);
    take();
    child.send({ type: 'keepalive.pong', rttMs: null });
    clock.advance(4_999);
    expect(take().map(({ type }) => type)).toEqual(['keepalive.restored']);
    clock.advance(1);
    expect(take().map(({ type }) => type)).toEqual(['keepalive.ping']);
  });

  test('data counts as a pong', () => {
    const { child, clock, take } = run();
    child.send({ type: 'keepalive.pong', rttMs: 20 });
    clock.advance(8_000);
    take();
    child.send({ type: 'keepalive.heard' });
    expect(take().map(({ type }) => type)).toEqual(['keepalive.restored']);
  });
});
