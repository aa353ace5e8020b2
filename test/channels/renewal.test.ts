/** Peers that take turns: an instance that comes back after another one, and plain peers that take different sizes. */
import { expect, it } from '@jest/globals';
import { LinkPair, type Party } from './link-pair.js';

it('an instance that comes back after another one goes on when it comes back under a new name', () => {
  const pair = new LinkPair();
  const [service, a, b] = [pair.party(), pair.party(), pair.party()];
  const up = (generation: number, party: Party, name: string): void => {
    party.link.setRemote('service');
    service.link.setRemote(name);
    for (const end of pair.path(generation, service, party)) end.open();
    service.link.activate(generation);
    party.link.activate(generation);
  };
  const down = (generation: number, party: Party): void => {
    pair.kill(generation);
    service.link.detach(generation);
    party.link.detach(generation);
  };
  up(1, a, 'a');
  for (let index = 0; index < 5; index++) {
    a.link.send('data', `a${index}`);
    service.link.send('data', `s${index}`);
  }
  pair.time.advance(200);
  down(1, a);
  a.link.send('data', 'while it slept');
  up(2, b, 'b');
  b.link.send('data', 'b0');
  service.link.send('data', 's5');
  pair.time.advance(200);
  down(2, b);
  service.received.length = a.received.length = 0;
  a.link.renumber();
  up(3, a, 'a-again');
  expect(service.link.remote).toBe('a-again');
  for (let index = 0; index < 4; index++) {
    a.link.send('data', `A${index}`);
    service.link.send('data', `S${index}`);
  }
  pair.time.advance(5000);
  expect(service.received).toEqual(['while it slept', 'A0', 'A1', 'A2', 'A3']);
  expect(a.received).toEqual(['S0', 'S1', 'S2', 'S3']);
  expect([service, a].map(({ link }) => link.stats()[0]?.queuedBytes)).toEqual([0, 0]);
  expect([...service.drops, ...a.drops]).toEqual([]);
});

it('what the next plain peer cannot take is dropped and counted, and the rest goes on', () => {
  const pair = new LinkPair();
  const service = pair.party({ maxMessageBytes: 131_072 });
  const plain = pair.party();
  service.link.setRemote(null, 262_144);
  for (const end of pair.path(1, service, plain)) end.open();
  service.link.activate(1);
  pair.kill(1);
  service.link.detach(1);
  expect(service.link.send('data', 'x'.repeat(100_000))).toBeNull();
  expect(service.link.send('data', 'small')).toBeNull();
  service.link.setRemote(null, 65_536);
  const ends = pair.path(2, service, plain);
  const send = ends[0].send.bind(ends[0]);
  // As the native channel does.
  ends[0].send = (data) => data.length <= 65_536 && send(data);
  for (const end of ends) end.open();
  service.link.activate(2);
  service.link.send('data', 'later');
  pair.time.advance(1000);
  expect(plain.received).toEqual(['small', 'later']);
  expect(service.drops).toEqual([['too_large', 1]]);
});

it('a label is served as long as a younger generation has a channel for it', () => {
  const pair = new LinkPair();
  const [service, peer] = [pair.party(), pair.party()];
  pair.path(1, service, peer);
  pair.path(2, service, peer);
  expect([0, 1, 2].map((generation) => service.link.isServedAfter('data', generation))).toEqual([true, true, false]);
  expect(service.link.isServedAfter('other', 0)).toBe(false);
  service.link.detach(2);
  expect(service.link.isServedAfter('data', 1)).toBe(false);
});
