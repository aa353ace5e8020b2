/** What a bad path does to packets, asked packet by packet: no sockets, no clock. */
import { describe, expect, it } from '@jest/globals';
import { DelayQueue } from '../../src/demo/delay-queue.js';
import { Impairment, type Conditions, type Fate } from '../../src/demo/impairment.js';

function impaired(conditions: Partial<Conditions>, seed = 7): Impairment {
  const impairment = new Impairment(seed);
  impairment.set(conditions);
  return impairment;
}

const fates = (impairment: Impairment, count: number, bytes = 100, everyMs = 1): Fate[] =>
  Array.from({ length: count }, (_, index) => impairment.fate(bytes, index * everyMs));
const dropsOf = (list: readonly Fate[]): number => list.filter(({ dropped }) => dropped !== null).length;
const dueOf = (list: readonly Fate[]): number[] => list.flatMap((fate) => (fate.dropped === null ? [fate.dueMs] : []));

describe('an impairment', () => {
  it('lets everything pass at once when nothing is wrong', () => {
    expect(dueOf(fates(new Impairment(1), 3))).toEqual([0, 1, 2]);
  });

  it('loses the share that it is told, the same packets for the same seed and others for another', () => {
    const lost = fates(impaired({ lossRatio: 0.25 }), 10_000);
    expect(dropsOf(lost) / lost.length).toBeCloseTo(0.25, 1);
    expect(fates(impaired({ lossRatio: 0.25 }), 10_000)).toEqual(lost);
    expect(fates(impaired({ lossRatio: 0.25 }, 8), 10_000)).not.toEqual(lost);
  });

  it('is not changed for other packets by what is not asked for', () => {
    const plain = fates(impaired({ lossRatio: 0.5 }), 100).map(({ dropped }) => dropped);
    const delayed = fates(impaired({ lossRatio: 0.5, delayMs: 30, reorderRatio: 0 }), 100);
    expect(delayed.map(({ dropped }) => dropped)).toEqual(plain);
  });

  it('delays with jitter and keeps the order', () => {
    const due = dueOf(fates(impaired({ delayMs: 50, jitterMs: 40 }), 1000));
    expect(due).toEqual([...due].sort((a, b) => a - b));
    const delays = due.map((at, index) => at - index);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...delays)).toBeLessThan(90);
    expect(new Set(delays).size).toBeGreaterThan(10);
  });

  it('lets others overtake the packets that it holds back', () => {
    const list = fates(impaired({ delayMs: 10, reorderRatio: 0.1, reorderByMs: 20 }), 1000);
    const due = dueOf(list);
    const held = list.filter((fate) => fate.dropped === null && fate.reordered).length;
    expect(held).toBeGreaterThan(50);
    expect(due.filter((at, index) => at - index === 30)).toHaveLength(held);
    expect(due.filter((at, index) => at - index === 10)).toHaveLength(1000 - held);
  });

  it('spreads what is too much for the rate, and drops what its queue cannot hold', () => {
    // 1000 packets of 1000 bytes at once, 100 kB/s: 10 kB pass at once, 50 kB wait.
    const limited = impaired({ rateBytesPerSecond: 100_000, burstBytes: 10_000, queueBytes: 50_000 });
    const list = fates(limited, 1000, 1000, 0);
    const due = dueOf(list);
    expect(due).toHaveLength(60);
    expect(due.filter((at) => at === 0)).toHaveLength(10);
    expect(Math.max(...due)).toBe(500);
    expect(list.filter(({ dropped }) => dropped === 'queue')).toHaveLength(940);
    // Half a second later all has left.
    expect(limited.fate(1000, 600)).toMatchObject({ dropped: null, dueMs: 600 });
  });

  it('is silent in a black hole and as before after it', () => {
    const impairment = impaired({ blackHole: true, delayMs: 5 });
    expect(impairment.fate(1, 0)).toEqual({ dropped: 'blackHole' });
    impairment.set({ blackHole: false });
    expect(impairment.fate(1, 10)).toMatchObject({ dropped: null, dueMs: 15 });
  });
});

describe('a delay queue', () => {
  it('runs what is due in the order in which it is due, and takes no more than it may', async () => {
    const queue = new DelayQueue(3, () => performance.now());
    const ran: string[] = [];
    const soon = performance.now();
    expect(queue.add(soon + 30, () => ran.push('third'))).toBe(true);
    expect(queue.add(soon + 10, () => ran.push('first'))).toBe(true);
    expect(queue.add(soon + 10, () => ran.push('second'))).toBe(true);
    expect(queue.add(soon + 1, () => ran.push('too many'))).toBe(false);
    while (queue.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(ran).toEqual(['first', 'second', 'third']);
    expect(queue.add(0, () => ran.push('at once'))).toBe(true);
    expect(ran).toHaveLength(4);
  });
});
