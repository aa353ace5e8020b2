/** When incoming data that JavaScript has not taken yet is too much, by the counts of a native side that is only numbers here. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { InboundBacklog } from '../../src/transport/inbound-backlog.js';

let received: number;
let overwhelmed: number;
let backlogs: InboundBacklog[];

function build(bytes = (): number => received): InboundBacklog {
  const backlog = new InboundBacklog(bytes, () => (overwhelmed += 1));
  backlogs.push(backlog);
  return backlog;
}

function handle(backlog: InboundBacklog, data: string | Uint8Array, count: number): void {
  for (let index = 0; index < count; index++) backlog.handled(data);
}

beforeEach(() => {
  jest.useFakeTimers();
  received = overwhelmed = 0;
  backlogs = [];
});

afterEach(() => {
  for (const backlog of backlogs) backlog.stop();
  jest.useRealTimers();
});

const mebi = 1024 * 1024;

describe('a sender is left alone', () => {
  test('that fills a pause of a second with 60 MB, after a few small messages', () => {
    const backlog = build();
    received = 60_000_000;
    handle(backlog, 'hello', 1000);
    handle(backlog, new Uint8Array(65_536), 900);
    jest.advanceTimersByTime(250);
    expect(overwhelmed).toBe(0);
  });

  test('whose small messages are all taken as they come', () => {
    const backlog = build();
    for (let index = 0; index < 50_000; index++) {
      received += 16;
      backlog.handled('x'.repeat(16));
    }
    expect(overwhelmed).toBe(0);
  });

  test('whose lost messages the two counts differ by, once it pauses', () => {
    const backlog = build();
    for (let round = 0; round < 10; round++) {
      received += 30 * mebi;
      handle(backlog, 'rest', 300);
      jest.advanceTimersByTime(1000);
    }
    expect(overwhelmed).toBe(0);
  });
});

describe('a sender is too much', () => {
  test('when 80 MiB wait', () => {
    received = 81 * mebi;
    const backlog = build();
    backlog.handled(new Uint8Array(1000));
    jest.advanceTimersByTime(250);
    handle(backlog, 'more', 1000);
    expect(overwhelmed).toBe(1);
  });

  test('when a hundredth of that waits in messages of 16 bytes', () => {
    const backlog = build();
    received = mebi;
    handle(backlog, 'x'.repeat(16), 10_000);
    expect(overwhelmed).toBe(1);
  });

  test('when its bytes are no text, though each is shown as three', () => {
    const backlog = build();
    for (let index = 0; index < 200_000 && overwhelmed === 0; index++) {
      received += 48;
      backlog.handled('\uFFFD'.repeat(16));
    }
    expect(overwhelmed).toBe(1);
  });

  test('when its messages are empty and more than 20 000 a second', () => {
    const backlog = build();
    handle(backlog, '', 15_000);
    jest.advanceTimersByTime(1001);
    handle(backlog, '', 15_000);
    expect(overwhelmed).toBe(0);
    handle(backlog, '', 6_000);
    expect(overwhelmed).toBe(1);
  });

  test('when it is the worst of many that together have 256 MiB waiting', () => {
    const each = Array.from({ length: 6 }, (_, index) => {
      const bytes = (index === 3 ? 60 : 45) * mebi;
      let told = 0;
      const backlog = new InboundBacklog(
        () => bytes,
        () => (told += 1),
      );
      backlogs.push(backlog);
      return { backlog, told: () => told };
    });
    for (const { backlog } of each) handle(backlog, new Uint8Array(1), 256);
    expect(each.map(({ told }) => told())).toEqual([0, 0, 0, 1, 0, 0]);
  });
});

test('no timer is left when the peer pauses or the connection ends', () => {
  const backlog = build();
  received = 100;
  backlog.handled('x');
  expect(jest.getTimerCount()).toBe(1);
  jest.advanceTimersByTime(600);
  expect(jest.getTimerCount()).toBe(0);
  backlog.handled('x');
  expect(jest.getTimerCount()).toBe(1);
  backlog.stop();
  expect(jest.getTimerCount()).toBe(0);
});
